//! SMB1, as far as tshark tells of it: messages and operations to look at. They have no place in a dataset and cannot be replayed.

use std::fmt;

use super::nt_status::NtStatus;
use super::timestamp::Timestamp;

/// A command code of SMB1, [MS-CIFS] 2.2.2.1. Codes without a name survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Smb1Command(pub u8);

/// [MS-CIFS] 2.2.2.1, those that clients since Windows NT send.
const NAMES: &[(u8, &str)] = &[
    (0x00, "CREATE_DIRECTORY"),
    (0x01, "DELETE_DIRECTORY"),
    (0x02, "OPEN"),
    (0x03, "CREATE"),
    (0x04, "CLOSE"),
    (0x05, "FLUSH"),
    (0x06, "DELETE"),
    (0x07, "RENAME"),
    (0x08, "QUERY_INFORMATION"),
    (0x09, "SET_INFORMATION"),
    (0x0A, "READ"),
    (0x0B, "WRITE"),
    (0x0C, "LOCK_BYTE_RANGE"),
    (0x0D, "UNLOCK_BYTE_RANGE"),
    (0x0F, "CREATE_NEW"),
    (0x10, "CHECK_DIRECTORY"),
    (0x12, "SEEK"),
    (0x13, "LOCK_AND_READ"),
    (0x14, "WRITE_AND_UNLOCK"),
    (0x1A, "READ_RAW"),
    (0x1D, "WRITE_RAW"),
    (0x22, "SET_INFORMATION2"),
    (0x23, "QUERY_INFORMATION2"),
    (0x24, "LOCKING_ANDX"),
    (0x25, "TRANSACTION"),
    (0x26, "TRANSACTION_SECONDARY"),
    (0x27, "IOCTL"),
    (0x2B, "ECHO"),
    (0x2C, "WRITE_AND_CLOSE"),
    (0x2D, "OPEN_ANDX"),
    (0x2E, "READ_ANDX"),
    (0x2F, "WRITE_ANDX"),
    (0x32, "TRANSACTION2"),
    (0x33, "TRANSACTION2_SECONDARY"),
    (0x34, "FIND_CLOSE2"),
    (0x70, "TREE_CONNECT"),
    (0x71, "TREE_DISCONNECT"),
    (0x72, "NEGOTIATE"),
    (0x73, "SESSION_SETUP_ANDX"),
    (0x74, "LOGOFF_ANDX"),
    (0x75, "TREE_CONNECT_ANDX"),
    (0x80, "QUERY_INFORMATION_DISK"),
    (0x81, "SEARCH"),
    (0xA0, "NT_TRANSACT"),
    (0xA1, "NT_TRANSACT_SECONDARY"),
    (0xA2, "NT_CREATE_ANDX"),
    (0xA4, "NT_CANCEL"),
    (0xA5, "NT_RENAME"),
    (0xC0, "OPEN_PRINT_FILE"),
    (0xC1, "WRITE_PRINT_FILE"),
    (0xC2, "CLOSE_PRINT_FILE"),
];

impl Smb1Command {
    #[allow(missing_docs)]
    pub const CLOSE: Self = Self(0x04);
    #[allow(missing_docs)]
    pub const SESSION_SETUP_ANDX: Self = Self(0x73);
    /// What stands for "none behind it" in an AndX chain.
    pub const NO_ANDX: Self = Self(0xFF);

    /// Its name in [MS-CIFS] without `SMB_COM_`.
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(code, _)| *code == self.0).map(|(_, name)| *name)
    }

    /// Whether it opens or makes a file.
    pub fn opens(self) -> bool {
        matches!(self.0, 0x02 | 0x03 | 0x0F | 0x2D | 0xA2)
    }

    /// Whether it deletes a file or folder by its name.
    pub fn deletes(self) -> bool {
        matches!(self.0, 0x01 | 0x06)
    }

    /// Whether it reads from a file.
    pub fn reads(self) -> bool {
        matches!(self.0, 0x0A | 0x13 | 0x1A | 0x2E)
    }

    /// Whether it writes to a file.
    pub fn writes(self) -> bool {
        matches!(self.0, 0x0B | 0x14 | 0x1D | 0x2C | 0x2F)
    }
}

impl fmt::Display for Smb1Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:02X}", self.0),
        }
    }
}

/// One message of SMB1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Smb1Message {
    /// The frame that completed it.
    pub frame: u64,
    /// When that was captured.
    pub time: Timestamp,
    /// The TCP conversation, as Wireshark counts them.
    pub tcp_stream: u32,
    /// `address:port` of who sent it.
    pub from: String,
    /// `address:port` of who received it.
    pub to: String,
    /// Whether it is a response.
    pub response: bool,
    /// Its command, and those behind it in its AndX chain.
    pub commands: Vec<Smb1Command>,
    /// Status of a response; None when it is one of DOS.
    pub status: Option<NtStatus>,
    /// Error class and code of a response that tells its status in the manner of DOS.
    pub dos_error: Option<(u8, u16)>,
    /// UID: the login.
    pub user_id: u16,
    /// TID: the tree.
    pub tree_id: u16,
    /// PID and MID: what ties a response to its request.
    pub multiplex: (u32, u16),
    /// `\\server\share` of the tree.
    pub share: Option<String>,
    /// FID: the open file.
    pub file_id: Option<u16>,
    /// Path in the share.
    pub path: Option<String>,
    /// Target of a rename.
    pub new_path: Option<String>,
    /// Search pattern.
    pub pattern: Option<String>,
    /// Bytes that a response to a READ carries or one to a WRITE accepts.
    pub bytes: Option<u64>,
    /// Who logs in.
    pub user: Option<String>,
    /// Whose domain that is.
    pub domain: Option<String>,
    /// From which workstation.
    pub workstation: Option<String>,
    /// Whether the server takes the login for a guest's.
    pub guest: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_have_names_and_unknown_ones_their_code() {
        assert_eq!([Smb1Command(0xA2).to_string(), Smb1Command(0xEE).to_string()], ["NT_CREATE_ANDX", "0xEE"]);
        assert!(NAMES.is_sorted_by_key(|(code, _)| *code));
    }
}
