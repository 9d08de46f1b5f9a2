//! What pairing keeps of one connection.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::pairing::{ServerIndex, SessionSlot};
use super::session_window::{OpKey, SessionWindow};
use crate::model::{Command, Connection, Dialect, FileId, MessageId, RawPdu, SessionId, TreeId};

/// Ids of requests that have ended, kept to tell a second response from one whose request is missing.
const RECENT: usize = 64;

/// Requests without share or path that are kept in mind. Captures that begin later have many, which will never have any.
const NAMELESS: usize = 256;

/// How far apart message ids of a connection can be: servers grant some thousand credits, [MS-SMB2] 3.3.1.1. What is
/// farther off stems from a damaged capture.
const MESSAGE_ID_REACH: u64 = 1 << 17;

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
    pub asked: Vec<(MessageId, Command)>,
    /// The highest message id of a request so far.
    pub highest: Option<MessageId>,
    /// Requests whose share or path is not known when they are captured, as their TREE_CONNECT or CREATE has not been answered.
    nameless: VecDeque<Place>,
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
            nameless: VecDeque::new(),
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

    /// Notes the message id of a request.
    pub(super) fn seen(&mut self, id: MessageId) {
        let plausible = self.highest.is_none_or(|highest| highest.0.abs_diff(id.0) < MESSAGE_ID_REACH);
        self.highest = if plausible { self.highest.max(Some(id)) } else { Some(id) };
    }

    /// Notes that the share or path of a request is not known yet.
    pub(super) fn without_name(&mut self, place: Place) {
        if self.nameless.len() == NAMELESS {
            self.nameless.pop_front();
        }
        self.nameless.push_back(place);
    }

    /// The requests without share or path, after something was learnt that may tell.
    pub(super) fn take_nameless(&mut self) -> VecDeque<Place> {
        std::mem::take(&mut self.nameless)
    }

    /// An operation has moved from the prelude to a session: whoever refers to it finds it there, also when the connection
    /// goes on to another session.
    pub(super) fn moved(&mut self, key: OpKey, slot: SessionSlot) {
        let chained = self.chain.as_mut().and_then(|chain| match &mut chain.file {
            ChainFile::Of(place) => Some(place),
            ChainFile::None | ChainFile::Known(_) => None,
        });
        let places = self.outstanding.values_mut().chain(self.followers.values_mut().flatten()).chain(chained);
        let places = places.chain(&mut self.nameless);
        places.filter(|place| place.key == key).for_each(|place| place.slot = Some(slot));
    }

    /// Whether the request with this id has been answered not long ago.
    pub(super) fn was_answered(&self, id: MessageId) -> bool {
        self.recent.contains(&id)
    }
}
