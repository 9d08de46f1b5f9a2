//! The way back: what a caller holds while a request is in flight, and what the reader completes.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::{oneshot, watch};

use super::error::{Violation, WireError};
use super::session::Session;
use crate::model::{AsyncId, Command, Header, MessageId, NtStatus, SessionId, TreeId};

/// The first STATUS_PENDING response to a request, [MS-SMB2] 3.3.4.2.
#[derive(Clone, Debug)]
pub struct Interim {
    /// When it arrived.
    pub received: Instant,
    /// The id by which the request is known from then on.
    pub async_id: Option<AsyncId>,
    /// The whole PDU.
    pub pdu: Bytes,
}

/// The final response to a request.
#[derive(Clone, Debug)]
pub struct Reply {
    /// When the request was handed to the operating system.
    pub sent: Instant,
    /// The interim response, if there was one.
    pub interim: Option<Interim>,
    /// When the response had arrived whole.
    pub received: Instant,
    /// The header of the response.
    pub header: Header,
    /// Whether it travelled sealed.
    pub sealed: bool,
    /// Whether it is proved to be the server's: sealed, or signed with a signature that is right. False where neither was
    /// asked for, and for a few statuses that servers decide on before they look for a key (a session, tree or file
    /// that is gone).
    pub verified: bool,
    /// The whole PDU, decrypted; of a chain, up to where the next PDU begins.
    pub pdu: Bytes,
}

impl Reply {
    /// The status of the response.
    pub fn status(&self) -> NtStatus {
        self.header.status
    }
}

/// What the writer and the reader tell of a request while it is in flight.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) sent: OnceLock<Instant>,
    /// The signature that the request was sent with.
    pub(super) signature: OnceLock<[u8; 16]>,
    pub(super) async_id: OnceLock<AsyncId>,
    /// The request as it travelled, where somebody needs it (preauthentication integrity).
    pub(super) request: OnceLock<Bytes>,
}

/// Names a request in flight, for CANCEL. Outlives its [`Ticket`].
#[derive(Clone, Debug)]
pub struct RequestHandle {
    pub(super) message_id: MessageId,
    pub(super) command: Command,
    pub(super) session: Option<Session>,
    pub(super) session_id: SessionId,
    /// The tree, of a related request too.
    pub(super) tree_id: TreeId,
    pub(super) signed: bool,
    pub(super) sealed: bool,
    pub(super) progress: Arc<Progress>,
}

impl RequestHandle {
    /// The message id that the request was given.
    pub fn message_id(&self) -> MessageId {
        self.message_id
    }

    /// The command of the request.
    pub fn command(&self) -> Command {
        self.command
    }

    /// The async id, once an interim response brought one.
    pub fn async_id(&self) -> Option<AsyncId> {
        self.progress.async_id.get().copied()
    }

    /// When the request was handed to the operating system; None while it is queued.
    pub fn sent(&self) -> Option<Instant> {
        self.progress.sent.get().copied()
    }
}

/// The claim to the answer of one request. Await it for the final response; drop it if the answer does not matter.
#[derive(Debug)]
pub struct Ticket {
    handle: RequestHandle,
    interim: watch::Receiver<Option<Interim>>,
    reply: oneshot::Receiver<Result<Reply, WireError>>,
    address: std::net::SocketAddr,
}

impl Ticket {
    /// The request's name, for CANCEL and for its ids and times.
    pub fn handle(&self) -> RequestHandle {
        self.handle.clone()
    }

    /// The message id that the request was given.
    pub fn message_id(&self) -> MessageId {
        self.handle.message_id
    }

    /// The async id, once an interim response brought one.
    pub fn async_id(&self) -> Option<AsyncId> {
        self.handle.async_id()
    }

    /// Watches for the interim response apart from the ticket: the value is None until it is there, and the channel ends
    /// with the final response or the connection.
    pub fn watch_interim(&self) -> watch::Receiver<Option<Interim>> {
        self.interim.clone()
    }

    /// Waits for the interim response. None when the final response came without one, or the connection was lost.
    pub async fn interim(&self) -> Option<Interim> {
        let mut interim = self.interim.clone();
        match interim.wait_for(Option::is_some).await {
            Ok(value) => value.clone(),
            Err(_) => None,
        }
    }
}

impl Future for Ticket {
    type Output = Result<Reply, WireError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.reply).poll(context).map(|outcome| {
            outcome.unwrap_or_else(|_| {
                let reason = Arc::new(Violation::ClosedHere);
                Err(WireError::ConnectionLost { address: self.address, reason })
            })
        })
    }
}

/// How a response was protected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Protection {
    pub(super) sealed: bool,
    pub(super) verified: bool,
}

/// The reader's side of a ticket.
#[derive(Debug)]
pub(super) struct Completion {
    interim: watch::Sender<Option<Interim>>,
    reply: oneshot::Sender<Result<Reply, WireError>>,
    progress: Arc<Progress>,
}

impl Completion {
    /// Takes the interim response; false when there was one before.
    pub(super) fn pending(&self, interim: Interim) -> bool {
        if self.interim.borrow().is_some() {
            return false;
        }
        if let Some(async_id) = interim.async_id {
            let _ = self.progress.async_id.set(async_id);
        }
        self.interim.send_replace(Some(interim));
        true
    }

    /// The signature that the request was sent with.
    pub(super) fn request_signature(&self) -> Option<[u8; 16]> {
        self.progress.signature.get().copied()
    }

    /// Ends the request with its final response.
    pub(super) fn answer(self, header: Header, pdu: Bytes, protection: Protection, received: Instant) {
        let reply = Reply {
            sent: self.progress.sent.get().copied().unwrap_or(received),
            interim: self.interim.borrow().clone(),
            received,
            header,
            sealed: protection.sealed,
            verified: protection.verified,
            pdu,
        };
        // Nobody may be waiting any more.
        let _ = self.reply.send(Ok(reply));
    }

    /// Ends the request without an answer.
    pub(super) fn fail(self, error: WireError) {
        let _ = self.reply.send(Err(error));
    }
}

/// Both sides of a request.
pub(super) fn ticket(handle: RequestHandle, address: std::net::SocketAddr) -> (Ticket, Completion) {
    let (interim_sender, interim) = watch::channel(None);
    let (reply_sender, reply) = oneshot::channel();
    let progress = Arc::clone(&handle.progress);
    let completion = Completion { interim: interim_sender, reply: reply_sender, progress };
    (Ticket { handle, interim, reply, address }, completion)
}
