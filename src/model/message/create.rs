//! CREATE, [MS-SMB2] 2.2.13 and 2.2.14.

use super::create_context::CreateContexts;
use crate::model::fscc::ATTRIBUTE_DIRECTORY;
use crate::model::ids::FileId;
use crate::model::layout::{Layout, Malformed, Utf16};

/// [MS-SMB2] 2.2.13
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreateRequest<'a> {
    pub requested_oplock_level: u8,
    pub impersonation_level: u32,
    pub desired_access: u32,
    pub file_attributes: u32,
    pub share_access: u32,
    pub create_disposition: u32,
    pub create_options: u32,
    pub name: Utf16<'a>,
    pub contexts: CreateContexts<'a>,
}

#[allow(missing_docs)]
impl<'a> CreateRequest<'a> {
    /// Where `NameOffset` stands.
    pub const NAME_OFFSET_AT: usize = 108;
    /// FILE_DIRECTORY_FILE
    pub const OPTION_DIRECTORY_FILE: u32 = 0x0000_0001;
    /// FILE_NON_DIRECTORY_FILE
    pub const OPTION_NON_DIRECTORY_FILE: u32 = 0x0000_0040;
    /// FILE_DELETE_ON_CLOSE
    pub const OPTION_DELETE_ON_CLOSE: u32 = 0x0000_1000;
    /// FILE_OPEN_BY_FILE_ID: the name is an id.
    pub const OPTION_OPEN_BY_FILE_ID: u32 = 0x0000_2000;

    /// The name of the context that reconnects a durable open, from 3.0 on.
    pub const DURABLE_RECONNECT_V2: &'static [u8] = b"DH2C";

    pub fn decode(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let name_offset = usize::from(layout.u16("NameOffset", Self::NAME_OFFSET_AT)?);
        let name_length = usize::from(layout.u16("NameLength", 110)?);
        let contexts_offset = layout.u32("CreateContextsOffset", 112)? as usize;
        let contexts_length = layout.u32("CreateContextsLength", 116)? as usize;
        Ok(Self {
            requested_oplock_level: layout.u8("RequestedOplockLevel", 67)?,
            impersonation_level: layout.u32("ImpersonationLevel", 68)?,
            desired_access: layout.u32("DesiredAccess", 88)?,
            file_attributes: layout.u32("FileAttributes", 92)?,
            share_access: layout.u32("ShareAccess", 96)?,
            create_disposition: layout.u32("CreateDisposition", 100)?,
            create_options: layout.u32("CreateOptions", 104)?,
            name: Utf16(layout.bytes("Name", name_offset, name_length)?),
            contexts: CreateContexts::new(layout.bytes("CreateContexts", contexts_offset, contexts_length)?),
        })
    }

    /// Writes the body; `contexts` as [`super::encode_contexts`] made them, empty for none.
    pub fn encode(&self, contexts: &[u8], out: &mut Vec<u8>) {
        let name = self.name.0;
        let contexts_at = (120 + name.len()).next_multiple_of(8);
        out.extend_from_slice(&57u16.to_le_bytes());
        out.extend_from_slice(&[0, self.requested_oplock_level]);
        out.extend_from_slice(&self.impersonation_level.to_le_bytes());
        out.extend_from_slice(&[0; 16]);
        for field in [
            self.desired_access,
            self.file_attributes,
            self.share_access,
            self.create_disposition,
            self.create_options,
        ] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        out.extend_from_slice(&120u16.to_le_bytes());
        out.extend_from_slice(&(name.len() as u16).to_le_bytes());
        let contexts_offset = if contexts.is_empty() { 0 } else { contexts_at as u32 };
        out.extend_from_slice(&contexts_offset.to_le_bytes());
        out.extend_from_slice(&(contexts.len() as u32).to_le_bytes());
        out.extend_from_slice(name);
        if !contexts.is_empty() {
            out.resize(out.len() + contexts_at - (120 + name.len()), 0);
            out.extend_from_slice(contexts);
        } else if name.is_empty() {
            // The buffer must be at least one byte long ([MS-SMB2] 2.2.13).
            out.push(0);
        }
    }
}

/// [MS-SMB2] 2.2.14
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreateResponse<'a> {
    pub oplock_level: u8,
    pub flags: u8,
    pub create_action: u32,
    pub creation_time: u64,
    pub last_access_time: u64,
    pub last_write_time: u64,
    pub change_time: u64,
    pub allocation_size: u64,
    pub end_of_file: u64,
    pub file_attributes: u32,
    pub file_id: FileId,
    pub contexts: CreateContexts<'a>,
}

impl<'a> CreateResponse<'a> {
    pub fn decode(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let contexts_offset = layout.u32("CreateContextsOffset", 144)? as usize;
        let contexts_length = layout.u32("CreateContextsLength", 148)? as usize;
        Ok(Self {
            oplock_level: layout.u8("OplockLevel", 66)?,
            flags: layout.u8("Flags", 67)?,
            create_action: layout.u32("CreateAction", 68)?,
            creation_time: layout.u64("CreationTime", 72)?,
            last_access_time: layout.u64("LastAccessTime", 80)?,
            last_write_time: layout.u64("LastWriteTime", 88)?,
            change_time: layout.u64("ChangeTime", 96)?,
            allocation_size: layout.u64("AllocationSize", 104)?,
            end_of_file: layout.u64("EndofFile", 112)?,
            file_attributes: layout.u32("FileAttributes", 120)?,
            file_id: layout.file_id(128)?,
            contexts: CreateContexts::new(layout.bytes("CreateContexts", contexts_offset, contexts_length)?),
        })
    }

    /// Whether it is a directory that was opened: FILE_ATTRIBUTE_DIRECTORY.
    pub fn is_directory(&self) -> bool {
        self.file_attributes & ATTRIBUTE_DIRECTORY != 0
    }
}
