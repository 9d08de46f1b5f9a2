//! Requests and responses to operations: who answers what, which session, tree and open it is about.
//!
//! A push parser: PDUs go in as the capture holds them, operations come out in the order of their requests, session by
//! session. Nothing is lost: each PDU is a part of exactly one operation.

use std::net::SocketAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::connection::{ConnectionState, Place};
use super::session_totals::SessionTotals;
use super::session_window::{OpKey, SessionWindow, WindowLimits};
use super::trees_and_opens::TreesAndOpens;
use crate::model::{
    Anomaly, CaptureEvent, Command, Connection, ConnectionIndex, Header, OpaqueKind, Operation, Part, RawPdu,
    SessionId,
};

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
    /// Compressed messages that nobody opened.
    pub compressed: u64,
}

pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) server_guid: Option<[u8; 16]>,
    pub(super) state: TreesAndOpens,
    pub(super) window: SessionWindow,
    pub(super) totals: SessionTotals,
    /// Bytes of the window when they were last counted.
    waiting: usize,
    pub(super) undecrypted: u64,
    pub(super) server: SocketAddr,
}

/// Pairs the PDUs of a capture.
pub struct Pairing {
    limits: WindowLimits,
    servers: FxHashMap<SocketAddr, ServerIndex>,
    pub(super) connections: Vec<Option<ConnectionState>>,
    pub(super) slots: FxHashMap<(ServerIndex, SessionId), SessionSlot>,
    pub(super) sessions: Vec<Session>,
    counter: u64,
    waiting_bytes: usize,
    counts: PairingCounts,
    pub(super) text: String,
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
            waiting_bytes: 0,
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
                    OpaqueKind::Compressed => self.counts.compressed += 1,
                    OpaqueKind::Smb1 { .. } | OpaqueKind::Other => {}
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

    pub(super) fn connection(&mut self, index: ConnectionIndex) -> Option<&mut ConnectionState> {
        self.connections.get_mut(index.0 as usize)?.as_mut()
    }

    /// The slot of a session id on a connection.
    pub(super) fn slot(&mut self, index: ConnectionIndex, id: SessionId) -> SessionSlot {
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
                waiting: 0,
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
    pub(super) fn blank(&self, pdu: &RawPdu, command: Command) -> Option<Operation> {
        let connection = self.connections.get(pdu.connection.0 as usize)?.as_ref()?;
        let blank = Operation::blank(command, connection.info.clone());
        Some(Operation { encrypted: pdu.encrypted, anomalies: pdu.anomalies, ..blank })
    }

    /// Puts an operation into the window of its session, or into the prelude of its connection.
    pub(super) fn place(
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
    pub(super) fn adopt_prelude(&mut self, index: ConnectionIndex, slot: SessionSlot, login: Option<OpKey>) {
        let Some(connection) = self.connections.get_mut(index.0 as usize).and_then(Option::as_mut) else { return };
        connection.session = Some(slot);
        let session = &mut self.sessions[slot.0 as usize];
        session.server_guid = session.server_guid.or(connection.server_guid);
        session.totals.negotiated(connection.dialect);
        for key in connection.prelude.keys() {
            let stays = |operation: &Operation| {
                operation.command == Command::SessionSetup && operation.response.is_none() && Some(key) != login
            };
            if connection.prelude.get_mut(key).is_some_and(|operation| stays(operation)) {
                continue;
            }
            if let Some((operation, ended)) = connection.prelude.remove(key) {
                session.window.insert(key, operation, ended);
                connection.moved(key, slot);
            }
        }
    }

    pub(super) fn slot_of(&self, index: ConnectionIndex, place: Place) -> Option<SessionSlot> {
        place.slot.or_else(|| {
            let connection = self.connections.get(index.0 as usize)?.as_ref()?;
            connection.session.filter(|slot| self.sessions[slot.0 as usize].window.holds(place.key))
        })
    }

    /// The operation at a place, also when it has moved from the prelude to a session since.
    pub(super) fn operation_mut(&mut self, index: ConnectionIndex, place: Place) -> Option<&mut Operation> {
        match self.slot_of(index, place) {
            Some(slot) => self.sessions[slot.0 as usize].window.get_mut(place.key),
            None => self.connection(index)?.prelude.get_mut(place.key),
        }
    }

    /// Notes that an operation has all it will get.
    pub(super) fn ended(
        &mut self,
        index: ConnectionIndex,
        place: Place,
        grown: usize,
        take: &mut impl FnMut(PairedOperation),
    ) {
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

    pub(super) fn unanswered(
        &mut self,
        index: ConnectionIndex,
        place: Place,
        take: &mut impl FnMut(PairedOperation),
    ) {
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
        self.match_early(index, take);
        let Some(connection) = self.connection(index) else { return };
        for early in std::mem::take(&mut connection.early) {
            self.never_asked(early, take);
        }
        // Only now: what was never asked may have told to which session the rest belongs.
        let Some(connection) = self.connection(index) else { return };
        let mut open: Vec<_> = connection.outstanding.drain().map(|(_, place)| place).collect();
        open.sort_by_key(|place| place.key);
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
                        connection.moved(key, slot);
                    }
                }
            }
            self.drain(slot, take);
        }
    }

    fn drain(&mut self, slot: SessionSlot, take: &mut impl FnMut(PairedOperation)) {
        let Session { id, window, totals, waiting, .. } = &mut self.sessions[slot.0 as usize];
        let mut leave = |mut operation: Operation, late| {
            operation.session_id = *id;
            totals.add(&operation);
            take(PairedOperation { slot, operation, late });
        };
        window.drain(&self.limits, &mut leave);
        self.waiting_bytes = self.waiting_bytes.saturating_sub(*waiting) + window.bytes();
        if self.waiting_bytes > self.limits.bytes_of_all {
            self.waiting_bytes -= window.bytes();
            window.step_over(&mut leave);
            self.waiting_bytes += window.bytes();
        }
        *waiting = window.bytes();
    }
}

pub(super) fn part_of(pdu: &RawPdu, flags: u32) -> Part {
    Part { frame: pdu.frame, time: pdu.time, flags, pdu: pdu.bytes.clone() }
}

#[cfg(test)]
mod tests;
