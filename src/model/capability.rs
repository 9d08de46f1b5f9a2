//! The capabilities of a server, [MS-SMB2] 2.2.4.

use super::Dialect;

/// A bit of `Capabilities`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // The names are those of the specification.
pub enum Capability {
    Dfs,
    Leasing,
    LargeMtu,
    MultiChannel,
    PersistentHandles,
    DirectoryLeasing,
    Encryption,
    Notifications,
}

impl Capability {
    /// All of them, by their bits.
    pub const ALL: [Self; 8] = [
        Self::Dfs,
        Self::Leasing,
        Self::LargeMtu,
        Self::MultiChannel,
        Self::PersistentHandles,
        Self::DirectoryLeasing,
        Self::Encryption,
        Self::Notifications,
    ];

    /// The bit.
    pub fn bit(self) -> u32 {
        1 << self as u32
    }

    /// The name, as in the specification without `SMB2_GLOBAL_CAP_`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dfs => "DFS",
            Self::Leasing => "LEASING",
            Self::LargeMtu => "LARGE_MTU",
            Self::MultiChannel => "MULTI_CHANNEL",
            Self::PersistentHandles => "PERSISTENT_HANDLES",
            Self::DirectoryLeasing => "DIRECTORY_LEASING",
            Self::Encryption => "ENCRYPTION",
            Self::Notifications => "NOTIFICATIONS",
        }
    }

    /// Whether a server can set the bit in this dialect. ENCRYPTION is negotiated by a context from 3.1.1 on.
    pub fn exists_in(self, dialect: Dialect) -> bool {
        match self {
            Self::Dfs => true,
            Self::Leasing | Self::LargeMtu => dialect >= Dialect::SMB2_1,
            Self::MultiChannel | Self::PersistentHandles | Self::DirectoryLeasing => dialect.is_smb3(),
            Self::Encryption => dialect.is_smb3() && dialect < Dialect::SMB3_1_1,
            Self::Notifications => dialect >= Dialect::SMB3_1_1,
        }
    }

    /// Whether servers set the bit only for clients that set it too, [MS-SMB2] 3.3.5.4.
    pub fn must_be_asked_for(self) -> bool {
        !matches!(self, Self::Dfs | Self::Leasing | Self::LargeMtu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_those_of_the_specification() {
        let bits = Capability::ALL.map(Capability::bit);
        assert_eq!(bits, [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80]);
    }
}
