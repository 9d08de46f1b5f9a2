//! Two runs of one workload side by side: what the one server answered and the other did not.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::latency::{Latencies, Percentiles};
use crate::model::{Command, NtStatus, ReplayedStep, SessionId};

/// What is said of a field that was as in the capture.
const AS_CAPTURED: &str = "as captured";
/// Findings that another field tells already, or that name the server rather than its answer.
const TOLD_ELSEWHERE: [&str; 6] = ["status", "length", "count", "connection", "answer", "login"];

/// A step whose outcomes differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepDiff {
    /// Captured session id in the first run that has the step, as `0x…`.
    pub session_id: String,
    /// The operation's place in its session.
    pub op_index: u32,
    /// The frame of the captured request.
    pub frame: u64,
    /// The command.
    pub command: String,
    /// Share-relative path.
    pub path: Option<String>,
    /// What differs.
    pub fields: Vec<FieldDiff>,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldDiff {
    /// `class`, `status`, `bytes`, `hash`, `step` (only one run has it), or a decoded field.
    pub field: String,
    /// In the first run.
    pub a: String,
    /// In the second run.
    pub b: String,
}

/// A command in both runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommandChange {
    /// The command.
    pub command: String,
    /// Steps that both runs have.
    pub steps: usize,
    /// Those whose outcomes differ.
    pub differing: usize,
    /// Latencies in the first run, of the steps that were answered in both.
    pub a: Option<Percentiles>,
    /// The same in the second run.
    pub b: Option<Percentiles>,
}

/// Two runs in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RunDiff {
    /// Steps that both runs have.
    pub steps: usize,
    /// Those whose outcomes differ.
    pub differing: usize,
    /// Steps of the first run alone.
    pub only_in_a: usize,
    /// Steps of the second run alone.
    pub only_in_b: usize,
    /// How often which field differs.
    pub fields: BTreeMap<String, usize>,
    /// By command, in the order of their codes.
    pub commands: Vec<CommandChange>,
}

impl RunDiff {
    /// Whether anything differs.
    pub fn differs(&self) -> bool {
        self.differing + self.only_in_a + self.only_in_b > 0
    }
}

/// Compares two runs step by step. Memory is bounded by how far their orders of steps are apart.
#[derive(Debug, Default)]
pub struct RunDiffer {
    a: Side,
    b: Side,
    by_order: bool,
    commands: BTreeMap<u16, Tally>,
    total: RunDiff,
}

/// A session, by its id or by its place, an operation in it, its copy and iteration.
type Key = (u64, u32, u32, u32);

#[derive(Debug, Default)]
struct Side {
    /// Steps that have not met their counterpart.
    waiting: FxHashMap<Key, VecDeque<ReplayedStep>>,
    sessions: Vec<SessionId>,
}

impl Side {
    fn key(&mut self, step: &ReplayedStep, by_order: bool) -> Key {
        if !by_order {
            return (step.session_id.0, step.op_index, step.copy, step.iteration);
        }
        let known = self.sessions.iter().position(|session| *session == step.session_id);
        let place = known.unwrap_or_else(|| {
            self.sessions.push(step.session_id);
            self.sessions.len() - 1
        });
        (place as u64, step.op_index, step.copy, step.iteration)
    }

    fn take(&mut self, key: Key) -> Option<ReplayedStep> {
        let steps = self.waiting.get_mut(&key)?;
        let step = steps.pop_front();
        if steps.is_empty() {
            self.waiting.remove(&key);
        }
        step
    }

    fn rest(self) -> Vec<ReplayedStep> {
        let mut rest: Vec<_> = self.waiting.into_values().flatten().collect();
        rest.sort_by_key(|step| step.step);
        rest
    }
}

#[derive(Debug)]
struct Tally {
    command: Command,
    steps: usize,
    differing: usize,
    a: Latencies,
    b: Latencies,
}

impl RunDiffer {
    /// `by_order` takes sessions for the same that are at the same place among the sessions of their runs, whatever their ids.
    pub fn new(by_order: bool) -> Self {
        Self { by_order, ..Self::default() }
    }

    /// Takes a step of the first run; gives the difference to its counterpart once that is known.
    pub fn push_a(&mut self, step: ReplayedStep) -> Option<StepDiff> {
        let key = self.a.key(&step, self.by_order);
        match self.b.take(key) {
            Some(other) => self.compare(&step, &other),
            None => {
                self.a.waiting.entry(key).or_default().push_back(step);
                None
            }
        }
    }

    /// Takes a step of the second run.
    pub fn push_b(&mut self, step: ReplayedStep) -> Option<StepDiff> {
        let key = self.b.key(&step, self.by_order);
        match self.a.take(key) {
            Some(other) => self.compare(&other, &step),
            None => {
                self.b.waiting.entry(key).or_default().push_back(step);
                None
            }
        }
    }

    /// The steps that only one run has, and the whole in numbers.
    pub fn finish(mut self) -> (Vec<StepDiff>, RunDiff) {
        let (a, b) = (std::mem::take(&mut self.a).rest(), std::mem::take(&mut self.b).rest());
        (self.total.only_in_a, self.total.only_in_b) = (a.len(), b.len());
        let only = |step: &ReplayedStep, in_a: bool| {
            let (here, there) = (step.class.to_string(), "not in the run".to_owned());
            let (a, b) = if in_a { (here, there) } else { (there, here) };
            told(step, vec![FieldDiff { field: "step".to_owned(), a, b }])
        };
        let rest = a.iter().map(|step| only(step, true)).chain(b.iter().map(|step| only(step, false))).collect();
        self.total.commands = self
            .commands
            .into_values()
            .map(|tally| CommandChange {
                command: tally.command.to_string(),
                steps: tally.steps,
                differing: tally.differing,
                a: tally.a.percentiles(),
                b: tally.b.percentiles(),
            })
            .collect();
        (rest, self.total)
    }

    fn compare(&mut self, a: &ReplayedStep, b: &ReplayedStep) -> Option<StepDiff> {
        let tally = self.commands.entry(a.command.code()).or_insert_with(|| Tally {
            command: a.command,
            steps: 0,
            differing: 0,
            a: Latencies::default(),
            b: Latencies::default(),
        });
        tally.steps += 1;
        self.total.steps += 1;
        if let (Some(was), Some(is)) = (a.replayed_latency_ns, b.replayed_latency_ns) {
            tally.a.add(u64::try_from(was).unwrap_or(0));
            tally.b.add(u64::try_from(is).unwrap_or(0));
        }
        let fields = fields(a, b);
        if fields.is_empty() {
            return None;
        }
        tally.differing += 1;
        self.total.differing += 1;
        for field in &fields {
            *self.total.fields.entry(kind(&field.field).to_owned()).or_default() += 1;
        }
        Some(told(a, fields))
    }
}

fn told(step: &ReplayedStep, fields: Vec<FieldDiff>) -> StepDiff {
    let about = match step.command {
        Command::TreeConnect | Command::TreeDisconnect => &step.share,
        _ => &step.path,
    };
    StepDiff {
        session_id: step.session_id.to_string(),
        op_index: step.op_index,
        frame: step.frame,
        command: step.command.to_string(),
        path: about.as_deref().map(str::to_owned),
        fields,
    }
}

/// What a field is called in numbers: without the place or name in it.
fn kind(field: &str) -> &str {
    if field.starts_with("byte ") { "data" } else { field.split(" of ").next().unwrap_or(field) }
}

fn fields(a: &ReplayedStep, b: &ReplayedStep) -> Vec<FieldDiff> {
    let mut fields = Vec::new();
    let mut check = |field: &str, a: String, b: String| {
        if a != b {
            fields.push(FieldDiff { field: field.to_owned(), a, b });
        }
    };
    check("class", a.class.to_string(), b.class.to_string());
    let answered = |step: &ReplayedStep| step.replayed_status.is_some();
    if !(answered(a) && answered(b)) {
        return fields;
    }
    let status = |status: Option<NtStatus>| status.map_or(String::new(), |status| status.to_string());
    check("status", status(a.replayed_status), status(b.replayed_status));
    let number = |number: Option<u64>| number.map_or(String::new(), |number| number.to_string());
    check("bytes", number(a.replayed_bytes), number(b.replayed_bytes));
    let hash = |hash: Option<[u8; 16]>| hash.map_or(String::new(), hex::encode);
    check("hash", hash(a.replayed_hash), hash(b.replayed_hash));
    let mut subjects: Vec<&str> = [a, b].iter().flat_map(|step| &step.differences).map(|one| &*one.subject).collect();
    subjects.sort_unstable();
    subjects.dedup();
    for subject in subjects.into_iter().filter(|subject| !TOLD_ELSEWHERE.contains(subject)) {
        let observed = |step: &ReplayedStep| {
            let found = step.differences.iter().filter(|one| &*one.subject == subject).map(|one| &*one.observed);
            let found: Vec<_> = found.collect();
            if found.is_empty() { AS_CAPTURED.to_owned() } else { found.join("; ") }
        };
        check(subject, observed(a), observed(b));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::super::outcome::{Class, Finding, Outcome};
    use super::super::{results, testing};
    use super::*;
    use crate::model::FileId;

    /// A READ with an outcome.
    fn step(op_index: u32, change: impl FnOnce(&mut Outcome)) -> ReplayedStep {
        let mut operation = testing::read("a.txt", FileId([1; 16]), 0, 10, 1, 2);
        operation.op_index = op_index;
        let mut outcome = Outcome::unanswered(op_index, Class::Match);
        outcome.status = Some(NtStatus::SUCCESS);
        outcome.sent = Some(std::time::Duration::from_micros(10));
        outcome.answered = Some(std::time::Duration::from_micros(u64::from(op_index) + 110));
        outcome.data_hash = Some(7);
        change(&mut outcome);
        results::row(&operation, &outcome)
    }

    #[test]
    fn equal_runs_do_not_differ_and_their_latencies_stand_side_by_side() {
        let mut differ = RunDiffer::new(false);
        for at in 0..10 {
            assert_eq!(differ.push_a(step(at, |_| ())), None);
            assert_eq!(differ.push_b(step(at, |outcome| outcome.answered = outcome.answered.map(|at| 2 * at))), None);
        }
        let (rest, diff) = differ.finish();
        assert!(rest.is_empty() && !diff.differs());
        let read = &diff.commands[0];
        assert_eq!((read.command.as_str(), read.steps, read.differing), ("READ", 10, 0));
        assert_eq!((read.a.unwrap().p50_ns, read.b.unwrap().p50_ns), (104_000, 218_000));
    }

    #[test]
    fn a_difference_is_told_with_both_sides_whatever_the_order_of_the_steps() {
        let mut differ = RunDiffer::new(false);
        assert_eq!(differ.push_a(step(0, |_| ())), None);
        assert_eq!(differ.push_a(step(1, |_| ())), None);
        let found = differ.push_b(step(1, |outcome| {
            outcome.class = Class::Info;
            outcome.findings = vec![Finding::new("end_of_file", 5, 6)];
        }));
        let fields = found.unwrap().fields;
        let texts: Vec<_> = fields.iter().map(|one| [&one.field, &one.a, &one.b].map(String::as_str)).collect();
        assert_eq!(texts, [["class", "match", "info"], ["end_of_file", "as captured", "6"]]);
        let found = differ.push_b(step(0, |outcome| outcome.data_hash = Some(8))).unwrap();
        assert_eq!((found.op_index, found.fields[0].field.as_str()), (0, "hash"));
        assert_eq!(differ.push_b(step(5, |_| ())), None);
        let (rest, diff) = differ.finish();
        assert_eq!((rest.len(), rest[0].fields[0].a.as_str()), (1, "not in the run"));
        assert_eq!((diff.steps, diff.differing, diff.only_in_a, diff.only_in_b), (2, 2, 0, 1));
        assert_eq!(diff.fields, [("class", 1), ("end_of_file", 1), ("hash", 1)].map(|(k, n)| (k.into(), n)).into());
    }

    #[test]
    fn both_diverging_in_the_same_way_is_no_difference() {
        let missing = |outcome: &mut Outcome| {
            outcome.class = Class::Status;
            outcome.status = Some(NtStatus::ACCESS_DENIED);
            outcome.findings = vec![Finding::new("status", NtStatus::SUCCESS, NtStatus::ACCESS_DENIED)];
        };
        let lost = |address: &'static str| {
            move |outcome: &mut Outcome| {
                *outcome = Outcome::unanswered(outcome.step, Class::ConnectionLost);
                outcome.findings = vec![Finding::new("connection", "an answer", address)];
            }
        };
        let mut differ = RunDiffer::new(false);
        differ.push_a(step(0, missing));
        assert_eq!(differ.push_b(step(0, missing)), None);
        differ.push_a(step(1, lost("10.0.0.1")));
        assert_eq!(differ.push_b(step(1, lost("10.0.0.2"))), None, "the servers' names are no difference");
    }

    #[test]
    fn sessions_can_be_taken_by_their_order() {
        let mut other = step(0, |_| ());
        other.session_id = SessionId(99);
        for (by_order, differs) in [(true, false), (false, true)] {
            let mut differ = RunDiffer::new(by_order);
            differ.push_a(step(0, |_| ()));
            differ.push_b(other.clone());
            assert_eq!(differ.finish().1.differs(), differs);
        }
    }
}
