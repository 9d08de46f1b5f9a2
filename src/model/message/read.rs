//! READ, [MS-SMB2] 2.2.19 and 2.2.20.

use crate::model::ids::FileId;
use crate::model::layout::{Layout, Malformed};

/// [MS-SMB2] 2.2.19
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadRequest {
    pub padding: u8,
    pub flags: u8,
    pub length: u32,
    pub offset: u64,
    pub file_id: FileId,
    pub minimum_count: u32,
    pub channel: u32,
    pub remaining_bytes: u32,
}

impl ReadRequest {
    pub fn decode(pdu: &[u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        Ok(Self {
            padding: layout.u8("Padding", 66)?,
            flags: layout.u8("Flags", 67)?,
            length: layout.u32("Length", 68)?,
            offset: layout.u64("Offset", 72)?,
            file_id: layout.file_id(80)?,
            minimum_count: layout.u32("MinimumCount", 96)?,
            channel: layout.u32("Channel", 100)?,
            remaining_bytes: layout.u32("RemainingBytes", 104)?,
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&49u16.to_le_bytes());
        out.extend_from_slice(&[self.padding, self.flags]);
        out.extend_from_slice(&self.length.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.file_id.0);
        for field in [self.minimum_count, self.channel, self.remaining_bytes] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        // No channel information; the buffer still has its one byte.
        out.extend_from_slice(&[0; 5]);
    }
}

/// [MS-SMB2] 2.2.20
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadResponse<'a> {
    pub data_remaining: u32,
    pub data: &'a [u8],
}

impl<'a> ReadResponse<'a> {
    pub fn decode(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let offset = usize::from(layout.u8("DataOffset", 66)?);
        let length = layout.u32("DataLength", 68)? as usize;
        Ok(Self { data_remaining: layout.u32("DataRemaining", 72)?, data: layout.bytes("Buffer", offset, length)? })
    }
}
