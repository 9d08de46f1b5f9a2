//! Operations made by hand, for the tests of this module.

use std::sync::Arc;

use bytes::Bytes;

use crate::model::{
    Command, Connection, ConnectionIndex, FileId, Header, HeaderFlags, MessageId, NtStatus, Operation, Part,
    SessionId, Timestamp, TreeId,
};

pub(super) const SHARE: &str = r"\\srv\data";

/// The point of a frame: as many milliseconds after the beginning.
fn part(frame: u64, pdu: Bytes) -> Part {
    Part { frame, time: Timestamp(frame as i64 * 1_000_000), flags: 0, pdu }
}

/// A header and a body.
pub(super) fn pdu(command: Command, response: bool, body: &[u8]) -> Bytes {
    let header = Header {
        credit_charge: 1,
        status: NtStatus::SUCCESS,
        command,
        credits: 1,
        flags: HeaderFlags(if response { HeaderFlags::SERVER_TO_REDIR } else { 0 }),
        next_command: 0,
        message_id: MessageId(1),
        async_id: None,
        tree_id: Some(TreeId(5)),
        session_id: SessionId(7),
        signature: [0; 16],
    };
    let mut bytes = Vec::new();
    header.encode(&mut bytes);
    bytes.extend_from_slice(body);
    bytes.into()
}

/// A successful operation on `SHARE`, sent with a frame and answered with the next one.
pub(super) fn operation(command: Command, frame: u64, path: &str, open: u8) -> Operation {
    let connection = Connection {
        index: ConnectionIndex(0),
        tcp_stream: 0,
        client: "192.0.2.1:50000".parse().unwrap(),
        server: "192.0.2.2:445".parse().unwrap(),
    };
    Operation {
        session_id: SessionId(7),
        request: Some(part(frame, Bytes::new())),
        response: Some(part(frame + 1, Bytes::new())),
        message_id: MessageId(frame),
        tree_id: TreeId(5),
        credit_charge: Some(1),
        credits_requested: Some(1),
        credits_granted: Some(1),
        status: Some(NtStatus::SUCCESS),
        share: Some(SHARE.into()),
        file_id: Some(FileId([open; 16])),
        path: Some(path.into()),
        ..Operation::blank(command, Arc::new(connection))
    }
}

/// The same with other facts.
pub(super) fn with(mut operation: Operation, change: impl FnOnce(&mut Operation)) -> Operation {
    change(&mut operation);
    operation
}
