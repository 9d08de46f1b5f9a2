//! What will be sent, in which frames, and what each step waits for: computed before anything is sent.

use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};

use super::classify::Classifier;
use super::closing::{Closing, inferred_closings};
use super::options::Ordering;
use super::order::Order;
use super::picks::{Pick, Picked};
use super::reason::Reason;
use crate::model::{ConnectionIndex, Operation, SessionId, Timestamp, TreeId};

/// Number of a step: its operation's place in the operations the plan was made from.
pub type StepIndex = u32;

/// What the planner must know beside the operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// What steps wait for.
    pub ordering: Ordering,
    /// Plan no step that could change the server.
    pub read_only: bool,
    /// Plan no step whose name leads out of the folder that everything goes below.
    pub below_base: bool,
    /// Connect trees whose TREE_CONNECT is not in the capture.
    pub implicit_trees: bool,
}

/// What becomes of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// The first NEGOTIATE of a connection: the engine connects and negotiates itself.
    Connect,
    /// The first SESSION_SETUP of a session on a connection: the engine logs in itself.
    Login,
    /// Done along with a Connect or Login (their further rounds), or left out because its answer is the engine's own
    /// business (FSCTL_VALIDATE_NEGOTIATE_INFO).
    Own,
    /// Sent as captured.
    Send,
    /// A CANCEL of another step, which is not answered.
    Cancel {
        /// The step that it cancels; None when the capture does not hold it.
        target: Option<StepIndex>,
    },
    /// A break notification of the server: awaited.
    Break,
    /// The acknowledgement of a break: sent as captured once the break has come.
    Acknowledge {
        /// The break.
        of: StepIndex,
    },
    /// Not replayed.
    NotReplayable(Reason),
    /// Left out, since it was not selected.
    NotSelected,
}

impl StepKind {
    /// Whether the captured request goes out.
    pub fn is_sent(self) -> bool {
        matches!(self, Self::Send | Self::Cancel { .. } | Self::Acknowledge { .. })
    }

    /// Whether nothing is done for it at all.
    pub fn is_left_out(self) -> bool {
        matches!(self, Self::NotReplayable(_) | Self::NotSelected)
    }

    /// Whether the engine does it in a way of its own.
    pub fn is_own(self) -> bool {
        matches!(self, Self::Connect | Self::Login | Self::Own)
    }
}

/// One operation of the capture in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What becomes of it.
    pub kind: StepKind,
    /// Its place in [`Plan::chains`].
    pub chain: u32,
    /// Its session's place in [`Plan::sessions`].
    pub session: u32,
    /// Whether it is about a named pipe, so that its data are RPC.
    pub on_pipe: bool,
    /// Whether it was not selected, but is needed by one that was.
    pub drawn_in: bool,
}

/// Steps that travel in one frame: a compound, or a single one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedChain {
    /// Its place in [`Plan::connections`].
    pub connection: u32,
    /// The number of its connection in the capture.
    pub(super) index: ConnectionIndex,
    first: StepIndex,
    count: u32,
    /// When the captured client sent it; when the captured server sent it, for a break.
    pub captured_at: Timestamp,
    /// The capture's frame.
    pub frame: u64,
    /// Of the end of a connection, which is no step: its number among those.
    pub closing: Option<u32>,
}

impl PlannedChain {
    /// Its steps.
    pub fn steps(&self) -> Range<StepIndex> {
        self.first..self.first + self.count
    }
}

/// A TCP connection of the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedConnection {
    /// Its number in the capture.
    pub index: ConnectionIndex,
    /// Its server's place in [`Plan::servers`].
    pub server: u32,
}

/// A session of the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedSession {
    /// Its captured id.
    pub id: SessionId,
    /// Its server's place in [`Plan::servers`].
    pub server: u32,
    /// The connection that it was first seen on.
    pub connection: u32,
}

/// The whole plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// One step an operation, in the operations' order.
    pub steps: Vec<Step>,
    /// The frames, in the order of their first step.
    pub chains: Vec<PlannedChain>,
    /// The connections, in the order of their first step.
    pub connections: Vec<PlannedConnection>,
    /// The sessions, in the order of their first step.
    pub sessions: Vec<PlannedSession>,
    /// How many connections end within the plan. Where steps are waited for, their ends have numbers behind the steps'.
    pub closings: u32,
    /// The captured servers.
    pub servers: Vec<std::net::SocketAddr>,
    /// Trees that the engine connects itself, by session: their TREE_CONNECT is not in the capture.
    pub implicit_trees: FxHashSet<(u32, TreeId)>,
    /// What waits for what.
    pub(super) order: Order,
}

/// What a plan will do, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanCounts {
    /// Steps whose captured request goes out.
    pub sent: usize,
    /// Steps that the engine does in its own way, or a server began.
    pub own: usize,
    /// Of these two: steps that were not selected, but are needed by those that were.
    pub drawn_in: usize,
    /// Steps that were not selected.
    pub not_selected: usize,
    /// Steps that cannot be replayed, by reason.
    pub not_replayable: std::collections::BTreeMap<Reason, usize>,
}

impl Plan {
    /// Plans operations that are in the order of [`merge`].
    pub fn from_operations(operations: &[Operation], options: PlanOptions) -> Self {
        Self::new(operations, &[], options, &Picked::default())
    }

    /// Plans operations that are in the order of [`merge`], and the ends of their connections as far as they are known.
    pub fn new(operations: &[Operation], known: &[Closing], options: PlanOptions, picked: &Picked) -> Self {
        let mut closings = inferred_closings(operations, known);
        closings.extend_from_slice(known);
        closings.sort_unstable();
        let mut closings = closings.into_iter().peekable();
        let mut closed = 0;
        let mut numbering = Numbering::default();
        let mut classifier = Classifier::new(operations, options);
        let mut steps: Vec<Step> = Vec::with_capacity(operations.len());
        let mut chains: Vec<PlannedChain> = Vec::new();
        for (at, operation) in operations.iter().enumerate() {
            let connection = numbering.connection(operation);
            let session = numbering.session(operation, connection);
            let previous = at.checked_sub(1).and_then(|before| operations.get(before));
            match chains.last_mut() {
                Some(chain) if previous.is_some_and(|previous| continues_chain(previous, operation)) => {
                    chain.count += 1
                }
                _ => {
                    let part =
                        operation.request.as_ref().or(operation.response.as_ref()).or(operation.interim.as_ref());
                    let frame = part.map_or(0, |part| part.frame);
                    while let Some(closing) = closings.next_if(|closing| closing.frame < frame) {
                        // The end of a connection without operations means nothing.
                        if let Some(connection) = numbering.connection_places.get(&closing.connection) {
                            chains.push(PlannedChain {
                                connection: *connection,
                                index: closing.connection,
                                first: at as StepIndex,
                                count: 0,
                                captured_at: picked.no_earlier(closing.time),
                                frame: closing.frame,
                                closing: Some(closed),
                            });
                            closed += 1;
                        }
                    }
                    chains.push(PlannedChain {
                        connection,
                        index: operation.connection.index,
                        first: at as StepIndex,
                        count: 1,
                        captured_at: picked.no_earlier(part.map(|part| part.time).unwrap_or_default()),
                        frame,
                        closing: None,
                    });
                }
            }
            let server = numbering.server_of(connection);
            let pick = picked.of(at as StepIndex);
            steps.push(Step {
                kind: match pick {
                    Pick::Left => StepKind::NotSelected,
                    Pick::Drawn | Pick::Taken => classifier.classify(at as StepIndex, operation, server, session),
                },
                chain: (chains.len() - 1) as u32,
                session,
                on_pipe: operation.share.as_deref().is_some_and(crate::model::path::is_ipc),
                drawn_in: pick == Pick::Drawn,
            });
        }
        spoil_chains(operations, &chains, &mut steps);
        let order = Order::new(options.ordering, operations, &steps, &chains);
        let Numbering { connections, sessions, servers, .. } = numbering;
        let implicit_trees = classifier.implicit_trees;
        Self { steps, chains, connections, sessions, closings: closed, servers, implicit_trees, order }
    }

    /// The chain of a step, or of the end of a connection.
    pub(super) fn chain_of(&self, step: StepIndex) -> Option<u32> {
        match self.steps.get(step as usize) {
            Some(step) => Some(step.chain),
            None => {
                let number = step - self.steps.len() as u32;
                self.chains.iter().position(|chain| chain.closing == Some(number)).map(|chain| chain as u32)
            }
        }
    }

    /// The number under which the end of a connection is waited for.
    pub(super) fn closing_step(&self, closing: u32) -> StepIndex {
        self.steps.len() as u32 + closing
    }

    /// How many steps will be sent, and how many not and why.
    pub fn counts(&self) -> PlanCounts {
        let mut counts = PlanCounts::default();
        for step in &self.steps {
            counts.drawn_in += usize::from(step.drawn_in);
            match step.kind {
                StepKind::NotSelected => counts.not_selected += 1,
                StepKind::NotReplayable(reason) => *counts.not_replayable.entry(reason).or_default() += 1,
                kind if kind.is_sent() => counts.sent += 1,
                _ => counts.own += 1,
            }
        }
        counts
    }
}

/// Sessions' operations as one list in the order in which the client sent them.
pub fn merge(sessions: Vec<Vec<Operation>>) -> Vec<Operation> {
    let several = sessions.len() > 1;
    let mut operations: Vec<Operation> = sessions.into_iter().flatten().collect();
    if several {
        operations.sort_by_key(|operation| {
            let frame = operation.parts().next().map_or(0, |part| part.frame);
            (frame, operation.connection.index, operation.message_id)
        });
    }
    operations
}

/// Whether an operation was sent in one compound with the one before.
pub(super) fn continues_chain(previous: &Operation, operation: &Operation) -> bool {
    let (Some(before), Some(request)) = (&previous.request, &operation.request) else { return false };
    let (Some(place_before), Some(place)) = (previous.compound_index, operation.compound_index) else { return false };
    before.frame == request.frame
        && place_before.checked_add(1) == Some(place)
        && previous.connection.index == operation.connection.index
}

/// A related step takes ids from the ones before it in its chain; it cannot go out without them. Steps that the engine does
/// itself never share a chain with others in practice; those around one stay on their own.
fn spoil_chains(operations: &[Operation], chains: &[PlannedChain], steps: &mut [Step]) {
    for chain in chains.iter().filter(|chain| chain.count > 1) {
        let mut spoilt = false;
        for at in chain.steps() {
            let (Some(step), Some(operation)) = (steps.get_mut(at as usize), operations.get(at as usize)) else {
                continue;
            };
            if spoilt && operation.related && step.kind.is_sent() {
                step.kind = StepKind::NotReplayable(Reason::ChainMember);
            }
            spoilt = step.kind.is_left_out() || (spoilt && operation.related);
        }
    }
}

/// Gives connections, sessions and servers their places.
#[derive(Default)]
struct Numbering {
    connections: Vec<PlannedConnection>,
    sessions: Vec<PlannedSession>,
    servers: Vec<std::net::SocketAddr>,
    connection_places: FxHashMap<ConnectionIndex, u32>,
    session_places: FxHashMap<(u32, SessionId), u32>,
}

impl Numbering {
    fn connection(&mut self, operation: &Operation) -> u32 {
        let index = operation.connection.index;
        if let Some(place) = self.connection_places.get(&index) {
            return *place;
        }
        let address = operation.connection.server;
        let server = self.servers.iter().position(|known| *known == address).unwrap_or_else(|| {
            self.servers.push(address);
            self.servers.len() - 1
        });
        let place = self.connections.len() as u32;
        self.connections.push(PlannedConnection { index, server: server as u32 });
        self.connection_places.insert(index, place);
        place
    }

    fn server_of(&self, connection: u32) -> u32 {
        self.connections.get(connection as usize).map_or(0, |connection| connection.server)
    }

    fn session(&mut self, operation: &Operation, connection: u32) -> u32 {
        let server = self.server_of(connection);
        let id = operation.session_id;
        *self.session_places.entry((server, id)).or_insert_with(|| {
            self.sessions.push(PlannedSession { id, server, connection });
            (self.sessions.len() - 1) as u32
        })
    }
}
