//! Dialect revisions, [MS-SMB2] 2.2.3 and 2.2.4.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A `DialectRevision`. Unknown values survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Dialect(pub u16);

impl Dialect {
    /// SMB 2.0.2
    pub const SMB2_0_2: Self = Self(0x0202);
    /// SMB 2.1
    pub const SMB2_1: Self = Self(0x0210);
    /// SMB 3.0
    pub const SMB3_0: Self = Self(0x0300);
    /// SMB 3.0.2
    pub const SMB3_0_2: Self = Self(0x0302);
    /// SMB 3.1.1
    pub const SMB3_1_1: Self = Self(0x0311);
    /// The answer to a multi-protocol negotiate: "SMB2, ask again", [MS-SMB2] 2.2.4.
    pub const WILDCARD: Self = Self(0x02FF);

    /// The dialects that can be spoken, ascending.
    pub const ALL: [Self; 5] = [Self::SMB2_0_2, Self::SMB2_1, Self::SMB3_0, Self::SMB3_0_2, Self::SMB3_1_1];

    /// Whether this is of the SMB 3.x family.
    pub fn is_smb3(self) -> bool {
        self.0 >= 0x0300
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match *self {
            Self::SMB2_0_2 => "2.0.2",
            Self::SMB2_1 => "2.1",
            Self::SMB3_0 => "3.0",
            Self::SMB3_0_2 => "3.0.2",
            Self::SMB3_1_1 => "3.1.1",
            Self::WILDCARD => "2.???",
            Self(other) => return write!(f, "0x{other:04X}"),
        })
    }
}

impl From<Dialect> for String {
    fn from(dialect: Dialect) -> Self {
        dialect.to_string()
    }
}

/// The text is not a dialect: one of `2.0.2 2.1 3.0 3.0.2 3.1.1`, or a revision as `0x0311`.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no SMB2 dialect; there are 2.0.2, 2.1, 3.0, 3.0.2 and 3.1.1")]
pub struct UnknownDialect(String);

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(text: &str) -> Result<Self, UnknownDialect> {
        if text == "2.???" {
            return Ok(Self::WILDCARD);
        }
        if let Some(dialect) = Self::ALL.into_iter().find(|d| d.to_string() == text) {
            return Ok(dialect);
        }
        text.strip_prefix("0x")
            .and_then(|digits| u16::from_str_radix(digits, 16).ok())
            .map(Self)
            .ok_or_else(|| UnknownDialect(text.to_owned()))
    }
}

impl TryFrom<String> for Dialect {
    type Error = UnknownDialect;

    fn try_from(text: String) -> Result<Self, UnknownDialect> {
        text.parse()
    }
}
