//! WRITE, [MS-SMB2] 2.2.21 and 2.2.22.

use crate::model::ids::FileId;
use crate::model::layout::{Layout, Malformed};

/// [MS-SMB2] 2.2.21
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteRequest<'a> {
    pub offset: u64,
    pub file_id: FileId,
    pub channel: u32,
    pub remaining_bytes: u32,
    pub flags: u32,
    pub data: &'a [u8],
}

impl<'a> WriteRequest<'a> {
    pub fn decode(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let data_offset = usize::from(layout.u16("DataOffset", 66)?);
        let length = layout.u32("Length", 68)? as usize;
        Ok(Self {
            offset: layout.u64("Offset", 72)?,
            file_id: layout.file_id(80)?,
            channel: layout.u32("Channel", 96)?,
            remaining_bytes: layout.u32("RemainingBytes", 100)?,
            flags: layout.u32("Flags", 108)?,
            data: layout.bytes("Buffer", data_offset, length)?,
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&49u16.to_le_bytes());
        out.extend_from_slice(&112u16.to_le_bytes());
        out.extend_from_slice(&(self.data.len() as u32).to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.file_id.0);
        out.extend_from_slice(&self.channel.to_le_bytes());
        out.extend_from_slice(&self.remaining_bytes.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.flags.to_le_bytes());
        out.extend_from_slice(self.data);
        if self.data.is_empty() {
            out.push(0);
        }
    }
}

/// [MS-SMB2] 2.2.22
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteResponse {
    pub count: u32,
}

impl WriteResponse {
    pub fn decode(pdu: &[u8]) -> Result<Self, Malformed> {
        Ok(Self { count: Layout(pdu).u32("Count", 68)? })
    }
}
