//! The information classes of [MS-FSCC] that QUERY_INFO, SET_INFO, QUERY_DIRECTORY and CHANGE_NOTIFY carry. Decoding borrows
//! from the buffer and checks every bound; offsets count from the start of the buffer.
//!
//! Field names are the specification's, in snake_case; read the section each type cites for their meaning.
#![allow(missing_docs)]

mod directory;
mod file;
mod file_system;
mod notify;
mod stream;

pub use directory::{DirectoryEntry, directory_entries, directory_entry_names_only};
pub use file::{
    AllInformation, AttributeTagInformation, BasicInformation, NetworkOpenInformation, StandardInformation,
    file_class, name_information,
};
pub use file_system::{AttributeInformation, SectorSizeInformation, SizeInformation, VolumeInformation, fs_class};
pub use notify::{NotifyEntry, notify_entries};
pub use stream::{StreamEntry, stream_entries};

/// FILE_ATTRIBUTE_DIRECTORY, [MS-FSCC] 2.6
pub const ATTRIBUTE_DIRECTORY: u32 = 0x0000_0010;
/// FILE_ATTRIBUTE_NORMAL, [MS-FSCC] 2.6: stands for "none of the others".
pub const ATTRIBUTE_NORMAL: u32 = 0x0000_0080;

/// Walks a list whose entries start with `NextEntryOffset`; the last one has 0. `decode` gets the bytes from the start of
/// an entry to the end of the buffer. An entry that leaves the buffer ends the walk with an error.
fn walk<'a, T>(
    buffer: &'a [u8],
    decode: impl Fn(&'a [u8]) -> Result<T, super::Malformed> + 'a,
) -> impl Iterator<Item = Result<T, super::Malformed>> + 'a {
    let mut next = (!buffer.is_empty()).then_some(0usize);
    std::iter::from_fn(move || {
        let at = next.take()?;
        let entry = buffer.get(at..).unwrap_or_default();
        let step = match super::Layout(entry).u32("NextEntryOffset", 0) {
            Ok(step) => step as usize,
            Err(malformed) => return Some(Err(malformed)),
        };
        let decoded = decode(entry);
        if decoded.is_ok() && step != 0 {
            next = at.checked_add(step);
        }
        Some(decoded)
    })
}
