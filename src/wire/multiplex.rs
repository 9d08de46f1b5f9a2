//! What the callers, the writer and the reader of a connection share: message ids, requests in flight, credits.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustc_hash::FxHashMap;
use tokio::sync::mpsc;

use super::chain::{Chain, Outgoing};
use super::credits::{Credits, Ledger};
use super::error::{Violation, WireError};
use super::event::{Event, EventKind};
use super::negotiate::Negotiated;
use super::options::ConnectOptions;
use super::pending::Pending;
use super::seal::SealKeys;
use super::session::Session;
use super::ticket::{Interim, Progress, RequestHandle, Ticket, ticket};
use crate::model::header::HEADER_LENGTH;
use crate::model::message::TreeConnectResponse;
use crate::model::{Command, Header, HeaderFlags, MessageId, NtStatus, SessionId, TreeId};

/// How many frames wait for the writer before callers do.
pub(super) const QUEUED_FRAMES: usize = 256;
/// How many events wait to be read before new ones are dropped.
pub(super) const QUEUED_EVENTS: usize = 4096;
/// How often a caller that waits for credits looks whether any can still come.
const STARVATION_CHECK: Duration = Duration::from_millis(200);

/// One frame on its way to the writer.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) pdus: Vec<QueuedPdu>,
    /// The keys that seal it.
    pub(super) seal: Option<Arc<SealKeys>>,
}

/// One PDU of a frame: all but its signature.
#[derive(Debug)]
pub(super) struct QueuedPdu {
    pub(super) header: Header,
    pub(super) body: Bytes,
    /// The session that signs it.
    pub(super) signer: Option<Session>,
    pub(super) progress: Arc<Progress>,
    /// Whether the bytes as sent are kept in `progress`.
    pub(super) keep: bool,
}

/// The flags that a caller decides on.
const CALLERS_FLAGS: u32 = !(HeaderFlags::SERVER_TO_REDIR | HeaderFlags::ASYNC_COMMAND | HeaderFlags::SIGNED);

#[derive(Debug)]
struct State {
    next_message_id: u64,
    pending: FxHashMap<MessageId, Pending>,
    sessions: FxHashMap<SessionId, Session>,
    ledger: Ledger,
    lost: Option<Arc<Violation>>,
}

/// The shared part of a connection.
#[derive(Debug)]
pub(super) struct Multiplexer {
    pub(super) options: ConnectOptions,
    state: Mutex<State>,
    credits: Credits,
    frames: mpsc::Sender<Frame>,
    events: mpsc::Sender<Event>,
    dropped_events: AtomicU64,
    negotiated: OnceLock<Negotiated>,
}

impl Multiplexer {
    pub(super) fn new(options: ConnectOptions, frames: mpsc::Sender<Frame>, events: mpsc::Sender<Event>) -> Self {
        let state = State {
            next_message_id: 0,
            pending: FxHashMap::default(),
            sessions: FxHashMap::default(),
            ledger: Ledger::new(options.credit_target),
            lost: None,
        };
        Self {
            options,
            state: Mutex::new(state),
            credits: Credits::new(),
            frames,
            events,
            dropped_events: AtomicU64::new(0),
            negotiated: OnceLock::new(),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.options.address
    }

    pub(super) fn set_negotiated(&self, negotiated: Negotiated) {
        let _ = self.negotiated.set(negotiated);
    }

    pub(super) fn dropped_events(&self) -> u64 {
        self.dropped_events.load(Ordering::Relaxed)
    }

    pub(super) fn in_flight(&self) -> usize {
        self.state().pending.len()
    }

    /// The error of a connection that is gone.
    pub(super) fn lost(&self) -> Option<WireError> {
        self.state().lost.as_ref().map(|reason| self.lost_because(reason))
    }

    /// Makes a session's keys known to the reader.
    pub(super) fn add_session(&self, session: &Session) {
        self.state().sessions.insert(session.id(), session.clone());
    }

    pub(super) fn session(&self, id: SessionId) -> Option<Session> {
        self.state().sessions.get(&id).cloned()
    }

    /// Queues a chain. `keep` keeps the requests' bytes for their [`Progress`].
    pub(super) async fn submit(&self, chain: Chain, keep: bool) -> Result<Vec<Ticket>, WireError> {
        self.check_length(&chain)?;
        let multi_credit = self.negotiated.get().is_some_and(|negotiated| negotiated.multi_credit());
        let charge = |request: &Outgoing| if multi_credit { request.credit_charge } else { 0 };
        let cost: u32 = chain.requests.iter().map(|request| u32::from(charge(request).max(1))).sum();

        let permit = self.take_credits(cost).await?;
        let slot = self.frames.reserve().await.map_err(|_| self.lost_error())?;

        // From here to the queue nothing waits: ids in order, frames in the order of their ids.
        let mut state = self.state();
        if let Some(reason) = &state.lost {
            return Err(self.lost_because(reason));
        }
        permit.forget();
        state.ledger.spend(cost);

        let lengths: Vec<usize> = chain.requests.iter().map(|request| HEADER_LENGTH + request.body.len()).collect();
        let (mut pdus, mut tickets) = (Vec::with_capacity(lengths.len()), Vec::with_capacity(lengths.len()));
        let seal = chain.requests.iter().find_map(|request| {
            request.session.as_ref().filter(|session| session.is_sealed(request.tree_id))?.seal_keys()
        });
        let mut inherited: (Option<Session>, TreeId) = (None, TreeId(0));
        for (at, request) in chain.requests.into_iter().enumerate() {
            let related = request.flags.is_related();
            let session = request.session.or_else(|| inherited.0.clone().filter(|_| related));
            let tree_id = if request.tree_id.is_inherited() { inherited.1 } else { request.tree_id };
            inherited = (session.clone(), tree_id);

            let charge = if multi_credit { request.credit_charge } else { 0 };
            let message_id = MessageId(state.next_message_id);
            state.next_message_id += u64::from(charge.max(1));
            let asked = state.ledger.ask(charge.max(1), request.credits);
            let signer =
                session.clone().filter(|session| seal.is_none() && session.signs(request.command, request.sign));
            let signed = if signer.is_some() { HeaderFlags::SIGNED } else { 0 };
            let last = at + 1 == lengths.len();
            let header = Header {
                credit_charge: charge,
                status: NtStatus(u32::from(request.channel_sequence)),
                command: request.command,
                credits: asked,
                flags: HeaderFlags(request.flags.0 & CALLERS_FLAGS | signed),
                next_command: if last { 0 } else { lengths[at].next_multiple_of(8) as u32 },
                message_id,
                async_id: None,
                tree_id: Some(request.tree_id),
                session_id: request.session_id.unwrap_or_else(|| session.as_ref().map_or(SessionId(0), Session::id)),
                signature: [0; 16],
            };
            let handle = RequestHandle {
                message_id,
                command: request.command,
                session: session.clone(),
                session_id: header.session_id,
                tree_id,
                signed: signer.is_some(),
                sealed: seal.is_some(),
                progress: Arc::default(),
            };
            let progress = Arc::clone(&handle.progress);
            let (ticket, completion) = ticket(handle, self.address());
            let pending = Pending {
                command: request.command,
                session,
                signed: signer.is_some(),
                sealed: seal.is_some(),
                asked,
                completion,
            };
            state.pending.insert(message_id, pending);
            pdus.push(QueuedPdu { header, body: request.body, signer, progress, keep });
            tickets.push(ticket);
        }
        slot.send(Frame { pdus, seal });
        Ok(tickets)
    }

    /// Queues a CANCEL of a request in flight: no credits, the request's own message id, [MS-SMB2] 3.2.4.24.
    pub(super) async fn cancel(&self, request: &RequestHandle) -> Result<(), WireError> {
        let mut body = Vec::new();
        crate::model::message::encode_bodyless(&mut body);
        let slot = self.frames.reserve().await.map_err(|_| self.lost_error())?;
        if let Some(error) = self.lost() {
            return Err(error);
        }
        let session = request.session.clone();
        let seal = session.as_ref().filter(|_| request.sealed).and_then(Session::seal_keys);
        let signer = session.filter(|_| request.signed);
        let async_id = request.async_id();
        let signed = if signer.is_some() { HeaderFlags::SIGNED } else { 0 };
        let asynchronous = if async_id.is_some() { HeaderFlags::ASYNC_COMMAND } else { 0 };
        // The id of a related request stands for another's; a CANCEL has nothing before it.
        let session_id = request.session.as_ref().map_or(request.session_id, Session::id);
        let header = Header {
            credit_charge: 0,
            status: NtStatus(0),
            command: Command::Cancel,
            credits: 0,
            flags: HeaderFlags(signed | asynchronous),
            next_command: 0,
            message_id: request.message_id,
            async_id,
            tree_id: Some(request.tree_id),
            session_id,
            signature: [0; 16],
        };
        let pdu = QueuedPdu { header, body: body.into(), signer, progress: Arc::default(), keep: false };
        slot.send(Frame { pdus: vec![pdu], seal });
        Ok(())
    }

    /// Takes one PDU of the server in.
    pub(super) fn deliver(&self, pdu: Bytes, sealed: bool, received: Instant) -> Result<(), Violation> {
        let header = Header::decode(&pdu)?;
        let mut state = self.state();
        state.ledger.grant(header.credits, &self.credits);
        if header.message_id == MessageId::UNSOLICITED {
            drop(state);
            self.tell(EventKind::Break, &header, pdu, received);
            return Ok(());
        }
        let Some(pending) = state.pending.get_mut(&header.message_id) else {
            drop(state);
            self.tell(EventKind::Orphan(header.message_id), &header, pdu, received);
            return Ok(());
        };
        let asked = std::mem::take(&mut pending.asked);

        if header.status == NtStatus::PENDING {
            let interim = Interim { received, async_id: header.async_id, pdu: pdu.clone() };
            let first = pending.completion.pending(interim);
            state.ledger.answered(asked);
            drop(state);
            if !first {
                self.tell(EventKind::ExtraInterim(header.message_id), &header, pdu, received);
            }
            return Ok(());
        }
        state.ledger.answered(asked);
        let Some(pending) = state.pending.remove(&header.message_id) else { return Ok(()) };
        drop(state);

        match pending.check(&header, &pdu, sealed, self.address()) {
            Ok(protection) => {
                note_tree(&header, &pdu, &pending);
                pending.completion.answer(header, pdu, protection, received);
            }
            Err(error) => pending.completion.fail(error),
        }
        Ok(())
    }

    /// Ends the connection: every request in flight and every later one gets the reason.
    pub(super) fn lose(&self, reason: Violation) {
        let mut state = self.state();
        if state.lost.is_some() {
            return;
        }
        let reason = Arc::new(reason);
        state.lost = Some(Arc::clone(&reason));
        let pending = std::mem::take(&mut state.pending);
        drop(state);
        self.credits.close();
        for (_, request) in pending {
            request.completion.fail(self.lost_because(&reason));
        }
    }

    fn check_length(&self, chain: &Chain) -> Result<(), WireError> {
        let bytes: usize =
            chain.requests.iter().map(|request| (HEADER_LENGTH + request.body.len()).next_multiple_of(8)).sum();
        let limit = ConnectOptions::FRAME_LIMIT - super::seal::TRANSFORM_LENGTH;
        if chain.requests.is_empty() || bytes > limit {
            return Err(WireError::UnsendableChain { pdus: chain.requests.len(), bytes, limit });
        }
        Ok(())
    }

    async fn take_credits(&self, cost: u32) -> Result<tokio::sync::SemaphorePermit<'_>, WireError> {
        let waiting = self.credits.take(cost);
        tokio::pin!(waiting);
        let began = Instant::now();
        loop {
            match tokio::time::timeout(STARVATION_CHECK, &mut waiting).await {
                Ok(Some(permit)) => return Ok(permit),
                Ok(None) => return Err(self.lost_error()),
                Err(_) => {}
            }
            let state = self.state();
            if state.pending.is_empty() && state.ledger.at_hand() < cost {
                let granted = state.ledger.at_hand();
                return Err(WireError::TooFewCredits { address: self.address(), needed: cost, granted });
            }
            drop(state);
            let after = self.options.response_timeout;
            if began.elapsed() > after {
                return Err(WireError::Timeout {
                    address: self.address(),
                    waiting_for: "a request for credits",
                    after,
                });
            }
        }
    }

    fn tell(&self, kind: EventKind, header: &Header, pdu: Bytes, received: Instant) {
        let event = Event { received, kind, session_id: header.session_id, pdu };
        if self.events.try_send(event).is_err() {
            self.dropped_events.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn lost_error(&self) -> WireError {
        self.lost().unwrap_or_else(|| self.lost_because(&Arc::new(Violation::ClosedHere)))
    }

    fn lost_because(&self, reason: &Arc<Violation>) -> WireError {
        WireError::ConnectionLost { address: self.address(), reason: Arc::clone(reason) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Remembers which trees demand sealing, whoever connected them.
fn note_tree(header: &Header, pdu: &[u8], pending: &Pending) {
    let (Some(session), Some(tree_id)) = (&pending.session, header.tree_id) else { return };
    if header.status != NtStatus::SUCCESS {
        return;
    }
    match pending.command {
        Command::TreeConnect => {
            let sealed = TreeConnectResponse::decode(pdu)
                .is_ok_and(|tree| tree.share_flags & TreeConnectResponse::SHAREFLAG_ENCRYPT_DATA != 0);
            session.tree_connected(tree_id, sealed);
        }
        Command::TreeDisconnect => session.tree_connected(tree_id, false),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
