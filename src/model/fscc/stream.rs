//! FileStreamInformation, [MS-FSCC] 2.4.43.

use super::entries::walk;
use crate::model::layout::{Layout, Malformed, Utf16};

/// One stream of a file; the name is like `:name:$DATA`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamEntry<'a> {
    pub name: Utf16<'a>,
    pub stream_size: u64,
    pub stream_allocation_size: u64,
}

/// The streams in a QUERY_INFO output buffer.
pub fn stream_entries(buffer: &[u8]) -> impl Iterator<Item = Result<StreamEntry<'_>, Malformed>> {
    walk(buffer, |entry| {
        let layout = Layout(entry);
        let length = layout.u32("StreamNameLength", 4)? as usize;
        Ok(StreamEntry {
            name: Utf16(layout.bytes("StreamName", 24, length)?),
            stream_size: layout.u64("StreamSize", 8)?,
            stream_allocation_size: layout.u64("StreamAllocationSize", 16)?,
        })
    })
}
