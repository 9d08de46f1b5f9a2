//! Breaks: those of the capture are awaited and acknowledged as the captured client did; those that the capture has not got are
//! acknowledged by the engine, so that nobody waits for them.

use std::cmp::Reverse;
use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use super::classify::BreakSubject;
use super::engine::{Flight, Lane, Login, Running};
use super::lane::Job;
use super::outcome::{Class, Finding, Outcome};
use super::plan::{Plan, StepIndex, StepKind};
use crate::model::message::OplockBreak;
use crate::model::{Command, FileId, Operation, TreeId};
use crate::wire::{Event, EventKind, Outgoing, Session};

/// The breaks of a run.
#[derive(Debug, Default)]
pub(super) struct Breaks {
    /// Captured breaks that have not come, by what they are about, in their order.
    awaited: FxHashMap<BreakSubject, VecDeque<StepIndex>>,
    come: FxHashSet<StepIndex>,
    /// Breaks of opens whose CREATE is not answered yet.
    early: FxHashMap<FileId, (u32, Event)>,
    /// Where an open lives, for the engine's own acknowledgements.
    pub(super) homes: FxHashMap<FileId, (Session, TreeId)>,
    pub(super) unexpected: usize,
}

impl Breaks {
    pub(super) fn new(plan: &Plan, operations: &[Operation]) -> Self {
        let mut breaks = Self::default();
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

    /// Whether a captured break has come.
    pub(super) fn has_come(&self, step: StepIndex) -> bool {
        self.come.contains(&step)
    }
}

impl Running<'_> {
    /// A captured break's turn: it has come before, or it is waited for.
    pub(super) fn await_break(&mut self, step: StepIndex) {
        if self.outcomes.get(step as usize).is_some_and(Option::is_some) {
            return;
        }
        let now = self.now();
        self.in_flight.insert(step, Flight { due: now, handed_over: now });
        self.deadlines.push(Reverse((now + self.options.break_timeout, step)));
    }

    /// A captured break did not come in time.
    pub(super) fn break_missing(&mut self, step: StepIndex) {
        for awaited in self.breaks.awaited.values_mut() {
            awaited.retain(|other| *other != step);
        }
        let mut outcome = Outcome::unanswered(step, Class::MissingResponse);
        outcome.findings.push(Finding::new("break", "a break notification", "none"));
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
