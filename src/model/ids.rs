//! Identifiers of [MS-SMB2], each a type of its own so that they cannot be mixed up.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The value that stands for "the one before" in the requests of a related compound, [MS-SMB2] 3.2.4.1.4.
const RELATED: u64 = u64::MAX;

/// `SessionId` of the header, [MS-SMB2] 2.2.1.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionId(pub u64);

impl SessionId {
    /// Whether a related compound leaves the id to the PDU before.
    pub fn is_inherited(self) -> bool {
        self.0 == RELATED
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:016x}", self.0)
    }
}

/// `TreeId` of a synchronous header, [MS-SMB2] 2.2.1.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreeId(pub u32);

impl TreeId {
    /// Whether a related compound leaves the id to the PDU before.
    pub fn is_inherited(self) -> bool {
        self.0 == u32::MAX
    }
}

impl fmt::Display for TreeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08x}", self.0)
    }
}

/// `MessageId` of the header, [MS-SMB2] 2.2.1.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub u64);

impl MessageId {
    /// The id of a server's unsolicited break notification, [MS-SMB2] 3.3.4.6.
    pub const UNSOLICITED: Self = Self(u64::MAX);
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `AsyncId` of an asynchronous header, [MS-SMB2] 2.2.1.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AsyncId(pub u64);

/// `SMB2_FILEID`, [MS-SMB2] 2.2.14.1: the 16 bytes as they travel, persistent part first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub [u8; 16]);

impl FileId {
    /// The id that a related compound uses for "the one before".
    pub const INHERITED: Self = Self([0xFF; 16]);

    /// Whether a related compound leaves the id to the PDU before.
    pub fn is_inherited(self) -> bool {
        self == Self::INHERITED
    }

    /// The id as Wireshark writes it (`smb2.fid`): like a GUID, whose first three numbers are little-endian.
    pub fn as_guid(self) -> String {
        let [a, b, c, d, e, f, g, h, rest @ ..] = self.0;
        let rest = hex::encode(rest);
        let (clock, node) = rest.split_at(4);
        format!("{d:02x}{c:02x}{b:02x}{a:02x}-{f:02x}{e:02x}-{h:02x}{g:02x}-{clock}-{node}")
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileId({self})")
    }
}
