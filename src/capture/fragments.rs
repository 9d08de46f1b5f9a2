//! IP fragments to whole payloads, within a budget.

use std::collections::VecDeque;
use std::net::IpAddr;

use etherparse::defrag::IpDefragBuf;
use etherparse::{IpFragOffset, IpNumber};
use rustc_hash::FxHashMap;

/// Bytes of fragments that wait for the others of their packet; the oldest packets are given up beyond.
const BUDGET: usize = 16 << 20;

/// What makes fragments belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FragmentKey {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub identification: u32,
    pub protocol: IpNumber,
}

/// One fragment, all of it in the capture.
#[derive(Debug)]
pub(super) struct Fragment<'a> {
    pub key: FragmentKey,
    pub offset: IpFragOffset,
    pub more: bool,
    pub payload: &'a [u8],
}

struct Waiting {
    buffer: IpDefragBuf,
    /// Fragments in it.
    count: u64,
    bytes: usize,
    /// Tells it from an earlier packet with the same key.
    number: u64,
}

/// Fragments whose packet is not whole yet.
#[derive(Default)]
pub(super) struct Fragments {
    waiting: FxHashMap<FragmentKey, Waiting>,
    order: VecDeque<(FragmentKey, u64)>,
    bytes: usize,
    number: u64,
    /// Fragments that did not become a packet.
    lost: u64,
}

impl Fragments {
    /// Takes a fragment; the last one of a packet gives its payload.
    pub(super) fn push(&mut self, fragment: &Fragment<'_>) -> Option<Vec<u8>> {
        let Fragment { key, offset, more, payload } = *fragment;
        let number = self.number;
        let order = &mut self.order;
        let waiting = self.waiting.entry(key).or_insert_with(|| {
            order.push_back((key, number));
            let buffer = IpDefragBuf::new(key.protocol, Vec::with_capacity(payload.len() * 2), Vec::with_capacity(4));
            Waiting { buffer, count: 0, bytes: 0, number }
        });
        self.number += 1;
        waiting.count += 1;
        waiting.bytes += payload.len();
        self.bytes += payload.len();
        let sound = waiting.buffer.add(offset, more, payload).is_ok();
        if !sound {
            self.give_up(key);
        } else if waiting.buffer.is_complete() {
            let Waiting { buffer, bytes, .. } = self.waiting.remove(&key)?;
            self.bytes -= bytes;
            return Some(buffer.take_bufs().0);
        }
        while self.bytes > BUDGET
            && let Some((key, number)) = self.order.pop_front()
        {
            if self.waiting.get(&key).is_some_and(|waiting| waiting.number == number) {
                self.give_up(key);
            }
        }
        // What was completed leaves its place in the order behind.
        if self.order.len() > 64 + 2 * self.waiting.len() {
            let waiting = &self.waiting;
            self.order.retain(|(key, number)| waiting.get(key).is_some_and(|waiting| waiting.number == *number));
        }
        None
    }

    fn give_up(&mut self, key: FragmentKey) {
        if let Some(Waiting { count, bytes, .. }) = self.waiting.remove(&key) {
            self.bytes -= bytes;
            self.lost += count;
        }
    }

    /// Fragments that did not become a packet, those that still wait among them.
    pub(super) fn lost(&self) -> u64 {
        self.lost + self.waiting.values().map(|waiting| waiting.count).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(identification: u32) -> FragmentKey {
        let ip = IpAddr::from([127, 0, 0, 1]);
        FragmentKey { source: ip, destination: ip, identification, protocol: IpNumber::TCP }
    }

    fn fragment(identification: u32, units: u16, more: bool, payload: &[u8]) -> Fragment<'_> {
        let offset = IpFragOffset::try_new(units).unwrap();
        Fragment { key: key(identification), offset, more, payload }
    }

    #[test]
    fn fragments_in_any_order_become_the_packet_they_were_cut_from() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.push(&fragment(1, 1, false, b"ijk")), None);
        assert_eq!(fragments.push(&fragment(2, 0, true, b"ABCDEFGH")), None);
        assert_eq!(fragments.push(&fragment(1, 0, true, b"abcdefgh")).as_deref(), Some(&b"abcdefghijk"[..]));
        assert_eq!(fragments.lost(), 1);
        // The same identification again is another packet.
        assert_eq!(fragments.push(&fragment(1, 0, true, b"abcdefgh")), None);
    }

    #[test]
    fn packets_that_never_get_whole_do_not_fill_the_memory() {
        let mut fragments = Fragments::default();
        let payload = [7; 1480];
        for identification in 0..20_000 {
            fragments.push(&fragment(identification, 0, true, &payload));
        }
        assert!(fragments.bytes <= BUDGET && fragments.waiting.len() < 12_000);
        assert_eq!(fragments.lost(), 20_000);
        assert!(fragments.order.len() <= 64 + 2 * fragments.waiting.len());
    }
}
