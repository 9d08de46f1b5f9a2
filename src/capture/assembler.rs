//! TCP reassembly of one direction: segments in any order become a stream of bytes and holes.
//!
//! The first copy of a byte wins. A segment beyond a hole is kept until the hole is filled, or until it is certain that
//! it will not be: the receiver acknowledged it and the capture went on, or the budget is spent, or the stream ended.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::model::Timestamp;

/// How long out-of-order segments are waited for.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Bytes kept beyond a hole, for one direction of one connection.
    pub bytes: usize,
    /// Segments kept beyond a hole, for one direction of one connection.
    pub segments: usize,
    /// Packets of the connection that may follow after the receiver acknowledged the missing bytes. Captures on several
    /// queues or processors hold an acknowledgement now and then before the segment it is about.
    pub packets_after_acknowledgement: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: 8 << 20, segments: 4096, packets_after_acknowledgement: 64 }
    }
}

/// How far behind the bytes captured so far a stream may end. An end farther off stems from damage, or from a box on the way.
const END_REACH: i32 = 8 << 20;

/// A piece of the stream, in its order.
#[derive(Debug)]
pub enum StreamItem<'a> {
    /// Bytes, and the packet they came with.
    Data {
        /// The bytes.
        bytes: &'a [u8],
        /// The number of the packet.
        frame: u64,
        /// Its time.
        time: Timestamp,
    },
    /// This many bytes are missing. The frame is the one at which that was noticed.
    Hole {
        /// How many, as far as the sequence numbers tell.
        length: u64,
        /// The packet at which the wait ended.
        frame: u64,
    },
}

/// A segment as it arrives.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Sequence number of the first payload byte.
    pub sequence: u32,
    /// The payload that the capture kept.
    pub payload: &'a [u8],
    /// Payload bytes behind it that the capture did not keep.
    pub missing: u32,
    /// The packet.
    pub frame: u64,
    /// Its time.
    pub time: Timestamp,
}

#[derive(Debug)]
struct Kept {
    payload: Bytes,
    missing: u32,
    frame: u64,
    time: Timestamp,
}

/// Reassembles one direction.
#[derive(Debug, Default)]
pub struct Assembler {
    /// Sequence number of the byte expected next, and its unbounded counterpart.
    next: Option<(u32, u64)>,
    /// Segments beyond a hole, by unbounded position.
    kept: BTreeMap<u64, Kept>,
    kept_bytes: usize,
    /// Packets seen since the receiver acknowledged bytes that are missing.
    acknowledged_for: Option<u32>,
}

impl Assembler {
    /// The stream begins behind a SYN with this sequence number.
    pub fn begin(&mut self, syn_sequence: u32) {
        self.next.get_or_insert((syn_sequence.wrapping_add(1), 0));
    }

    /// Sequence number of the byte expected next, once anything is known of the stream.
    pub fn expected(&self) -> Option<u32> {
        self.next.map(|(next, _)| next)
    }

    /// Whether segments are waiting for a hole to be filled.
    pub fn is_waiting(&self) -> bool {
        !self.kept.is_empty()
    }

    /// Whether bytes before this sequence number, by which the stream ended, are missing and may still come.
    pub fn lacks_bytes_before(&self, end: u32) -> bool {
        let ahead = self.next.map_or(0, |(next, _)| end.wrapping_sub(next) as i32);
        (1..=END_REACH).contains(&ahead)
    }

    /// Takes a segment and hands on what is now in order.
    pub fn push(&mut self, arrival: Arrival<'_>, budget: &Budget, take: &mut impl FnMut(StreamItem<'_>)) {
        let Arrival { sequence, payload, missing, frame, time } = arrival;
        if payload.is_empty() && missing == 0 {
            return;
        }
        let (next, position) = *self.next.get_or_insert((sequence, 0));
        let ahead = i64::from(sequence.wrapping_sub(next) as i32);
        if ahead > 0 {
            self.keep(position + ahead as u64, arrival, budget, take);
            return;
        }
        let known = ahead.unsigned_abs() as usize;
        self.deliver(payload, known, missing, frame, time, take);
        if !self.kept.is_empty() {
            self.drain(take);
        }
    }

    /// The receiver acknowledged all bytes before this sequence number; or, with None, another packet of the connection
    /// went by. When bytes before it are missing for long enough, they are a hole.
    pub fn acknowledged(
        &mut self,
        sequence: Option<u32>,
        frame: u64,
        budget: &Budget,
        take: &mut impl FnMut(StreamItem<'_>),
    ) {
        let Some((next, _)) = self.next else { return };
        if self.kept.is_empty() {
            return;
        }
        let beyond = sequence.is_some_and(|sequence| sequence.wrapping_sub(next) as i32 > 0);
        let count = match self.acknowledged_for {
            Some(count) => count + 1,
            None if beyond => 1,
            None => return,
        };
        self.acknowledged_for = Some(count);
        if count > budget.packets_after_acknowledgement {
            self.give_up_first(frame, take);
        }
    }

    /// The stream ended: whatever is kept comes out, with holes between.
    pub fn finish(&mut self, frame: u64, take: &mut impl FnMut(StreamItem<'_>)) {
        while !self.kept.is_empty() {
            self.give_up_first(frame, take);
        }
    }

    fn keep(&mut self, position: u64, arrival: Arrival<'_>, budget: &Budget, take: &mut impl FnMut(StreamItem<'_>)) {
        let longer = self.kept.get(&position).is_none_or(|kept| kept.payload.len() < arrival.payload.len());
        if longer {
            let kept = Kept {
                payload: Bytes::copy_from_slice(arrival.payload),
                missing: arrival.missing,
                frame: arrival.frame,
                time: arrival.time,
            };
            self.kept_bytes += arrival.payload.len();
            if let Some(replaced) = self.kept.insert(position, kept) {
                self.kept_bytes -= replaced.payload.len();
            }
        }
        while self.kept_bytes > budget.bytes || self.kept.len() > budget.segments {
            self.give_up_first(arrival.frame, take);
        }
    }

    /// Skips to the first kept segment.
    fn give_up_first(&mut self, frame: u64, take: &mut impl FnMut(StreamItem<'_>)) {
        let (Some((next, position)), Some((&first, _))) = (self.next, self.kept.first_key_value()) else { return };
        let length = first.saturating_sub(position);
        if length > 0 {
            take(StreamItem::Hole { length, frame });
            self.next = Some((next.wrapping_add(length as u32), first));
        }
        self.drain(take);
    }

    /// Hands on the kept segments that are now in order.
    fn drain(&mut self, take: &mut impl FnMut(StreamItem<'_>)) {
        while let (Some((_, position)), Some(entry)) = (self.next, self.kept.first_entry()) {
            if *entry.key() > position {
                break;
            }
            let (start, kept) = entry.remove_entry();
            self.kept_bytes -= kept.payload.len();
            let known = (position - start) as usize;
            self.deliver(&kept.payload, known, kept.missing, kept.frame, kept.time, take);
        }
        self.acknowledged_for = None;
    }

    /// Hands on a segment without its first `known` bytes, which were there before.
    fn deliver(
        &mut self,
        payload: &[u8],
        known: usize,
        missing: u32,
        frame: u64,
        time: Timestamp,
        take: &mut impl FnMut(StreamItem<'_>),
    ) {
        let Some((next, position)) = self.next else { return };
        let bytes = payload.get(known..).unwrap_or_default();
        // What of the missing tail lies behind what is known already.
        let missing = (payload.len() + missing as usize).saturating_sub(known.max(payload.len()));
        let advance = bytes.len() + missing;
        if advance == 0 {
            return;
        }
        self.next = Some((next.wrapping_add(advance as u32), position + advance as u64));
        if !bytes.is_empty() {
            take(StreamItem::Data { bytes, frame, time });
        }
        if missing > 0 {
            take(StreamItem::Hole { length: missing as u64, frame });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, PartialEq)]
    enum Item {
        Data(Vec<u8>),
        Hole(u64),
    }

    fn collect(items: &mut Vec<Item>) -> impl FnMut(StreamItem<'_>) {
        |item| match item {
            StreamItem::Data { bytes, .. } => match items.last_mut() {
                Some(Item::Data(data)) => data.extend_from_slice(bytes),
                _ => items.push(Item::Data(bytes.to_vec())),
            },
            StreamItem::Hole { length, .. } => items.push(Item::Hole(length)),
        }
    }

    fn arrival(sequence: u32, payload: &[u8]) -> Arrival<'_> {
        Arrival { sequence, payload, missing: 0, frame: 1, time: Timestamp(0) }
    }

    #[test]
    fn a_hole_is_declared_after_the_acknowledgement_and_some_packets() {
        let budget = Budget { packets_after_acknowledgement: 2, ..Budget::default() };
        let mut items = Vec::new();
        let mut take = collect(&mut items);
        let mut assembler = Assembler::default();
        assembler.begin(99);
        assembler.push(arrival(100, b"ab"), &budget, &mut take);
        assembler.push(arrival(105, b"fg"), &budget, &mut take);
        for _ in 0..3 {
            assembler.acknowledged(Some(107), 9, &budget, &mut take);
        }
        drop(take);
        assert_eq!(items, [Item::Data(b"ab".to_vec()), Item::Hole(3), Item::Data(b"fg".to_vec())]);
    }

    #[test]
    fn a_segment_cut_by_the_snapshot_length_leaves_a_hole_of_known_length() {
        let mut items = Vec::new();
        let mut take = collect(&mut items);
        let mut assembler = Assembler::default();
        let cut = Arrival { missing: 4, ..arrival(0, b"abc") };
        assembler.push(cut, &Budget::default(), &mut take);
        assembler.push(arrival(7, b"hi"), &Budget::default(), &mut take);
        drop(take);
        assert_eq!(items, [Item::Data(b"abc".to_vec()), Item::Hole(4), Item::Data(b"hi".to_vec())]);
    }

    proptest! {
        /// Whatever the order, the repeats, the overlaps, and wherever the sequence numbers start.
        #[test]
        fn any_arrival_order_gives_the_stream(
            start: u32,
            stream in proptest::collection::vec(any::<u8>(), 1..400),
            cuts in proptest::collection::vec((0usize..400, 1usize..60), 0..40),
            seed: u64,
        ) {
            let mut pieces: Vec<(usize, usize)> = (0..stream.len()).step_by(7)
                .map(|at| (at, (at + 7).min(stream.len()))).collect();
            pieces.extend(cuts.iter().filter(|(at, _)| *at < stream.len())
                .map(|(at, length)| (*at, (at + length).min(stream.len()))));
            let mut state = seed;
            for i in (1..pieces.len()).rev() {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                pieces.swap(i, (state >> 33) as usize % (i + 1));
            }
            let mut items = Vec::new();
            let mut take = collect(&mut items);
            let mut assembler = Assembler::default();
            assembler.begin(start.wrapping_sub(1));
            for (from, to) in pieces {
                let sequence = start.wrapping_add(from as u32);
                assembler.push(arrival(sequence, &stream[from..to]), &Budget::default(), &mut take);
            }
            drop(take);
            prop_assert_eq!(items, [Item::Data(stream)]);
        }
    }
}
