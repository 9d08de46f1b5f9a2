//! QUERY_INFO, [MS-SMB2] 2.2.37 and 2.2.38.

use crate::model::ids::FileId;
use crate::model::layout::{Layout, Malformed};

/// SMB2_0_INFO_FILE: `InfoType` of what is known of a file, [MS-SMB2] 2.2.37.
pub const INFO_FILE: u8 = 1;
/// SMB2_0_INFO_FILESYSTEM: of what is known of a volume.
pub const INFO_FILE_SYSTEM: u8 = 2;
/// SMB2_0_INFO_SECURITY: of a security descriptor.
pub const INFO_SECURITY: u8 = 3;
/// SMB2_0_INFO_QUOTA: of the quotas of accounts.
pub const INFO_QUOTA: u8 = 4;

/// [MS-SMB2] 2.2.37
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryInfoRequest<'a> {
    pub info_type: u8,
    pub file_info_class: u8,
    pub output_buffer_length: u32,
    pub additional_information: u32,
    pub flags: u32,
    pub file_id: FileId,
    pub input: &'a [u8],
}

impl<'a> QueryInfoRequest<'a> {
    pub fn decode(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let offset = usize::from(layout.u16("InputBufferOffset", 72)?);
        let length = layout.u32("InputBufferLength", 76)? as usize;
        Ok(Self {
            info_type: layout.u8("InfoType", 66)?,
            file_info_class: layout.u8("FileInfoClass", 67)?,
            output_buffer_length: layout.u32("OutputBufferLength", 68)?,
            additional_information: layout.u32("AdditionalInformation", 80)?,
            flags: layout.u32("Flags", 84)?,
            file_id: layout.file_id(88)?,
            input: layout.bytes("Buffer", offset, length)?,
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&41u16.to_le_bytes());
        out.extend_from_slice(&[self.info_type, self.file_info_class]);
        out.extend_from_slice(&self.output_buffer_length.to_le_bytes());
        let input_at: u16 = if self.input.is_empty() { 0 } else { 104 };
        out.extend_from_slice(&input_at.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&(self.input.len() as u32).to_le_bytes());
        out.extend_from_slice(&self.additional_information.to_le_bytes());
        out.extend_from_slice(&self.flags.to_le_bytes());
        out.extend_from_slice(&self.file_id.0);
        out.extend_from_slice(self.input);
    }
}

/// [MS-SMB2] 2.2.38
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryInfoResponse<'a> {
    pub output: &'a [u8],
}

impl<'a> QueryInfoResponse<'a> {
    pub fn decode(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let offset = usize::from(layout.u16("OutputBufferOffset", 66)?);
        let length = layout.u32("OutputBufferLength", 68)? as usize;
        Ok(Self { output: layout.bytes("Buffer", offset, length)? })
    }
}
