//! The little of an operation that counting takes.

use std::net::IpAddr;

use super::command::Command;
use super::ids::FileId;
use super::nt_status::NtStatus;
use super::operation::{Operation, Part};
use super::timestamp::Timestamp;

/// A few fields of an [`Operation`], borrowed from where they were read: what a count over millions of them needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OperationDigest<'a> {
    /// The command.
    pub command: Command,
    /// The side that sent the request.
    pub client: IpAddr,
    /// Frame and time of the request.
    pub request: Option<(u64, Timestamp)>,
    /// Frame and time of the final response.
    pub response: Option<(u64, Timestamp)>,
    /// Status of the final response.
    pub status: Option<NtStatus>,
    /// `\\server\share` of the tree.
    pub share: Option<&'a str>,
    /// Share-relative path.
    pub path: Option<&'a str>,
    /// The open that it is about.
    pub file_id: Option<FileId>,
    /// READ, WRITE: where in the file.
    pub offset: Option<u64>,
    /// READ, WRITE: bytes asked for.
    pub length: Option<u64>,
    /// READ, WRITE: bytes returned or accepted.
    pub bytes: Option<u64>,
}

impl OperationDigest<'_> {
    /// Nanoseconds from the request to its final response.
    pub fn latency_ns(&self) -> Option<i64> {
        Some(self.response?.1.since(self.request?.1))
    }
}

impl<'a> From<&'a Operation> for OperationDigest<'a> {
    fn from(operation: &'a Operation) -> Self {
        let of = |part: &Option<Part>| part.as_ref().map(|part| (part.frame, part.time));
        Self {
            command: operation.command,
            client: operation.connection.client.ip(),
            request: of(&operation.request),
            response: of(&operation.response),
            status: operation.status,
            share: operation.share.as_deref(),
            path: operation.path.as_deref(),
            file_id: operation.file_id,
            offset: operation.facts.offset,
            length: operation.facts.length,
            bytes: operation.facts.bytes,
        }
    }
}
