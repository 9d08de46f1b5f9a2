//! The initial image: what a share held before the capture began, as far as the capture shows it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::fscc::{BasicInformation, DirectoryEntry, NetworkOpenInformation};
use super::message::{CloseResponse, CreateResponse};

/// What all shares of a capture held before its first operation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// The shares, by name.
    pub shares: Vec<ImageShare>,
    /// What the capture says against itself; the first [`Image::CONTRADICTIONS_KEPT`] of them.
    pub contradictions: Vec<Contradiction>,
    /// How many there are in all.
    pub contradictions_found: u64,
}

/// One share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageShare {
    /// Its name, without the server's.
    pub name: String,
    /// `\\server\share`, as it was first asked for.
    pub captured: String,
    /// Files and folders, each folder before what is in it.
    pub entries: Vec<ImageEntry>,
    /// Share-relative paths that must not exist, also of streams (`file:stream`).
    pub absent: Vec<String>,
}

/// How it is known that something existed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// Made up: the folder was not empty, and none of what was in it is known.
    Invented,
    /// A name below it exists, or could be asked for.
    Implied,
    /// A listing names it.
    Listed,
    /// It was opened, or a request for its name was answered as only something that exists is.
    Opened,
}

/// A file or folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageEntry {
    /// Share-relative, `\`-separated.
    pub path: String,
    /// Whether it is a folder.
    pub directory: bool,
    /// How its existence is known.
    pub evidence: Evidence,
    /// `FileAttributes`, [MS-FSCC] 2.6; None when no response shows them.
    pub attributes: Option<u32>,
    /// Times, as FILETIME; 0 where none is known.
    pub times: ImageTimes,
    /// Extended attributes.
    pub eas: Vec<ExtendedAttribute>,
    /// The data; of a folder nothing.
    pub data: ImageData,
    /// Alternate streams.
    pub streams: Vec<ImageStream>,
    /// Of a folder: whether a listing showed all that was in it.
    pub listed: bool,
    /// `DesiredAccess` bits that were refused and never granted; 0 for none.
    pub refused: u32,
}

/// Times of a file, FILETIME (100 ns since 1601); 0 is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ImageTimes {
    pub creation: u64,
    pub last_access: u64,
    pub last_write: u64,
    pub change: u64,
}

/// What shows the four times of a file.
macro_rules! shows_times {
    ($($source:ty),+) => {
        $(impl From<&$source> for ImageTimes {
            fn from(shown: &$source) -> Self {
                Self {
                    creation: shown.creation_time,
                    last_access: shown.last_access_time,
                    last_write: shown.last_write_time,
                    change: shown.change_time,
                }
            }
        })+
    };
}

shows_times!(BasicInformation, NetworkOpenInformation, DirectoryEntry<'_>, CreateResponse<'_>, CloseResponse);

/// One extended attribute, [MS-FSCC] 2.4.16.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtendedAttribute {
    /// FILE_NEED_EA or 0.
    pub flags: u8,
    /// Its name: ASCII by the specification, Latin-1 as it is read here.
    pub name: String,
    /// Its value.
    pub value: Vec<u8>,
}

/// An alternate stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageStream {
    /// Its name, without `:` and type.
    pub name: String,
    /// Its data.
    pub data: ImageData,
}

/// The bytes of a file or stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageData {
    /// Its length in bytes at the start of the capture.
    pub size: u64,
    /// Whether a response shows that length; else it is the least that fits what was read.
    pub size_known: bool,
    /// Bytes of `extents`.
    pub known: u64,
    /// Bytes that two READs show differently; the first counts.
    pub contradictory: u64,
    /// What was read, by offset, not overlapping, none behind `size`. Kept beside the JSON, not in it.
    #[serde(skip)]
    pub extents: Vec<(u64, Bytes)>,
}

impl ImageData {
    /// Bytes that no response shows.
    pub fn filled(&self) -> u64 {
        self.size.saturating_sub(self.known)
    }
}

/// What a capture says against itself, or what somebody did whose operations are not replayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contradiction {
    /// `\\server\share`
    pub share: String,
    /// The path.
    pub path: String,
    /// The frame of the response that does not fit what was seen before.
    pub frame: u64,
    /// What does not fit.
    pub kind: ContradictionKind,
    /// Whether another session of the capture, which is not replayed, changed the path before.
    pub by_others: bool,
}

/// What does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContradictionKind {
    /// It was not there, nobody replayed made it, and then it was. The image holds it if it can.
    Appeared,
    /// It was there, nobody replayed removed it, and then it was not. The image holds it.
    Vanished,
    /// Another size; the first one counts.
    Size,
    /// Other bytes; the first ones count.
    Content,
    /// Other attributes; the first ones count.
    Attributes,
    /// A file and a folder.
    Kind,
}

impl ContradictionKind {
    /// In a few words.
    pub fn text(self) -> &'static str {
        match self {
            Self::Appeared => "appeared without being made",
            Self::Vanished => "vanished without being removed",
            Self::Size => "has two sizes",
            Self::Content => "was read with other bytes",
            Self::Attributes => "has two sets of attributes",
            Self::Kind => "is a file and a folder",
        }
    }
}

/// An image in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageTotals {
    /// Files.
    pub files: u64,
    /// Folders.
    pub directories: u64,
    /// Alternate streams.
    pub streams: u64,
    /// Names that must not exist.
    pub absent: u64,
    /// Bytes of all files and streams.
    pub bytes: u64,
    /// Those of them that responses show.
    pub known: u64,
    /// The others.
    pub filled: u64,
    /// Known bytes that were read with another value later.
    pub contradictory: u64,
}

impl Image {
    /// How many contradictions are kept one by one.
    pub const CONTRADICTIONS_KEPT: usize = 1000;

    /// The image in numbers.
    pub fn totals(&self) -> ImageTotals {
        let mut totals = ImageTotals::default();
        for share in &self.shares {
            totals.absent += share.absent.len() as u64;
            for entry in &share.entries {
                totals.add(entry);
            }
        }
        totals
    }

    /// Whether there is nothing to make.
    pub fn is_empty(&self) -> bool {
        self.shares.iter().all(|share| share.entries.is_empty())
    }
}

impl ImageTotals {
    fn add(&mut self, entry: &ImageEntry) {
        *if entry.directory { &mut self.directories } else { &mut self.files } += 1;
        self.streams += entry.streams.len() as u64;
        for data in entry.streams.iter().map(|stream| &stream.data).chain([&entry.data]) {
            self.bytes += data.size;
            self.known += data.known;
            self.filled += data.filled();
            self.contradictory += data.contradictory;
        }
    }
}
