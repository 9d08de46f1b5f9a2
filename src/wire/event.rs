//! What the server says unasked.

use std::time::Instant;

use bytes::Bytes;

use crate::model::{MessageId, SessionId};

/// A message of the server that answers no waiting request.
#[derive(Clone, Debug)]
pub struct Event {
    /// When it arrived.
    pub received: Instant,
    /// What it is.
    pub kind: EventKind,
    /// The session in its header.
    pub session_id: SessionId,
    /// The whole PDU, decrypted.
    pub pdu: Bytes,
}

/// Kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// OPLOCK_BREAK notification of an oplock or a lease, [MS-SMB2] 2.2.23.
    Break,
    /// An interim response to a request that already had one.
    ExtraInterim(MessageId),
    /// A response to no request in flight.
    Orphan(MessageId),
}
