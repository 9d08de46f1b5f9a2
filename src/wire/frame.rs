//! NetBIOS session messages on the stream ([MS-SMB2] 2.1), and the PDUs chained in one.

use bytes::{Buf, Bytes, BytesMut};

use super::error::Violation;
use crate::model::header::{HEADER_LENGTH, offset};
use crate::model::{Layout, Malformed};

/// Bytes before the message: a type and the length, big-endian.
pub(super) const PREFIX: usize = 4;

const SESSION_MESSAGE: u8 = 0x00;
const SESSION_KEEP_ALIVE: u8 = 0x85;

/// Takes messages off the front of a stream's bytes.
#[derive(Debug)]
pub(super) struct FrameDecoder {
    limit: usize,
}

impl FrameDecoder {
    /// Refuses messages longer than `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit }
    }

    /// The next message, without its prefix. None when more bytes are needed; room for them is made.
    pub(super) fn decode(&self, stream: &mut BytesMut) -> Result<Option<BytesMut>, Violation> {
        while let Some(prefix) = stream.first_chunk::<PREFIX>().copied() {
            let [kind, length @ ..] = prefix;
            let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            match kind {
                SESSION_MESSAGE => {}
                SESSION_KEEP_ALIVE if length == 0 => {
                    stream.advance(PREFIX);
                    continue;
                }
                other => return Err(Violation::NetBiosType(other)),
            }
            if length > self.limit {
                return Err(Violation::FrameTooLong { length, limit: self.limit });
            }
            if stream.len() < PREFIX + length {
                stream.reserve(PREFIX + length - stream.len());
                return Ok(None);
            }
            stream.advance(PREFIX);
            return Ok(Some(stream.split_to(length)));
        }
        Ok(None)
    }
}

/// Cuts a message into its PDUs: each from its header to where the next begins.
pub(super) fn split_chain(mut message: Bytes) -> impl Iterator<Item = Result<Bytes, Malformed>> {
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended || message.is_empty() {
            return None;
        }
        let layout = Layout(&message);
        let next = match layout.u32("NextCommand", offset::NEXT_COMMAND) {
            Ok(next) => next as usize,
            Err(error) => {
                ended = true;
                return Some(Err(error));
            }
        };
        if next == 0 {
            ended = true;
            return Some(Ok(std::mem::take(&mut message)));
        }
        if next < HEADER_LENGTH || next >= message.len() {
            ended = true;
            return Some(Err(layout.malformed("NextCommand", offset::NEXT_COMMAND)));
        }
        Some(Ok(message.split_to(next)))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
        let mut stream = Vec::new();
        for message in messages {
            stream.extend_from_slice(&(message.len() as u32).to_be_bytes());
            stream.extend_from_slice(message);
        }
        stream
    }

    fn decode_in_chunks(stream: &[u8], sizes: &[usize]) -> Result<Vec<Vec<u8>>, Violation> {
        let decoder = FrameDecoder::new(1000);
        let (mut buffer, mut messages, mut rest) = (BytesMut::new(), Vec::new(), stream);
        for size in sizes.iter().cycle() {
            let (chunk, after) = rest.split_at((*size).min(rest.len()));
            buffer.extend_from_slice(chunk);
            rest = after;
            while let Some(message) = decoder.decode(&mut buffer)? {
                messages.push(message.to_vec());
            }
            if rest.is_empty() {
                break;
            }
        }
        Ok(messages)
    }

    proptest! {
        #[test]
        fn messages_survive_any_chunking(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..8),
            sizes in proptest::collection::vec(1usize..60, 1..10),
        ) {
            prop_assert_eq!(decode_in_chunks(&framed(&messages), &sizes).unwrap(), messages);
        }

        #[test]
        fn arbitrary_streams_never_panic(stream: Vec<u8>, sizes in proptest::collection::vec(1usize..60, 1..10)) {
            let _ = decode_in_chunks(&stream, &sizes);
        }

        #[test]
        fn arbitrary_messages_are_cut_without_panic_or_loss(mut message: Vec<u8>, next in 0u32..300) {
            if let Some(field) = message.get_mut(20..24) {
                field.copy_from_slice(&next.to_le_bytes());
            }
            let pdus: Vec<_> = split_chain(message.clone().into()).collect();
            if pdus.iter().all(Result::is_ok) {
                let joined: Vec<u8> = pdus.into_iter().flatten().flatten().collect();
                prop_assert_eq!(joined, message);
            }
        }
    }

    #[test]
    fn keep_alives_are_passed_over_and_long_or_strange_frames_refused() {
        let mut stream = vec![0x85, 0, 0, 0];
        stream.extend(framed(&[b"abc".to_vec()]));
        assert_eq!(decode_in_chunks(&stream, &[3]).unwrap(), [b"abc"]);
        assert!(matches!(
            decode_in_chunks(&[0, 0, 0x10, 0], &[4]),
            Err(Violation::FrameTooLong { length: 4096, limit: 1000 })
        ));
        assert!(matches!(decode_in_chunks(b"HTTP", &[4]), Err(Violation::NetBiosType(b'H'))));
    }

    #[test]
    fn a_chain_that_points_before_its_header_or_behind_its_end_is_refused() {
        for next in [1u32, 63, 128, 1000] {
            let mut message = vec![0; 128];
            message[20..24].copy_from_slice(&next.to_le_bytes());
            assert!(split_chain(message.into()).next().unwrap().is_err(), "{next}");
        }
    }
}
