//! Directory entries of QUERY_DIRECTORY, [MS-FSCC] 2.4.8, 2.4.10, 2.4.14, 2.4.17 – 2.4.20, 2.4.28.

use super::entries::walk;
use super::file::file_class;
use crate::model::layout::{Layout, Malformed, Utf16};

/// One entry of any directory class. FileNamesInformation has only the name; the rest is 0 then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryEntry<'a> {
    pub name: Utf16<'a>,
    pub creation_time: u64,
    pub last_access_time: u64,
    pub last_write_time: u64,
    pub change_time: u64,
    pub end_of_file: u64,
    pub allocation_size: u64,
    pub file_attributes: u32,
}

/// Whether a class's entries hold nothing but the name.
pub fn directory_entry_names_only(class: u8) -> bool {
    class == file_class::NAMES
}

/// Where the name stands in an entry of a class; None for a class that is no directory class.
fn name_at(class: u8) -> Option<usize> {
    Some(match class {
        file_class::DIRECTORY => 64,
        file_class::FULL_DIRECTORY => 68,
        file_class::BOTH_DIRECTORY => 94,
        file_class::NAMES => 12,
        file_class::ID_BOTH_DIRECTORY => 104,
        file_class::ID_FULL_DIRECTORY => 80,
        file_class::ID_EXTD_DIRECTORY => 88,
        file_class::ID_EXTD_BOTH_DIRECTORY => 114,
        _ => return None,
    })
}

/// The entries of a QUERY_DIRECTORY output buffer; None for a class that is no directory class.
pub fn directory_entries(
    class: u8,
    buffer: &[u8],
) -> Option<impl Iterator<Item = Result<DirectoryEntry<'_>, Malformed>>> {
    let name_at = name_at(class)?;
    Some(walk(buffer, move |entry| decode(class, name_at, entry)))
}

fn decode(class: u8, name_at: usize, entry: &[u8]) -> Result<DirectoryEntry<'_>, Malformed> {
    let layout = Layout(entry);
    if directory_entry_names_only(class) {
        let length = layout.u32("FileNameLength", 8)? as usize;
        return Ok(DirectoryEntry {
            name: Utf16(layout.bytes("FileName", name_at, length)?),
            creation_time: 0,
            last_access_time: 0,
            last_write_time: 0,
            change_time: 0,
            end_of_file: 0,
            allocation_size: 0,
            file_attributes: 0,
        });
    }
    let length = layout.u32("FileNameLength", 60)? as usize;
    Ok(DirectoryEntry {
        name: Utf16(layout.bytes("FileName", name_at, length)?),
        creation_time: layout.u64("CreationTime", 8)?,
        last_access_time: layout.u64("LastAccessTime", 16)?,
        last_write_time: layout.u64("LastWriteTime", 24)?,
        change_time: layout.u64("ChangeTime", 32)?,
        end_of_file: layout.u64("EndOfFile", 40)?,
        allocation_size: layout.u64("AllocationSize", 48)?,
        file_attributes: layout.u32("FileAttributes", 56)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(class: u8, name: &str, size: u64, attributes: u32, last: bool) -> Vec<u8> {
        let name = Utf16::encode(name);
        let at = name_at(class).unwrap();
        let mut bytes = vec![0xEE; at];
        let length = (name.len() as u32).to_le_bytes();
        if class == file_class::NAMES {
            bytes[8..12].copy_from_slice(&length);
        } else {
            bytes[40..48].copy_from_slice(&size.to_le_bytes());
            bytes[56..60].copy_from_slice(&attributes.to_le_bytes());
            bytes[60..64].copy_from_slice(&length);
        }
        bytes.extend_from_slice(&name);
        if !last {
            bytes.resize(bytes.len().next_multiple_of(8), 0);
        }
        let step = if last { 0 } else { bytes.len() as u32 };
        bytes[..4].copy_from_slice(&step.to_le_bytes());
        bytes
    }

    #[test]
    fn every_directory_class_gives_its_entries() {
        for class in [1, 2, 3, 12, 37, 38, 60, 63] {
            let mut buffer = entry(class, "first", 7, 0x20, false);
            buffer.extend(entry(class, "zweite Datei", 0, 0x10, true));
            let entries: Vec<_> = directory_entries(class, &buffer).unwrap().map(Result::unwrap).collect();
            let names: Vec<_> = entries.iter().map(|e| e.name.decode()).collect();
            assert_eq!(names, ["first", "zweite Datei"], "class {class}");
            if class != 12 {
                assert_eq!((entries[0].end_of_file, entries[1].file_attributes), (7, 0x10), "class {class}");
            }
        }
        assert!(directory_entries(4, &[]).is_none());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(class: u8, buffer in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some(entries) = directory_entries(class, &buffer) {
                let _ = entries.count();
            }
        }
    }
}
