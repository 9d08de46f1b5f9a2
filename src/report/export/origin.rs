//! What an operation does not say itself, and its event should: capture, session, kind of the share.

use crate::model::message::TreeConnectResponse;
use crate::model::{Command, NtStatus, Operation, SessionEntry, path};

/// What a share is, [MS-SMB2] 2.2.10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareKind {
    /// Files.
    Disk,
    /// Named pipes: `IPC$`.
    Pipe,
    /// A printer.
    Print,
}

impl ShareKind {
    /// What the answer to a TREE_CONNECT says, if it is one.
    pub fn told_by(operation: &Operation) -> Option<Self> {
        if operation.command != Command::TreeConnect || operation.status != Some(NtStatus::SUCCESS) {
            return None;
        }
        match TreeConnectResponse::decode(&operation.response.as_ref()?.pdu).ok()?.share_type {
            1 => Some(Self::Disk),
            2 => Some(Self::Pipe),
            3 => Some(Self::Print),
            _ => None,
        }
    }

    /// What the name of a share tells, for trees that were connected before the capture began.
    pub fn of_name(share: &str) -> Option<Self> {
        path::is_ipc(share).then_some(Self::Pipe)
    }
}

/// Where an operation is from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Name of the capture.
    pub capture: &'a str,
    /// Its session.
    pub session: &'a SessionEntry,
    /// What its share is, as far as it is known.
    pub share_kind: Option<ShareKind>,
}

/// The last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('\\').next().unwrap_or(path)
}

/// All before it, without the separator.
pub(super) fn folder(path: &str) -> &str {
    path.rfind('\\').map_or("", |at| &path[..at])
}

/// `\\server\share\path`
pub(super) fn full_path(operation: &Operation) -> Option<String> {
    let (share, path) = (operation.share.as_deref()?, operation.path.as_deref()?);
    Some(if path.is_empty() { share.to_owned() } else { format!("{share}\\{path}") })
}
