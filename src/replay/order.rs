//! What each chain waits for.
//!
//! Under `captured` ordering a chain waits for every answer that the client had seen before it sent the chain. The answers in
//! the order in which they came make one sequence, and what a chain waits for is always a prefix of it: so one number a
//! chain says it all, in O(n), and the engine only keeps how long a prefix has come in so far. `serial` is the same with
//! the answers in the order of their requests. `resource` needs a graph.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::options::Ordering;
use super::order_resource::{Graph, resource_graph};
use super::plan::{PlannedChain, Step, StepIndex, StepKind};
use crate::model::{Command, Operation, Timestamp};

/// An answer that chains can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Answer {
    /// Whose answer.
    pub(super) step: StepIndex,
    /// Whether it is the interim one; the final one will do as well.
    pub(super) interim: bool,
}

/// Answers in order, and how many of them each chain waits for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Prefix {
    pub(super) answers: Vec<Answer>,
    /// By chain.
    pub(super) waits_for: Vec<u32>,
}

/// What each chain waits for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Order {
    pub(super) rule: Rule,
    /// By chain: the captured time of the last answer that it waits for; None when it waits for nothing.
    pub(super) released_at: Vec<Option<Timestamp>>,
}

/// How the waiting is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rule {
    Prefix(Prefix),
    Graph(Graph),
}

impl Order {
    pub(super) fn new(ordering: Ordering, operations: &[Operation], steps: &[Step], chains: &[PlannedChain]) -> Self {
        match ordering {
            Ordering::Captured => captured(operations, steps, chains),
            Ordering::Serial => serial(operations, steps, chains),
            Ordering::Resource => {
                let (graph, released_at) = resource_graph(operations, steps, chains);
                Self { rule: Rule::Graph(graph), released_at }
            }
        }
    }
}

/// The answers of the steps that will have one, with frame and time.
fn answers<'a>(
    operations: &'a [Operation],
    steps: &'a [Step],
) -> impl Iterator<Item = (u64, Timestamp, Answer)> + 'a {
    operations.iter().zip(steps).enumerate().flat_map(|(at, (operation, step))| {
        let answered = !step.kind.is_left_out() && !matches!(step.kind, StepKind::Cancel { .. });
        let answer = move |interim| Answer { step: at as StepIndex, interim };
        let interim = operation.interim.as_ref().map(|part| (part.frame, part.time, answer(true)));
        let last = operation.response.as_ref().map(|part| (part.frame, part.time, answer(false)));
        // A clock that stands still or a reordered capture must not make a step wait for itself.
        let sent = operation.request.as_ref().map_or(0, |part| part.frame);
        [interim, last].into_iter().flatten().filter(move |(frame, _, _)| answered && *frame > sent)
    })
}

fn captured(operations: &[Operation], steps: &[Step], chains: &[PlannedChain]) -> Order {
    let mut answers: Vec<_> = answers(operations, steps).collect();
    let closings = chains.iter().filter_map(|chain| Some((chain, chain.closing?)));
    answers.extend(closings.map(|(chain, closing)| (chain.frame, chain.captured_at, end_of(steps, closing))));
    // The end of a connection comes behind the answers that its frame brought.
    answers.sort_by_key(|(frame, _, _)| *frame);
    let before = |frame: u64| answers.partition_point(|(answer, _, _)| *answer < frame) as u32;
    let waits_for: Vec<u32> = chains
        .iter()
        .map(|chain| match chain.closing {
            None => before(chain.frame),
            Some(closing) => {
                let first = before(chain.frame);
                let same_frame = answers.iter().skip(first as usize);
                first + same_frame.take_while(|(_, _, answer)| *answer != end_of(steps, closing)).count() as u32
            }
        })
        .collect();
    order_of(answers, waits_for)
}

/// The end of a connection as an answer.
fn end_of(steps: &[Step], closing: u32) -> Answer {
    Answer { step: steps.len() as u32 + closing, interim: false }
}

/// One chain after the other. What waits for something else to happen (a blocking LOCK, a CHANGE_NOTIFY, a CREATE that breaks an
/// oplock) may only be answered because of what the client sent next: such an answer is waited for where the captured client
/// had it.
fn serial(operations: &[Operation], steps: &[Step], chains: &[PlannedChain]) -> Order {
    let mut sequence: Vec<(u64, Timestamp, Answer)> = Vec::with_capacity(steps.len());
    let mut waits_for = Vec::with_capacity(chains.len());
    let mut later: BinaryHeap<Reverse<(u64, Timestamp, Answer)>> = BinaryHeap::new();
    for chain in chains {
        while let Some(Reverse((frame, _, _))) = later.peek()
            && *frame < chain.frame
        {
            sequence.extend(later.pop().map(|Reverse(answer)| answer));
        }
        waits_for.push(sequence.len() as u32);
        if let Some(closing) = chain.closing {
            sequence.push((chain.frame, chain.captured_at, end_of(steps, closing)));
        }
        let (first, end) = (chain.steps().start as usize, chain.steps().end as usize);
        let (Some(operations), Some(steps)) = (operations.get(first..end), steps.get(first..end)) else { continue };
        let may_wait = operations.iter().any(may_wait);
        for (frame, time, answer) in answers(operations, steps) {
            let answer = (frame, time, Answer { step: answer.step + first as StepIndex, interim: answer.interim });
            if may_wait && !answer.2.interim {
                later.push(Reverse(answer));
            } else {
                sequence.push(answer);
            }
        }
    }
    order_of(sequence, waits_for)
}

/// Whether an operation may be answered only when another client, or another request, does something.
fn may_wait(operation: &Operation) -> bool {
    let waits = matches!(operation.command, Command::ChangeNotify | Command::Lock | Command::Create);
    waits || operation.interim.is_some() || (operation.command == Command::OplockBreak && operation.request.is_none())
}

fn order_of(answers: Vec<(u64, Timestamp, Answer)>, waits_for: Vec<u32>) -> Order {
    let last_before =
        |count: u32| (count as usize).checked_sub(1).and_then(|at| answers.get(at)).map(|(_, time, _)| *time);
    let released_at = waits_for.iter().map(|count| last_before(*count)).collect();
    let answers = answers.into_iter().map(|(_, _, answer)| answer).collect();
    Order { rule: Rule::Prefix(Prefix { answers, waits_for }), released_at }
}
