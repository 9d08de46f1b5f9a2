//! NT status values, [MS-ERREF] 2.3.

use std::fmt;

use super::nt_status_names::NT_STATUS_NAMES;

/// A 32-bit NT status as it stands in an SMB2 header, [MS-ERREF] 2.3. Unknown values survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NtStatus(pub u32);

/// The two top bits of a status, [MS-ERREF] 2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// `0`
    Success,
    /// `1`
    Informational,
    /// `2`
    Warning,
    /// `3`
    Error,
}

#[allow(missing_docs)]
impl NtStatus {
    pub const SUCCESS: Self = Self(0);
    pub const PENDING: Self = Self(0x0000_0103);
    pub const NOTIFY_CLEANUP: Self = Self(0x0000_010B);
    pub const NOTIFY_ENUM_DIR: Self = Self(0x0000_010C);
    pub const BUFFER_OVERFLOW: Self = Self(0x8000_0005);
    pub const NO_MORE_FILES: Self = Self(0x8000_0006);
    pub const STOPPED_ON_SYMLINK: Self = Self(0x8000_002D);
    pub const INVALID_PARAMETER: Self = Self(0xC000_000D);
    pub const NO_SUCH_FILE: Self = Self(0xC000_000F);
    pub const END_OF_FILE: Self = Self(0xC000_0011);
    pub const MORE_PROCESSING_REQUIRED: Self = Self(0xC000_0016);
    pub const ACCESS_DENIED: Self = Self(0xC000_0022);
    pub const OBJECT_NAME_INVALID: Self = Self(0xC000_0033);
    pub const OBJECT_NAME_NOT_FOUND: Self = Self(0xC000_0034);
    pub const OBJECT_NAME_COLLISION: Self = Self(0xC000_0035);
    pub const OBJECT_PATH_NOT_FOUND: Self = Self(0xC000_003A);
    pub const SHARING_VIOLATION: Self = Self(0xC000_0043);
    pub const NO_EAS_ON_FILE: Self = Self(0xC000_0052);
    pub const DELETE_PENDING: Self = Self(0xC000_0056);
    pub const LOGON_FAILURE: Self = Self(0xC000_006D);
    pub const FILE_IS_A_DIRECTORY: Self = Self(0xC000_00BA);
    pub const NOT_SUPPORTED: Self = Self(0xC000_00BB);
    pub const NETWORK_NAME_DELETED: Self = Self(0xC000_00C9);
    pub const BAD_NETWORK_NAME: Self = Self(0xC000_00CC);
    pub const REQUEST_NOT_ACCEPTED: Self = Self(0xC000_00D0);
    pub const DIRECTORY_NOT_EMPTY: Self = Self(0xC000_0101);
    pub const NOT_A_DIRECTORY: Self = Self(0xC000_0103);
    pub const CANCELLED: Self = Self(0xC000_0120);
    pub const CANNOT_DELETE: Self = Self(0xC000_0121);
    pub const FILE_CLOSED: Self = Self(0xC000_0128);
    pub const USER_SESSION_DELETED: Self = Self(0xC000_0203);
    pub const NETWORK_SESSION_EXPIRED: Self = Self(0xC000_035C);
    pub const FILE_NOT_AVAILABLE: Self = Self(0xC000_0467);
}

impl NtStatus {
    /// The severity bits.
    pub fn severity(self) -> Severity {
        match self.0 >> 30 {
            0 => Severity::Success,
            1 => Severity::Informational,
            2 => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// Whether this is a failure of the operation: severity Error, except the step of a login that asks for more.
    pub fn is_error(self) -> bool {
        self.severity() == Severity::Error && self != Self::MORE_PROCESSING_REQUIRED
    }

    /// The name in [MS-ERREF], if it has one.
    pub fn name(self) -> Option<&'static str> {
        NT_STATUS_NAMES.binary_search_by_key(&self.0, |(value, _)| *value).ok().map(|i| NT_STATUS_NAMES[i].1)
    }

    /// The value behind a name of [MS-ERREF], in any case, with or without `STATUS_`, or `0x…`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            return u32::from_str_radix(digits, 16).ok().map(Self);
        }
        let wanted = text.to_ascii_uppercase();
        NT_STATUS_NAMES
            .iter()
            .find(|(_, name)| *name == wanted || name.strip_prefix("STATUS_") == Some(&wanted))
            .map(|(value, _)| Self(*value))
    }
}

impl fmt::Display for NtStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => f.pad(&format!("0x{:08X}", self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_so_that_the_search_finds_each() {
        assert!(NT_STATUS_NAMES.windows(2).all(|w| w[0].0 < w[1].0));
        for (value, name) in NT_STATUS_NAMES {
            assert_eq!(NtStatus(*value).name(), Some(*name));
        }
    }

    #[test]
    fn unknown_values_survive_as_hex() {
        assert_eq!(NtStatus(0xC123_4567).to_string(), "0xC1234567");
        assert_eq!(NtStatus::parse("0xC1234567"), Some(NtStatus(0xC123_4567)));
    }

    #[test]
    fn names_parse_with_and_without_prefix() {
        let expected = Some(NtStatus::OBJECT_NAME_NOT_FOUND);
        assert_eq!(NtStatus::parse("STATUS_OBJECT_NAME_NOT_FOUND"), expected);
        assert_eq!(NtStatus::parse("object_name_not_found"), expected);
        assert_eq!(NtStatus::parse("no such status"), None);
    }
}
