//! A run in numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::copies::Pass;
use super::latency::{Latencies, Percentiles};
use super::negotiated::NegotiatedDifference;
use super::negotiations::TargetDifference;
use super::outcome::{Class, Finding, Outcome};
use super::plan::{Plan, Step, StepIndex, StepKind};
use super::run::Aside;
use crate::model::{Command, Operation};

/// What a step is about, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Which copy's, and which time.
    #[serde(flatten)]
    pub pass: Pass,
    /// The step.
    pub step: StepIndex,
    /// Captured session id, as `0x…`.
    pub session_id: String,
    /// The operation's place in its session.
    pub op_index: u32,
    /// The frame of the request in the capture; of the answer, where the server began.
    pub frame: u64,
    /// The command.
    pub command: String,
    /// Share-relative path; the share, of a TREE_CONNECT.
    pub path: Option<String>,
    /// How it compares.
    pub class: Class,
    /// Whether it is known to be noise.
    pub noise: bool,
    /// Captured status.
    pub captured_status: Option<String>,
    /// Status from the target.
    pub status: Option<String>,
    /// What diverged.
    pub findings: Vec<Finding>,
    /// What the target negotiated otherwise, if it diverged because of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<NegotiatedDifference>,
    /// What else is worth knowing.
    pub note: Option<Box<str>>,
    /// Whether it was not selected, but sent since others need it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drawn_in: bool,
}

impl Row {
    fn new(step: &Step, operation: &Operation, outcome: &Outcome) -> Self {
        let part = operation.parts().next();
        let about = match operation.command {
            Command::TreeConnect | Command::TreeDisconnect => operation.share.as_deref(),
            _ => operation.path.as_deref(),
        };
        Self {
            pass: outcome.pass,
            step: outcome.step,
            session_id: operation.session_id.to_string(),
            op_index: operation.op_index,
            frame: part.map_or(0, |part| part.frame),
            command: operation.command.to_string(),
            path: about.map(str::to_owned),
            class: outcome.class,
            noise: outcome.noise,
            captured_status: operation.status.map(|status| status.to_string()),
            status: outcome.status.map(|status| status.to_string()),
            findings: outcome.findings.clone(),
            cause: outcome.cause,
            note: outcome.note.clone(),
            drawn_in: step.drawn_in,
        }
    }

    /// The steps that diverged, noise among them, in their order.
    pub(super) fn divergences(plan: &Plan, operations: &[Operation], outcomes: &[Outcome]) -> Vec<Self> {
        let diverged = outcomes.iter().filter(|outcome| outcome.class.is_divergence());
        let row = |outcome: &Outcome| {
            let at = outcome.step as usize;
            Some(Self::new(plan.steps.get(at)?, operations.get(at)?, outcome))
        };
        diverged.filter_map(row).collect()
    }
}

/// A command's steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CommandSummary {
    /// The command.
    pub command: String,
    /// Its steps in the plan.
    pub steps: usize,
    /// Those that agree.
    pub matching: usize,
    /// Those that diverged.
    pub diverged: usize,
    /// Those that diverged in what is known to be noise.
    pub noise: usize,
    /// Those left out because of another, or because the run ended.
    pub skipped: usize,
    /// Those that cannot be replayed.
    pub not_replayable: usize,
    /// All of them by class, as in [`RunSummary::classes`], without classes that have none.
    pub classes: BTreeMap<&'static str, usize>,
    /// What the captured server took.
    pub captured_latency: Option<Percentiles>,
    /// What the target took, for the same steps.
    pub replayed_latency: Option<Percentiles>,
}

/// A step that others failed for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RootCause {
    /// The step where it began.
    #[serde(flatten)]
    pub row: Row,
    /// How many steps were skipped for it.
    pub skipped: usize,
}

/// A run in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    /// Steps of the plan.
    pub steps: usize,
    /// Requests that went out as captured.
    pub sent: usize,
    /// Steps that the engine did in its own way: negotiation, login.
    pub own: usize,
    /// Steps that were not selected, but sent since those that were need them.
    pub drawn_in: usize,
    /// Steps by class, all classes named; those of the engine's own are not counted unless they failed, those that are
    /// noise not at all.
    pub classes: BTreeMap<&'static str, usize>,
    /// Steps that diverged in what is known to be noise.
    pub noise: usize,
    /// Steps counted as matching of which the capture has no answer to compare with.
    pub uncompared: usize,
    /// Steps that cannot be replayed, by reason.
    pub not_replayable: BTreeMap<&'static str, usize>,
    /// By command, in the order of their codes.
    pub commands: Vec<CommandSummary>,
    /// What the captured server took, over all commands.
    pub captured_latency: Option<Percentiles>,
    /// What the target took, for the same steps.
    pub replayed_latency: Option<Percentiles>,
    /// The steps that others were skipped for.
    pub root_causes: Vec<RootCause>,
    /// What the target negotiated otherwise than the captured server, with what follows from it.
    pub target_differences: Vec<TargetDifference>,
    /// Payload bytes of READ responses from the target.
    pub bytes_read: u64,
    /// Payload bytes that WRITE responses of the target accepted.
    pub bytes_written: u64,
    /// How late the engine was: how much later steps were sent than they were due and what they wait for was there.
    pub lateness: Option<Percentiles>,
    /// How far behind the clock steps were sent, with what answers and logins took longer than in the capture.
    pub behind: Option<Percentiles>,
    /// Steps with which the engine was more than 2 ms late.
    pub late: usize,
    /// Steps sent more than 2 ms behind the clock because of what they waited for, and not because the engine was late.
    pub held_up: usize,
    /// Logins made ahead of their time, so that what follows them is on time.
    pub logins_ahead: usize,
    /// Breaks of the target that the capture has not got; the engine acknowledged them.
    pub unexpected_breaks: usize,
    /// Opens sent more than once, since the target had not noticed yet that a connection had ended.
    pub sent_again: usize,
    /// From the first request to the last answer, in seconds.
    #[serde(serialize_with = "seconds")]
    pub elapsed: Duration,
    /// The same stretch of the capture, in seconds.
    #[serde(serialize_with = "seconds")]
    pub captured_elapsed: Duration,
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// Later than this is late.
pub(super) const LATE: Duration = Duration::from_millis(2);

#[derive(Default)]
struct CommandTally {
    steps: usize,
    matching: usize,
    diverged: usize,
    noise: usize,
    skipped: usize,
    not_replayable: usize,
    classes: BTreeMap<&'static str, usize>,
    captured: Latencies,
    replayed: Latencies,
}

impl RunSummary {
    pub(super) fn new(
        plan: &Plan,
        operations: &[Operation],
        outcomes: &[Outcome],
        elapsed: Duration,
        aside: Aside,
    ) -> Self {
        let mut summary = Self {
            steps: outcomes.len(),
            sent: 0,
            own: 0,
            drawn_in: 0,
            classes: Class::NAMES.into_iter().map(|name| (name, 0)).collect(),
            noise: 0,
            uncompared: 0,
            not_replayable: BTreeMap::new(),
            commands: Vec::new(),
            captured_latency: None,
            replayed_latency: None,
            root_causes: Vec::new(),
            target_differences: Vec::new(),
            bytes_read: 0,
            bytes_written: 0,
            lateness: None,
            behind: None,
            late: 0,
            held_up: 0,
            logins_ahead: aside.logins_ahead,
            unexpected_breaks: aside.unexpected_breaks,
            sent_again: aside.sent_again,
            elapsed,
            captured_elapsed: captured_elapsed(plan, operations),
        };
        let mut commands: BTreeMap<u16, (Command, CommandTally)> = BTreeMap::new();
        let mut roots: FxHashMap<(Pass, StepIndex), usize> = FxHashMap::default();
        let (mut lateness, mut behind) = (Latencies::default(), Latencies::default());
        let (mut all_captured, mut all_replayed) = (Latencies::default(), Latencies::default());
        for outcome in outcomes {
            let at = outcome.step as usize;
            let Some((step, operation)) = plan.steps.get(at).zip(operations.get(at)) else { continue };
            if step.kind.is_sent() && outcome.sent.is_some() {
                summary.sent += 1;
            }
            if outcome.class == Class::NotSelected {
                *summary.classes.entry(outcome.class.name()).or_default() += 1;
                continue;
            }
            summary.drawn_in += usize::from(step.drawn_in);
            if step.kind.is_own() && outcome.class == Class::Match {
                summary.own += 1;
                continue;
            }
            let (_, tally) = commands
                .entry(operation.command.code())
                .or_insert_with(|| (operation.command, CommandTally::default()));
            tally.steps += 1;
            if !outcome.noise {
                *summary.classes.entry(outcome.class.name()).or_default() += 1;
                *tally.classes.entry(outcome.class.name()).or_default() += 1;
            }
            match outcome.class {
                Class::Match => tally.matching += 1,
                Class::NotReached => tally.skipped += 1,
                Class::Skipped { root } => {
                    tally.skipped += 1;
                    *roots.entry((outcome.pass, root)).or_default() += 1;
                }
                Class::NotReplayable(reason) => {
                    tally.not_replayable += 1;
                    *summary.not_replayable.entry(reason.name()).or_default() += 1;
                }
                _ if outcome.noise => tally.noise += 1,
                _ => tally.diverged += 1,
            }
            if outcome.class == Class::Match && !outcome.compared {
                summary.uncompared += 1;
            }
            if let (Some(captured), Some(replayed)) = (operation.latency_ns(), outcome.latency()) {
                let captured = u64::try_from(captured).unwrap_or(0);
                let replayed = u64::try_from(replayed.as_nanos()).unwrap_or(u64::MAX);
                tally.captured.add(captured);
                tally.replayed.add(replayed);
                all_captured.add(captured);
                all_replayed.add(replayed);
            }
            match operation.command {
                Command::Read => summary.bytes_read += outcome.payload,
                Command::Write => summary.bytes_written += outcome.payload,
                _ => {}
            }
            if let (Some(late), Some(after)) = (outcome.lateness(), outcome.behind()) {
                let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
                lateness.add(nanoseconds(late));
                behind.add(nanoseconds(after));
                summary.late += usize::from(late > LATE);
                summary.held_up += usize::from(after > LATE && late <= LATE);
            }
        }
        summary.lateness = lateness.percentiles();
        summary.behind = behind.percentiles();
        summary.captured_latency = all_captured.percentiles();
        summary.replayed_latency = all_replayed.percentiles();
        summary.noise = commands.values().map(|(_, tally)| tally.noise).sum();
        summary.commands = commands
            .into_values()
            .map(|(command, tally)| CommandSummary {
                command: command.to_string(),
                steps: tally.steps,
                matching: tally.matching,
                diverged: tally.diverged,
                noise: tally.noise,
                skipped: tally.skipped,
                not_replayable: tally.not_replayable,
                classes: tally.classes,
                captured_latency: tally.captured.percentiles(),
                replayed_latency: tally.replayed.percentiles(),
            })
            .collect();
        let skipped = |outcome: &Outcome| roots.get(&(outcome.pass, outcome.step)).copied().unwrap_or(0);
        summary.target_differences = TargetDifference::tally(aside.negotiated, outcomes, skipped);
        summary.root_causes = root_causes(plan, operations, outcomes, roots);
        summary
    }

    fn class(&self, name: &str) -> usize {
        self.classes.get(name).copied().unwrap_or(0)
    }

    /// Requests sent a second, over the whole run.
    pub fn ops_per_second(&self) -> f64 {
        self.sent as f64 / self.elapsed.as_secs_f64()
    }

    /// Steps that agree with the capture.
    pub fn matching(&self) -> usize {
        self.class("match")
    }

    /// Steps that diverged by themselves.
    pub fn diverged(&self) -> usize {
        let others = ["match", "skipped", "not_replayable", "not_reached", "not_selected"];
        self.classes.iter().filter(|(name, _)| !others.contains(name)).map(|(_, count)| count).sum()
    }

    /// Steps left out because one that they depend on failed.
    pub fn skipped(&self) -> usize {
        self.class("skipped")
    }

    /// Steps that cannot be replayed.
    pub fn not_replayed(&self) -> usize {
        self.class("not_replayable")
    }

    /// Steps that were not selected.
    pub fn not_selected(&self) -> usize {
        self.class("not_selected")
    }

    /// Steps that the run did not come to.
    pub fn not_reached(&self) -> usize {
        self.class("not_reached")
    }
}

fn captured_elapsed(plan: &Plan, operations: &[Operation]) -> Duration {
    let selected = || plan.steps.iter().zip(operations).filter(|(step, _)| step.kind != StepKind::NotSelected);
    let times = || selected().filter(|(step, _)| !step.drawn_in).flat_map(|(_, o)| o.parts()).map(|part| part.time);
    let span = times().min().zip(times().max()).map_or(0, |(first, last)| last.since(first));
    Duration::from_nanos(u64::try_from(span).unwrap_or(0))
}

fn root_causes(
    plan: &Plan,
    operations: &[Operation],
    outcomes: &[Outcome],
    roots: FxHashMap<(Pass, StepIndex), usize>,
) -> Vec<RootCause> {
    let mut causes: Vec<RootCause> = roots
        .into_iter()
        .filter_map(|((pass, root), skipped)| {
            let at = root as usize;
            // The passes lie one behind the other.
            let mut passes = outcomes.chunks(plan.steps.len().max(1));
            let of_pass = passes.find(|outcomes| outcomes.first().is_some_and(|first| first.pass == pass))?;
            let row = Row::new(plan.steps.get(at)?, operations.get(at)?, of_pass.get(at)?);
            Some(RootCause { row, skipped })
        })
        .collect();
    causes.sort_by_key(|cause| {
        (std::cmp::Reverse(cause.skipped), cause.row.pass.iteration, cause.row.pass.copy, cause.row.step)
    });
    causes
}
