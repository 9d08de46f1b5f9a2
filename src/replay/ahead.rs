//! Connections and logins ahead of their time, where a captured timeline is kept.
//!
//! A login takes several round trips and the target's time to check a password; made at its captured time, whatever the captured
//! client did next would be late. So it is made a little earlier, as long as nobody can tell the difference: the steps stay where
//! they are. What does not work ahead is tried again at its time, and that is what is reported.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::{mpsc, watch};

use super::engine::{Lane, Login, Running, stopped};
use super::lane::Happening;
use super::origins::Origins;
use super::outcome::Outcome;
use super::pacing::Schedule;
use super::plan::{Plan, StepIndex, StepKind};

/// A connection, or a session on it, and the time by which it has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Item {
    due: Duration,
    connection: u32,
    /// None is the connection itself.
    session: Option<u32>,
    begun: bool,
}

/// What is made ahead, how long before its time, and how far it is.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    lead: Duration,
    /// Not begun, the first first.
    waiting: VecDeque<Item>,
    under_way: Vec<Item>,
    made: FxHashSet<(u32, Option<u32>)>,
}

/// How far an item is.
enum State {
    UnderWay,
    Made,
    /// It is left to its time.
    Left,
}

impl Ahead {
    pub(super) fn new(plan: &Plan, schedule: &Schedule<'_>, origins: &Origins, lead: Duration) -> Self {
        let waiting = if schedule.is_timeline() { items(plan, schedule, origins).into() } else { VecDeque::new() };
        Self { lead, waiting, ..Self::default() }
    }

    /// When the next item is to be begun, from the start of the run.
    pub(super) fn next(&self) -> Option<Duration> {
        self.waiting.front().map(|item| item.due.saturating_sub(self.lead))
    }

    /// How many logins were made ahead.
    pub(super) fn logins(&self) -> usize {
        self.made.iter().filter(|(_, session)| session.is_some()).count()
    }
}

/// What can be made ahead, by when it is due. Left to their time are a login in the place of an earlier session, which ends that
/// one, and a session whose connection had ended before: on a connection that is still there it would be bound instead.
fn items(plan: &Plan, schedule: &Schedule<'_>, origins: &Origins) -> Vec<Item> {
    let mut items = Vec::new();
    let mut seen = FxHashSet::default();
    let mut closed = FxHashSet::default();
    let mut homes: FxHashMap<u32, u32> = FxHashMap::default();
    for (at, chain) in (0..).zip(&plan.chains) {
        let connection = chain.connection;
        if chain.closing.is_some() {
            closed.insert(connection);
            continue;
        }
        for step in chain.steps().filter_map(|step| plan.steps.get(step as usize)) {
            let needs_session = match step.kind {
                StepKind::Connect => false,
                StepKind::Login | StepKind::Send | StepKind::Acknowledge { .. } => true,
                _ => continue,
            };
            let mut add = |session: Option<u32>, possible: bool| {
                if seen.insert((connection, session)) && possible && !closed.contains(&connection) {
                    items.push(Item { due: schedule.due(at, Duration::ZERO), connection, session, begun: false });
                }
            };
            add(None, true);
            if needs_session {
                let home = *homes.entry(step.session).or_insert(connection);
                let possible = !origins.previous_sessions.contains_key(&step.session) && !closed.contains(&home);
                add(Some(step.session), possible);
            }
        }
    }
    items.sort_by_key(|item| item.due);
    items
}

impl Running<'_> {
    /// Makes what has to be there at the beginning, and starts the clock. Breaks when the run was stopped meanwhile.
    pub(super) async fn begin(
        &mut self,
        happenings: &mut mpsc::UnboundedReceiver<Happening>,
        stop: &mut watch::Receiver<bool>,
    ) -> ControlFlow<()> {
        if !self.ahead.waiting.is_empty() {
            let (begun, lead) = (self.start, self.ahead.lead);
            loop {
                self.take_in(happenings);
                self.make_ahead(begun.elapsed());
                let late = self.ahead.under_way.is_empty() || begun.elapsed() >= lead + self.options.step_timeout;
                if begun.elapsed() >= lead && late {
                    break;
                }
                let next = self.ahead.waiting.front().map_or(lead, |item| item.due.min(lead));
                // What is under way tells by a happening when it is there.
                let wake = begun + if begun.elapsed() < next { next } else { begun.elapsed() + lead };
                tokio::select! {
                    happening = happenings.recv() => happening.into_iter().for_each(|happening| self.take(happening)),
                    () = tokio::time::sleep_until(wake.into()) => {}
                    () = stopped(stop) => return ControlFlow::Break(()),
                }
            }
            self.start = Instant::now();
        }
        ControlFlow::Continue(())
    }

    /// Begins what is due soon, and looks how far the rest is.
    pub(super) fn go_ahead(&mut self) {
        if !self.ahead.waiting.is_empty() || !self.ahead.under_way.is_empty() {
            self.make_ahead(self.now() + self.ahead.lead);
        }
    }

    fn make_ahead(&mut self, until: Duration) {
        while let Some(item) = self.ahead.waiting.pop_front_if(|item| item.due <= until) {
            self.ahead.under_way.push(item);
        }
        for item in std::mem::take(&mut self.ahead.under_way) {
            let (state, item) = match item.session {
                None => self.connect_ahead(item),
                Some(session) => self.log_in_ahead(item, session),
            };
            match state {
                State::UnderWay => self.ahead.under_way.push(item),
                State::Made => drop(self.ahead.made.insert((item.connection, item.session))),
                State::Left => {}
            }
        }
    }

    fn connect_ahead(&mut self, item: Item) -> (State, Item) {
        match self.lanes.get_mut(item.connection as usize) {
            Some(lane @ Lane::Idle) if !item.begun => {
                *lane = Lane::Connecting(Vec::new());
                self.connect(item.connection);
                (State::UnderWay, Item { begun: true, ..item })
            }
            Some(Lane::Connecting(_)) if item.begun => (State::UnderWay, item),
            Some(Lane::Up { .. }) if item.begun => (State::Made, item),
            _ => (State::Left, item),
        }
    }

    fn log_in_ahead(&mut self, item: Item, session: u32) -> (State, Item) {
        match self.lanes.get(item.connection as usize) {
            Some(Lane::Up { .. }) => {}
            Some(Lane::Connecting(_)) => return (State::UnderWay, item),
            _ => return (State::Left, item),
        }
        match self.logins.get(&(item.connection, session)) {
            Some(Login::Pending(_)) if item.begun => (State::UnderWay, item),
            Some(Login::Done(_)) if item.begun => (State::Made, item),
            None if !item.begun => {
                // A further channel of a session can be bound when the session is there.
                let home = self.homes.get(&session).filter(|home| **home != item.connection);
                match home.map(|home| self.logins.get(&(*home, session))) {
                    None | Some(Some(Login::Done(_))) => {}
                    Some(Some(Login::Pending(_))) => return (State::UnderWay, item),
                    Some(_) => return (State::Left, item),
                }
                self.logins.insert((item.connection, session), Login::Pending(Vec::new()));
                self.log_in(item.connection, session);
                (State::UnderWay, Item { begun: true, ..item })
            }
            _ => (State::Left, item),
        }
    }

    /// The outcome of a connection or login at its time, when it is there already.
    pub(super) fn there_already(&self, step: StepIndex, connection: u32, session: Option<u32>) -> Outcome {
        let mut outcome = super::sending::own(step);
        if self.ahead.made.contains(&(connection, session)) {
            outcome.note = Some("made ahead of its time".into());
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::super::closing::Closing;
    use super::super::options::{Options, Pacing};
    use super::super::picks::Picked;
    use super::super::plan::PlanOptions;
    use super::super::testing::{SESSION, connection, echo, operation};
    use super::*;
    use crate::model::message::SessionSetupRequest;
    use crate::model::{Command, Operation, SessionId, Timestamp};

    fn on(index: u32, session: u64, mut operation: Operation) -> Operation {
        operation.connection = connection(index);
        operation.session_id = SessionId(session);
        operation
    }

    fn negotiate(sent: u64) -> Operation {
        operation(Command::Negotiate, &[], sent, Some(sent + 1))
    }

    fn login(sent: u64, previous: u64) -> Operation {
        let mut body = Vec::new();
        let request = SessionSetupRequest {
            flags: 0,
            security_mode: 1,
            capabilities: 1,
            channel: 0,
            previous_session_id: previous,
            security_buffer: b"token",
        };
        request.encode(&mut body);
        operation(Command::SessionSetup, &body, sent, Some(sent + 1))
    }

    /// (milliseconds from the start, connection, session)
    fn made(operations: &[Operation], closings: &[Closing], pacing: Pacing) -> Vec<(u128, u32, Option<u32>)> {
        let plan = Plan::new(operations, closings, PlanOptions::default(), &Picked::default());
        let options = Options { pacing, ..Options::default() };
        let (schedule, origins) = (Schedule::new(&plan, &options), Origins::new(&plan, operations));
        let ahead = Ahead::new(&plan, &schedule, &origins, Duration::ZERO);
        ahead.waiting.iter().map(|item| (item.due.as_millis(), item.connection, item.session)).collect()
    }

    /// Frames are a millisecond apart.
    #[test]
    fn connections_and_logins_are_made_by_the_time_of_their_first_step() {
        let first = SESSION.0;
        let operations = [
            on(0, first, negotiate(10)),
            on(0, first, login(12, 0)),
            on(0, first, echo(14, Some(15))),
            on(0, 7, login(20, 0)),
            on(0, 7, echo(22, Some(23))),
            // From the middle of a connection, of which the capture has no login.
            on(1, 9, echo(30, Some(31))),
        ];
        let expected = vec![(0, 0, None), (2, 0, Some(0)), (10, 0, Some(1)), (20, 1, None), (20, 1, Some(2))];
        assert_eq!(made(&operations, &[], Pacing::Captured), expected);
        let faster: Vec<_> = made(&operations, &[], Pacing::Scaled(2.0)).iter().map(|(due, ..)| *due).collect();
        assert_eq!(faster, [0, 1, 5, 10, 10]);
        for pacing in [Pacing::Asap, Pacing::Think] {
            assert_eq!(made(&operations, &[], pacing), [], "no timeline, no time to be ahead of");
        }
    }

    #[test]
    fn a_login_that_ends_another_session_waits_for_its_time() {
        let operations = [
            on(0, 5, negotiate(10)),
            on(0, 5, login(12, 0)),
            on(1, 6, negotiate(20)),
            on(1, 6, login(22, 5)),
            on(1, 6, echo(24, Some(25))),
        ];
        let expected = vec![(0, 0, None), (2, 0, Some(0)), (10, 1, None)];
        assert_eq!(made(&operations, &[], Pacing::Captured), expected);
    }

    #[test]
    fn a_further_channel_is_bound_ahead_but_not_when_the_first_one_had_ended() {
        let operations = [
            on(0, 5, negotiate(10)),
            on(0, 5, login(12, 0)),
            on(1, 5, negotiate(20)),
            on(1, 5, login(22, 0)),
            on(1, 5, echo(24, Some(25))),
        ];
        let bound = vec![(0, 0, None), (2, 0, Some(0)), (10, 1, None), (12, 1, Some(0))];
        assert_eq!(made(&operations, &[], Pacing::Captured), bound);
        let end = Closing { frame: 18, time: Timestamp(18_000_000), connection: connection(0).index };
        assert_eq!(made(&operations, &[end], Pacing::Captured), bound[..3]);
    }
}
