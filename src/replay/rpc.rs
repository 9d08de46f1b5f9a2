//! DCE/RPC on named pipes, as far as a replay must know it: packet types, and the ids that a server hands out and wants to see
//! again, which are context handles and the SID of its domain, [MS-RPCE] 2.2.2, C706 chapter 12 and [MS-DTYP] 2.4.2.

use rustc_hash::FxHashMap;

use super::rewrite::put;
use super::sid_map::{Domain, SidMap};
use crate::model::{Layout, Sid};

/// A context handle: attributes and a GUID.
type Handle = [u8; 20];

/// Where the stub data of a request or response begin.
const STUB: usize = 24;
const REQUEST: u8 = 0;
const RESPONSE: u8 = 2;

/// The packet type, of a packet of connection-oriented RPC version 5.
fn packet_type(packet: &[u8]) -> Option<u8> {
    (packet.first() == Some(&5) && packet.len() >= 16).then(|| packet.get(2).copied()).flatten()
}

/// The name of a packet's type.
pub(super) fn packet_type_name(packet: &[u8]) -> Option<&'static str> {
    Some(match packet_type(packet)? {
        REQUEST => "request",
        RESPONSE => "response",
        3 => "fault",
        11 => "bind",
        12 => "bind_ack",
        13 => "bind_nak",
        14 => "alter_context",
        15 => "alter_context_resp",
        16 => "auth3",
        _ => "other",
    })
}

/// Captured context handles and the live ones that stand for them.
#[derive(Clone, Debug, Default)]
pub(super) struct RpcIds {
    handles: FxHashMap<Handle, Handle>,
}

/// The SIDs S-1-5-21-… in bytes that keep them at multiples of four, and where they stand: those of domains and of accounts.
fn domain_sids(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    (0..bytes.len().saturating_sub(23)).step_by(4).filter(|at| {
        bytes.get(*at..at + 12).is_some_and(|lead| matches!(lead, [1, 4 | 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0]))
    })
}

/// The domain of the SID at a place.
fn domain_at(bytes: &[u8], at: usize) -> Option<Domain> {
    let layout = Layout(bytes);
    let number = |index: usize| layout.u32("SID.SubAuthority", at + 12 + 4 * index).ok();
    Some([number(0)?, number(1)?, number(2)?])
}

impl RpcIds {
    /// Learns from a captured response packet and the live one to the same call. What has the form of a handle where handles
    /// are handed out and differs is taken for one; it changes a request only where all of its 20 bytes return.
    pub(super) fn learn(&mut self, captured: &[u8], live: &[u8], sids: &mut SidMap) {
        if packet_type(captured) != Some(RESPONSE) || packet_type(live) != Some(RESPONSE) {
            return;
        }
        for (was, is) in domain_sids(captured).zip(domain_sids(live)) {
            if let (Some(was), Some(is)) = (domain_at(captured, was), domain_at(live, is)) {
                sids.learn_domain(was, is);
            }
        }
        for (was, is) in handed_out(captured).zip(handed_out(live)) {
            // Samba writes the handle's kind where the specification has attributes that are 0.
            let has_form = |handle: &Handle| handle[1..4] == [0; 3] && handle[4..] != [0; 16];
            if was != is && was[0] == is[0] && has_form(&was) && has_form(&is) {
                self.handles.insert(was, is);
            }
        }
    }

    /// Puts the live ids into a request packet.
    pub(super) fn apply(&self, packet: &mut [u8], sids: Option<&SidMap>) {
        // A packet with an authentication trailer is protected against exactly this.
        let is_protected = packet.get(10..12) != Some(&[0, 0]);
        if packet_type(packet) != Some(REQUEST) || is_protected {
            return;
        }
        if let Some(sids) = sids {
            for at in domain_sids(packet).collect::<Vec<_>>() {
                put_sid(packet, at, sids);
            }
        }
        if self.handles.is_empty() {
            return;
        }
        let mut at = STUB;
        while let Some(captured) = handle_at(packet, at) {
            let Some(live) = self.handles.get(&captured) else {
                at += 4;
                continue;
            };
            packet.iter_mut().skip(at).zip(live).for_each(|(byte, live)| *byte = *live);
            at += live.len();
        }
    }
}

/// Puts the target's SID in the place of the captured one: that of the account where it is known, the same account of the
/// target's domain else. Stubs have no room for a longer one.
fn put_sid(packet: &mut [u8], at: usize, sids: &SidMap) {
    let Ok(captured) = Sid::decode(packet, at) else { return };
    let mut bytes = Vec::new();
    match sids.observed(&captured).filter(|observed| observed.encoded_length() == captured.encoded_length()) {
        Some(observed) => {
            observed.encode(&mut bytes);
            put(packet, at, &bytes);
        }
        None => {
            if let Some(domain) = domain_at(packet, at).and_then(|domain| sids.domain(domain)) {
                domain.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
                put(packet, at + 12, &bytes);
            }
        }
    }
}

/// What stands where a call hands out a handle: it is the first of what the call returns, or the last before its status. Anywhere
/// else the same bytes may be a part of a text, which changes with the names on the server.
fn handed_out(response: &[u8]) -> impl Iterator<Item = Handle> + '_ {
    let last = response.len().checked_sub(4 + 20).filter(|last| *last >= STUB);
    [Some(STUB), last].into_iter().flatten().filter_map(|at| handle_at(response, at))
}

fn handle_at(packet: &[u8], at: usize) -> Option<Handle> {
    packet.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(kind: u8, stub: &[&[u8]]) -> Vec<u8> {
        let mut packet = vec![0u8; STUB];
        packet[0] = 5;
        packet[2] = kind;
        packet.extend(stub.concat());
        packet
    }

    #[test]
    fn a_handle_goes_back_as_the_live_one_and_nothing_else_changes() {
        let (was, is) = ([&[0; 4][..], &[7; 16]].concat(), [&[0; 4][..], &[9; 16]].concat());
        let mut handles = RpcIds::default();
        let mut sids = SidMap::default();
        let (captured, live) = ([&[1; 8][..], &was, &[0; 4]], [&[1; 8][..], &is, &[0; 4]]);
        handles.learn(&packet(RESPONSE, &captured), &packet(RESPONSE, &live), &mut sids);
        let mut request = packet(REQUEST, &[&was, &[7; 12], &[0; 8]]);
        handles.apply(&mut request, Some(&sids));
        assert_eq!(request, packet(REQUEST, &[&is, &[7; 12], &[0; 8]]));

        let mut signed = packet(REQUEST, &[&was]);
        signed[10] = 16;
        let before = signed.clone();
        handles.apply(&mut signed, Some(&sids));
        assert_eq!(signed, before, "an authenticated packet stays");
    }

    /// As in the answer to SamrEnumerateDomainUsers: the name of a user in the midst, which is another one on the target.
    #[test]
    fn a_name_is_no_handle() {
        let text = |name: &str| name.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let numbers = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
        // Where to go on, and one entry: its RID and name, which is told of by length, pointer, and counts.
        let named = |name: &str| {
            let (count, bytes) = (name.len() as u32, 2 * name.len() as u32);
            let entry = numbers(&[1000, bytes << 16 | bytes, 0x20008, count, 0, count]);
            [numbers(&[1000, 0x20000, 1, 0x20004, 1]), entry, text(name), numbers(&[1, 0])].concat()
        };
        let mut handles = RpcIds::default();
        for live in ["testuse2", "freshusers"] {
            let answers = ["testuser", live].map(|name| packet(RESPONSE, &[&named(name)]));
            handles.learn(&answers[0], &answers[1], &mut SidMap::default());
        }
        assert!(handles.handles.is_empty(), "{:?}", handles.handles);
    }

    #[test]
    fn a_domain_goes_back_as_the_live_one() {
        let sid = |domain: u8| [&[1, 4, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0][..], &[domain; 12]].concat();
        let (mut ids, mut sids) = (RpcIds::default(), SidMap::default());
        ids.learn(&packet(RESPONSE, &[&[1; 8], &sid(3)]), &packet(RESPONSE, &[&[1; 12], &sid(4)]), &mut sids);
        let mut request = packet(REQUEST, &[&sid(3), &sid(9)]);
        ids.apply(&mut request, Some(&sids));
        assert_eq!(request, packet(REQUEST, &[&sid(4), &sid(9)]));
    }

    #[test]
    fn faults_teach_nothing() {
        let mut handles = RpcIds::default();
        let was = [&[0; 4][..], &[7; 16]].concat();
        handles.learn(&packet(RESPONSE, &[&was]), &packet(3, &[&[0, 0, 0, 0], &[9; 16]]), &mut SidMap::default());
        assert!(handles.handles.is_empty());
        assert_eq!(packet_type_name(&packet(3, &[])), Some("fault"));
    }
}
