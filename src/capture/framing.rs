//! NetBIOS session messages in a stream, [MS-SMB2] 2.1 and RFC 1002 4.3.
//!
//! After a hole the message that it cut is given up at its known end, or, when that lies in the hole too, reading resumes
//! at the next header that is followed by an SMB protocol id.

use bytes::{Bytes, BytesMut};
use memchr::memmem;

use super::arena::Arena;
use super::assembler::StreamItem;
use crate::model::Timestamp;
use crate::model::header::{PROTOCOL_COMPRESSED, PROTOCOL_PLAIN, PROTOCOL_SEALED, PROTOCOL_SMB1};

/// Length of the NetBIOS header.
const HEADER: usize = 4;
/// A message's buffer grows with what arrives, not with what its header claims: to this at first, and to the whole when a
/// quarter is there.
const FIRST_RESERVATION: usize = 64 * 1024;
const QUARTER: usize = 4;

/// One session message without its NetBIOS header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What is there of it.
    pub bytes: Bytes,
    /// Bytes that are missing at its end or within it; what stands behind a hole is dropped.
    pub missing: u64,
    /// The packet that completed it.
    pub frame: u64,
    /// The time of that packet.
    pub time: Timestamp,
}

#[derive(Debug)]
enum State {
    /// Some bytes of a header, fewer than needed to tell what follows.
    Header,
    /// In a message of this length.
    Body { length: usize },
    /// In the rest of a message that a hole cut, or of one that is no session message.
    Skip { remaining: u64 },
    /// Out of step; bytes are looked through for the next header.
    Lost,
}

/// Cuts one direction's stream into messages.
#[derive(Debug)]
pub struct Framer {
    state: State,
    /// The bytes of the header, of the message, or of the end of what was looked through.
    buffer: BytesMut,
    /// The largest frame number that contributed to the message, with its time.
    last: (u64, Timestamp),
    /// Bytes dropped because no header could be found.
    skipped: u64,
}

impl Default for Framer {
    fn default() -> Self {
        Self { state: State::Header, buffer: BytesMut::new(), last: (0, Timestamp(0)), skipped: 0 }
    }
}

impl Framer {
    /// Bytes dropped so far because they could not be read as messages.
    pub fn skipped_bytes(&self) -> u64 {
        self.skipped
    }

    /// Takes a piece of the stream and hands on the messages that it completes.
    pub(super) fn push(&mut self, item: StreamItem<'_>, arena: &mut Arena, take: &mut impl FnMut(Message)) {
        match item {
            StreamItem::Data { bytes, frame, time } => {
                if frame >= self.last.0 {
                    self.last = (frame, time);
                }
                self.data(bytes, frame, time, arena, take);
            }
            StreamItem::Hole { length, .. } => self.hole(length, take),
        }
    }

    fn data(
        &mut self,
        mut bytes: &[u8],
        frame: u64,
        time: Timestamp,
        arena: &mut Arena,
        take: &mut impl FnMut(Message),
    ) {
        while !bytes.is_empty() {
            match self.state {
                State::Header => {
                    if self.buffer.is_empty() {
                        // What follows stems from this packet alone.
                        self.last = (frame, time);
                    }
                    let needed = HEADER + 4 - self.buffer.len();
                    if self.buffer.is_empty() && bytes.len() >= HEADER + 4 {
                        let header = [bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]];
                        bytes = &bytes[self.header(header)..];
                    } else if bytes.len() >= needed || self.short_message(bytes) {
                        let (head, tail) = bytes.split_at(needed.min(bytes.len()));
                        self.buffer.extend_from_slice(head);
                        bytes = tail;
                        let mut header = [0; HEADER + 4];
                        let length = self.buffer.len().min(HEADER + 4);
                        header[..length].copy_from_slice(&self.buffer[..length]);
                        let used = self.header(header).min(self.buffer.len());
                        let rest = self.buffer.split().split_off(used);
                        // At most four bytes: the protocol id, looked at before its message begins.
                        self.data(&rest, frame, time, arena, take);
                    } else {
                        self.buffer.extend_from_slice(bytes);
                        return;
                    }
                }
                State::Body { length } => {
                    if self.buffer.is_empty() && bytes.len() >= length {
                        let (message, rest) = bytes.split_at(length);
                        bytes = rest;
                        self.emit(arena.copy(message), 0, take);
                        self.state = State::Header;
                    } else {
                        let wanted = length - self.buffer.len();
                        let (piece, rest) = bytes.split_at(wanted.min(bytes.len()));
                        if self.buffer.capacity() == 0 {
                            self.buffer.reserve(length.min(FIRST_RESERVATION));
                        } else if self.buffer.len() >= length / QUARTER {
                            self.buffer.reserve(wanted);
                        }
                        self.buffer.extend_from_slice(piece);
                        bytes = rest;
                        if self.buffer.len() == length {
                            let message = std::mem::take(&mut self.buffer).freeze();
                            self.emit(message, 0, take);
                            self.state = State::Header;
                        }
                    }
                }
                State::Skip { remaining } => {
                    let step = remaining.min(bytes.len() as u64);
                    bytes = &bytes[step as usize..];
                    self.state = match remaining - step {
                        0 => State::Header,
                        remaining => State::Skip { remaining },
                    };
                }
                State::Lost => {
                    self.buffer.extend_from_slice(bytes);
                    bytes = &[];
                    self.search(frame, time, arena, take);
                }
            }
        }
    }

    /// Whether what is buffered and these bytes are a whole header of a message without four bytes of content.
    fn short_message(&self, bytes: &[u8]) -> bool {
        let at = |i: usize| self.buffer.get(i).or_else(|| bytes.get(i - self.buffer.len().min(i))).copied();
        match (at(0), at(1), at(2), at(3)) {
            (Some(kind), Some(high), Some(middle), Some(low)) => {
                let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
                kind != 0 || length < 4
            }
            _ => false,
        }
    }

    /// Reads a NetBIOS header and the protocol id behind it; sets the state; returns how many bytes are used up.
    fn header(&mut self, bytes: [u8; HEADER + 4]) -> usize {
        let [kind, high, middle, low, protocol @ ..] = bytes;
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        match kind {
            0 if length >= 4 && is_smb(protocol) => {
                self.state = State::Body { length };
                HEADER
            }
            // An empty session message.
            0 if length == 0 => HEADER,
            // Session request and its answers, and keep-alives ([RFC1002] 4.3.2 - 4.3.6): read over.
            0x81..=0x85 if length < 0x1_0000 => {
                if length > 0 {
                    self.state = State::Skip { remaining: length as u64 };
                }
                HEADER
            }
            _ => {
                self.state = State::Lost;
                0
            }
        }
    }

    /// A hole of some bytes.
    fn hole(&mut self, length: u64, take: &mut impl FnMut(Message)) {
        match self.state {
            State::Body { length: total } => {
                let present = self.buffer.len() as u64;
                let missing = total as u64 - present;
                let message = std::mem::take(&mut self.buffer).freeze();
                self.emit(message, missing, take);
                self.state = match length.cmp(&missing) {
                    std::cmp::Ordering::Less => {
                        self.skipped += missing - length;
                        State::Skip { remaining: missing - length }
                    }
                    std::cmp::Ordering::Equal => State::Header,
                    std::cmp::Ordering::Greater => State::Lost,
                };
            }
            State::Skip { remaining } if length <= remaining => {
                self.state =
                    if length == remaining { State::Header } else { State::Skip { remaining: remaining - length } };
            }
            State::Header | State::Skip { .. } | State::Lost => {
                self.skipped += self.buffer.len() as u64;
                self.buffer.clear();
                self.state = State::Lost;
            }
        }
    }

    /// Looks for the next header in the buffered bytes.
    fn search(&mut self, frame: u64, time: Timestamp, arena: &mut Arena, take: &mut impl FnMut(Message)) {
        let found = memmem::find_iter(&self.buffer, b"SMB").find(|at| {
            let Some(start) = at.checked_sub(HEADER + 1) else { return false };
            let length =
                u32::from_be_bytes([0, self.buffer[start + 1], self.buffer[start + 2], self.buffer[start + 3]]);
            let protocol = self.buffer[start + HEADER];
            // A plain header says its own size; that keeps text about SMB in file contents from being taken for one.
            let sized = protocol != PROTOCOL_PLAIN[0]
                || self.buffer.get(start + 8..start + 10).is_none_or(|size| size == [64, 0]);
            self.buffer[start] == 0 && length >= 32 && matches!(protocol, 0xFC..=0xFE) && sized
        });
        match found {
            Some(at) => {
                let start = at - (HEADER + 1);
                self.skipped += start as u64;
                let rest = self.buffer.split().split_off(start);
                self.state = State::Header;
                self.data(&rest, frame, time, arena, take);
            }
            None => {
                // A header may begin in the last bytes.
                let keep = self.buffer.len().min(HEADER + 3);
                self.skipped += (self.buffer.len() - keep) as u64;
                self.buffer = self.buffer.split_off(self.buffer.len() - keep);
            }
        }
    }

    fn emit(&mut self, bytes: Bytes, missing: u64, take: &mut impl FnMut(Message)) {
        let (frame, time) = self.last;
        if !bytes.is_empty() {
            take(Message { bytes, missing, frame, time });
        }
    }

    /// The stream ended: hands on the message that was not finished.
    pub(super) fn finish(&mut self, take: &mut impl FnMut(Message)) {
        if let State::Body { length } = self.state {
            let missing = (length - self.buffer.len()) as u64;
            let message = std::mem::take(&mut self.buffer).freeze();
            self.emit(message, missing, take);
        }
        *self = Self { skipped: self.skipped, last: self.last, ..Self::default() };
    }
}

fn is_smb(protocol: [u8; 4]) -> bool {
    [PROTOCOL_PLAIN, PROTOCOL_SEALED, PROTOCOL_COMPRESSED, PROTOCOL_SMB1].contains(&protocol)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(content: &[u8]) -> Vec<u8> {
        let mut body = b"\xFESMB\x40\x00".to_vec();
        body.extend_from_slice(content);
        body.resize(body.len().max(64), 0);
        let length = (body.len() as u32).to_be_bytes();
        [&length[..], &body].concat()
    }

    fn run(items: &[Result<&[u8], u64>]) -> (Vec<Message>, u64) {
        let (mut framer, mut arena, mut messages) = (Framer::default(), Arena::default(), Vec::new());
        let mut take = |message| messages.push(message);
        for (i, item) in items.iter().enumerate() {
            let (frame, time) = (i as u64 + 1, Timestamp(i as i64));
            let item = match *item {
                Ok(bytes) => StreamItem::Data { bytes, frame, time },
                Err(length) => StreamItem::Hole { length, frame },
            };
            framer.push(item, &mut arena, &mut take);
        }
        framer.finish(&mut take);
        (messages, framer.skipped_bytes())
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_messages(
            contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..8),
            chunk in 1usize..200,
        ) {
            let mut stream = Vec::new();
            for (i, content) in contents.iter().enumerate() {
                stream.extend(message(content));
                if i % 2 == 1 {
                    stream.extend([0x85, 0, 0, 0]);
                }
            }
            let pieces: Vec<_> = stream.chunks(chunk).map(Ok).collect();
            let (messages, skipped) = run(&pieces);
            let got: Vec<_> = messages.iter().map(|m| m.bytes.to_vec()).collect();
            let expected: Vec<_> = contents.iter().map(|c| message(c)[4..].to_vec()).collect();
            prop_assert_eq!(got, expected);
            prop_assert_eq!(skipped, 0);
            prop_assert!(messages.iter().all(|m| m.missing == 0));
        }

        #[test]
        fn arbitrary_bytes_and_holes_never_panic(
            items in proptest::collection::vec(
                prop_oneof![proptest::collection::vec(any::<u8>(), 0..80).prop_map(Ok), (1u64..100).prop_map(Err)], 0..20),
        ) {
            let items: Vec<_> = items.iter().map(|item| item.as_ref().map(Vec::as_slice).map_err(|n| *n)).collect();
            run(&items);
        }
    }

    #[test]
    fn a_message_cut_by_a_hole_ends_where_it_would_have() {
        let (first, second) = (message(&[7; 200]), message(b"next"));
        let (messages, _) = run(&[Ok(&first[..100]), Err(20), Ok(&first[120..]), Ok(&second)]);
        assert_eq!(messages.len(), 2);
        assert_eq!((messages[0].bytes.len(), messages[0].missing), (96, (first.len() - 100) as u64));
        assert_eq!(messages[1].bytes, &second[4..]);
    }

    #[test]
    fn after_a_hole_over_a_boundary_reading_resumes_at_the_next_header() {
        let (first, second, third) = (message(&[7; 200]), message(&[8; 90]), message(b"third"));
        let hole = (first.len() - 100 + 30) as u64;
        let (messages, skipped) = run(&[Ok(&first[..100]), Err(hole), Ok(&second[30..]), Ok(&third)]);
        assert_eq!(messages.len(), 2);
        assert_eq!(messages[1].bytes, &third[4..]);
        assert_eq!(skipped, (second.len() - 30) as u64);
    }

    #[test]
    fn a_capture_that_begins_within_a_message_is_read_from_the_next() {
        let (first, second) = (message(&[7; 200]), message(b"second"));
        let (messages, skipped) = run(&[Ok(&first[90..]), Ok(&second)]);
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].bytes, &second[4..]);
        assert_eq!(skipped, (first.len() - 90) as u64);
    }

    #[test]
    fn a_message_has_the_frame_that_completed_it() {
        let (first, second) = (message(&[7; 100]), message(b"second"));
        let both = [&first[50..], &second].concat();
        let (messages, _) = run(&[Ok(&first[..50]), Ok(&both)]);
        assert_eq!(messages.iter().map(|m| m.frame).collect::<Vec<_>>(), [2, 2]);
    }
}
