//! The engine: one loop that sends what is ready and due, takes in what comes, and never waits for one thing only.
//!
//! Everything that could block (connecting, logging in, waiting for credits and answers) happens in tasks of their own, which
//! tell the loop; see [`super::lane`]. All state of a run is here and in the files `sending`, `receiving` and `breaks`, which
//! are the parts of this one type.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::{mpsc, watch};

use super::ahead::Ahead;
use super::breaks::Breaks;
use super::copies::CopyNumber;
use super::lane::{Happening, Job, Teller};
use super::listing::{Listings, continued_listings};
use super::negotiations::Negotiations;
use super::options::{OnConnectionLoss, Options};
use super::origins::Origins;
use super::outcome::{Class, Outcome};
use super::pacing::Schedule;
use super::plan::{Plan, StepIndex, StepKind};
use super::readiness::Readiness;
use super::remap::IdMap;
use super::reopen::Reopens;
use super::run::{Aside, Finished, Progress, Target};
use super::summary::LATE;
use super::users::SessionUsers;
use crate::model::{Command, FileId, Operation, TreeId};
use crate::wire::{Connection, Session};

/// How often progress is told of.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// How many happenings are taken in before it is looked whether something is due.
const AT_ONCE: usize = 256;

/// The engine before and after its run.
#[derive(Debug)]
pub(super) struct Engine {
    plan: Arc<Plan>,
    operations: Arc<Vec<Operation>>,
    target: Arc<Target>,
    users: Arc<SessionUsers>,
    options: Options,
    copy: CopyNumber,
    /// How long before their time connections and logins are made where a timeline is kept.
    lead: Duration,
}

/// A captured connection on the target.
#[derive(Debug, Default)]
pub(super) enum Lane {
    /// Not yet.
    #[default]
    Idle,
    /// On the way; these chains wait for it.
    Connecting(Vec<u32>),
    /// There.
    Up { wire: Connection, jobs: mpsc::UnboundedSender<Job> },
    /// Ended as the captured one was. A further step connects anew.
    Closed,
    /// Gone; the step where it began.
    Down(StepIndex),
}

/// A captured session on a connection of the target.
#[derive(Debug)]
pub(super) enum Login {
    /// On the way; these chains wait for it.
    Pending(Vec<u32>),
    /// There.
    Done(Session),
    /// Refused; the step where it began.
    Failed(StepIndex),
}

/// A request that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    /// From the start of the run.
    pub(super) due: Duration,
    /// When it was handed to its lane.
    pub(super) handed_over: Duration,
}

/// All state of a run.
pub(super) struct Running<'a> {
    pub(super) plan: &'a Plan,
    pub(super) operations: &'a [Operation],
    pub(super) target: &'a Arc<Target>,
    pub(super) users: &'a SessionUsers,
    pub(super) options: &'a Options,
    pub(super) copy: CopyNumber,
    pub(super) start: Instant,
    pub(super) tell: Teller,
    pub(super) readiness: Readiness<'a>,
    pub(super) schedule: Schedule<'a>,
    /// What is made ahead of its time.
    pub(super) ahead: Ahead,
    /// Chains that are ready, by when they are due.
    pub(super) due: BinaryHeap<Reverse<(Duration, u32)>>,
    /// By chain: when it is due, and when what it waits for was there.
    pub(super) timing: Vec<(Duration, Duration)>,
    /// When steps in flight are given up. Those that were answered meanwhile stay until their time.
    pub(super) deadlines: BinaryHeap<Reverse<(Duration, StepIndex)>>,
    pub(super) lanes: Vec<Lane>,
    pub(super) logins: FxHashMap<(u32, u32), Login>,
    /// Where a session lives: the connection that it was logged in on first.
    pub(super) homes: FxHashMap<u32, u32>,
    pub(super) in_flight: FxHashMap<StepIndex, Flight>,
    /// Steps in flight that need not be answered for the run to end.
    pub(super) optional: FxHashSet<StepIndex>,
    /// Trees that the engine connects itself and that are on the way, with the chains that wait for them.
    pub(super) connecting_trees: FxHashMap<(u32, TreeId), Vec<u32>>,
    pub(super) outcomes: Vec<Option<Outcome>>,
    pub(super) ids: IdMap,
    pub(super) failed_files: FxHashMap<(u32, FileId), StepIndex>,
    pub(super) failed_trees: FxHashMap<(u32, TreeId), StepIndex>,
    pub(super) listings: Listings,
    pub(super) continued: FxHashSet<StepIndex>,
    pub(super) cancel_targets: FxHashSet<StepIndex>,
    pub(super) breaks: Breaks,
    pub(super) origins: Origins,
    pub(super) negotiations: Negotiations,
    pub(super) reopens: Reopens,
    pub(super) stopping: bool,
    pub(super) progress: Progress,
}

impl Engine {
    pub(super) fn new(
        plan: Arc<Plan>,
        operations: Arc<Vec<Operation>>,
        target: Arc<Target>,
        users: Arc<SessionUsers>,
        options: Options,
        copy: CopyNumber,
        lead: Duration,
    ) -> Self {
        Self { plan, operations, target, users, options, copy, lead }
    }

    /// Runs the plan to its end, or until `stop` turns true.
    pub(super) async fn run(
        self,
        mut progress: impl FnMut(Progress) + Send,
        mut stop: watch::Receiver<bool>,
    ) -> Finished {
        let (tell, mut happenings) = mpsc::unbounded_channel();
        let mut running = Running::new(&self, tell);
        progress(running.progress);
        let mut interrupted = running.begin(&mut happenings, &mut stop).await.is_break();
        let mut told = Instant::now();
        while !interrupted {
            if *stop.borrow() {
                interrupted = true;
                break;
            }
            running.take_in(&mut happenings);
            running.go_ahead();
            running.send_due();
            running.give_up_breaks();
            running.expire();
            if told.elapsed() >= PROGRESS_EVERY {
                progress(running.progress_now());
                told = Instant::now();
            }
            if running.is_finished() || running.stopping {
                break;
            }
            if running.is_turning() {
                tokio::task::yield_now().await;
                continue;
            }
            let wake = running.wake_at(told + PROGRESS_EVERY);
            tokio::select! {
                happening = happenings.recv() => {
                    if let Some(happening) = happening {
                        running.take(happening);
                    }
                }
                () = tokio::time::sleep_until(wake.into()) => {}
                () = stopped(&mut stop) => {
                    interrupted = true;
                    break;
                }
            }
        }
        let elapsed = running.start.elapsed();
        running.end();
        let reached = running.progress_now();
        progress(reached);
        let aside = Aside {
            unexpected_breaks: running.breaks.unexpected,
            logins_ahead: running.ahead.logins(),
            sent_again: running.reopens.count(),
            negotiated: running.negotiations.counted(),
        };
        let outcomes = running
            .outcomes
            .into_iter()
            .enumerate()
            .map(|(step, outcome)| {
                outcome.unwrap_or_else(|| Outcome::unanswered(step as StepIndex, Class::NotReached))
            })
            .collect();
        Finished { outcomes, progress: reached, elapsed, aside, interrupted }
    }
}

/// Waits until the run is to stop; for ever, when nobody can ask for it any more.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

impl<'a> Running<'a> {
    fn new(engine: &'a Engine, tell: Teller) -> Self {
        let Engine { plan, operations, target, users, options, copy, lead } = engine;
        let cancel_targets = plan.steps.iter().filter_map(|step| match step.kind {
            StepKind::Cancel { target } => target,
            _ => None,
        });
        let (schedule, origins) = (Schedule::new(plan, options), Origins::new(plan, operations));
        let mut running = Self {
            plan,
            operations,
            target,
            users,
            options,
            copy: *copy,
            start: Instant::now(),
            tell,
            readiness: Readiness::new(plan),
            ahead: Ahead::new(plan, &schedule, &origins, *lead),
            schedule,
            due: BinaryHeap::new(),
            timing: vec![(Duration::ZERO, Duration::ZERO); plan.chains.len()],
            deadlines: BinaryHeap::new(),
            lanes: plan.connections.iter().map(|_| Lane::Idle).collect(),
            logins: FxHashMap::default(),
            homes: FxHashMap::default(),
            in_flight: FxHashMap::default(),
            optional: FxHashSet::default(),
            connecting_trees: FxHashMap::default(),
            outcomes: vec![None; plan.steps.len()],
            ids: IdMap::default(),
            failed_files: FxHashMap::default(),
            failed_trees: FxHashMap::default(),
            listings: Listings::default(),
            continued: continued_listings(operations, |at| {
                plan.steps.get(at as usize).is_some_and(|step| step.kind != StepKind::NotSelected)
            }),
            cancel_targets: cancel_targets.collect(),
            breaks: Breaks::new(plan, operations),
            origins,
            negotiations: Negotiations::new(plan, operations),
            reopens: Reopens::new(plan, operations),
            stopping: false,
            progress: Progress { total: plan.steps.len(), ..Progress::default() },
        };
        running.leave_out();
        running.start = Instant::now();
        running
    }

    /// What was not selected is settled before the run begins.
    fn leave_out(&mut self) {
        let left_out = (0..).zip(&self.plan.steps).filter(|(_, step)| step.kind == StepKind::NotSelected);
        for (at, _) in left_out {
            if let Some(place) = self.outcomes.get_mut(at as usize) {
                *place = Some(Outcome::unanswered(at, Class::NotSelected));
            }
            self.progress.total -= 1;
            self.readiness.done(at);
        }
    }

    /// The time since the start of the run.
    pub(super) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn progress_now(&self) -> Progress {
        Progress { in_flight: self.in_flight.len(), ..self.progress }
    }

    /// Takes in what has happened, without waiting.
    pub(super) fn take_in(&mut self, happenings: &mut mpsc::UnboundedReceiver<Happening>) {
        for _ in 0..AT_ONCE {
            match happenings.try_recv() {
                Ok(happening) => self.take(happening),
                Err(_) => return,
            }
        }
    }

    /// Gives up steps whose time is over.
    fn expire(&mut self) {
        let now = self.now();
        while let Some(Reverse((deadline, step))) = self.deadlines.peek().copied()
            && deadline <= now
        {
            self.deadlines.pop();
            self.expired(step);
        }
    }

    /// All steps have their outcome, save those that need none.
    fn is_finished(&self) -> bool {
        self.progress.done + self.optional.len() >= self.progress.total
    }

    /// Records a step's outcome, once, and lets go what waited for it.
    pub(super) fn finish(&mut self, mut outcome: Outcome) {
        let step = outcome.step;
        let Some(place) = self.outcomes.get_mut(step as usize).filter(|place| place.is_none()) else { return };
        if let Some(flight) = self.in_flight.remove(&step) {
            outcome.due = outcome.due.or(Some(flight.due));
            let chain = self.plan.steps.get(step as usize).map(|step| step.chain);
            outcome.ready = chain.and_then(|chain| self.timing.get(chain as usize)).map(|(_, ready)| *ready);
        }
        self.optional.remove(&step);
        outcome.noise = match (&self.options.noise, self.operations.get(step as usize)) {
            (Some(noise), Some(operation)) => noise.covers(operation, &outcome),
            _ => false,
        };
        self.progress.done += 1;
        self.progress.divergences += usize::from(outcome.diverged());
        self.progress.late += usize::from(outcome.lateness().is_some_and(|late| late > LATE));
        let lost = outcome.class == Class::ConnectionLost;
        let over = outcome.answered;
        *place = Some(outcome);
        self.learn_failure(step);
        self.release(over, |readiness| readiness.done(step));
        if lost && self.options.on_connection_loss == OnConnectionLoss::Stop {
            self.stopping = true;
        }
    }

    /// The step where a step's failure began: itself, or the one that it was skipped for.
    pub(super) fn root_of(&self, step: StepIndex) -> StepIndex {
        match self.outcomes.get(step as usize) {
            Some(Some(Outcome { class: Class::Skipped { root }, .. })) => *root,
            _ => step,
        }
    }

    /// The end of the run: what the captured server did not answer either is as captured.
    fn end(&mut self) {
        let unanswered: Vec<(StepIndex, Flight)> =
            self.in_flight.iter().map(|(step, flight)| (*step, *flight)).collect();
        for (step, flight) in unanswered {
            if self.optional.contains(&step) {
                let mut outcome = Outcome::unanswered(step, Class::Match);
                outcome.note = Some("not answered, as in the capture".into());
                outcome.sent = Some(flight.handed_over);
                self.finish(outcome);
            }
        }
        for lane in &self.lanes {
            if let Lane::Up { wire, .. } = lane {
                wire.close();
            }
        }
    }

    /// Whether the run must see a step's answer before it can end: not when the captured client did not see it and the
    /// request is of a kind that waits for something to happen.
    pub(super) fn needs_answer(operation: &Operation) -> bool {
        let waits = matches!(operation.command, Command::ChangeNotify | Command::Lock | Command::OplockBreak);
        operation.response.is_some() || !(waits || operation.interim.is_some())
    }
}
