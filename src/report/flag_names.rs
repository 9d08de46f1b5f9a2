//! Names of flags and numbers in messages, as the specifications have them, without the prefixes that all of a kind share.

/// Flags with their names.
pub(super) type Flags = &'static [(u32, &'static str)];

/// Header flags, [MS-SMB2] 2.2.1.2.
pub(super) const HEADER: Flags = &[
    (0x1, "SERVER_TO_REDIR"),
    (0x2, "ASYNC_COMMAND"),
    (0x4, "RELATED_OPERATIONS"),
    (0x8, "SIGNED"),
    (0x10, "PRIORITY_1"),
    (0x20, "PRIORITY_2"),
    (0x40, "PRIORITY_4"),
    (0x1000_0000, "DFS_OPERATIONS"),
    (0x2000_0000, "REPLAY_OPERATION"),
];

/// Access masks, [MS-SMB2] 2.2.13.1.
pub(super) const ACCESS: Flags = &[
    (0x0000_0001, "READ_DATA"),
    (0x0000_0002, "WRITE_DATA"),
    (0x0000_0004, "APPEND_DATA"),
    (0x0000_0008, "READ_EA"),
    (0x0000_0010, "WRITE_EA"),
    (0x0000_0020, "EXECUTE"),
    (0x0000_0040, "DELETE_CHILD"),
    (0x0000_0080, "READ_ATTRIBUTES"),
    (0x0000_0100, "WRITE_ATTRIBUTES"),
    (0x0001_0000, "DELETE"),
    (0x0002_0000, "READ_CONTROL"),
    (0x0004_0000, "WRITE_DAC"),
    (0x0008_0000, "WRITE_OWNER"),
    (0x0010_0000, "SYNCHRONIZE"),
    (0x0100_0000, "ACCESS_SYSTEM_SECURITY"),
    (0x0200_0000, "MAXIMUM_ALLOWED"),
    (0x1000_0000, "GENERIC_ALL"),
    (0x2000_0000, "GENERIC_EXECUTE"),
    (0x4000_0000, "GENERIC_WRITE"),
    (0x8000_0000, "GENERIC_READ"),
];

/// ShareAccess of CREATE, [MS-SMB2] 2.2.13.
pub(super) const SHARE_ACCESS: Flags = &[(1, "READ"), (2, "WRITE"), (4, "DELETE")];

/// File attributes, [MS-FSCC] 2.6.
pub(super) const ATTRIBUTES: Flags = &[
    (0x0000_0001, "READONLY"),
    (0x0000_0002, "HIDDEN"),
    (0x0000_0004, "SYSTEM"),
    (0x0000_0010, "DIRECTORY"),
    (0x0000_0020, "ARCHIVE"),
    (0x0000_0080, "NORMAL"),
    (0x0000_0100, "TEMPORARY"),
    (0x0000_0200, "SPARSE_FILE"),
    (0x0000_0400, "REPARSE_POINT"),
    (0x0000_0800, "COMPRESSED"),
    (0x0000_1000, "OFFLINE"),
    (0x0000_2000, "NOT_CONTENT_INDEXED"),
    (0x0000_4000, "ENCRYPTED"),
];

/// CreateOptions, [MS-SMB2] 2.2.13.
pub(super) const CREATE_OPTIONS: Flags = &[
    (0x0000_0001, "DIRECTORY_FILE"),
    (0x0000_0002, "WRITE_THROUGH"),
    (0x0000_0004, "SEQUENTIAL_ONLY"),
    (0x0000_0008, "NO_INTERMEDIATE_BUFFERING"),
    (0x0000_0010, "SYNCHRONOUS_IO_ALERT"),
    (0x0000_0020, "SYNCHRONOUS_IO_NONALERT"),
    (0x0000_0040, "NON_DIRECTORY_FILE"),
    (0x0000_0100, "COMPLETE_IF_OPLOCKED"),
    (0x0000_0200, "NO_EA_KNOWLEDGE"),
    (0x0000_0800, "RANDOM_ACCESS"),
    (0x0000_1000, "DELETE_ON_CLOSE"),
    (0x0000_2000, "OPEN_BY_FILE_ID"),
    (0x0000_4000, "OPEN_FOR_BACKUP_INTENT"),
    (0x0000_8000, "NO_COMPRESSION"),
    (0x0020_0000, "OPEN_REPARSE_POINT"),
    (0x0040_0000, "OPEN_NO_RECALL"),
    (0x0080_0000, "OPEN_FOR_FREE_SPACE_QUERY"),
];

/// Lease states, [MS-SMB2] 2.2.13.2.8.
pub(super) const LEASE: Flags = &[(1, "READ"), (2, "HANDLE"), (4, "WRITE")];

/// Flags of a lock element, [MS-SMB2] 2.2.26.1.
pub(super) const LOCK: Flags = &[(1, "SHARED"), (2, "EXCLUSIVE"), (4, "UNLOCK"), (0x10, "FAIL_IMMEDIATELY")];

/// Capabilities of NEGOTIATE, [MS-SMB2] 2.2.3.
pub(super) const CAPABILITIES: Flags = &[
    (0x01, "DFS"),
    (0x02, "LEASING"),
    (0x04, "LARGE_MTU"),
    (0x08, "MULTI_CHANNEL"),
    (0x10, "PERSISTENT_HANDLES"),
    (0x20, "DIRECTORY_LEASING"),
    (0x40, "ENCRYPTION"),
    (0x80, "NOTIFICATIONS"),
];

/// SecurityMode of NEGOTIATE and SESSION_SETUP, [MS-SMB2] 2.2.3.
pub(super) const SECURITY_MODE: Flags = &[(1, "SIGNING_ENABLED"), (2, "SIGNING_REQUIRED")];

/// SessionFlags of a SESSION_SETUP response, [MS-SMB2] 2.2.6.
pub(super) const SESSION: Flags = &[(1, "IS_GUEST"), (2, "IS_NULL"), (4, "ENCRYPT_DATA")];

/// CompletionFilter of CHANGE_NOTIFY, [MS-SMB2] 2.2.35.
pub(super) const NOTIFY: Flags = &[
    (0x001, "FILE_NAME"),
    (0x002, "DIR_NAME"),
    (0x004, "ATTRIBUTES"),
    (0x008, "SIZE"),
    (0x010, "LAST_WRITE"),
    (0x020, "LAST_ACCESS"),
    (0x040, "CREATION"),
    (0x080, "EA"),
    (0x100, "SECURITY"),
    (0x200, "STREAM_NAME"),
    (0x400, "STREAM_SIZE"),
    (0x800, "STREAM_WRITE"),
];

/// CreateDisposition, [MS-SMB2] 2.2.13.
pub(super) const DISPOSITION: Flags =
    &[(0, "SUPERSEDE"), (1, "OPEN"), (2, "CREATE"), (3, "OPEN_IF"), (4, "OVERWRITE"), (5, "OVERWRITE_IF")];

/// CreateAction, [MS-SMB2] 2.2.14.
pub(super) const CREATE_ACTION: Flags = &[(0, "SUPERSEDED"), (1, "OPENED"), (2, "CREATED"), (3, "OVERWRITTEN")];

/// Oplock levels, [MS-SMB2] 2.2.13.
pub(super) const OPLOCK: Flags = &[(0, "NONE"), (1, "II"), (8, "EXCLUSIVE"), (9, "BATCH"), (0xFF, "LEASE")];

/// ImpersonationLevel, [MS-SMB2] 2.2.13.
pub(super) const IMPERSONATION: Flags =
    &[(0, "ANONYMOUS"), (1, "IDENTIFICATION"), (2, "IMPERSONATION"), (3, "DELEGATE")];

/// ShareType, [MS-SMB2] 2.2.10.
pub(super) const SHARE_TYPE: Flags = &[(1, "DISK"), (2, "PIPE"), (3, "PRINT")];

/// InfoType, [MS-SMB2] 2.2.37.
pub(super) const INFO_TYPE: Flags = &[(1, "FILE"), (2, "FILESYSTEM"), (3, "SECURITY"), (4, "QUOTA")];

/// The names of the flags that are set, and what has none as a number.
pub(super) fn set_in(flags: Flags, value: u32) -> Vec<String> {
    let mut rest = value;
    let mut names = Vec::new();
    for (bit, name) in flags.iter().filter(|(bit, _)| value & bit != 0) {
        names.push((*name).to_owned());
        rest &= !bit;
    }
    if rest != 0 {
        names.push(format!("0x{rest:X}"));
    }
    names
}

/// The name of a number.
pub(super) fn name_of(values: Flags, value: u32) -> Option<&'static str> {
    values.iter().find(|(number, _)| *number == value).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_names_and_what_has_none_is_kept() {
        assert_eq!(set_in(LEASE, 5), ["READ", "WRITE"]);
        assert_eq!(set_in(LEASE, 0x81), ["READ", "0x80"]);
        assert_eq!((name_of(OPLOCK, 9), name_of(OPLOCK, 3)), (Some("BATCH"), None));
    }
}
