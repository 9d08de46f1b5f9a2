//! Requests and responses to operations: who answers what, which session, tree and open it is about.
//!
//! A push parser: PDUs go in as the capture holds them, operations come out in the order of their requests, session by
//! session. Nothing is lost: each PDU is a part of exactly one operation.

use std::net::SocketAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::connection::{ChainFile, ChainMember, ConnectionState, Place};
use super::facts;
use super::session_totals::SessionTotals;
use super::session_window::{OpKey, SessionWindow, WindowLimits};
use super::trees_and_opens::TreesAndOpens;
use crate::model::message::{CreateRequest, LeaseContext, OplockBreak, Request, Response, SessionSetupRequest};
use crate::model::path::{share_relative, without_dfs_prefix};
use crate::model::{
    Anomaly, CaptureEvent, Command, Connection, ConnectionIndex, Facts, Header, HeaderFlags, MessageId, NtStatus,
    OpaqueKind, Operation, Part, RawPdu, SessionId, TreeId, Utf16,
};

/// Responses of one connection that wait for a request captured after them.
const EARLY_RESPONSES: usize = 256;

/// Number of a session in one ingest, from 0 in the order in which they are first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionSlot(pub u32);

/// Number of a server in one ingest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ServerIndex(u32);

/// An operation that is complete, or will not be completed.
#[derive(Debug)]
pub struct PairedOperation {
    /// Its session.
    pub slot: SessionSlot,
    /// The operation; `op_index` is not set yet.
    pub operation: Operation,
    /// An operation behind it in its session has been handed on before.
    pub late: bool,
}

/// What pairing counts over all sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PairingCounts {
    /// PDUs taken in.
    pub pdus: u64,
    /// PDUs shorter than a header; they are kept with a session of id 0 but cannot be paired.
    pub headless: u64,
}

struct Session {
    id: SessionId,
    server_guid: Option<[u8; 16]>,
    state: TreesAndOpens,
    window: SessionWindow,
    totals: SessionTotals,
    undecrypted: u64,
    server: SocketAddr,
}

/// Pairs the PDUs of a capture.
pub struct Pairing {
    limits: WindowLimits,
    servers: FxHashMap<SocketAddr, ServerIndex>,
    connections: Vec<Option<ConnectionState>>,
    slots: FxHashMap<(ServerIndex, SessionId), SessionSlot>,
    sessions: Vec<Session>,
    counter: u64,
    counts: PairingCounts,
    text: String,
}

impl Pairing {
    /// Nothing seen yet.
    pub fn new(limits: WindowLimits) -> Self {
        Self {
            limits,
            servers: FxHashMap::default(),
            connections: Vec::new(),
            slots: FxHashMap::default(),
            sessions: Vec::new(),
            counter: 0,
            counts: PairingCounts::default(),
            text: String::new(),
        }
    }

    /// Takes an event and hands on the operations that it completes.
    pub fn push(&mut self, event: CaptureEvent, take: &mut impl FnMut(PairedOperation)) {
        match event {
            CaptureEvent::Connected(connection) => self.connected(connection),
            CaptureEvent::Pdu(pdu) => self.pdu(pdu, take),
            CaptureEvent::Opaque(message) => {
                let Some(connection) = self.connection(message.connection) else { return };
                match message.kind {
                    OpaqueKind::Smb1 { command: 0x72 } => connection.smb1_negotiate = true,
                    OpaqueKind::Sealed(id) => {
                        let index = message.connection;
                        let slot = self.slot(index, id);
                        self.sessions[slot.0 as usize].undecrypted += 1;
                        self.adopt_prelude(index, slot, None);
                    }
                    OpaqueKind::Smb1 { .. } | OpaqueKind::Compressed | OpaqueKind::Other => {}
                }
            }
            CaptureEvent::Gap(_) => {}
            CaptureEvent::Closed(index) => self.closed(index, take),
        }
    }

    /// The capture ended: what is still open comes out as it is.
    pub fn finish(&mut self, take: &mut impl FnMut(PairedOperation)) {
        for index in 0..self.connections.len() {
            self.closed(ConnectionIndex(index as u32), take);
        }
        for slot in 0..self.sessions.len() {
            self.drain(SessionSlot(slot as u32), take);
        }
    }

    /// What was counted.
    pub fn counts(&self) -> PairingCounts {
        self.counts
    }

    /// The sessions: id, server, totals, PDUs that stayed sealed. In the order of their slots.
    pub fn sessions(&self) -> impl Iterator<Item = (SessionId, SocketAddr, &SessionTotals, u64)> {
        self.sessions.iter().map(|session| (session.id, session.server, &session.totals, session.undecrypted))
    }

    fn connected(&mut self, connection: Connection) {
        let next = ServerIndex(self.servers.len() as u32);
        let server = *self.servers.entry(connection.server).or_insert(next);
        let index = connection.index.0 as usize;
        if self.connections.len() <= index {
            self.connections.resize_with(index + 1, || None);
        }
        self.connections[index] = Some(ConnectionState::new(Arc::new(connection), server));
    }

    fn connection(&mut self, index: ConnectionIndex) -> Option<&mut ConnectionState> {
        self.connections.get_mut(index.0 as usize)?.as_mut()
    }

    /// The slot of a session id on a connection.
    fn slot(&mut self, index: ConnectionIndex, id: SessionId) -> SessionSlot {
        let next = SessionSlot(self.sessions.len() as u32);
        let Some(connection) = self.connections.get(index.0 as usize).and_then(Option::as_ref) else { return next };
        let slot = *self.slots.entry((connection.server, id)).or_insert(next);
        if slot == next {
            self.sessions.push(Session {
                id,
                server_guid: connection.server_guid,
                state: TreesAndOpens::default(),
                window: SessionWindow::default(),
                totals: SessionTotals::default(),
                undecrypted: 0,
                server: connection.info.server,
            });
        }
        slot
    }

    fn pdu(&mut self, pdu: RawPdu, take: &mut impl FnMut(PairedOperation)) {
        self.counts.pdus += 1;
        self.counter += 1;
        let key = (pdu.frame, self.counter);
        if self.connection(pdu.connection).is_none() {
            return;
        }
        match Header::decode(&pdu.bytes) {
            Ok(header) if header.flags.is_response() => self.response(key, pdu, &header, take),
            Ok(header) => self.request(key, pdu, &header, take),
            Err(_) => {
                self.counts.headless += 1;
                let part = part_of(&pdu, 0);
                let Some(mut operation) = self.blank(&pdu, Command::Unknown(u16::MAX)) else { return };
                operation.anomalies.insert(Anomaly::Malformed);
                operation.anomalies.insert(Anomaly::NoResponse);
                operation.request = Some(part);
                self.place(pdu.connection, None, key, operation, true, take);
            }
        }
    }

    /// An operation with nothing but its connection.
    fn blank(&self, pdu: &RawPdu, command: Command) -> Option<Operation> {
        let connection = self.connections.get(pdu.connection.0 as usize)?.as_ref()?;
        Some(Operation {
            op_index: 0,
            session_id: SessionId(0),
            command,
            connection: connection.info.clone(),
            request: None,
            interim: None,
            response: None,
            message_id: MessageId(0),
            async_id: None,
            tree_id: TreeId(0),
            channel_sequence: 0,
            credit_charge: None,
            credits_requested: None,
            credits_granted: None,
            signed: false,
            encrypted: pdu.encrypted,
            compound_index: None,
            related: false,
            status: None,
            share: None,
            file_id: None,
            path: None,
            new_path: None,
            facts: Facts::default(),
            anomalies: pdu.anomalies,
        })
    }

    fn request(&mut self, key: OpKey, pdu: RawPdu, header: &Header, take: &mut impl FnMut(PairedOperation)) {
        let index = pdu.connection;
        let Some(mut operation) = self.blank(&pdu, header.command) else { return };
        operation.request = Some(part_of(&pdu, header.flags.0));
        operation.message_id = header.message_id;
        operation.async_id = header.async_id;
        operation.channel_sequence = header.channel_sequence();
        operation.credit_charge = Some(header.credit_charge);
        operation.credits_requested = Some(header.credits);
        operation.signed = header.flags.is_signed();
        operation.compound_index = pdu.chain_index;
        operation.related = header.flags.is_related();
        if header.command.name().is_none() {
            operation.anomalies.insert(Anomaly::UnknownCommand);
        }

        let (mut session_id, mut tree_id) = (header.session_id, header.tree_id.unwrap_or_default());
        let before = self.chain_before(&pdu, header);
        if let Some(before) = before {
            session_id = if session_id.is_inherited() { before.session_id } else { session_id };
            tree_id = if tree_id.is_inherited() { before.tree_id } else { tree_id };
        }
        operation.tree_id = tree_id;

        let body = Request::decode(header.command, &pdu.bytes);
        let slot = self.request_slot(index, session_id, header.command, body.as_ref().ok());
        if let Some(slot) = slot {
            self.adopt_prelude(index, slot, None);
        }
        let place = Place { slot, key };
        let mut chain_file = ChainFile::None;
        match &body {
            Ok(body) => {
                facts::of_request(body, &mut operation.facts);
                chain_file = self.request_names(&mut operation, body, header, before, place);
            }
            Err(_) => operation.anomalies.insert(Anomaly::Malformed),
        }

        let is_cancel = header.command == Command::Cancel;
        let Some(connection) = self.connection(index) else { return };
        connection.chain = pdu.chain_index.map(|place_in_chain| ChainMember {
            frame: pdu.frame,
            index: place_in_chain,
            session_id,
            tree_id,
            file: chain_file,
        });
        if !is_cancel {
            connection.highest = connection.highest.max(Some(header.message_id));
            if let Some(old) = connection.outstanding.insert(header.message_id, place) {
                operation.anomalies.insert(Anomaly::DuplicateMessageId);
                self.unanswered(index, old, take);
            }
        }
        self.place(index, slot, key, operation, is_cancel, take);
        if !is_cancel {
            self.match_early(index, header.message_id, take);
        }
    }

    /// The chain member before a related request.
    fn chain_before(&self, pdu: &RawPdu, header: &Header) -> Option<ChainMember> {
        let connection = self.connections.get(pdu.connection.0 as usize)?.as_ref()?;
        let before = connection.chain.filter(|_| header.flags.is_related())?;
        let follows = before.frame == pdu.frame && Some(before.index + 1) == pdu.chain_index;
        follows.then_some(before)
    }

    /// The session of a request; None while its connection has none.
    fn request_slot(
        &mut self,
        index: ConnectionIndex,
        id: SessionId,
        command: Command,
        body: Option<&Request<'_>>,
    ) -> Option<SessionSlot> {
        if id.0 != 0 && !id.is_inherited() {
            if let Some(Request::SessionSetup(body)) = body
                && body.flags & SessionSetupRequest::FLAG_BINDING != 0
            {
                self.bind(index, id);
            }
            return Some(self.slot(index, id));
        }
        if command == Command::SessionSetup {
            return None;
        }
        self.connection(index)?.session
    }

    /// A connection that joins a session set up through another address of the same server.
    fn bind(&mut self, index: ConnectionIndex, id: SessionId) {
        let Some(connection) = self.connection(index) else { return };
        let (server, guid) = (connection.server, connection.server_guid);
        if guid.is_none() || self.slots.contains_key(&(server, id)) {
            return;
        }
        let found = self
            .slots
            .iter()
            .find(|((_, session), slot)| *session == id && self.sessions[slot.0 as usize].server_guid == guid);
        if let Some(server) = found.map(|((server, _), _)| *server)
            && let Some(connection) = self.connection(index)
        {
            connection.server = server;
        }
    }

    /// Share, path and open of a request, as far as they are known when it is sent.
    fn request_names(
        &mut self,
        operation: &mut Operation,
        body: &Request<'_>,
        header: &Header,
        before: Option<ChainMember>,
        place: Place,
    ) -> ChainFile {
        let state = place.slot.map(|slot| &self.sessions[slot.0 as usize].state);
        operation.share = state.and_then(|state| state.share(operation.tree_id));
        match body {
            Request::TreeConnect(body) => operation.share = Some(body.path.decode().into()),
            Request::Create(body) => {
                operation.path = create_path(body, header.flags, &mut self.text);
                return ChainFile::Of(place);
            }
            _ => {}
        }
        if let Some(name) = facts::new_name(body) {
            share_relative(name, &mut self.text);
            operation.new_path = Some(self.text.as_str().into());
        }
        let file = match body.file_id() {
            Some(id) if !id.is_inherited() => ChainFile::Known(id),
            Some(_) => before.map_or(ChainFile::None, |before| before.file),
            None => {
                if let Request::OplockBreak(OplockBreak::Lease { lease_key, .. }) = body {
                    state.and_then(|state| state.of_lease(*lease_key)).map_or(ChainFile::None, ChainFile::Known)
                } else {
                    // What has no open of its own hands on the one before it.
                    return before.map_or(ChainFile::None, |before| before.file);
                }
            }
        };
        match file {
            ChainFile::Known(id) => {
                operation.file_id = Some(id);
                operation.path = state.and_then(|state| state.path(id));
            }
            ChainFile::Of(create) => {
                operation.path =
                    self.operation_mut(operation.connection.index, create).and_then(|op| op.path.clone());
                if let Some(connection) = self.connection(operation.connection.index) {
                    connection.followers.entry(create.key).or_default().push(place);
                }
            }
            ChainFile::None => {}
        }
        file
    }

    fn response(&mut self, key: OpKey, pdu: RawPdu, header: &Header, take: &mut impl FnMut(PairedOperation)) {
        let index = pdu.connection;
        let limit_reached = {
            let Some(connection) = self.connection(index) else { return };
            let id = header.message_id;
            if let Some(place) = connection.outstanding.get(&id).copied() {
                let interim = header.status == NtStatus::PENDING && header.flags.is_async();
                if !interim {
                    connection.answered(id);
                }
                return self.answer(key, place, pdu, header, interim, take);
            }
            let before_its_request = id != MessageId::UNSOLICITED
                && !connection.was_answered(id)
                && !connection.smb1_negotiate
                && connection.highest.is_none_or(|highest| id > highest);
            if !before_its_request {
                return self.unasked(key, pdu, header, take);
            }
            connection.early.push_back((key, pdu));
            connection.early.len() > EARLY_RESPONSES
        };
        if limit_reached
            && let Some((key, pdu)) = self.connection(index).and_then(|connection| connection.early.pop_front())
            && let Ok(header) = Header::decode(&pdu.bytes)
        {
            self.unasked(key, pdu, &header, take);
        }
    }

    /// Matches responses that came before their request.
    fn match_early(&mut self, index: ConnectionIndex, id: MessageId, take: &mut impl FnMut(PairedOperation)) {
        let Some(connection) = self.connection(index) else { return };
        if connection.early.is_empty() {
            return;
        }
        let mut waiting = Vec::new();
        connection.early.retain(|(key, pdu)| {
            let fits = Header::decode(&pdu.bytes).is_ok_and(|header| header.message_id == id);
            if fits {
                waiting.push((*key, pdu.clone()));
            }
            !fits
        });
        for (key, pdu) in waiting {
            if let Ok(header) = Header::decode(&pdu.bytes) {
                self.response(key, pdu, &header, take);
            }
        }
    }

    /// A response to an outstanding request.
    fn answer(
        &mut self,
        key: OpKey,
        place: Place,
        pdu: RawPdu,
        header: &Header,
        interim: bool,
        take: &mut impl FnMut(PairedOperation),
    ) {
        let index = pdu.connection;
        let part = part_of(&pdu, header.flags.0);
        let Some(operation) = self.operation_mut(index, place) else { return };
        if interim && operation.interim.is_some() {
            return self.extra_interim(key, place, pdu, header, take);
        }
        operation.anomalies.extend(pdu.anomalies);
        operation.async_id = operation.async_id.or(header.async_id);
        let grown = part.pdu.len();
        if interim {
            operation.interim = Some(part);
            return;
        }
        operation.response = Some(part);
        operation.status = Some(header.status);
        operation.credits_granted = Some(header.credits);
        if operation.command != header.command {
            operation.anomalies.insert(Anomaly::CommandMismatch);
        }
        let command = operation.command;
        let body = Response::decode(command, header.status, &pdu.bytes);
        match &body {
            Ok(body) => facts::of_response(body, &mut operation.facts),
            Err(_) => operation.anomalies.insert(Anomaly::Malformed),
        }
        if let Ok(Response::Negotiate(body)) = &body
            && let Some(connection) = self.connection(index)
        {
            connection.server_guid = Some(body.server_guid);
        }
        if command == Command::SessionSetup && header.session_id.0 != 0 {
            let slot = self.slot(index, header.session_id);
            self.adopt_prelude(index, slot, Some(place.key));
        }
        if let Ok(body) = &body {
            self.learn(index, place, header, body);
        }
        self.ended(index, place, grown, take);
    }

    /// What a response changes in the state of the session, and what its operation learns from that state.
    fn learn(&mut self, index: ConnectionIndex, place: Place, header: &Header, body: &Response<'_>) {
        let followers = match self.connection(index) {
            Some(connection) if !connection.followers.is_empty() => connection.followers.remove(&place.key),
            _ => None,
        };
        let Some(slot) = self.slot_of(index, place) else { return };
        let Session { state, window, .. } = &mut self.sessions[slot.0 as usize];
        let Some(operation) = window.get_mut(place.key) else { return };
        // What was captured before the answer that explains it, is explained now.
        if operation.share.is_none() {
            operation.share = state.share(operation.tree_id);
        }
        if operation.path.is_none()
            && let Some(file) = operation.file_id
        {
            operation.path = state.path(file);
        }
        let succeeded = !header.status.is_error();
        match (operation.command, body) {
            (Command::TreeConnect, Response::TreeConnect(_)) if succeeded => {
                let tree = header.tree_id.unwrap_or(operation.tree_id);
                operation.tree_id = tree;
                if let Some(share) = &operation.share {
                    state.tree_connected(tree, share.clone());
                }
            }
            (Command::TreeDisconnect, _) if succeeded => state.tree_disconnected(operation.tree_id),
            (Command::Create, Response::Create(body)) => {
                operation.file_id = Some(body.file_id);
                if let Some(path) = &operation.path {
                    state.opened(body.file_id, operation.tree_id, path.clone());
                }
                let lease = body.contexts.find(LeaseContext::NAME);
                if let Some(lease) = lease.and_then(|context| LeaseContext::decode(context.data).ok()) {
                    state.leased(lease.lease_key, body.file_id);
                }
                for follower in followers.unwrap_or_default() {
                    if let Some(operation) = window.get_mut(follower.key) {
                        operation.file_id = Some(body.file_id);
                    }
                }
            }
            (Command::Close, _) if succeeded => {
                if let Some(file) = operation.file_id {
                    state.closed(file);
                }
            }
            (Command::SetInfo, _) if succeeded && operation.new_path.is_some() => {
                let renames = operation.facts.info_class == Some(crate::model::message::SetInfoRequest::CLASS_RENAME);
                if let (true, Some(old), Some(new)) = (renames, &operation.path, &operation.new_path) {
                    state.renamed(operation.tree_id, old, new);
                }
            }
            _ => {}
        }
    }

    /// A second interim response: a row of its own.
    fn extra_interim(
        &mut self,
        key: OpKey,
        place: Place,
        pdu: RawPdu,
        header: &Header,
        take: &mut impl FnMut(PairedOperation),
    ) {
        let Some(mut operation) = self.of_response(&pdu, header) else { return };
        operation.anomalies.insert(Anomaly::ExtraInterim);
        operation.interim = Some(part_of(&pdu, header.flags.0));
        if let Some(answered) = self.operation_mut(pdu.connection, place) {
            operation.path = answered.path.clone();
            operation.share = answered.share.clone();
            operation.file_id = answered.file_id;
            operation.tree_id = answered.tree_id;
        }
        let slot = self.slot_of(pdu.connection, place);
        self.place(pdu.connection, slot, key, operation, true, take);
    }

    /// A response without a request: a break that the server began, a second answer, or the request is not in the capture.
    fn unasked(&mut self, key: OpKey, pdu: RawPdu, header: &Header, take: &mut impl FnMut(PairedOperation)) {
        let index = pdu.connection;
        let Some(mut operation) = self.of_response(&pdu, header) else { return };
        let interim = header.status == NtStatus::PENDING && header.flags.is_async();
        let part = part_of(&pdu, header.flags.0);
        if interim {
            operation.interim = Some(part);
        } else {
            operation.response = Some(part);
            operation.status = Some(header.status);
            operation.credits_granted = Some(header.credits);
        }
        let Some(connection) = self.connection(index) else { return };
        let unsolicited = header.command == Command::OplockBreak && header.message_id == MessageId::UNSOLICITED;
        if !unsolicited {
            let to_smb1 = connection.smb1_negotiate && header.command == Command::Negotiate;
            operation.anomalies.insert(match (to_smb1, connection.was_answered(header.message_id)) {
                (true, _) => Anomaly::Smb1Negotiate,
                (false, true) => Anomaly::ExtraResponse,
                (false, false) => Anomaly::NoRequest,
            });
            connection.smb1_negotiate &= !to_smb1;
        }
        let mut slot = match header.session_id {
            id if id.0 != 0 && !id.is_inherited() => Some(self.slot(index, id)),
            _ => self.connection(index).and_then(|connection| connection.session),
        };
        if let Some(slot) = slot {
            self.adopt_prelude(index, slot, None);
        }
        match Response::decode(header.command, header.status, &pdu.bytes) {
            Ok(body) => {
                facts::of_response(&body, &mut operation.facts);
                match body {
                    Response::OplockBreak(body) => self.of_break(&mut operation, &mut slot, &body),
                    Response::Create(body) => operation.file_id = Some(body.file_id),
                    Response::Negotiate(body) => {
                        if let Some(connection) = self.connection(index) {
                            connection.server_guid = Some(body.server_guid);
                        }
                    }
                    _ => {}
                }
            }
            Err(_) => operation.anomalies.insert(Anomaly::Malformed),
        }
        if let (Some(slot), None) = (slot, &operation.share) {
            operation.share = self.sessions[slot.0 as usize].state.share(operation.tree_id);
        }
        self.place(index, slot, key, operation, true, take);
    }

    /// A break names an open or a lease, not always a session.
    fn of_break(&self, operation: &mut Operation, slot: &mut Option<SessionSlot>, body: &OplockBreak) {
        let file_in = |session: &Session| match body {
            OplockBreak::Oplock { file_id, .. } => session.state.knows(*file_id).then_some(*file_id),
            OplockBreak::LeaseNotification { lease_key, .. } | OplockBreak::Lease { lease_key, .. } => {
                session.state.of_lease(*lease_key)
            }
        };
        let server = operation.connection.server;
        let here = slot.filter(|slot| file_in(&self.sessions[slot.0 as usize]).is_some());
        let elsewhere = || {
            let at =
                self.sessions.iter().position(|session| session.server == server && file_in(session).is_some())?;
            Some(SessionSlot(at as u32))
        };
        if let Some(found) = here.or_else(elsewhere) {
            let session = &self.sessions[found.0 as usize];
            operation.file_id = file_in(session);
            operation.path = operation.file_id.and_then(|file| session.state.path(file));
            *slot = Some(found);
        } else {
            operation.file_id = body.file_id();
        }
    }

    /// An operation made of a response alone.
    fn of_response(&self, pdu: &RawPdu, header: &Header) -> Option<Operation> {
        let mut operation = self.blank(pdu, header.command)?;
        operation.message_id = header.message_id;
        operation.async_id = header.async_id;
        operation.tree_id = header.tree_id.unwrap_or_default();
        operation.signed = header.flags.is_signed();
        operation.compound_index = pdu.chain_index;
        operation.related = header.flags.is_related();
        if header.command.name().is_none() {
            operation.anomalies.insert(Anomaly::UnknownCommand);
        }
        Some(operation)
    }

    /// Puts an operation into the window of its session, or into the prelude of its connection.
    fn place(
        &mut self,
        index: ConnectionIndex,
        slot: Option<SessionSlot>,
        key: OpKey,
        operation: Operation,
        ended: bool,
        take: &mut impl FnMut(PairedOperation),
    ) {
        match slot {
            Some(slot) => {
                self.sessions[slot.0 as usize].window.insert(key, operation, ended);
                if ended {
                    self.drain(slot, take);
                }
            }
            None => {
                if let Some(connection) = self.connection(index) {
                    connection.prelude.insert(key, operation, ended);
                }
            }
        }
    }

    /// The session of a connection is known: what went before belongs to it. Of several logins under way at once only the
    /// one that was answered (`login`) is taken along.
    fn adopt_prelude(&mut self, index: ConnectionIndex, slot: SessionSlot, login: Option<OpKey>) {
        let Some(connection) = self.connections.get_mut(index.0 as usize).and_then(Option::as_mut) else { return };
        connection.session = Some(slot);
        let session = &mut self.sessions[slot.0 as usize];
        session.server_guid = session.server_guid.or(connection.server_guid);
        for key in connection.prelude.keys() {
            let stays = |operation: &Operation| {
                operation.command == Command::SessionSetup && operation.response.is_none() && Some(key) != login
            };
            if connection.prelude.get_mut(key).is_some_and(|operation| stays(operation)) {
                continue;
            }
            if let Some((operation, ended)) = connection.prelude.remove(key) {
                session.window.insert(key, operation, ended);
            }
        }
    }

    fn slot_of(&self, index: ConnectionIndex, place: Place) -> Option<SessionSlot> {
        place.slot.or_else(|| {
            let connection = self.connections.get(index.0 as usize)?.as_ref()?;
            connection.session.filter(|slot| self.sessions[slot.0 as usize].window.holds(place.key))
        })
    }

    /// The operation at a place, also when it has moved from the prelude to a session since.
    fn operation_mut(&mut self, index: ConnectionIndex, place: Place) -> Option<&mut Operation> {
        match self.slot_of(index, place) {
            Some(slot) => self.sessions[slot.0 as usize].window.get_mut(place.key),
            None => self.connection(index)?.prelude.get_mut(place.key),
        }
    }

    /// Notes that an operation has all it will get.
    fn ended(&mut self, index: ConnectionIndex, place: Place, grown: usize, take: &mut impl FnMut(PairedOperation)) {
        match self.slot_of(index, place) {
            Some(slot) => {
                self.sessions[slot.0 as usize].window.end(place.key, grown);
                self.drain(slot, take);
            }
            None => {
                if let Some(connection) = self.connection(index) {
                    connection.prelude.end(place.key, grown);
                }
            }
        }
    }

    fn unanswered(&mut self, index: ConnectionIndex, place: Place, take: &mut impl FnMut(PairedOperation)) {
        if let Some(operation) = self.operation_mut(index, place) {
            operation.anomalies.insert(Anomaly::NoResponse);
        }
        if let Some(connection) = self.connection(index) {
            connection.followers.remove(&place.key);
        }
        self.ended(index, place, 0, take);
    }

    /// A connection ended: nothing outstanding on it will be answered.
    fn closed(&mut self, index: ConnectionIndex, take: &mut impl FnMut(PairedOperation)) {
        let Some(connection) = self.connection(index) else { return };
        let early = std::mem::take(&mut connection.early);
        let mut open: Vec<_> = connection.outstanding.drain().map(|(_, place)| place).collect();
        open.sort_by_key(|place| place.key);
        for (key, pdu) in early {
            if let Ok(header) = Header::decode(&pdu.bytes) {
                self.unasked(key, pdu, &header, take);
            }
        }
        for place in open {
            self.unanswered(index, place, take);
        }
        let left = self.connection(index).is_some_and(|connection| !connection.prelude.keys().is_empty());
        if left {
            let slot = match self.connection(index).and_then(|connection| connection.session) {
                Some(slot) => slot,
                None => self.slot(index, SessionId(0)),
            };
            self.adopt_prelude(index, slot, None);
            // Logins that nobody answered are left behind by that.
            if let Some(connection) = self.connections[index.0 as usize].as_mut() {
                for key in connection.prelude.keys() {
                    if let Some((operation, ended)) = connection.prelude.remove(key) {
                        self.sessions[slot.0 as usize].window.insert(key, operation, ended);
                    }
                }
            }
            self.drain(slot, take);
        }
    }

    fn drain(&mut self, slot: SessionSlot, take: &mut impl FnMut(PairedOperation)) {
        let Session { id, window, totals, .. } = &mut self.sessions[slot.0 as usize];
        window.drain(&self.limits, &mut |mut operation, late| {
            operation.session_id = *id;
            totals.add(&operation);
            take(PairedOperation { slot, operation, late });
        });
    }
}

fn part_of(pdu: &RawPdu, flags: u32) -> Part {
    Part { frame: pdu.frame, time: pdu.time, flags, pdu: pdu.bytes.clone() }
}

/// The path that a CREATE names; None when it names an id.
fn create_path(body: &CreateRequest<'_>, flags: HeaderFlags, text: &mut String) -> Option<Arc<str>> {
    if body.create_options & CreateRequest::OPTION_OPEN_BY_FILE_ID != 0 {
        return None;
    }
    share_relative(Utf16(body.name.0), text);
    let dfs = flags.0 & HeaderFlags::DFS_OPERATIONS != 0;
    Some(if dfs { without_dfs_prefix(text).into() } else { text.as_str().into() })
}
