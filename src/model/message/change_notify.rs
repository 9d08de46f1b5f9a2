//! CHANGE_NOTIFY, [MS-SMB2] 2.2.35 and 2.2.36.

use crate::model::ids::FileId;
use crate::model::layout::{Layout, Malformed};

/// [MS-SMB2] 2.2.35
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeNotifyRequest {
    pub flags: u16,
    pub output_buffer_length: u32,
    pub file_id: FileId,
    pub completion_filter: u32,
}

impl ChangeNotifyRequest {
    pub fn decode(pdu: &[u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        Ok(Self {
            flags: layout.u16("Flags", 66)?,
            output_buffer_length: layout.u32("OutputBufferLength", 68)?,
            file_id: layout.file_id(72)?,
            completion_filter: layout.u32("CompletionFilter", 88)?,
        })
    }
}

/// [MS-SMB2] 2.2.36
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeNotifyResponse<'a> {
    pub output: &'a [u8],
}

impl<'a> ChangeNotifyResponse<'a> {
    pub fn decode(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let offset = usize::from(layout.u16("OutputBufferOffset", 66)?);
        let length = layout.u32("OutputBufferLength", 68)? as usize;
        Ok(Self { output: layout.bytes("Buffer", offset, length)? })
    }
}
