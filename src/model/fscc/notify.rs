//! FILE_NOTIFY_INFORMATION, [MS-FSCC] 2.7.1.

use super::entries::walk;
use crate::model::layout::{Layout, Malformed, Utf16};

/// One change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotifyEntry<'a> {
    pub action: u32,
    pub name: Utf16<'a>,
}

/// The changes in a CHANGE_NOTIFY output buffer.
pub fn notify_entries(buffer: &[u8]) -> impl Iterator<Item = Result<NotifyEntry<'_>, Malformed>> {
    walk(buffer, |entry| {
        let layout = Layout(entry);
        let length = layout.u32("FileNameLength", 8)? as usize;
        Ok(NotifyEntry { action: layout.u32("Action", 4)?, name: Utf16(layout.bytes("FileName", 12, length)?) })
    })
}
