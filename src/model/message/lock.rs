//! LOCK, [MS-SMB2] 2.2.26.

use crate::model::ids::FileId;
use crate::model::layout::{Layout, Malformed};

/// [MS-SMB2] 2.2.26
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockRequest<'a> {
    pub lock_sequence: u32,
    pub file_id: FileId,
    pub locks: LockElements<'a>,
}

/// SMB2_LOCK_ELEMENT, [MS-SMB2] 2.2.26.1
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LockElement {
    pub offset: u64,
    pub length: u64,
    pub flags: u32,
}

impl LockElement {
    /// SMB2_LOCKFLAG_UNLOCK
    pub const FLAG_UNLOCK: u32 = 4;
    /// SMB2_LOCKFLAG_FAIL_IMMEDIATELY
    pub const FLAG_FAIL_IMMEDIATELY: u32 = 0x10;
}

/// The list of elements, as it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockElements<'a>(&'a [u8]);

impl<'a> LockElements<'a> {
    pub fn iter(self) -> impl Iterator<Item = LockElement> + 'a {
        self.0.chunks_exact(24).filter_map(|chunk| {
            let layout = Layout(chunk);
            Some(LockElement {
                offset: layout.u64("Offset", 0).ok()?,
                length: layout.u64("Length", 8).ok()?,
                flags: layout.u32("Flags", 16).ok()?,
            })
        })
    }
}

impl<'a> LockRequest<'a> {
    pub fn decode(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let count = usize::from(layout.u16("LockCount", 66)?);
        Ok(Self {
            lock_sequence: layout.u32("LockSequenceNumber", 68)?,
            file_id: layout.file_id(72)?,
            locks: LockElements(layout.bytes("Locks", 88, count * 24)?),
        })
    }
}
