//! Breaks: those of the capture are awaited and acknowledged as the captured client did; those that the capture has not got are
//! acknowledged by the engine, so that nobody waits for them.

use std::cmp::Reverse;
use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use super::classify::BreakSubject;
use super::engine::{Flight, Lane, Login, Running};
use super::lane::Job;
use super::negotiated::NegotiatedDifference;
use super::outcome::{Class, Finding, Outcome};
use super::picks::Causes;
use super::plan::{Plan, StepIndex, StepKind};
use crate::model::message::{CreateResponse, LeaseContext, OplockBreak};
use crate::model::{Command, FileId, NtStatus, Operation, TreeId};
use crate::wire::{Event, EventKind, Outgoing, Session, WireError};

/// The breaks of a run.
#[derive(Debug, Default)]
pub(super) struct Breaks {
    /// Captured breaks that have not come, by what they are about, in their order.
    awaited: FxHashMap<BreakSubject, VecDeque<StepIndex>>,
    come: FxHashSet<StepIndex>,
    /// Those that are waited for now.
    waiting: FxHashSet<StepIndex>,
    /// By captured break: the CREATE of what it breaks, and what broke it.
    causes: FxHashMap<StepIndex, (StepIndex, Vec<StepIndex>)>,
    /// CREATEs that were granted an oplock or a lease.
    granted: FxHashSet<StepIndex>,
    /// Breaks of opens whose CREATE is not answered yet.
    early: FxHashMap<FileId, (u32, Event)>,
    /// Where an open lives, for the engine's own acknowledgements.
    pub(super) homes: FxHashMap<FileId, (Session, TreeId)>,
    pub(super) unexpected: usize,
}

impl Breaks {
    pub(super) fn new(plan: &Plan, operations: &[Operation]) -> Self {
        let causes = Causes::of(operations).breaks.into_iter().map(|cause| (cause.at, (cause.create, cause.by)));
        let mut breaks = Self { causes: causes.collect(), ..Self::default() };
        for (at, (step, operation)) in plan.steps.iter().zip(operations).enumerate() {
            if step.kind == StepKind::Break
                && let Some(part) = &operation.response
                && let Some(subject) = BreakSubject::of(&part.pdu)
            {
                breaks.awaited.entry(subject).or_default().push_back(at as StepIndex);
            }
        }
        breaks
    }

    /// A CREATE was answered: something of its open can be broken, or nothing.
    pub(super) fn opened(&mut self, step: StepIndex, create: &CreateResponse<'_>) {
        let lease = create.contexts.find(LeaseContext::NAME).map(|context| LeaseContext::decode(context.data));
        let granted = match lease {
            Some(Ok(lease)) => lease.lease_state != 0,
            _ => create.oplock_level != 0,
        };
        if granted {
            self.granted.insert(step);
        }
    }

    /// Whether a captured break has come.
    pub(super) fn has_come(&self, step: StepIndex) -> bool {
        self.come.contains(&step)
    }
}

/// Why a break can no longer come.
enum Hopeless {
    /// Another step failed; the step where that began.
    SkippedFor(StepIndex),
    /// Its connection is gone.
    Lost(WireError),
    /// Its connection was ended as the captured one was.
    ConnectionEnded,
    /// The open has nothing that could be broken.
    NothingGranted {
        /// The CREATE.
        create: StepIndex,
    },
}

impl Running<'_> {
    /// A captured break's turn: it has come before, or it is waited for.
    pub(super) fn await_break(&mut self, step: StepIndex) {
        if self.outcomes.get(step as usize).is_some_and(Option::is_some) {
            return;
        }
        let now = self.now();
        self.breaks.waiting.insert(step);
        self.in_flight.insert(step, Flight { due: now, handed_over: now });
        self.deadlines.push(Reverse((now + self.options.break_timeout, step)));
    }

    /// Gives up the awaited breaks that can no longer come.
    pub(super) fn give_up_breaks(&mut self) {
        if self.breaks.waiting.is_empty() {
            return;
        }
        let mut waiting: Vec<StepIndex> = self.breaks.waiting.iter().copied().collect();
        waiting.sort_unstable();
        for step in waiting {
            match self.hopeless(step) {
                Some(Hopeless::SkippedFor(root)) => {
                    self.forget_break(step);
                    self.skip(step, root);
                }
                Some(Hopeless::Lost(error)) => {
                    self.forget_break(step);
                    self.unanswered(step, &error);
                }
                Some(Hopeless::ConnectionEnded) => self.break_missing(step, "none; its connection has ended", None),
                Some(Hopeless::NothingGranted { create }) => {
                    let operation = self.operations.get(create as usize);
                    let frame = operation.and_then(|operation| operation.parts().next()).map_or(0, |part| part.frame);
                    let connection = self.plan.steps.get(create as usize).map_or(0, |step| self.connection_of(step));
                    let differences = self.negotiations.on(connection);
                    let cause = operation.and_then(|operation| differences.of_missing_break(operation));
                    let none = format!("none; the CREATE of frame {frame} was granted no oplock and no lease");
                    self.break_missing(step, &none, cause);
                }
                None => {}
            }
        }
    }

    /// Why an awaited break can no longer come; None while it can.
    fn hopeless(&self, step: StepIndex) -> Option<Hopeless> {
        let connection = self.plan.steps.get(step as usize).map_or(0, |step| self.connection_of(step));
        match self.lanes.get(connection as usize) {
            Some(Lane::Down(root)) => return Some(Hopeless::SkippedFor(*root)),
            Some(Lane::Closed) => return Some(Hopeless::ConnectionEnded),
            Some(Lane::Up { wire, .. }) => {
                if let Some(error) = wire.lost() {
                    return Some(Hopeless::Lost(error));
                }
            }
            Some(Lane::Idle | Lane::Connecting(_)) | None => {}
        }
        let (create, by) = self.breaks.causes.get(&step)?;
        let settled = |step: &StepIndex| self.outcomes.get(*step as usize).and_then(Option::as_ref);
        if let Some(outcome) = settled(create)
            && !self.breaks.granted.contains(create)
        {
            return Some(match outcome.status {
                Some(NtStatus::SUCCESS) => Hopeless::NothingGranted { create: *create },
                _ => Hopeless::SkippedFor(self.root_of(*create)),
            });
        }
        // All that could have broken it will not be sent.
        let unsent = |outcome: &Outcome| matches!(outcome.class, Class::Skipped { .. } | Class::NotReplayable(_));
        let none_sent = by.iter().all(|step| settled(step).is_some_and(unsent));
        by.first().filter(|_| none_sent).map(|first| Hopeless::SkippedFor(self.root_of(*first)))
    }

    fn forget_break(&mut self, step: StepIndex) {
        self.breaks.waiting.remove(&step);
        for awaited in self.breaks.awaited.values_mut() {
            awaited.retain(|other| *other != step);
        }
    }

    /// A captured break did not come in time, or cannot come.
    pub(super) fn break_missing(&mut self, step: StepIndex, observed: &str, cause: Option<NegotiatedDifference>) {
        self.forget_break(step);
        let mut outcome = Outcome::unanswered(step, Class::MissingResponse);
        outcome.cause = cause;
        outcome.findings.push(Finding::new("break", "a break notification", observed));
        self.finish(outcome);
    }

    /// The server said something unasked.
    pub(super) fn unasked(&mut self, connection: u32, event: Event) {
        if event.kind != EventKind::Break {
            return;
        }
        let Some(live) = BreakSubject::of(&event.pdu) else { return };
        let captured = match live {
            BreakSubject::Lease(key) => Some(BreakSubject::Lease(self.copy.separated(key))),
            BreakSubject::Open(id) => self.ids.captured_file(id).map(|(_, id)| BreakSubject::Open(id)),
        };
        match (captured, live) {
            (Some(captured), _) => match self.breaks.awaited.get_mut(&captured).and_then(VecDeque::pop_front) {
                Some(step) => self.break_came(step, &event),
                None => self.acknowledge(connection, &event),
            },
            (None, BreakSubject::Open(id)) => drop(self.breaks.early.insert(id, (connection, event))),
            (None, BreakSubject::Lease(_)) => {}
        }
    }

    /// A CREATE was answered: its break may have come before.
    pub(super) fn opened(&mut self, live: FileId) {
        if let Some((connection, event)) = self.breaks.early.remove(&live) {
            self.unasked(connection, event);
        }
    }

    fn break_came(&mut self, step: StepIndex, event: &Event) {
        self.breaks.come.insert(step);
        self.breaks.waiting.remove(&step);
        let captured = self.operations.get(step as usize).and_then(|operation| operation.response.as_ref());
        let level = |pdu: &[u8]| match OplockBreak::decode(pdu).ok()? {
            OplockBreak::Oplock { oplock_level, .. } => Some(("new_oplock_level", u32::from(oplock_level))),
            OplockBreak::LeaseNotification { new_lease_state, .. } => Some(("new_lease_state", new_lease_state)),
            OplockBreak::Lease { .. } => None,
        };
        let mut outcome = Outcome::unanswered(step, Class::Match);
        outcome.compared = true;
        outcome.answered = Some(event.received.saturating_duration_since(self.start));
        outcome.response_length = event.pdu.len() as u32;
        if let (Some((subject, was)), Some((_, is))) = (captured.and_then(|part| level(&part.pdu)), level(&event.pdu))
            && was != is
        {
            outcome.class = Class::Info;
            outcome.findings.push(Finding::new(subject, was, is));
        }
        if self.options.keep_responses {
            outcome.response = Some(event.pdu.clone());
        }
        self.finish(outcome);
    }

    /// Gives in to a break that the captured client never saw. An answer to a break that needs none is refused, which does
    /// no harm.
    fn acknowledge(&mut self, connection: u32, event: &Event) {
        self.breaks.unexpected += 1;
        let mut body = Vec::with_capacity(36);
        let home = match OplockBreak::decode(&event.pdu) {
            Ok(OplockBreak::Oplock { oplock_level, file_id }) => {
                body.extend_from_slice(&24u16.to_le_bytes());
                body.extend_from_slice(&[oplock_level, 0, 0, 0, 0, 0]);
                body.extend_from_slice(&file_id.0);
                self.breaks.homes.get(&file_id).cloned()
            }
            Ok(OplockBreak::LeaseNotification { flags, lease_key, new_lease_state, .. })
                if flags & OplockBreak::ACK_REQUIRED != 0 =>
            {
                body.extend_from_slice(&36u16.to_le_bytes());
                body.extend_from_slice(&[0; 6]);
                body.extend_from_slice(&lease_key);
                body.extend_from_slice(&new_lease_state.to_le_bytes());
                body.extend_from_slice(&[0; 8]);
                self.any_home(connection)
            }
            _ => None,
        };
        if let Some((session, tree_id)) = home
            && let Some(Lane::Up { jobs, .. }) = self.lanes.get(connection as usize)
        {
            let outgoing = Outgoing::new(Command::OplockBreak, body).in_session(&session).in_tree(tree_id);
            let _ = jobs.send(Job::Unwatched(outgoing));
        }
    }

    /// A session of a connection and a tree in it. A lease is the client's, not a tree's, but servers want a tree's id.
    fn any_home(&self, connection: u32) -> Option<(Session, TreeId)> {
        let sessions = self.logins.iter().filter_map(|((on, _), login)| match login {
            Login::Done(session) if *on == connection => Some(session.id()),
            _ => None,
        });
        let ids: Vec<_> = sessions.collect();
        self.breaks.homes.values().find(|(session, _)| ids.contains(&session.id())).cloned()
    }
}
