//! The information classes of [MS-FSCC] that QUERY_INFO, SET_INFO, QUERY_DIRECTORY and CHANGE_NOTIFY carry. Decoding borrows
//! from the buffer and checks every bound; offsets count from the start of the buffer.
//!
//! Field names are the specification's, in snake_case; read the section each type cites for their meaning.
#![allow(missing_docs)]

mod attributes;
mod directory;
mod ea;
mod entries;
mod file;
mod file_system;
mod notify;
mod quota;
mod stream;

pub use attributes::{ATTRIBUTE_DIRECTORY, ATTRIBUTE_NORMAL};
pub use directory::{DirectoryEntry, directory_entries, directory_entry_names_only};
pub use ea::{FullEa, encode_full_eas, full_eas};
pub use file::{
    AllInformation, AttributeTagInformation, BasicInformation, NetworkOpenInformation, StandardInformation,
    file_class, name_information,
};
pub use file_system::{AttributeInformation, SectorSizeInformation, SizeInformation, VolumeInformation, fs_class};
pub use notify::{NotifyEntry, notify_entries};
pub use quota::{QuotaEntry, quota_entries};
pub use stream::{StreamEntry, stream_entries};
