//! Information about a file, [MS-FSCC] 2.4.

use crate::model::layout::{Layout, Malformed, Utf16};

/// `FileInformationClass` values, [MS-FSCC] 2.4.
pub mod file_class {
    pub const DIRECTORY: u8 = 1;
    pub const FULL_DIRECTORY: u8 = 2;
    pub const BOTH_DIRECTORY: u8 = 3;
    pub const BASIC: u8 = 4;
    pub const STANDARD: u8 = 5;
    pub const INTERNAL: u8 = 6;
    pub const EA: u8 = 7;
    pub const ACCESS: u8 = 8;
    pub const NAME: u8 = 9;
    pub const RENAME: u8 = 10;
    pub const LINK: u8 = 11;
    pub const NAMES: u8 = 12;
    pub const DISPOSITION: u8 = 13;
    pub const POSITION: u8 = 14;
    pub const FULL_EA: u8 = 15;
    pub const MODE: u8 = 16;
    pub const ALIGNMENT: u8 = 17;
    pub const ALL: u8 = 18;
    pub const ALLOCATION: u8 = 19;
    pub const END_OF_FILE: u8 = 20;
    pub const ALTERNATE_NAME: u8 = 21;
    pub const STREAM: u8 = 22;
    pub const PIPE: u8 = 23;
    pub const PIPE_LOCAL: u8 = 24;
    pub const PIPE_REMOTE: u8 = 25;
    pub const COMPRESSION: u8 = 28;
    pub const OBJECT_ID: u8 = 29;
    pub const NETWORK_OPEN: u8 = 34;
    pub const ATTRIBUTE_TAG: u8 = 35;
    pub const ID_BOTH_DIRECTORY: u8 = 37;
    pub const ID_FULL_DIRECTORY: u8 = 38;
    pub const NORMALIZED_NAME: u8 = 48;
    pub const ID: u8 = 59;
    pub const ID_EXTD_DIRECTORY: u8 = 60;
    pub const ID_EXTD_BOTH_DIRECTORY: u8 = 63;
}

/// FileBasicInformation, [MS-FSCC] 2.4.7. Times are in 100 ns since 1601.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicInformation {
    pub creation_time: u64,
    pub last_access_time: u64,
    pub last_write_time: u64,
    pub change_time: u64,
    pub file_attributes: u32,
}

impl BasicInformation {
    pub fn decode(buffer: &[u8]) -> Result<Self, Malformed> {
        let layout = Layout(buffer);
        Ok(Self {
            creation_time: layout.u64("CreationTime", 0)?,
            last_access_time: layout.u64("LastAccessTime", 8)?,
            last_write_time: layout.u64("LastWriteTime", 16)?,
            change_time: layout.u64("ChangeTime", 24)?,
            file_attributes: layout.u32("FileAttributes", 32)?,
        })
    }
}

/// FileStandardInformation, [MS-FSCC] 2.4.41.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandardInformation {
    pub allocation_size: u64,
    pub end_of_file: u64,
    pub number_of_links: u32,
    pub delete_pending: bool,
    pub directory: bool,
}

impl StandardInformation {
    pub fn decode(buffer: &[u8]) -> Result<Self, Malformed> {
        let layout = Layout(buffer);
        Ok(Self {
            allocation_size: layout.u64("AllocationSize", 0)?,
            end_of_file: layout.u64("EndOfFile", 8)?,
            number_of_links: layout.u32("NumberOfLinks", 16)?,
            delete_pending: layout.u8("DeletePending", 20)? != 0,
            directory: layout.u8("Directory", 21)? != 0,
        })
    }
}

/// FileAllInformation, [MS-FSCC] 2.4.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllInformation<'a> {
    pub basic: BasicInformation,
    pub standard: StandardInformation,
    pub index_number: u64,
    pub ea_size: u32,
    pub access_flags: u32,
    pub current_byte_offset: u64,
    pub mode: u32,
    pub alignment_requirement: u32,
    /// What of the name is there; a short buffer cuts it ([MS-SMB2] 3.3.5.20.1).
    pub name: Utf16<'a>,
}

impl<'a> AllInformation<'a> {
    pub fn decode(buffer: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(buffer);
        Ok(Self {
            basic: BasicInformation::decode(buffer)?,
            standard: StandardInformation::decode(buffer.get(40..).unwrap_or_default())?,
            index_number: layout.u64("IndexNumber", 64)?,
            ea_size: layout.u32("EaSize", 72)?,
            access_flags: layout.u32("AccessFlags", 76)?,
            current_byte_offset: layout.u64("CurrentByteOffset", 80)?,
            mode: layout.u32("Mode", 88)?,
            alignment_requirement: layout.u32("AlignmentRequirement", 92)?,
            name: name_information(buffer.get(96..).unwrap_or_default())?,
        })
    }
}

/// FileNetworkOpenInformation, [MS-FSCC] 2.4.29. Times are in 100 ns since 1601.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkOpenInformation {
    pub creation_time: u64,
    pub last_access_time: u64,
    pub last_write_time: u64,
    pub change_time: u64,
    pub allocation_size: u64,
    pub end_of_file: u64,
    pub file_attributes: u32,
}

impl NetworkOpenInformation {
    pub fn decode(buffer: &[u8]) -> Result<Self, Malformed> {
        let layout = Layout(buffer);
        Ok(Self {
            creation_time: layout.u64("CreationTime", 0)?,
            last_access_time: layout.u64("LastAccessTime", 8)?,
            last_write_time: layout.u64("LastWriteTime", 16)?,
            change_time: layout.u64("ChangeTime", 24)?,
            allocation_size: layout.u64("AllocationSize", 32)?,
            end_of_file: layout.u64("EndOfFile", 40)?,
            file_attributes: layout.u32("FileAttributes", 48)?,
        })
    }
}

/// FileAttributeTagInformation, [MS-FSCC] 2.4.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributeTagInformation {
    pub file_attributes: u32,
    pub reparse_tag: u32,
}

impl AttributeTagInformation {
    pub fn decode(buffer: &[u8]) -> Result<Self, Malformed> {
        let layout = Layout(buffer);
        Ok(Self { file_attributes: layout.u32("FileAttributes", 0)?, reparse_tag: layout.u32("ReparseTag", 4)? })
    }
}

/// The name of FileNameInformation, FileNormalizedNameInformation and FileAlternateNameInformation, [MS-FSCC] 2.4.27,
/// 2.4.30, 2.4.5. A name longer than the buffer is cut, as the server cut it.
pub fn name_information(buffer: &[u8]) -> Result<Utf16<'_>, Malformed> {
    let layout = Layout(buffer);
    let length = layout.u32("FileNameLength", 0)? as usize;
    layout.bytes("FileName", 4, length.min(buffer.len() - 4)).map(Utf16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(buffer in proptest::collection::vec(any::<u8>(), 0..160)) {
            let _ = BasicInformation::decode(&buffer);
            let _ = StandardInformation::decode(&buffer);
            let _ = AllInformation::decode(&buffer);
            let _ = NetworkOpenInformation::decode(&buffer);
            let _ = AttributeTagInformation::decode(&buffer);
            let _ = name_information(&buffer);
        }
    }

    #[test]
    fn the_parts_of_all_information_stand_where_the_specification_has_them() {
        let mut buffer = vec![0u8; 100];
        buffer[32] = 0x20;
        buffer[48..56].copy_from_slice(&1234u64.to_le_bytes());
        buffer[56] = 1;
        buffer[61] = 1;
        buffer[92] = 7;
        let name = Utf16::encode("\\dir\\file");
        buffer[96..100].copy_from_slice(&(name.len() as u32).to_le_bytes());
        buffer.extend_from_slice(&name);
        let all = AllInformation::decode(&buffer).unwrap();
        assert_eq!(all.basic.file_attributes, 0x20);
        assert_eq!((all.standard.end_of_file, all.standard.number_of_links), (1234, 1));
        assert!(all.standard.directory && !all.standard.delete_pending);
        assert_eq!((all.alignment_requirement, all.name.decode().as_str()), (7, "\\dir\\file"));
        assert_eq!(AllInformation::decode(&buffer[..106]).unwrap().name.decode(), "\\di");
    }
}
