//! Pairing, the side of the responses: whom a response answers, and what everybody learns from it.

use std::sync::Arc;

use super::connection::{ConnectionState, EarlyResponse, Place};
use super::facts;
use super::pairing::{PairedOperation, Pairing, Session, SessionSlot, part_of};
use super::session_window::OpKey;
use crate::model::message::{Incomplete, LeaseContext, NegotiateResponse, OplockBreak, Response, SetInfoRequest};
use crate::model::{Anomaly, Command, ConnectionIndex, Dialect, Header, MessageId, NtStatus, Operation, RawPdu};

/// Responses of one connection that wait for a request captured after them.
const EARLY_RESPONSES: usize = 256;

impl Pairing {
    pub(super) fn response(
        &mut self,
        key: OpKey,
        pdu: RawPdu,
        header: &Header,
        take: &mut impl FnMut(PairedOperation),
    ) {
        let index = pdu.connection;
        let share = self.share_now(index, header);
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
            // Breaks name opens that the responses before them may tell of.
            let before_its_request = if id == MessageId::UNSOLICITED {
                !connection.early.is_empty()
            } else {
                let to_smb1 = connection.smb1_negotiate && header.command == Command::Negotiate;
                !connection.was_answered(id) && !to_smb1 && connection.highest.is_none_or(|highest| id > highest)
            };
            if !before_its_request {
                return self.unasked(key, pdu, header, share, take);
            }
            connection.early.push_back(EarlyResponse { key, pdu, share });
            connection.early.len() > EARLY_RESPONSES
        };
        if limit_reached
            && let Some(early) = self.connection(index).and_then(|connection| connection.early.pop_front())
        {
            self.never_asked(early, take);
            self.next_unsolicited(index, take);
        }
    }

    /// Breaks that are not behind an early response any more.
    fn next_unsolicited(&mut self, index: ConnectionIndex, take: &mut impl FnMut(PairedOperation)) {
        let unsolicited = |early: &mut EarlyResponse| {
            Header::decode(&early.pdu.bytes).is_ok_and(|header| header.message_id == MessageId::UNSOLICITED)
        };
        while let Some(early) =
            self.connection(index).and_then(|connection| connection.early.pop_front_if(unsolicited))
        {
            self.never_asked(early, take);
        }
    }

    /// Matches responses that came before their request.
    pub(super) fn match_early(&mut self, index: ConnectionIndex, take: &mut impl FnMut(PairedOperation)) {
        let Some(connection) = self.connection(index) else { return };
        if connection.asked.is_empty() {
            return;
        }
        let asked = std::mem::take(&mut connection.asked);
        let mut waiting = Vec::new();
        connection.early.retain(|early| {
            let header = Header::decode(&early.pdu.bytes);
            let fits = header.is_ok_and(|header| asked.contains(&(header.message_id, header.command)));
            if fits {
                waiting.push((early.key, early.pdu.clone()));
            }
            !fits
        });
        for (key, pdu) in waiting {
            if let Ok(header) = Header::decode(&pdu.bytes) {
                self.response(key, pdu, &header, take);
            }
        }
        self.next_unsolicited(index, take);
    }

    /// The share of a response's tree as it is known now. When the request turns out to be missing, the tree may be gone.
    fn share_now(&self, index: ConnectionIndex, header: &Header) -> Option<Arc<str>> {
        let server = self.connections.get(index.0 as usize)?.as_ref()?.server;
        let slot = self.slots.get(&(server, header.session_id))?;
        self.sessions[slot.0 as usize].state.share(header.tree_id?)
    }

    /// A response that waited for its request in vain.
    pub(super) fn never_asked(&mut self, early: EarlyResponse, take: &mut impl FnMut(PairedOperation)) {
        let EarlyResponse { key, pdu, share } = early;
        if let Ok(header) = Header::decode(&pdu.bytes) {
            self.unasked(key, pdu, &header, share, take);
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
        if operation.command != header.command {
            operation.anomalies.insert(Anomaly::CommandMismatch);
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
        let command = operation.command;
        let mut body = Response::decode(command, header.status, &pdu.bytes);
        let incomplete = body.as_ref().err().and_then(|_| Incomplete::of_response(command, &pdu.bytes));
        if let Some(incomplete) = &incomplete {
            operation.anomalies.insert(Anomaly::Malformed);
            body = Response::decode(command, header.status, &incomplete.pdu);
        }
        match &body {
            Ok(body) => facts::of_response(body, &mut operation.facts),
            Err(_) => operation.anomalies.insert(Anomaly::Malformed),
        }
        if let Some(incomplete) = &incomplete {
            facts::of_incomplete_response(incomplete, operation);
        }
        if let Ok(Response::Negotiate(body)) = &body {
            self.negotiated(index, header, body);
        }
        if command == Command::SessionSetup && header.session_id.0 != 0 {
            let slot = self.slot(index, header.session_id);
            self.adopt_prelude(index, slot, Some(place.key));
        }
        self.name(index, place);
        if let Ok(body) = &body {
            self.learn(index, place, header, body);
        }
        self.ended(index, place, grown, take);
    }

    /// What holds for all sessions of the connection.
    fn negotiated(&mut self, index: ConnectionIndex, header: &Header, body: &NegotiateResponse<'_>) {
        let Some(connection) = self.connection(index) else { return };
        connection.server_guid = Some(body.server_guid);
        // The wildcard answers an SMB1 negotiate, and another NEGOTIATE follows.
        if header.status == NtStatus::SUCCESS && body.dialect != Dialect::WILDCARD {
            connection.dialect = Some(body.dialect);
        }
        if let Some(slot) = self.connection(index).and_then(|connection| connection.session) {
            let dialect = self.connection(index).and_then(|connection| connection.dialect);
            self.sessions[slot.0 as usize].totals.negotiated(dialect);
        }
    }

    /// What was captured before the answer that explains it, is explained now.
    fn name(&mut self, index: ConnectionIndex, place: Place) {
        let Some(slot) = self.slot_of(index, place) else { return };
        let Session { state, window, .. } = &mut self.sessions[slot.0 as usize];
        let Some(operation) = window.get_mut(place.key) else { return };
        if operation.share.is_none() {
            operation.share = state.share(operation.tree_id);
        }
        if operation.path.is_none()
            && let Some(file) = operation.file_id
        {
            operation.path = state.path(file);
            operation.directory = operation.directory.or_else(|| state.is_directory(file));
        }
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
        let tells_names = matches!(operation.command, Command::TreeConnect | Command::Create);
        let succeeded = !header.status.is_error();
        operation.directory =
            operation.directory.or_else(|| facts::tells_of_directory(operation.command, header.status, body));
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
                match &operation.path {
                    Some(path) => state.opened(body.file_id, operation.tree_id, path.clone(), body.is_directory()),
                    // Whatever had the id before has it no more.
                    None => state.closed(body.file_id),
                }
                let lease = body.contexts.find(LeaseContext::NAME);
                if let Some(lease) = lease.and_then(|context| LeaseContext::decode(context.data).ok()) {
                    state.leased(lease.lease_key, body.file_id);
                }
                for follower in followers.unwrap_or_default() {
                    if let Some(operation) = window.get_mut(follower.key) {
                        operation.file_id = Some(body.file_id);
                        operation.directory = Some(body.is_directory());
                    }
                }
            }
            (Command::Close, _) if succeeded => {
                if let Some(file) = operation.file_id {
                    state.closed(file);
                }
            }
            (Command::SetInfo, _) if succeeded && operation.new_path.is_some() => {
                let renames = operation.facts.info_class == Some(SetInfoRequest::CLASS_RENAME);
                if let (true, Some(old), Some(new)) = (renames, &operation.path, &operation.new_path) {
                    state.renamed(operation.tree_id, old, new);
                }
            }
            _ => {}
        }
        if succeeded && tells_names {
            let nameless = self.connection(index).map(ConnectionState::take_nameless).unwrap_or_default();
            for place in nameless {
                self.name(index, place);
                let still = self
                    .operation_mut(index, place)
                    .is_some_and(|operation| operation.response.is_none() && lacks_name(operation));
                if let (true, Some(connection)) = (still, self.connection(index)) {
                    connection.without_name(place);
                }
            }
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
            operation.directory = answered.directory;
            operation.share = answered.share.clone();
            operation.file_id = answered.file_id;
            operation.tree_id = answered.tree_id;
        }
        let slot = self.slot_of(pdu.connection, place);
        self.place(pdu.connection, slot, key, operation, true, take);
    }

    /// A response without a request: a break that the server began, a second answer, or the request is not in the capture.
    fn unasked(
        &mut self,
        key: OpKey,
        pdu: RawPdu,
        header: &Header,
        share: Option<Arc<str>>,
        take: &mut impl FnMut(PairedOperation),
    ) {
        let index = pdu.connection;
        let Some(mut operation) = self.of_response(&pdu, header) else { return };
        operation.share = share;
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
        let mut decoded = Response::decode(header.command, header.status, &pdu.bytes);
        let incomplete = decoded.as_ref().err().and_then(|_| Incomplete::of_response(header.command, &pdu.bytes));
        if let Some(incomplete) = &incomplete {
            operation.anomalies.insert(Anomaly::Malformed);
            decoded = Response::decode(header.command, header.status, &incomplete.pdu);
        }
        match decoded {
            Ok(body) => {
                facts::of_response(&body, &mut operation.facts);
                operation.directory = facts::tells_of_directory(header.command, header.status, &body);
                match body {
                    Response::OplockBreak(body) => self.of_break(&mut operation, &mut slot, &body),
                    Response::Create(body) => operation.file_id = Some(body.file_id),
                    Response::Negotiate(body) => self.negotiated(index, header, &body),
                    _ => {}
                }
            }
            Err(_) => operation.anomalies.insert(Anomaly::Malformed),
        }
        if let Some(incomplete) = &incomplete {
            facts::of_incomplete_response(incomplete, &mut operation);
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
            operation.directory = operation.file_id.and_then(|file| session.state.is_directory(file));
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
}

/// Whether the share or the path of a request may still be learnt.
pub(super) fn lacks_name(operation: &Operation) -> bool {
    let no_tree =
        matches!(operation.command, Command::Negotiate | Command::SessionSetup | Command::Logoff | Command::Echo);
    !no_tree && (operation.share.is_none() || operation.file_id.is_some() && operation.path.is_none())
}
