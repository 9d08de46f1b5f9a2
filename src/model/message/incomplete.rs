//! PDUs whose parts of variable length are not there, or not wholly: cut by a snapshot length or a gap, or damaged. What stands
//! before them, ids and sizes, is worth reading all the same.

use crate::model::command::Command;
use crate::model::layout::Layout;

/// A part of variable length: its name in [MS-SMB2], where its offset and where its length stand, and how many bytes those have.
struct Part(&'static str, (usize, usize), (usize, usize));

const LOCK_COUNT: (usize, usize) = (66, 2);
const LOCKS_AT: usize = 88;
const LOCK_ELEMENT: u32 = 24;

/// A PDU without the parts that are not wholly there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incomplete {
    /// The PDU, with length 0 in the place of each lost part's. Everything else is as captured.
    pub pdu: Vec<u8>,
    lost: Vec<(&'static str, u32)>,
}

impl Incomplete {
    /// What can be read of a request; None when nothing of variable length is lost.
    pub fn of_request(command: Command, pdu: &[u8]) -> Option<Self> {
        if command == Command::Lock { Self::of_lock(pdu) } else { Self::of(request_parts(command), pdu) }
    }

    /// What can be read of a response that has the command's own body; None when nothing of variable length is lost.
    pub fn of_response(command: Command, pdu: &[u8]) -> Option<Self> {
        Self::of(response_parts(command), pdu)
    }

    /// The length in bytes that a lost part has by the PDU; None when it is not lost.
    pub fn lost(&self, name: &str) -> Option<u32> {
        self.lost.iter().find(|(lost, _)| *lost == name).map(|(_, length)| *length)
    }

    /// LOCK tells how many elements it has, not their length ([MS-SMB2] 2.2.26).
    fn of_lock(pdu: &[u8]) -> Option<Self> {
        let length = number(pdu, LOCK_COUNT)? * LOCK_ELEMENT;
        let lost = LOCKS_AT + length as usize > pdu.len();
        let mut copy = pdu.to_vec();
        copy.get_mut(LOCK_COUNT.0..LOCK_COUNT.0 + LOCK_COUNT.1)?.fill(0);
        lost.then_some(Self { pdu: copy, lost: vec![("Locks", length)] })
    }

    fn of(parts: &[Part], pdu: &[u8]) -> Option<Self> {
        let mut copy = pdu.to_vec();
        let (mut lost, mut changed) = (Vec::new(), Vec::<std::ops::Range<usize>>::new());
        // Once more for each part: one that overlaps what was changed for another is lost too.
        for Part(name, offset, length) in parts.iter().cycle().take(parts.len() * parts.len()) {
            let (begin, count) = (number(pdu, *offset)? as usize, number(pdu, *length)?);
            let end = begin + count as usize;
            let overlaps = changed.iter().any(|range| range.start < end && begin < range.end);
            if count > 0 && (end > pdu.len() || overlaps) && lost.iter().all(|(lost, _)| lost != name) {
                let field = length.0..length.0 + length.1;
                copy.get_mut(field.clone())?.fill(0);
                changed.push(field);
                lost.push((*name, count));
            }
        }
        (!lost.is_empty()).then_some(Self { pdu: copy, lost })
    }
}

fn number(pdu: &[u8], (at, size): (usize, usize)) -> Option<u32> {
    let layout = Layout(pdu);
    match size {
        1 => layout.u8("", at).ok().map(u32::from),
        2 => layout.u16("", at).ok().map(u32::from),
        _ => layout.u32("", at).ok(),
    }
}

/// [MS-SMB2] 2.2.13, 2.2.21, 2.2.31, 2.2.33, 2.2.37, 2.2.39
fn request_parts(command: Command) -> &'static [Part] {
    match command {
        Command::Create => &[Part("Name", (108, 2), (110, 2)), Part("CreateContexts", (112, 4), (116, 4))],
        Command::Write => &[Part("Buffer", (66, 2), (68, 4))],
        Command::Ioctl => &[Part("Input", (88, 4), (92, 4)), Part("Output", (100, 4), (104, 4))],
        Command::QueryDirectory => &[Part("FileName", (88, 2), (90, 2))],
        Command::QueryInfo => &[Part("Buffer", (72, 2), (76, 4))],
        Command::SetInfo => &[Part("Buffer", (72, 2), (68, 4))],
        _ => &[],
    }
}

/// [MS-SMB2] 2.2.14, 2.2.20
fn response_parts(command: Command) -> &'static [Part] {
    match command {
        Command::Create => &[Part("CreateContexts", (144, 4), (148, 4))],
        Command::Read => &[Part("Buffer", (66, 1), (68, 4))],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::FileId;
    use crate::model::message::{LockRequest, WriteRequest};

    #[test]
    fn a_cut_write_still_tells_its_open_and_offset() {
        let body = WriteRequest {
            offset: 4096,
            file_id: FileId([7; 16]),
            channel: 0,
            remaining_bytes: 0,
            flags: 0,
            data: &[1; 100],
        };
        let mut pdu = vec![0; 64];
        body.encode(&mut pdu);
        assert_eq!(Incomplete::of_request(Command::Write, &pdu), None);
        pdu.truncate(150);
        assert!(WriteRequest::decode(&pdu).is_err());
        let incomplete = Incomplete::of_request(Command::Write, &pdu).unwrap();
        let read = WriteRequest::decode(&incomplete.pdu).unwrap();
        assert_eq!((read.offset, read.file_id, read.data.len()), (4096, FileId([7; 16]), 0));
        assert_eq!((incomplete.lost("Buffer"), incomplete.lost("Name")), (Some(100), None));
        // The fixed part itself is cut: there is nothing to tell.
        assert_eq!(Incomplete::of_request(Command::Write, &pdu[..66]), None);
    }

    #[test]
    fn a_lock_with_fewer_elements_than_it_tells_keeps_its_open() {
        let mut pdu = vec![0; 64 + 48];
        (pdu[64], pdu[66], pdu[72]) = (48, 2, 9);
        assert!(LockRequest::decode(&pdu).is_err());
        let incomplete = Incomplete::of_request(Command::Lock, &pdu).unwrap();
        assert_eq!(
            (LockRequest::decode(&incomplete.pdu).unwrap().file_id.0[0], incomplete.lost("Locks")),
            (9, Some(48))
        );
        pdu[66] = 1;
        assert_eq!(Incomplete::of_request(Command::Lock, &pdu), None);
    }

    #[test]
    fn a_name_that_overlaps_a_lost_part_is_lost_with_it() {
        let mut pdu = vec![0; 64 + 80];
        (pdu[64], pdu[108], pdu[110]) = (57, 111, 20);
        // Contexts of 100 bytes at 3941, which the PDU does not hold; the name claims the bytes that say so.
        (pdu[112], pdu[113], pdu[116]) = (0x65, 0x0F, 100);
        let incomplete = Incomplete::of_request(Command::Create, &pdu).unwrap();
        assert_eq!((incomplete.lost("CreateContexts"), incomplete.lost("Name")), (Some(100), Some(20)));
    }
}
