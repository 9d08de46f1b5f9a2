//! CLOSE, [MS-SMB2] 2.2.15 and 2.2.16.

use crate::model::ids::FileId;
use crate::model::layout::{Layout, Malformed};

/// [MS-SMB2] 2.2.15
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseRequest {
    pub flags: u16,
    pub file_id: FileId,
}

impl CloseRequest {
    /// SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB
    pub const FLAG_POSTQUERY_ATTRIB: u16 = 1;

    pub fn decode(pdu: &[u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        Ok(Self { flags: layout.u16("Flags", 66)?, file_id: layout.file_id(72)? })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&24u16.to_le_bytes());
        out.extend_from_slice(&self.flags.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.file_id.0);
    }
}

/// [MS-SMB2] 2.2.16. Attributes, sizes and times count only when `flags` says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseResponse {
    pub flags: u16,
    pub creation_time: u64,
    pub last_access_time: u64,
    pub last_write_time: u64,
    pub change_time: u64,
    pub allocation_size: u64,
    pub end_of_file: u64,
    pub file_attributes: u32,
}

impl CloseResponse {
    pub fn decode(pdu: &[u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        Ok(Self {
            flags: layout.u16("Flags", 66)?,
            creation_time: layout.u64("CreationTime", 72)?,
            last_access_time: layout.u64("LastAccessTime", 80)?,
            last_write_time: layout.u64("LastWriteTime", 88)?,
            change_time: layout.u64("ChangeTime", 96)?,
            allocation_size: layout.u64("AllocationSize", 104)?,
            end_of_file: layout.u64("EndofFile", 112)?,
            file_attributes: layout.u32("FileAttributes", 120)?,
        })
    }

    /// Whether the server filled in attributes, sizes and times.
    pub fn has_attributes(&self) -> bool {
        self.flags & CloseRequest::FLAG_POSTQUERY_ATTRIB != 0
    }
}
