//! One body of any command, by direction.

use super::{
    ChangeNotifyRequest, ChangeNotifyResponse, CloseRequest, CloseResponse, CreateRequest, CreateResponse,
    ErrorResponse, FlushRequest, IoctlRequest, IoctlResponse, LockRequest, NegotiateRequest, NegotiateResponse,
    OplockBreak, QueryDirectoryRequest, QueryDirectoryResponse, QueryInfoRequest, QueryInfoResponse, ReadRequest,
    ReadResponse, SessionSetupRequest, SessionSetupResponse, SetInfoRequest, TreeConnectRequest, TreeConnectResponse,
    WriteRequest, WriteResponse,
};
use crate::model::command::Command;
use crate::model::ids::FileId;
use crate::model::layout::{Layout, Malformed};
use crate::model::nt_status::{NtStatus, Severity};

/// The body of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    Negotiate(NegotiateRequest<'a>),
    SessionSetup(SessionSetupRequest<'a>),
    Logoff,
    TreeConnect(TreeConnectRequest<'a>),
    TreeDisconnect,
    Create(CreateRequest<'a>),
    Close(CloseRequest),
    Flush(FlushRequest),
    Read(ReadRequest),
    Write(WriteRequest<'a>),
    Lock(LockRequest<'a>),
    Ioctl(IoctlRequest<'a>),
    Cancel,
    Echo,
    QueryDirectory(QueryDirectoryRequest<'a>),
    ChangeNotify(ChangeNotifyRequest),
    QueryInfo(QueryInfoRequest<'a>),
    SetInfo(SetInfoRequest<'a>),
    OplockBreak(OplockBreak),
    /// A command outside the specification.
    Unknown,
}

/// The body of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response<'a> {
    /// [MS-SMB2] 2.2.2, whatever the command.
    Error(ErrorResponse<'a>),
    Negotiate(NegotiateResponse<'a>),
    SessionSetup(SessionSetupResponse<'a>),
    TreeConnect(TreeConnectResponse),
    Create(CreateResponse<'a>),
    Close(CloseResponse),
    Read(ReadResponse<'a>),
    Write(WriteResponse),
    Ioctl(IoctlResponse<'a>),
    QueryDirectory(QueryDirectoryResponse<'a>),
    ChangeNotify(ChangeNotifyResponse<'a>),
    QueryInfo(QueryInfoResponse<'a>),
    OplockBreak(OplockBreak),
    /// LOGOFF, TREE_DISCONNECT, FLUSH, LOCK, ECHO, SET_INFO: success is all they say.
    Done,
    /// A command outside the specification.
    Unknown,
}

/// `StructureSize` of a command's request and of its regular response; OPLOCK_BREAK has several.
fn structure_sizes(command: Command) -> Option<(u16, u16)> {
    Some(match command {
        Command::Negotiate => (36, 65),
        Command::SessionSetup => (25, 9),
        Command::Logoff | Command::TreeDisconnect | Command::Echo | Command::Cancel => (4, 4),
        Command::TreeConnect => (9, 16),
        Command::Create => (57, 89),
        Command::Close => (24, 60),
        Command::Flush => (24, 4),
        Command::Read => (49, 17),
        Command::Write => (49, 17),
        Command::Lock => (48, 4),
        Command::Ioctl => (57, 49),
        Command::QueryDirectory => (33, 9),
        Command::ChangeNotify => (32, 9),
        Command::QueryInfo => (41, 9),
        Command::SetInfo => (33, 2),
        Command::OplockBreak | Command::Unknown(_) => return None,
    })
}

impl<'a> Request<'a> {
    /// Decodes the body of a request PDU (header and body) by its command.
    pub fn decode(command: Command, pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        if let Some((expected, _)) = structure_sizes(command)
            && layout.u16("StructureSize", 64)? != expected
        {
            return Err(layout.malformed("StructureSize", 64));
        }
        Ok(match command {
            Command::Negotiate => Self::Negotiate(NegotiateRequest::decode(pdu)?),
            Command::SessionSetup => Self::SessionSetup(SessionSetupRequest::decode(pdu)?),
            Command::Logoff => Self::Logoff,
            Command::TreeConnect => Self::TreeConnect(TreeConnectRequest::decode(pdu)?),
            Command::TreeDisconnect => Self::TreeDisconnect,
            Command::Create => Self::Create(CreateRequest::decode(pdu)?),
            Command::Close => Self::Close(CloseRequest::decode(pdu)?),
            Command::Flush => Self::Flush(FlushRequest::decode(pdu)?),
            Command::Read => Self::Read(ReadRequest::decode(pdu)?),
            Command::Write => Self::Write(WriteRequest::decode(pdu)?),
            Command::Lock => Self::Lock(LockRequest::decode(pdu)?),
            Command::Ioctl => Self::Ioctl(IoctlRequest::decode(pdu)?),
            Command::Cancel => Self::Cancel,
            Command::Echo => Self::Echo,
            Command::QueryDirectory => Self::QueryDirectory(QueryDirectoryRequest::decode(pdu)?),
            Command::ChangeNotify => Self::ChangeNotify(ChangeNotifyRequest::decode(pdu)?),
            Command::QueryInfo => Self::QueryInfo(QueryInfoRequest::decode(pdu)?),
            Command::SetInfo => Self::SetInfo(SetInfoRequest::decode(pdu)?),
            Command::OplockBreak => Self::OplockBreak(OplockBreak::decode(pdu)?),
            Command::Unknown(_) => Self::Unknown,
        })
    }

    /// The FileId in the body, as it stands there (it may be [`FileId::INHERITED`]).
    pub fn file_id(&self) -> Option<FileId> {
        match self {
            Self::Close(body) => Some(body.file_id),
            Self::Flush(body) => Some(body.file_id),
            Self::Read(body) => Some(body.file_id),
            Self::Write(body) => Some(body.file_id),
            Self::Lock(body) => Some(body.file_id),
            Self::Ioctl(body) => Some(body.file_id),
            Self::QueryDirectory(body) => Some(body.file_id),
            Self::ChangeNotify(body) => Some(body.file_id),
            Self::QueryInfo(body) => Some(body.file_id),
            Self::SetInfo(body) => Some(body.file_id),
            Self::OplockBreak(body) => body.file_id(),
            _ => None,
        }
    }
}

impl<'a> Response<'a> {
    /// Decodes the body of a response PDU by its command and the status of its header.
    pub fn decode(command: Command, status: NtStatus, pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let structure_size = layout.u16("StructureSize", 64)?;
        if !response_body_is_regular(command, status, structure_size) {
            return match structure_size {
                9 => Ok(Self::Error(ErrorResponse::decode(pdu)?)),
                _ => Err(layout.malformed("StructureSize", 64)),
            };
        }
        Ok(match command {
            Command::Negotiate => Self::Negotiate(NegotiateResponse::decode(pdu)?),
            Command::SessionSetup => Self::SessionSetup(SessionSetupResponse::decode(pdu)?),
            Command::TreeConnect => Self::TreeConnect(TreeConnectResponse::decode(pdu)?),
            Command::Create => Self::Create(CreateResponse::decode(pdu)?),
            Command::Close => Self::Close(CloseResponse::decode(pdu)?),
            Command::Read => Self::Read(ReadResponse::decode(pdu)?),
            Command::Write => Self::Write(WriteResponse::decode(pdu)?),
            Command::Ioctl => Self::Ioctl(IoctlResponse::decode(pdu)?),
            Command::QueryDirectory => Self::QueryDirectory(QueryDirectoryResponse::decode(pdu)?),
            Command::ChangeNotify => Self::ChangeNotify(ChangeNotifyResponse::decode(pdu)?),
            Command::QueryInfo => Self::QueryInfo(QueryInfoResponse::decode(pdu)?),
            Command::OplockBreak => Self::OplockBreak(OplockBreak::decode(pdu)?),
            Command::Logoff
            | Command::TreeDisconnect
            | Command::Flush
            | Command::Lock
            | Command::Echo
            | Command::Cancel
            | Command::SetInfo => Self::Done,
            Command::Unknown(_) => Self::Unknown,
        })
    }
}

/// Whether a response has the command's own body and not an ERROR response, [MS-SMB2] 3.3.4.4.
pub fn response_body_is_regular(command: Command, status: NtStatus, structure_size: u16) -> bool {
    let expected = structure_sizes(command).map(|(_, expected)| expected);
    let fits = expected.is_none_or(|expected| structure_size == expected);
    let carries_a_body = match status {
        NtStatus::SUCCESS => true,
        NtStatus::MORE_PROCESSING_REQUIRED => command == Command::SessionSetup,
        NtStatus::BUFFER_OVERFLOW => matches!(command, Command::QueryInfo | Command::Read | Command::Ioctl),
        NtStatus::NOTIFY_ENUM_DIR => command == Command::ChangeNotify,
        // Success with a remark; the size tells the body from an ERROR response's, where that has another.
        _ if matches!(status.severity(), Severity::Success | Severity::Informational)
            && expected.is_some_and(|expected| expected != 9) =>
        {
            true
        }
        // COPYCHUNK answers its limits with a failure, and any IOCTL may fail with output.
        _ => command == Command::Ioctl && structure_size == 49,
    };
    fits && carries_a_body
}

/// Where the FileId stands in a request, from the start of the SMB2 header. None for commands without one; an
/// OPLOCK_BREAK has one only when it is about an oplock.
pub fn file_id_offset(command: Command) -> Option<usize> {
    match command {
        Command::Close
        | Command::Flush
        | Command::Lock
        | Command::Ioctl
        | Command::QueryDirectory
        | Command::ChangeNotify
        | Command::OplockBreak => Some(72),
        Command::Read | Command::Write | Command::SetInfo => Some(80),
        Command::QueryInfo => Some(88),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_with_success_does_not_hide_the_body_and_a_failure_has_none() {
        let create = |status| response_body_is_regular(Command::Create, NtStatus(status), 89);
        // STATUS_OPLOCK_BREAK_IN_PROGRESS, STATUS_OBJECT_NAME_EXISTS
        assert!(create(0) && create(0x0000_0108) && create(0x4000_0000));
        // STATUS_STOPPED_ON_SYMLINK, STATUS_OBJECT_NAME_COLLISION
        assert!(!create(0x8000_002D) && !create(0xC000_0035));
        // STATUS_PENDING comes with an ERROR response, of which QUERY_DIRECTORY's size is.
        assert!(!response_body_is_regular(Command::QueryDirectory, NtStatus::PENDING, 9));
        assert!(!response_body_is_regular(Command::Create, NtStatus::PENDING, 9));
    }
}
