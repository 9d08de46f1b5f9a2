//! The commands of [MS-SMB2] 2.2.1.

use std::fmt;

/// `Command` of the header. A code the specification does not know is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Command {
    Negotiate,
    SessionSetup,
    Logoff,
    TreeConnect,
    TreeDisconnect,
    Create,
    Close,
    Flush,
    Read,
    Write,
    Lock,
    Ioctl,
    Cancel,
    Echo,
    QueryDirectory,
    ChangeNotify,
    QueryInfo,
    SetInfo,
    OplockBreak,
    /// A code outside the specification.
    Unknown(u16),
}

impl Command {
    /// Every command of the specification, in the order of its code.
    pub const ALL: [Self; 19] = [
        Self::Negotiate,
        Self::SessionSetup,
        Self::Logoff,
        Self::TreeConnect,
        Self::TreeDisconnect,
        Self::Create,
        Self::Close,
        Self::Flush,
        Self::Read,
        Self::Write,
        Self::Lock,
        Self::Ioctl,
        Self::Cancel,
        Self::Echo,
        Self::QueryDirectory,
        Self::ChangeNotify,
        Self::QueryInfo,
        Self::SetInfo,
        Self::OplockBreak,
    ];

    /// The command of a header's code.
    pub fn from_code(code: u16) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or(Self::Unknown(code))
    }

    /// The code in the header.
    pub fn code(self) -> u16 {
        match self {
            Self::Negotiate => 0,
            Self::SessionSetup => 1,
            Self::Logoff => 2,
            Self::TreeConnect => 3,
            Self::TreeDisconnect => 4,
            Self::Create => 5,
            Self::Close => 6,
            Self::Flush => 7,
            Self::Read => 8,
            Self::Write => 9,
            Self::Lock => 10,
            Self::Ioctl => 11,
            Self::Cancel => 12,
            Self::Echo => 13,
            Self::QueryDirectory => 14,
            Self::ChangeNotify => 15,
            Self::QueryInfo => 16,
            Self::SetInfo => 17,
            Self::OplockBreak => 18,
            Self::Unknown(code) => code,
        }
    }

    /// The name of [MS-SMB2] without its `SMB2 ` prefix: `TREE_CONNECT`. None for an unknown code.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Negotiate => "NEGOTIATE",
            Self::SessionSetup => "SESSION_SETUP",
            Self::Logoff => "LOGOFF",
            Self::TreeConnect => "TREE_CONNECT",
            Self::TreeDisconnect => "TREE_DISCONNECT",
            Self::Create => "CREATE",
            Self::Close => "CLOSE",
            Self::Flush => "FLUSH",
            Self::Read => "READ",
            Self::Write => "WRITE",
            Self::Lock => "LOCK",
            Self::Ioctl => "IOCTL",
            Self::Cancel => "CANCEL",
            Self::Echo => "ECHO",
            Self::QueryDirectory => "QUERY_DIRECTORY",
            Self::ChangeNotify => "CHANGE_NOTIFY",
            Self::QueryInfo => "QUERY_INFO",
            Self::SetInfo => "SET_INFO",
            Self::OplockBreak => "OPLOCK_BREAK",
            Self::Unknown(_) => return None,
        })
    }

    /// The command of a name, in any case, with `-` or nothing for `_`: `treeconnect`, `tree-connect`, `TREE_CONNECT`.
    pub fn parse(text: &str) -> Option<Self> {
        let squeeze = |s: &str| s.replace(['_', '-'], "").to_ascii_uppercase();
        let wanted = squeeze(text);
        Self::ALL.into_iter().find(|command| command.name().is_some_and(|name| squeeze(name) == wanted)).or_else(
            || {
                let digits = text.strip_prefix("0x")?;
                u16::from_str_radix(digits, 16).ok().map(Self::from_code)
            },
        )
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => f.pad(&format!("0x{:04X}", self.code())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_trip_also_unknown_ones() {
        for code in 0..64 {
            assert_eq!(Command::from_code(code).code(), code);
        }
    }

    #[test]
    fn names_round_trip_in_any_spelling() {
        for command in Command::ALL {
            assert_eq!(Command::parse(&command.to_string()), Some(command));
            assert_eq!(Command::parse(&command.to_string().to_lowercase().replace('_', "-")), Some(command));
        }
        assert_eq!(Command::parse("0x0020"), Some(Command::Unknown(0x20)));
        assert_eq!(Command::parse("SMASH"), None);
    }
}
