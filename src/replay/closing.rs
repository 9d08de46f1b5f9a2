//! The ends of captured connections. They matter when something was still open: the server closes it then, deletes what was to
//! be deleted on close, keeps durable opens for a reconnect.

use std::net::SocketAddr;

use rustc_hash::FxHashMap;

use super::classify::granted_file_id;
use crate::model::message::{CreateRequest, Request};
use crate::model::{Command, ConnectionIndex, FileId, Layout, NtStatus, Operation, Timestamp};

/// The end of a captured connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Closing {
    /// The frame that ended it: the first FIN or RST.
    pub frame: u64,
    /// The time of that frame.
    pub time: Timestamp,
    /// The connection.
    pub connection: ConnectionIndex,
}

/// The closings that operations give away, for connections of which the frame is not known: a durable open reconnected over
/// another connection had lost its own before that one began.
pub(super) fn inferred_closings(operations: &[Operation], known: &[Closing]) -> Vec<Closing> {
    let mut begins: FxHashMap<ConnectionIndex, (u64, Timestamp)> = FxHashMap::default();
    let mut ends: FxHashMap<ConnectionIndex, u64> = FxHashMap::default();
    let mut homes: FxHashMap<(SocketAddr, FileId), ConnectionIndex> = FxHashMap::default();
    let mut closings: Vec<Closing> = Vec::new();
    for operation in operations {
        for part in operation.parts() {
            begins.entry(operation.connection.index).or_insert((part.frame, part.time));
            let end = ends.entry(operation.connection.index).or_default();
            *end = part.frame.max(*end);
        }
    }
    for operation in operations.iter().filter(|operation| operation.command == Command::Create) {
        let (server, here) = (operation.connection.server, operation.connection.index);
        let lost = reconnected(operation).and_then(|id| homes.get(&(server, id)).copied());
        if let Some(lost) = lost.filter(|lost| *lost != here && operation.status == Some(NtStatus::SUCCESS))
            && let Some((frame, time)) = begins.get(&here)
            && ends.get(&lost).is_some_and(|end| end < frame)
            && !known.iter().chain(&closings).any(|closing| closing.connection == lost)
        {
            closings.push(Closing { frame: frame - 1, time: *time, connection: lost });
        }
        if let Some(id) = granted_file_id(operation) {
            homes.insert((server, id), here);
        }
    }
    closings
}

/// The open that a CREATE reconnects, [MS-SMB2] 2.2.13.2.4 and 2.2.13.2.12.
pub(super) fn reconnected(operation: &Operation) -> Option<FileId> {
    let pdu = operation.request.as_ref()?.pdu.as_ref();
    let Ok(Request::Create(CreateRequest { contexts, .. })) = Request::decode(Command::Create, pdu) else {
        return None;
    };
    let context = contexts.find(b"DH2C").or_else(|| contexts.find(b"DHnC"))?;
    Layout(context.data).file_id(0).ok()
}
