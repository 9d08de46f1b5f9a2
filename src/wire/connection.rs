//! A connection: what callers hold.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::chain::{Chain, Outgoing};
use super::credentials::Credentials;
use super::error::{Violation, WireError};
use super::event::Event;
use super::keys::PreauthHash;
use super::login::{self, LoginOptions};
use super::multiplex::{Multiplexer, QUEUED_EVENTS, QUEUED_FRAMES};
use super::negotiate::{Negotiated, Offer};
use super::options::ConnectOptions;
use super::session::Session;
use super::ticket::{Reply, RequestHandle, Ticket};
use super::{reader, writer};
use crate::model::{Command, NtStatus};

/// A negotiated SMB2 connection. Clones are the same connection; it is closed when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Connection {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Multiplexer>,
    negotiated: Negotiated,
    events: Mutex<Option<mpsc::Receiver<Event>>>,
    _tasks: Tasks,
}

/// The reader and the writer; they end with their connection.
#[derive(Debug)]
struct Tasks([JoinHandle<()>; 2]);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Connection {
    /// Connects and negotiates.
    pub async fn connect(options: ConnectOptions) -> Result<Self, WireError> {
        let stream = open(&options).await?;
        let (frames, queue) = mpsc::channel(QUEUED_FRAMES);
        let (event_sender, events) = mpsc::channel(QUEUED_EVENTS);
        let (read_half, write_half) = stream.into_split();
        let shared = Arc::new(Multiplexer::new(options, frames, event_sender));
        let tasks = Tasks([
            tokio::spawn(reader::run(read_half, Arc::clone(&shared))),
            tokio::spawn(writer::run(write_half, queue, Arc::clone(&shared))),
        ]);
        let negotiated = negotiate(&shared).await?;
        shared.set_negotiated(negotiated.clone());
        Ok(Self { inner: Arc::new(Inner { shared, negotiated, events: Mutex::new(Some(events)), _tasks: tasks }) })
    }

    /// What was negotiated.
    pub fn negotiated(&self) -> &Negotiated {
        &self.inner.negotiated
    }

    /// What the connection was asked to be like.
    pub fn options(&self) -> &ConnectOptions {
        &self.inner.shared.options
    }

    /// Logs in. Several sessions can live on a connection.
    pub async fn login(&self, credentials: &Credentials) -> Result<Session, WireError> {
        self.login_with(credentials, LoginOptions::default()).await
    }

    /// Logs in, in place of an earlier session of the same user if the options name one ([MS-SMB2] 3.2.4.2.3.1).
    pub async fn login_with(&self, credentials: &Credentials, options: LoginOptions) -> Result<Session, WireError> {
        login::login(self, credentials, options, None).await
    }

    /// Binds a session of another connection to this one (multichannel, [MS-SMB2] 3.2.4.2.3.3). The credentials must be those it
    /// was opened with, and both connections must have been made with the same client GUID.
    pub async fn bind(&self, session: &Session, credentials: &Credentials) -> Result<Session, WireError> {
        login::login(self, credentials, LoginOptions::default(), Some(session)).await
    }

    /// Sends a chain: waits for credits and for room in the queue, then returns a ticket for each request, in order. Chains
    /// go out in the order in which their submission returns; one that is dropped before it returns was not sent.
    pub async fn submit(&self, chain: impl Into<Chain>) -> Result<Vec<Ticket>, WireError> {
        self.inner.shared.submit(chain.into(), false).await
    }

    /// Sends one request and waits for its answer as long as it takes.
    pub async fn exchange(&self, request: Outgoing) -> Result<Reply, WireError> {
        only(self.submit(request).await?, self)?.await
    }

    /// Asks the server to give up a request. The request's own ticket gets the answer, usually STATUS_CANCELLED.
    pub async fn cancel(&self, request: &RequestHandle) -> Result<(), WireError> {
        self.inner.shared.cancel(request).await
    }

    /// What the server says unasked: breaks, orphans, second interims. The stream can be taken once; None afterwards. Events that
    /// nobody reads are dropped beyond 4096.
    pub fn take_events(&self) -> Option<mpsc::Receiver<Event>> {
        self.inner.events.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Events dropped because nobody read them.
    pub fn dropped_events(&self) -> u64 {
        self.inner.shared.dropped_events()
    }

    /// Requests without their final response.
    pub fn in_flight(&self) -> usize {
        self.inner.shared.in_flight()
    }

    /// Why the connection is gone; None while it lives.
    pub fn lost(&self) -> Option<WireError> {
        self.inner.shared.lost()
    }

    /// Ends the connection now: requests in flight get [`WireError::ConnectionLost`].
    pub fn close(&self) {
        self.inner.shared.lose(Violation::ClosedHere);
        self.inner._tasks.0.iter().for_each(JoinHandle::abort);
    }

    /// Ends the connection as a client does that goes away: sends nothing more, and waits, for at most so long, until the server
    /// has ended its side too. By then servers have given back what was open.
    pub async fn shut_down(&self, at_most: Duration) {
        // Dropping the writing half of the stream is what tells the server.
        self.inner._tasks.0[1].abort();
        let deadline = Instant::now() + at_most;
        while self.lost().is_none() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.close();
    }

    /// One of the engine's own requests: answered within the response timeout. The request's bytes come with the answer if `keep`.
    pub(super) async fn ask(&self, request: Outgoing) -> Result<Reply, WireError> {
        ask(&self.inner.shared, request, false).await.map(|(reply, _)| reply)
    }

    /// The same, with the request's bytes as they travelled.
    pub(super) async fn ask_keeping(&self, request: Outgoing) -> Result<(Reply, Bytes), WireError> {
        ask(&self.inner.shared, request, true).await
    }

    pub(super) fn add_session(&self, session: &Session) {
        self.inner.shared.add_session(session);
    }
}

fn only(tickets: Vec<Ticket>, connection: &Connection) -> Result<Ticket, WireError> {
    let pdus = tickets.len();
    let unsendable = WireError::UnsendableChain { pdus, bytes: 0, limit: connection.options().max_frame };
    tickets.into_iter().next().ok_or(unsendable)
}

async fn ask(shared: &Multiplexer, request: Outgoing, keep: bool) -> Result<(Reply, Bytes), WireError> {
    let mut last = Err(WireError::UnsendableChain { pdus: 0, bytes: 0, limit: shared.options.max_frame });
    for ticket in shared.submit(request.into(), keep).await? {
        let handle = ticket.handle();
        let after = shared.options.response_timeout;
        let reply = tokio::time::timeout(after, ticket).await.map_err(|_| WireError::Timeout {
            address: shared.address(),
            waiting_for: handle.command().name().unwrap_or("a request"),
            after,
        })??;
        last = Ok((reply, handle.progress.request.get().cloned().unwrap_or_default()));
    }
    last
}

async fn open(options: &ConnectOptions) -> Result<TcpStream, WireError> {
    let unreachable = |source| WireError::Unreachable { address: options.address, source: Arc::new(source) };
    let connecting = TcpStream::connect(options.address);
    let stream = tokio::time::timeout(options.connect_timeout, connecting)
        .await
        .map_err(|_| unreachable(std::io::ErrorKind::TimedOut.into()))?
        .map_err(unreachable)?;
    // A frame goes out in one write; waiting for more would only cost time.
    stream.set_nodelay(true).map_err(unreachable)?;
    Ok(stream)
}

async fn negotiate(shared: &Arc<Multiplexer>) -> Result<Negotiated, WireError> {
    let options = &shared.options;
    let offer = Offer::new(options)?;
    let mut request = Outgoing::new(Command::Negotiate, offer.body.clone());
    request.credit_charge = 0;
    let (reply, sent) = ask(shared, request, true).await?;
    if reply.status() != NtStatus::SUCCESS {
        let offered: Vec<_> = options.dialects.iter().map(ToString::to_string).collect();
        return Err(WireError::NoCommonDialect {
            address: options.address,
            offered: offered.join(", "),
            status: reply.status(),
        });
    }
    let mut preauth = PreauthHash::new();
    preauth.update(&sent);
    preauth.update(&reply.pdu);
    offer
        .settle(options, &reply.pdu, preauth)
        .map_err(|reason| WireError::ConnectionLost { address: options.address, reason: Arc::new(reason) })
}
