//! What goes out: one PDU, or several chained by NextCommand, in one frame.

use bytes::Bytes;

use super::session::Session;
use crate::model::{Command, HeaderFlags, SessionId, TreeId};

/// A request as the caller wants it. Message id, signature, NextCommand and the credits asked for are the engine's.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// `Command`
    pub command: Command,
    /// The session whose keys sign or seal it, and whose id stands in the header. None before there is one.
    pub session: Option<Session>,
    /// What stands in the header's `SessionId` in place of the session's own: the FF…FF of a related PDU.
    pub session_id: Option<SessionId>,
    /// `TreeId`
    pub tree_id: TreeId,
    /// `CreditCharge`: the message ids and credits it costs; 0 costs one as well. On connections without multi-credit
    /// requests 0 is sent.
    pub credit_charge: u16,
    /// The least `CreditRequest` to send; the engine asks for more when it has less than its target.
    pub credits: u16,
    /// Flags to send: RELATED_OPERATIONS, DFS_OPERATIONS, REPLAY_OPERATION, priority. SERVER_TO_REDIR, ASYNC_COMMAND and SIGNED are
    /// the engine's and ignored.
    pub flags: HeaderFlags,
    /// `ChannelSequence`
    pub channel_sequence: u16,
    /// Signs it even where the session does not require it (a session without a key cannot).
    pub sign: bool,
    /// The body, sent as it is.
    pub body: Bytes,
}

impl Outgoing {
    /// A request without session or tree that costs one credit.
    pub fn new(command: Command, body: impl Into<Bytes>) -> Self {
        Self {
            command,
            session: None,
            session_id: None,
            tree_id: TreeId(0),
            credit_charge: 1,
            credits: 1,
            flags: HeaderFlags(0),
            channel_sequence: 0,
            sign: false,
            body: body.into(),
        }
    }

    /// In a session.
    #[must_use]
    pub fn in_session(mut self, session: &Session) -> Self {
        self.session = Some(session.clone());
        self
    }

    /// In a tree of its session.
    #[must_use]
    pub fn in_tree(mut self, tree_id: TreeId) -> Self {
        self.tree_id = tree_id;
        self
    }

    /// With a charge for a payload of so many bytes, [MS-SMB2] 3.1.5.2.
    #[must_use]
    pub fn charged_for(mut self, payload: usize) -> Self {
        self.credit_charge = u16::try_from(payload.div_ceil(0x1_0000).max(1)).unwrap_or(u16::MAX);
        self
    }

    /// As a later PDU of a related compound: session and tree come from the PDU before.
    #[must_use]
    pub fn related(mut self) -> Self {
        self.flags.0 |= HeaderFlags::RELATED_OPERATIONS;
        self.session_id = Some(SessionId(u64::MAX));
        self.tree_id = TreeId(u32::MAX);
        self
    }
}

/// One or more requests that travel in one frame.
#[derive(Clone, Debug)]
pub struct Chain {
    pub(super) requests: Vec<Outgoing>,
}

impl Chain {
    /// A chain in this order. It must not be empty.
    pub fn new(requests: Vec<Outgoing>) -> Self {
        Self { requests }
    }

    /// The requests, in order.
    pub fn requests(&self) -> &[Outgoing] {
        &self.requests
    }
}

impl From<Outgoing> for Chain {
    fn from(request: Outgoing) -> Self {
        Self { requests: vec![request] }
    }
}

impl From<Vec<Outgoing>> for Chain {
    fn from(requests: Vec<Outgoing>) -> Self {
        Self { requests }
    }
}
