//! One connection of a run: a task that sends chains in the order in which the engine hands them over, waiting for
//! credits where it must, so that the engine itself never waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use tokio::sync::mpsc;

use super::plan::StepIndex;
use crate::model::TreeId;
use crate::wire::{Connection, Event, Outgoing, Reply, RequestHandle, Session, Ticket, WireError};

/// How long a server may take to end its side of a connection.
const SHUT_DOWN: Duration = Duration::from_secs(2);

/// A request of a chain, and whose it is.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) step: StepIndex,
    pub(super) outgoing: Outgoing,
    /// Whether the interim answer is to be told of when it comes, and not with the final one.
    pub(super) tells_interim: bool,
    /// Whether a CANCEL may come for it.
    pub(super) cancellable: bool,
}

/// What a lane is told to do.
#[derive(Debug)]
pub(super) enum Job {
    /// Send a chain.
    Chain(Vec<Request>),
    /// Cancel a request that was sent before.
    Cancel { step: StepIndex, target: StepIndex },
    /// Send a request whose answer does not matter.
    Unwatched(Outgoing),
    /// End the connection.
    ShutDown { step: StepIndex },
}

/// What happened, as the engine is told.
#[derive(Debug)]
pub(super) enum Happening {
    /// A connection is there.
    Connected { connection: u32, result: Result<Connection, WireError> },
    /// A session is there.
    LoggedIn { connection: u32, session: u32, result: Result<Session, WireError> },
    /// A tree is there whose TREE_CONNECT the capture has not got.
    TreeConnected { session: u32, captured: TreeId, result: Result<TreeId, WireError> },
    /// An interim answer came.
    Interim { step: StepIndex },
    /// The final answer came, or will not.
    Answered { step: StepIndex, answer: Box<Result<Reply, WireError>> },
    /// A CANCEL went out, or had nothing to cancel.
    Cancelled { step: StepIndex, sent: Option<Instant>, lost: bool },
    /// A connection was ended, and the server knows.
    ShutDown { step: StepIndex },
    /// The server said something unasked.
    Unasked { connection: u32, event: Event },
}

/// Tells the engine. It outlives its lanes, so that a closed channel means that nobody is interested any more.
pub(super) type Teller = mpsc::UnboundedSender<Happening>;

/// Starts the tasks of a connection. They end when the sender is dropped and the connection is closed.
pub(super) fn start(connection: u32, wire: Connection, tell: Teller) -> mpsc::UnboundedSender<Job> {
    let (jobs, queue) = mpsc::unbounded_channel();
    if let Some(mut events) = wire.take_events() {
        let tell = tell.clone();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                let _ = tell.send(Happening::Unasked { connection, event });
            }
        });
    }
    tokio::spawn(run(wire, queue, tell));
    jobs
}

async fn run(wire: Connection, mut queue: mpsc::UnboundedReceiver<Job>, tell: Teller) {
    let mut cancellable: FxHashMap<StepIndex, RequestHandle> = FxHashMap::default();
    while let Some(job) = queue.recv().await {
        match job {
            Job::Chain(requests) => send(&wire, requests, &mut cancellable, &tell).await,
            Job::Cancel { step, target } => {
                let outcome = match cancellable.remove(&target) {
                    Some(handle) => Some(wire.cancel(&handle).await),
                    None => None,
                };
                let sent = matches!(outcome, Some(Ok(()))).then(Instant::now);
                let lost = matches!(outcome, Some(Err(_)));
                let _ = tell.send(Happening::Cancelled { step, sent, lost });
            }
            Job::ShutDown { step } => {
                wire.shut_down(SHUT_DOWN).await;
                let _ = tell.send(Happening::ShutDown { step });
                return;
            }
            Job::Unwatched(outgoing) => {
                // Whatever goes wrong shows in the steps that follow.
                let _ = wire.submit(outgoing).await;
            }
        }
    }
}

async fn send(
    wire: &Connection,
    requests: Vec<Request>,
    cancellable: &mut FxHashMap<StepIndex, RequestHandle>,
    tell: &Teller,
) {
    let (meta, outgoing): (Vec<_>, Vec<_>) = requests
        .into_iter()
        .map(|request| {
            let is_related = request.outgoing.flags.is_related();
            ((request.step, request.tells_interim, request.cancellable, is_related), request.outgoing)
        })
        .unzip();
    let tickets = match wire.submit(outgoing).await {
        Ok(tickets) => tickets,
        Err(error) => {
            for (step, ..) in meta {
                let _ = tell.send(Happening::Answered { step, answer: Box::new(Err(error.clone())) });
            }
            return;
        }
    };
    // Steps that are related share the fate of the one before: told in their order, its failure is known before theirs.
    let mut together: Vec<(StepIndex, bool, Ticket)> = Vec::new();
    for ((step, tells_interim, is_cancellable, is_related), ticket) in meta.into_iter().zip(tickets) {
        if is_cancellable {
            cancellable.insert(step, ticket.handle());
        }
        if !is_related && !together.is_empty() {
            tokio::spawn(tell_of(std::mem::take(&mut together), tell.clone()));
        }
        together.push((step, tells_interim, ticket));
    }
    tokio::spawn(tell_of(together, tell.clone()));
}

async fn tell_of(tickets: Vec<(StepIndex, bool, Ticket)>, tell: Teller) {
    for (step, tells_interim, ticket) in tickets {
        if tells_interim && ticket.interim().await.is_some() {
            let _ = tell.send(Happening::Interim { step });
        }
        let answer = Box::new(ticket.await);
        let _ = tell.send(Happening::Answered { step, answer });
    }
}

/// A connection to the target as a captured one was: same client GUID, same dialect where the server has it, else the best that
/// both know.
pub(super) async fn connect(
    target: Arc<super::run::Target>,
    client_guid: Option<[u8; 16]>,
    dialect: Option<crate::model::Dialect>,
) -> Result<Connection, WireError> {
    let mut options = target.connect.clone();
    options.client_guid = client_guid;
    match dialect.filter(|dialect| target.follow_dialect && options.dialects.contains(dialect)) {
        Some(dialect) => {
            let offered = std::mem::replace(&mut options.dialects, vec![dialect]);
            match Connection::connect(options.clone()).await {
                Err(error) if error.is_other_dialect() => {
                    options.dialects = offered;
                    Connection::connect(options).await
                }
                result => result,
            }
        }
        None => Connection::connect(options).await,
    }
}
