//! DCE/RPC on named pipes, as far as a replay must know it: packet types, and the ids that a server hands out and wants to see
//! again, which are context handles and the SID of its domain, [MS-RPCE] 2.2.2, C706 chapter 12 and [MS-DTYP] 2.4.2.

use rustc_hash::FxHashMap;

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

/// The three sub-authorities of S-1-5-21-… that name a domain or machine.
type Domain = [u8; 12];

/// Captured ids and the live ones that stand for them.
#[derive(Clone, Debug, Default)]
pub(super) struct RpcIds {
    handles: FxHashMap<Handle, Handle>,
    domains: FxHashMap<Domain, Domain>,
}

/// Where the domains of SIDs stand in bytes that keep SIDs at multiples of four.
fn domains(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    (0..bytes.len().saturating_sub(23)).step_by(4).filter_map(|at| {
        let is_sid = matches!(bytes.get(at..at + 12)?, [1, 4 | 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0]);
        is_sid.then_some(at + 12)
    })
}

/// The bytes with every domain in a SID set to zeros, for a comparison that does not mind them.
pub(super) fn without_domains(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for at in domains(bytes) {
        out.iter_mut().skip(at).take(12).for_each(|byte| *byte = 0);
    }
    out
}

impl RpcIds {
    /// Learns from a captured response packet and the live one to the same call. What has the form of a handle and differs
    /// is taken for one; it changes a request only where all of its 20 bytes return.
    pub(super) fn learn(&mut self, captured: &[u8], live: &[u8]) {
        if packet_type(captured) != Some(RESPONSE) || packet_type(live) != Some(RESPONSE) {
            return;
        }
        let domain = |packet: &[u8], at: usize| packet.get(at..)?.first_chunk::<12>().copied();
        let pairs = domains(captured).zip(domains(live));
        self.domains.extend(pairs.filter_map(|(was, is)| domain(captured, was).zip(domain(live, is))));
        for at in (STUB..captured.len()).step_by(4) {
            let (Some(was), Some(is)) = (handle_at(captured, at), handle_at(live, at)) else { return };
            // Samba writes the handle's kind where the specification has attributes that are 0.
            let has_form = |handle: &Handle| handle[1..4] == [0; 3] && handle[4..] != [0; 16];
            if was != is && was[0] == is[0] && has_form(&was) && has_form(&is) {
                self.handles.insert(was, is);
            }
        }
    }

    /// Puts the live ids into a request packet.
    pub(super) fn apply(&self, packet: &mut [u8]) {
        // A packet with an authentication trailer is protected against exactly this.
        let is_protected = packet.get(10..12) != Some(&[0, 0]);
        if packet_type(packet) != Some(REQUEST) || is_protected {
            return;
        }
        if !self.domains.is_empty() {
            for at in domains(packet).collect::<Vec<_>>() {
                let Some(place) = packet.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<12>) else { break };
                *place = self.domains.get(place).copied().unwrap_or(*place);
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
        handles.learn(&packet(RESPONSE, &[&[1; 8], &was, &[0; 4]]), &packet(RESPONSE, &[&[1; 8], &is, &[0; 4]]));
        let mut request = packet(REQUEST, &[&was, &[7; 12], &[0; 8]]);
        handles.apply(&mut request);
        assert_eq!(request, packet(REQUEST, &[&is, &[7; 12], &[0; 8]]));

        let mut signed = packet(REQUEST, &[&was]);
        signed[10] = 16;
        let before = signed.clone();
        handles.apply(&mut signed);
        assert_eq!(signed, before, "an authenticated packet stays");
    }

    #[test]
    fn a_domain_goes_back_as_the_live_one() {
        let sid = |domain: u8| [&[1, 4, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0][..], &[domain; 12]].concat();
        let mut ids = RpcIds::default();
        ids.learn(&packet(RESPONSE, &[&[1; 8], &sid(3)]), &packet(RESPONSE, &[&[1; 12], &sid(4)]));
        let mut request = packet(REQUEST, &[&sid(3), &sid(9)]);
        ids.apply(&mut request);
        assert_eq!(request, packet(REQUEST, &[&sid(4), &sid(9)]));
        assert_eq!(without_domains(&sid(3)), sid(0));
    }

    #[test]
    fn faults_teach_nothing() {
        let mut handles = RpcIds::default();
        let was = [&[0; 4][..], &[7; 16]].concat();
        handles.learn(&packet(RESPONSE, &[&was]), &packet(3, &[&[0, 0, 0, 0], &[9; 16]]));
        assert!(handles.handles.is_empty());
        assert_eq!(packet_type_name(&packet(3, &[])), Some("fault"));
    }
}
