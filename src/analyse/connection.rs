//! What pairing keeps of one connection.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::pairing::{ServerIndex, SessionSlot};
use super::session_window::{OpKey, SessionWindow};
use crate::model::{Connection, Dialect, FileId, MessageId, RawPdu, SessionId, TreeId};

/// Ids of requests that have ended, kept to tell a second response from one whose request is missing.
const RECENT: usize = 64;

/// One connection.
pub(super) struct ConnectionState {
    pub info: Arc<Connection>,
    pub server: ServerIndex,
    pub server_guid: Option<[u8; 16]>,
    /// What the server chose, for all sessions of the connection.
    pub dialect: Option<Dialect>,
    /// Requests without a final response, and where their operations are.
    pub outstanding: FxHashMap<MessageId, Place>,
    /// Responses that came before their request, as captures on several processors hold now and then.
    pub early: VecDeque<EarlyResponse>,
    /// Requests that an early response may answer, while their chain goes on.
    pub asked: Vec<MessageId>,
    /// The highest message id of a request so far.
    pub highest: Option<MessageId>,
    recent: VecDeque<MessageId>,
    /// Operations from before the session is known.
    pub prelude: SessionWindow,
    /// The session that the connection used last.
    pub session: Option<SessionSlot>,
    /// The request before, for the related ones behind it in its chain.
    pub chain: Option<ChainMember>,
    /// Related operations that use the open of a CREATE which has not been answered yet.
    pub followers: FxHashMap<OpKey, Vec<Place>>,
    /// An SMB1 NEGOTIATE went by whose answer may be SMB2.
    pub smb1_negotiate: bool,
}

/// A response whose request may still come.
pub(super) struct EarlyResponse {
    pub key: OpKey,
    pub pdu: RawPdu,
    /// The share of its tree when it was captured.
    pub share: Option<Arc<str>>,
}

/// Where an operation is: in the window of a session, or in the prelude of its connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub slot: Option<SessionSlot>,
    pub key: OpKey,
}

/// What a related request takes over from the one before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChainMember {
    pub frame: u64,
    pub index: u16,
    pub session_id: SessionId,
    pub tree_id: TreeId,
    pub file: ChainFile,
}

/// The open that a chain is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum ChainFile {
    None,
    Known(FileId),
    /// The one that this CREATE will be granted.
    Of(Place),
}

impl ConnectionState {
    pub(super) fn new(info: Arc<Connection>, server: ServerIndex) -> Self {
        Self {
            info,
            server,
            server_guid: None,
            dialect: None,
            outstanding: FxHashMap::default(),
            early: VecDeque::new(),
            asked: Vec::new(),
            highest: None,
            recent: VecDeque::with_capacity(RECENT),
            prelude: SessionWindow::default(),
            session: None,
            chain: None,
            followers: FxHashMap::default(),
            smb1_negotiate: false,
        }
    }

    /// Takes the operation that waits for a response with this id.
    pub(super) fn answered(&mut self, id: MessageId) -> Option<Place> {
        let place = self.outstanding.remove(&id)?;
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(id);
        Some(place)
    }

    /// An operation has moved from the prelude to a session: whoever refers to it finds it there, also when the connection
    /// goes on to another session.
    pub(super) fn moved(&mut self, key: OpKey, slot: SessionSlot) {
        let chained = self.chain.as_mut().and_then(|chain| match &mut chain.file {
            ChainFile::Of(place) => Some(place),
            ChainFile::None | ChainFile::Known(_) => None,
        });
        let places = self.outstanding.values_mut().chain(self.followers.values_mut().flatten()).chain(chained);
        places.filter(|place| place.key == key).for_each(|place| place.slot = Some(slot));
    }

    /// Whether the request with this id has been answered not long ago.
    pub(super) fn was_answered(&self, id: MessageId) -> bool {
        self.recent.contains(&id)
    }
}
