//! A run from the outside: prepared, shown, confirmed, executed, reported.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashSet;
use tokio::sync::watch;

use super::closing::Closing;
use super::copies::PassTally;
use super::merged_names::{MergedPaths, merged_paths, renamed_paths, unused_rules};
use super::name_map::NameMap;
use super::negotiations::{Counted, add_all};
use super::options::Options;
use super::outcome::Outcome;
use super::picks::Picked;
use super::plan::{Plan, PlanOptions, StepKind, merge};
use super::probe::Probed;
use super::results;
use super::safety::{Changes, captured_server};
use super::selection::Selection;
use super::summary::{Row, RunSummary};
use super::threshold::{Judged, Judgement};
use super::users::{SessionUsers, UserRule, UserUse, known_users};
use crate::model::message::TreeConnectRequest;
use crate::model::path::is_ipc;
use crate::model::{Command, LoginFacts, NtStatus, Operation, ReplayedStep, Timestamp};
use crate::wire::{ConnectOptions, Credentials, WireError};

/// Where a run goes, and as whom.
#[derive(Clone, Debug)]
pub struct Target {
    /// The server, and what the connections to it are like.
    pub connect: ConnectOptions,
    /// Who logs in, for every captured session that no rule of `users` is about.
    pub credentials: Credentials,
    /// Who logs in for which captured users.
    pub users: Vec<UserRule>,
    /// Where captured names go.
    pub names: NameMap,
    /// Offer only the dialect that a captured connection had spoken, and the others when the server has not got it.
    pub follow_dialect: bool,
}

/// A run that could not begin. What goes wrong later is in its report.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is nothing to replay.
    #[error("there is nothing to replay: none of the {operations} operations can be sent{}", list(.reasons))]
    NothingToReplay {
        /// Operations given.
        operations: usize,
        /// How many for which reason.
        reasons: Vec<(super::Reason, usize)>,
    },
    /// The selection leaves nothing.
    #[error("none of the {operations} operations is selected ({selection})")]
    NothingSelected {
        /// Operations given.
        operations: usize,
        /// What was asked for.
        selection: String,
    },
    /// More operations than a plan can number.
    #[error("{operations} operations are more than one run can hold ({})", u32::MAX)]
    TooMany {
        /// Operations given.
        operations: usize,
    },
    /// The target is a server of the capture.
    #[error(
        "{target} is a server of the capture itself (captured as {captured}); replaying onto it may destroy what was \
         captured: choose a lab server, or allow it with --allow-captured-server"
    )]
    CapturedServer {
        /// Where the run was to go.
        target: SocketAddr,
        /// The captured server that it is.
        captured: SocketAddr,
    },
    /// The mapping of names would make two captured files one.
    #[error(
        "{} and {} would both become {}: change --map-path or --map-share so that they stay apart",
        .0.first, .0.second, .0.target
    )]
    MergedPaths(MergedPaths),
    /// The folder that everything is to go below is not there.
    #[error(
        "{share}: the base folder {folder} is not there ({status}): make it, or let `smbreplay setup` or `run` make it"
    )]
    NoBaseFolder {
        /// The target's share.
        share: String,
        /// The folder.
        folder: String,
        /// What the server answered.
        status: NtStatus,
    },
    /// Somebody was let in as a guest, and a guest may not connect the share.
    #[error("the server does not know {user} and let it in as a guest only: {source}")]
    OnlyGuest {
        /// Who was to log in.
        user: String,
        /// The refusal.
        source: WireError,
    },
    /// One of several copies ended in an unforeseen way.
    #[error("copy {copy} ended before its time: {reason}; this is a fault of smbreplay")]
    CopyEnded {
        /// Which, from 1.
        copy: u32,
        /// Why.
        reason: String,
    },
    /// The target could not be reached, refused the login or a share.
    #[error(transparent)]
    Target(#[from] WireError),
}

fn list(reasons: &[(super::Reason, usize)]) -> String {
    let texts: Vec<_> = reasons.iter().map(|(reason, count)| format!("{count}: {reason}")).collect();
    if texts.is_empty() { String::new() } else { format!(" ({})", texts.join("; ")) }
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Steps that have their outcome.
    pub done: usize,
    /// Steps of the plan.
    pub total: usize,
    /// Requests that wait for their answer.
    pub in_flight: usize,
    /// Divergences so far, without skipped steps and noise.
    pub divergences: usize,
    /// Steps that were sent later than 2 ms after they were due.
    pub late: usize,
}

/// What a run came to, in one word; the exit status follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All that was replayed agrees with the capture.
    Agreed,
    /// Something diverged, or was skipped for it.
    Diverged,
    /// It was stopped before its end.
    Interrupted,
}

impl Verdict {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Diverged => "diverged",
            Self::Interrupted => "interrupted",
        }
    }
}

/// A run ready to be executed.
#[derive(Debug)]
pub struct Prepared {
    pub(super) operations: Arc<Vec<Operation>>,
    pub(super) plan: Arc<Plan>,
    pub(super) target: Arc<Target>,
    pub(super) users: Arc<SessionUsers>,
    selection: Option<String>,
    pub(super) options: Options,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// The target's address.
    pub target: SocketAddr,
    /// Who logged in.
    pub user: String,
    /// Who logged in for which captured users.
    pub users: Vec<UserUse>,
    /// What was selected, in words; None when it was everything.
    pub selection: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// How it went.
    pub options: Options,
    /// One outcome a step, in the order of the steps; of several copies or iterations one behind the other.
    pub outcomes: Vec<Outcome>,
    /// What each copy came to each time.
    pub passes: Vec<PassTally>,
    /// Counts, latencies, root causes.
    pub summary: RunSummary,
    /// The steps that diverged, noise among them, with what is known of their operations.
    pub divergences: Vec<Row>,
    /// The thresholds of the options, judged.
    pub thresholds: Vec<Judged>,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
}

impl RunReport {
    /// In one word.
    pub fn verdict(&self) -> Verdict {
        if self.interrupted {
            Verdict::Interrupted
        } else if self.summary.diverged() > 0 || self.summary.skipped() > 0 || self.summary.not_reached() > 0 {
            Verdict::Diverged
        } else {
            Verdict::Agreed
        }
    }

    /// Whether it has failed: by the thresholds that it was given, and by them alone; without any, when something diverged
    /// or was skipped.
    pub fn failed(&self) -> bool {
        match self.thresholds.as_slice() {
            [] => self.verdict() == Verdict::Diverged,
            thresholds => thresholds.iter().any(|judged| judged.judgement == Judgement::Failed),
        }
    }
}

/// What is to be replayed: operations by session, and the ends of their connections as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct Workload {
    /// The operations of each session, in request order.
    pub sessions: Vec<Vec<Operation>>,
    /// When connections ended.
    pub closings: Vec<Closing>,
    /// Who logged in, by session in the order of `sessions`; may be shorter than that.
    pub logins: Vec<LoginFacts>,
    /// What of it is to be replayed.
    pub selection: Selection,
}

impl From<Vec<Vec<Operation>>> for Workload {
    fn from(sessions: Vec<Vec<Operation>>) -> Self {
        Self { sessions, ..Self::default() }
    }
}

/// The entrance to a run.
#[derive(Debug)]
pub struct Run;

impl Run {
    /// Plans the operations of one or several sessions for a target. Nothing is sent.
    pub fn prepare(workload: impl Into<Workload>, target: Target, options: Options) -> Result<Prepared, ReplayError> {
        let Workload { sessions, closings, logins, selection } = workload.into();
        let known = known_users(&sessions, &logins);
        let operations = merge(sessions);
        if u32::try_from(operations.len()).is_err() {
            return Err(ReplayError::TooMany { operations: operations.len() });
        }
        if let Some(merged) = merged_paths(&operations, &target.names) {
            return Err(ReplayError::MergedPaths(merged));
        }
        let planned = PlanOptions {
            ordering: options.ordering,
            read_only: options.read_only,
            below_base: target.names.base_dir.is_some() || options.clones > 1,
            implicit_trees: target.names.share.is_some(),
        };
        let picked = Picked::new(&operations, &selection, &known);
        let plan = Plan::new(&operations, &closings, planned, &picked);
        let counts = plan.counts();
        if counts.not_selected == operations.len() && !selection.is_everything() {
            let selection = selection.to_string();
            return Err(ReplayError::NothingSelected { operations: operations.len(), selection });
        }
        if counts.sent == 0 {
            let reasons = counts.not_replayable.into_iter().collect();
            return Err(ReplayError::NothingToReplay { operations: operations.len(), reasons });
        }
        let users = SessionUsers::new(&plan, &known, &target.users, &target.credentials);
        Ok(Prepared {
            operations: Arc::new(operations),
            plan: Arc::new(plan),
            target: Arc::new(target),
            users: Arc::new(users),
            selection: (!selection.is_everything()).then(|| selection.to_string()),
            options,
        })
    }
}

impl Prepared {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The operations that it was made from, one a step.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// How it will go.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Where it goes.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What it could change on the target, for the confirmation.
    pub fn changes(&self) -> Changes {
        Changes::of(&self.plan, &self.operations)
    }

    /// The target shares that will be connected, as `\\server\share`, without pipes.
    pub fn shares(&self) -> Vec<String> {
        self.shares_of(|_| true)
    }

    /// Those that sessions connect.
    pub(super) fn shares_of(&self, of: impl Fn(u32) -> bool) -> Vec<String> {
        let mut shares = Vec::new();
        let mut seen = FxHashSet::default();
        for (step, operation) in self.plan.steps.iter().zip(self.operations.iter()) {
            let connects = step.kind == StepKind::Send && operation.command == Command::TreeConnect;
            if !connects || operation.status != Some(NtStatus::SUCCESS) || !of(step.session) {
                continue;
            }
            let Some(request) = &operation.request else { continue };
            let Ok(request) = TreeConnectRequest::decode(&request.pdu) else { continue };
            let captured = request.path.decode();
            let path = self.target.names.target_path(&captured);
            if !is_ipc(&captured) && seen.insert(path.clone()) {
                shares.push(path);
            }
        }
        let mut implicit = self.plan.implicit_trees.iter();
        if implicit.any(|(session, _)| of(*session)) {
            let path = self.target.names.target_path("");
            if seen.insert(path.clone()) {
                shares.push(path);
            }
        }
        shares
    }

    /// Who logs in for which captured users.
    pub fn users(&self) -> Vec<UserUse> {
        let logs_in = self.sessions_that_log_in();
        self.users.uses(|session| logs_in.contains(&session))
    }

    pub(super) fn sessions_that_log_in(&self) -> FxHashSet<u32> {
        let logs_in = |kind: StepKind| kind.is_sent() || kind == StepKind::Login;
        self.plan.steps.iter().filter(|step| logs_in(step.kind)).map(|step| step.session).collect()
    }

    /// How many captured paths have another name on the target, the base folder aside, and an example.
    pub fn renamed_paths(&self) -> (usize, Option<(String, String)>) {
        renamed_paths(&self.operations, &self.target.names)
    }

    /// Mappings that fit nothing in the capture, as they would be typed: they may be misspelt.
    pub fn unused_rules(&self) -> Vec<String> {
        unused_rules(&self.operations, &self.target.names)
    }

    /// Refuses a target that is a server of the capture.
    pub fn refuse_captured_server(&self) -> Result<(), ReplayError> {
        let target = self.target.connect.address;
        match captured_server(&self.operations, target) {
            Some(captured) => Err(ReplayError::CapturedServer { target, captured }),
            None => Ok(()),
        }
    }

    /// A row for each step of a run of this plan, for its results; of several copies or iterations one behind the other.
    pub fn results<'a>(&'a self, report: &'a RunReport) -> impl Iterator<Item = ReplayedStep> + 'a {
        let row = |outcome: &Outcome| Some(results::row(self.operations.get(outcome.step as usize)?, outcome));
        report.outcomes.iter().filter_map(row)
    }

    /// Replays. `stop` turning true ends the run with what was done so far.
    pub async fn execute(
        &self,
        progress: impl FnMut(Progress) + Send,
        stop: watch::Receiver<bool>,
    ) -> Result<RunReport, ReplayError> {
        let mut asked = stop.clone();
        let stopped = async move {
            if asked.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let beginning = async {
            let probed = self.probe().await?;
            self.make_folders().await?;
            Ok::<_, ReplayError>(probed)
        };
        let probed = tokio::select! {
            result = beginning => result?,
            // The engine sees it too, and reports a run in which nothing was reached.
            () = stopped => Probed::default(),
        };
        let started = now();
        let finished = self.run_passes(probed, progress, stop).await?;
        let summary =
            RunSummary::new(&self.plan, &self.operations, &finished.outcomes, finished.elapsed, finished.aside);
        let thresholds = self.options.thresholds.iter().map(|threshold| threshold.judge(&summary)).collect();
        let divergences = Row::divergences(&self.plan, &self.operations, &finished.outcomes);
        let users = self.users();
        Ok(RunReport {
            target: self.target.connect.address,
            user: shown_users(&users),
            users,
            selection: self.selection.clone(),
            started,
            options: self.options.clone(),
            outcomes: finished.outcomes,
            passes: finished.tallies,
            summary,
            divergences,
            thresholds,
            interrupted: finished.interrupted,
        })
    }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)))
}

/// All who log in, each once.
fn shown_users(users: &[UserUse]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for user in users {
        if !names.contains(&user.target.as_str()) {
            names.push(&user.target);
        }
    }
    names.join(", ")
}

/// What the engine hands back.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) progress: Progress,
    pub(super) elapsed: Duration,
    pub(super) aside: Aside,
    pub(super) interrupted: bool,
}

/// What the engine did and learnt beside the steps.
#[derive(Clone, Debug, Default)]
pub(super) struct Aside {
    /// Breaks that the capture has not got.
    pub(super) unexpected_breaks: usize,
    /// Logins made ahead of their time.
    pub(super) logins_ahead: usize,
    /// Steps sent more than once.
    pub(super) sent_again: usize,
    /// What the target negotiated otherwise than the captured server.
    pub(super) negotiated: Counted,
}

impl std::ops::AddAssign for Aside {
    fn add_assign(&mut self, other: Self) {
        self.unexpected_breaks += other.unexpected_breaks;
        self.logins_ahead += other.logins_ahead;
        self.sent_again += other.sent_again;
        add_all(&mut self.negotiated, other.negotiated);
    }
}
