//! A session message as its PDUs: compounds are cut at NextCommand, [MS-SMB2] 3.2.4.1.4.

use bytes::Bytes;

use crate::model::header::{HEADER_LENGTH, PROTOCOL_PLAIN, offset};
use crate::model::{Anomalies, Anomaly};

/// Cuts a plain SMB2 message. Calls `take` with each PDU, its place in the chain (None when it is alone), and what is odd
/// about it. `missing` says that the message's end is not there.
pub fn split_chain(message: &Bytes, missing: bool, mut take: impl FnMut(Bytes, Option<u16>, Anomalies)) {
    let mut rest = message.clone();
    let mut index = 0u16;
    loop {
        let next = match rest.get(offset::NEXT_COMMAND..).and_then(<[u8]>::first_chunk::<4>) {
            Some(bytes) => u32::from_le_bytes(*bytes) as usize,
            None => 0,
        };
        let mut anomalies = Anomalies::default();
        let sound = next >= HEADER_LENGTH
            && rest.get(next..next + 4) == Some(&PROTOCOL_PLAIN[..])
            && rest.len() - next >= HEADER_LENGTH;
        if next != 0 && sound && index < u16::MAX {
            let tail = rest.split_off(next);
            take(rest, Some(index), anomalies);
            rest = tail;
            index += 1;
            continue;
        }
        if missing {
            anomalies.insert(Anomaly::Truncated);
        } else if next != 0 {
            anomalies.insert(Anomaly::BrokenChain);
        }
        if rest.len() < HEADER_LENGTH {
            anomalies.insert(Anomaly::Malformed);
        }
        take(rest, (index > 0 || next != 0).then_some(index), anomalies);
        return;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pdu(body: usize, next: u32) -> Vec<u8> {
        let mut bytes = PROTOCOL_PLAIN.to_vec();
        bytes.resize(HEADER_LENGTH + body, 0);
        bytes[offset::NEXT_COMMAND..offset::NEXT_COMMAND + 4].copy_from_slice(&next.to_le_bytes());
        bytes
    }

    fn split(message: Vec<u8>) -> Vec<(usize, Option<u16>, Anomalies)> {
        let mut pdus = Vec::new();
        split_chain(&message.into(), false, |bytes, index, anomalies| pdus.push((bytes.len(), index, anomalies)));
        pdus
    }

    #[test]
    fn a_single_pdu_has_no_place_in_a_chain() {
        assert_eq!(split(pdu(10, 0)), [(74, None, Anomalies::default())]);
    }

    #[test]
    fn a_chain_that_leads_nowhere_keeps_the_rest_and_says_so() {
        let mut message = pdu(16, 80);
        message.extend([1; 100]);
        let broken: Anomalies = [Anomaly::BrokenChain].into_iter().collect();
        assert_eq!(split(message), [(180, Some(0), broken)]);
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_or_repeated(bodies in proptest::collection::vec(0usize..50, 1..10)) {
            let last = bodies.len() - 1;
            let message: Vec<u8> = bodies.iter().enumerate()
                .flat_map(|(i, body)| pdu(*body, if i == last { 0 } else { (HEADER_LENGTH + body) as u32 }))
                .collect();
            let pdus = split(message);
            prop_assert_eq!(pdus.iter().map(|p| p.0).collect::<Vec<_>>(),
                bodies.iter().map(|b| b + HEADER_LENGTH).collect::<Vec<_>>());
        }

        #[test]
        fn arbitrary_bytes_never_panic_nor_vanish(bytes: Vec<u8>) {
            let length = bytes.len();
            prop_assert_eq!(split(bytes).iter().map(|p| p.0).sum::<usize>(), length);
        }
    }
}
