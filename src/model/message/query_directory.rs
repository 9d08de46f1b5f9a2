//! QUERY_DIRECTORY, [MS-SMB2] 2.2.33 and 2.2.34.

use crate::model::ids::FileId;
use crate::model::layout::{Layout, Malformed, Utf16};

/// [MS-SMB2] 2.2.33
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryDirectoryRequest<'a> {
    pub file_information_class: u8,
    pub flags: u8,
    pub file_index: u32,
    pub file_id: FileId,
    pub pattern: Utf16<'a>,
    pub output_buffer_length: u32,
}

impl<'a> QueryDirectoryRequest<'a> {
    pub fn decode(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let offset = usize::from(layout.u16("FileNameOffset", 88)?);
        let length = usize::from(layout.u16("FileNameLength", 90)?);
        Ok(Self {
            file_information_class: layout.u8("FileInformationClass", 66)?,
            flags: layout.u8("Flags", 67)?,
            file_index: layout.u32("FileIndex", 68)?,
            file_id: layout.file_id(72)?,
            pattern: Utf16(layout.bytes("FileName", offset, length)?),
            output_buffer_length: layout.u32("OutputBufferLength", 92)?,
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&33u16.to_le_bytes());
        out.extend_from_slice(&[self.file_information_class, self.flags]);
        out.extend_from_slice(&self.file_index.to_le_bytes());
        out.extend_from_slice(&self.file_id.0);
        out.extend_from_slice(&96u16.to_le_bytes());
        out.extend_from_slice(&(self.pattern.0.len() as u16).to_le_bytes());
        out.extend_from_slice(&self.output_buffer_length.to_le_bytes());
        out.extend_from_slice(self.pattern.0);
    }
}

/// [MS-SMB2] 2.2.34
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryDirectoryResponse<'a> {
    pub output: &'a [u8],
}

impl<'a> QueryDirectoryResponse<'a> {
    pub fn decode(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let offset = usize::from(layout.u16("OutputBufferOffset", 66)?);
        let length = layout.u32("OutputBufferLength", 68)? as usize;
        Ok(Self { output: layout.bytes("Buffer", offset, length)? })
    }
}
