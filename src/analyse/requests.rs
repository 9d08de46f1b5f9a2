//! Pairing, the side of the requests: which session, tree and open a request is about when it is sent.

use std::sync::Arc;

use super::connection::{ChainFile, ChainMember, Place};
use super::facts;
use super::pairing::{PairedOperation, Pairing, SessionSlot, part_of};
use super::responses::lacks_name;
use super::session_window::OpKey;
use crate::model::message::{CreateRequest, Incomplete, OplockBreak, Request, SessionSetupRequest};
use crate::model::path::{share_relative, without_dfs_prefix};
use crate::model::{Anomaly, Command, ConnectionIndex, Header, HeaderFlags, Operation, RawPdu, SessionId};

impl Pairing {
    pub(super) fn request(
        &mut self,
        key: OpKey,
        pdu: RawPdu,
        header: &Header,
        take: &mut impl FnMut(PairedOperation),
    ) {
        let index = pdu.connection;
        if pdu.chain_index.is_none_or(|place_in_chain| place_in_chain == 0) {
            // The end of the chain before may be missing.
            self.match_early(index, take);
        }
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

        let mut body = Request::decode(header.command, &pdu.bytes);
        let incomplete = body.as_ref().err().and_then(|_| Incomplete::of_request(header.command, &pdu.bytes));
        if let Some(incomplete) = &incomplete {
            operation.anomalies.insert(Anomaly::Malformed);
            body = Request::decode(header.command, &incomplete.pdu);
        }
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
                self.request_rpc(&mut operation, body, slot);
            }
            Err(_) => operation.anomalies.insert(Anomaly::Malformed),
        }
        if let Some(incomplete) = &incomplete {
            facts::of_incomplete_request(incomplete, &mut operation);
        }

        let is_cancel = header.command == Command::Cancel;
        if is_cancel {
            self.cancelled_names(index, header, &mut operation);
        }
        let Some(connection) = self.connection(index) else { return };
        connection.chain = pdu.chain_index.map(|place_in_chain| ChainMember {
            frame: pdu.frame,
            index: place_in_chain,
            session_id,
            tree_id,
            file: chain_file,
        });
        if !is_cancel {
            connection.seen(header.message_id);
            if lacks_name(&operation) {
                connection.without_name(place);
            }
            if let Some(old) = connection.outstanding.insert(header.message_id, place) {
                operation.anomalies.insert(Anomaly::DuplicateMessageId);
                self.unanswered(index, old, take);
            }
        }
        self.place(index, slot, key, operation, is_cancel, take);
        if !is_cancel {
            self.asked(index, header, take);
        }
    }

    /// A CANCEL is about what it cancels: the request with its AsyncId, or with its MessageId when there was no interim
    /// response ([MS-SMB2] 3.3.5.16). It names neither tree nor open itself.
    fn cancelled_names(&mut self, index: ConnectionIndex, header: &Header, cancel: &mut Operation) {
        let Some(connection) = self.connection(index) else { return };
        let by_message_id = connection.outstanding.get(&header.message_id).copied();
        let places: Vec<_> = connection.outstanding.values().copied().collect();
        let by_async_id = header.async_id.and_then(|id| {
            places
                .into_iter()
                .find(|place| self.operation_mut(index, *place).is_some_and(|op| op.async_id == Some(id)))
        });
        let Some(place) = by_async_id.or(by_message_id) else { return };
        let Some(cancelled) = self.operation_mut(index, place) else { return };
        if header.async_id.is_some() {
            cancel.tree_id = cancelled.tree_id;
        }
        cancel.share = cancelled.share.clone();
        cancel.path = cancelled.path.clone();
        cancel.directory = cancelled.directory;
        cancel.file_id = cancelled.file_id;
    }

    /// Looks for early responses once the whole chain is known: what is behind a CREATE learns its open from it.
    fn asked(&mut self, index: ConnectionIndex, header: &Header, take: &mut impl FnMut(PairedOperation)) {
        let Some(connection) = self.connection(index) else { return };
        if !connection.early.is_empty() {
            connection.asked.push((header.message_id, header.command));
        }
        if header.next_command == 0 {
            self.match_early(index, take);
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
                operation.directory = state.and_then(|state| state.is_directory(id));
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
}

/// The path that a CREATE names; None when it names an id.
fn create_path(body: &CreateRequest<'_>, flags: HeaderFlags, text: &mut String) -> Option<Arc<str>> {
    if body.create_options & CreateRequest::OPTION_OPEN_BY_FILE_ID != 0 {
        return None;
    }
    share_relative(body.name, text);
    let dfs = flags.0 & HeaderFlags::DFS_OPERATIONS != 0;
    Some(if dfs { without_dfs_prefix(text).into() } else { text.as_str().into() })
}
