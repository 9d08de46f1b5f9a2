//! SET_INFO, [MS-SMB2] 2.2.39.

use crate::model::ids::FileId;
use crate::model::layout::{Layout, Malformed, Utf16};

/// [MS-SMB2] 2.2.39
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetInfoRequest<'a> {
    pub info_type: u8,
    pub file_info_class: u8,
    pub additional_information: u32,
    pub file_id: FileId,
    pub buffer: &'a [u8],
}

impl<'a> SetInfoRequest<'a> {
    /// SMB2_0_INFO_FILE
    pub const INFO_FILE: u8 = 1;
    /// FileRenameInformation, [MS-FSCC] 2.4.37
    pub const CLASS_RENAME: u8 = 10;
    /// FileLinkInformation, [MS-FSCC] 2.4.21
    pub const CLASS_LINK: u8 = 11;
    /// FileDispositionInformation, [MS-FSCC] 2.4.11
    pub const CLASS_DISPOSITION: u8 = 13;
    /// FileEndOfFileInformation, [MS-FSCC] 2.4.13
    pub const CLASS_END_OF_FILE: u8 = 20;

    pub fn decode(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let length = layout.u32("BufferLength", 68)? as usize;
        let offset = usize::from(layout.u16("BufferOffset", 72)?);
        Ok(Self {
            info_type: layout.u8("InfoType", 66)?,
            file_info_class: layout.u8("FileInfoClass", 67)?,
            additional_information: layout.u32("AdditionalInformation", 76)?,
            file_id: layout.file_id(80)?,
            buffer: layout.bytes("Buffer", offset, length)?,
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&33u16.to_le_bytes());
        out.extend_from_slice(&[self.info_type, self.file_info_class]);
        out.extend_from_slice(&(self.buffer.len() as u32).to_le_bytes());
        out.extend_from_slice(&96u16.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.additional_information.to_le_bytes());
        out.extend_from_slice(&self.file_id.0);
        out.extend_from_slice(self.buffer);
    }

    /// The target of a rename or a hard link, [MS-FSCC] 2.4.37.2 and 2.4.21.2.
    pub fn new_name(&self) -> Option<Utf16<'a>> {
        let renames = matches!(self.file_info_class, Self::CLASS_RENAME | Self::CLASS_LINK);
        if self.info_type != Self::INFO_FILE || !renames {
            return None;
        }
        let layout = Layout(self.buffer);
        let length = layout.u32("FileNameLength", 16).ok()? as usize;
        layout.bytes("FileName", 20, length).ok().map(Utf16)
    }
}
