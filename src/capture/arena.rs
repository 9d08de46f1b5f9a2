//! Copies of small messages, many to one allocation.

use bytes::{Bytes, BytesMut};

/// Room for about a thousand small PDUs. A PDU that is kept for long keeps its whole chunk, so it is not larger.
const CHUNK: usize = 128 * 1024;

/// Hands out shared copies of byte slices without an allocation for each.
#[derive(Debug, Default)]
pub(super) struct Arena {
    chunk: BytesMut,
}

impl Arena {
    /// A copy that lives as long as it is needed.
    pub(super) fn copy(&mut self, bytes: &[u8]) -> Bytes {
        if bytes.len() > CHUNK / 8 {
            return Bytes::copy_from_slice(bytes);
        }
        if self.chunk.capacity() - self.chunk.len() < bytes.len() {
            self.chunk = BytesMut::with_capacity(CHUNK);
        }
        self.chunk.extend_from_slice(bytes);
        self.chunk.split().freeze()
    }
}
