//! Captured operations made by hand, for the tests of this module.

use std::sync::Arc;

use bytes::Bytes;

use crate::model::message::{
    CloseRequest, CreateRequest, ReadRequest, Request, TreeConnectRequest, WriteRequest, encode_bodyless,
};
use crate::model::{
    Command, Connection, ConnectionIndex, FileId, Header, HeaderFlags, MessageId, NtStatus, Operation, Part,
    SessionId, Timestamp, TreeId, Utf16,
};

pub(super) const SESSION: SessionId = SessionId(0x1111_2222_3333_4444);
pub(super) const TREE: TreeId = TreeId(5);

/// A header and a body.
pub(super) fn pdu(command: Command, status: NtStatus, response: bool, body: &[u8]) -> Bytes {
    let header = Header {
        credit_charge: 1,
        status,
        command,
        credits: 1,
        flags: HeaderFlags(if response { HeaderFlags::SERVER_TO_REDIR } else { 0 }),
        next_command: 0,
        message_id: MessageId(7),
        async_id: None,
        tree_id: Some(TREE),
        session_id: SESSION,
        signature: [0; 16],
    };
    let mut bytes = Vec::new();
    header.encode(&mut bytes);
    bytes.extend_from_slice(body);
    bytes.into()
}

pub(super) fn part(frame: u64, pdu: Bytes) -> Part {
    Part { frame, time: Timestamp(frame as i64 * 1_000_000), flags: 0, pdu }
}

/// An operation of a command with any body, answered with success at a frame.
pub(super) fn operation(command: Command, body: &[u8], sent: u64, answered: Option<u64>) -> Operation {
    let request = pdu(command, NtStatus(0), false, body);
    let file_id = Request::decode(command, &request).ok().and_then(|body| body.file_id());
    Operation {
        session_id: SESSION,
        request: Some(part(sent, request)),
        response: answered.map(|frame| part(frame, pdu(command, NtStatus::SUCCESS, true, &[]))),
        message_id: MessageId(sent),
        tree_id: TREE,
        credit_charge: Some(1),
        credits_requested: Some(1),
        credits_granted: Some(1),
        status: answered.map(|_| NtStatus::SUCCESS),
        share: Some("\\\\captured\\data".into()),
        file_id,
        ..Operation::blank(command, connection(0))
    }
}

pub(super) fn connection(index: u32) -> Arc<Connection> {
    Arc::new(Connection {
        index: ConnectionIndex(index),
        tcp_stream: index,
        client: format!("10.0.0.2:{}", 50_000 + index).parse().unwrap(),
        server: "10.0.0.1:445".parse().unwrap(),
    })
}

pub(super) fn echo(sent: u64, answered: Option<u64>) -> Operation {
    let mut body = Vec::new();
    encode_bodyless(&mut body);
    operation(Command::Echo, &body, sent, answered)
}

pub(super) fn tree_connect(sent: u64, answered: u64) -> Operation {
    let mut body = Vec::new();
    TreeConnectRequest::encode("\\\\captured\\data", 0, &mut body);
    operation(Command::TreeConnect, &body, sent, Some(answered))
}

/// The body of a CREATE request.
pub(super) fn create_body(name: &str, access: u32, disposition: u32, options: u32, contexts: &[u8]) -> Vec<u8> {
    let name = Utf16::encode(name);
    let mut body = Vec::new();
    let mut empty = vec![0u8; 120];
    empty[108..110].copy_from_slice(&120u16.to_le_bytes());
    let template = CreateRequest::decode(&empty).unwrap();
    CreateRequest {
        impersonation_level: 2,
        desired_access: access,
        share_access: 7,
        create_disposition: disposition,
        create_options: options,
        name: Utf16(&name),
        ..template
    }
    .encode(contexts, &mut body);
    body
}

/// The body of a CREATE response.
pub(super) fn create_response_body(id: FileId, size: u64, attributes: u32) -> Vec<u8> {
    let mut body = vec![0u8; 88];
    body[0] = 89;
    body[4] = 1;
    body[48..56].copy_from_slice(&size.to_le_bytes());
    body[56..60].copy_from_slice(&attributes.to_le_bytes());
    body[64..80].copy_from_slice(&id.0);
    body
}

/// A CREATE that was granted an id.
pub(super) fn create(path: &str, id: FileId, disposition: u32, sent: u64, answered: u64) -> Operation {
    let body = create_body(path, 0x0012_0089, disposition, 0, &[]);
    let mut operation = operation(Command::Create, &body, sent, Some(answered));
    let response = pdu(Command::Create, NtStatus::SUCCESS, true, &create_response_body(id, 0, 0x20));
    operation.response = Some(part(answered, response));
    operation.file_id = Some(id);
    operation.path = Some(path.into());
    operation
}

pub(super) fn close(path: &str, id: FileId, sent: u64, answered: u64) -> Operation {
    let mut body = Vec::new();
    CloseRequest { flags: 0, file_id: id }.encode(&mut body);
    on(path, operation(Command::Close, &body, sent, Some(answered)))
}

pub(super) fn read(path: &str, id: FileId, offset: u64, length: u32, sent: u64, answered: u64) -> Operation {
    let mut body = Vec::new();
    let request = ReadRequest {
        padding: 80,
        flags: 0,
        length,
        offset,
        file_id: id,
        minimum_count: 0,
        channel: 0,
        remaining_bytes: 0,
    };
    request.encode(&mut body);
    on(path, operation(Command::Read, &body, sent, Some(answered)))
}

pub(super) fn write(path: &str, id: FileId, offset: u64, data: &[u8], sent: u64, answered: u64) -> Operation {
    let mut body = Vec::new();
    let request = WriteRequest { offset, file_id: id, channel: 0, remaining_bytes: 0, flags: 0, data };
    request.encode(&mut body);
    on(path, operation(Command::Write, &body, sent, Some(answered)))
}

fn on(path: &str, mut operation: Operation) -> Operation {
    operation.path = Some(path.into());
    operation
}
