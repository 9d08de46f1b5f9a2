//! What every plan must keep, whatever the capture looks like and however the target answers.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::options::Ordering;
use super::plan::{Plan, PlanOptions, StepKind};
use super::readiness::Readiness;
use super::reason::Reason;
use super::testing::*;
use crate::model::{Anomalies, Anomaly, AsyncId, Command, FileId, MessageId, NtStatus, Operation};

fn plan(operations: &[Operation], ordering: Ordering) -> Plan {
    Plan::from_operations(operations, PlanOptions { ordering, ..PlanOptions::default() })
}

/// Runs a plan against a target that answers in an order drawn from `choices`, and gives for each chain the steps whose
/// final and whose interim answers had come when it was sent, and the chains sent before. Fails on a deadlock.
fn simulate(plan: &Plan, operations: &[Operation], choices: &[u16]) -> Vec<(u32, BTreeSet<u32>, BTreeSet<u32>)> {
    let mut readiness = Readiness::new(plan);
    let mut choices = choices.iter().cycle().map(|choice| usize::from(*choice));
    let (mut in_flight, mut pending): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
    let (mut last, mut interim) = (BTreeSet::new(), BTreeSet::new());
    let mut ready: Vec<u32> = Vec::new();
    let mut log = Vec::new();
    loop {
        ready.append(&mut readiness.ready);
        let choice = choices.next().unwrap();
        let options = ready.len() + in_flight.len() + pending.len();
        if options == 0 {
            return log;
        }
        let pick = choice % options;
        if pick < ready.len() {
            let chain = ready.swap_remove(pick);
            log.push((chain, last.clone(), interim.clone()));
            readiness.sent(chain);
            for step in plan.chains[chain as usize].steps() {
                match plan.steps[step as usize].kind {
                    StepKind::NotReplayable(_) => readiness.done(step),
                    // Never answered in the capture, never answered here.
                    _ if operations[step as usize].response.is_none() => pending.push(step),
                    _ => in_flight.push(step),
                }
                if operations[step as usize].interim.is_some() {
                    interim.insert(step);
                    readiness.interim(step);
                }
            }
        } else if pick < ready.len() + in_flight.len() {
            let step = in_flight.swap_remove(pick - ready.len());
            last.insert(step);
            interim.insert(step);
            readiness.done(step);
        } else {
            pending.swap_remove(pick - ready.len() - in_flight.len());
        }
    }
}

/// (connection, frames until the request, frames until the answer, has interim, is answered)
fn captured() -> impl Strategy<Value = Vec<Operation>> {
    let one = (0u32..3, 1u64..4, 1u64..25, any::<bool>(), 0u8..10);
    proptest::collection::vec(one, 1..40).prop_map(|seeds| {
        let mut frame = 0;
        let mut taken = BTreeSet::new();
        let mut requests = Vec::new();
        for (on, gap, latency, has_interim, answered) in seeds {
            frame += gap;
            while !taken.insert(frame) {
                frame += 1;
            }
            requests.push((on, frame, latency, has_interim, answered));
        }
        requests
            .into_iter()
            .map(|(on, sent, latency, has_interim, answered)| {
                let mut free = |mut frame: u64| {
                    while !taken.insert(frame) {
                        frame += 1;
                    }
                    frame
                };
                let first = has_interim.then(|| free(sent + 1));
                let last = (answered != 0).then(|| free(first.unwrap_or(sent) + latency));
                let mut operation = echo(sent, last);
                operation.connection = connection(on);
                operation.interim = first.map(|frame| part(frame, pdu(Command::Echo, NtStatus::PENDING, true, &[])));
                operation
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn captured_ordering_sends_nothing_before_an_answer_that_the_client_had_seen(
        operations in captured(), choices in proptest::collection::vec(any::<u16>(), 16..64),
    ) {
        let plan = plan(&operations, Ordering::Captured);
        let log = simulate(&plan, &operations, &choices);
        prop_assert_eq!(log.len(), plan.chains.len(), "every chain is sent, once");
        for (chain, last, interim) in log {
            let sent = plan.chains[chain as usize].frame;
            for (step, operation) in operations.iter().enumerate() {
                let seen = |part: &Option<crate::model::Part>| part.as_ref().is_some_and(|part| part.frame < sent);
                prop_assert!(!seen(&operation.response) || last.contains(&(step as u32)), "{step} before {chain}");
                prop_assert!(!seen(&operation.interim) || interim.contains(&(step as u32)), "{step} before {chain}");
            }
        }
    }

    /// No less concurrency either: with everything seen answered, and nothing else, a chain may go.
    #[test]
    fn captured_ordering_waits_for_nothing_else(operations in captured()) {
        let plan = plan(&operations, Ordering::Captured);
        for (chain, planned) in plan.chains.iter().enumerate() {
            let mut readiness = Readiness::new(&plan);
            for (step, operation) in operations.iter().enumerate() {
                let seen = |part: &Option<crate::model::Part>| part.as_ref().is_some_and(|p| p.frame < planned.frame);
                if seen(&operation.interim) {
                    readiness.interim(step as u32);
                }
                if seen(&operation.response) {
                    readiness.done(step as u32);
                }
            }
            prop_assert!(readiness.ready.contains(&(chain as u32)));
        }
    }

    #[test]
    fn serial_ordering_has_one_chain_in_flight(
        operations in captured(), choices in proptest::collection::vec(any::<u16>(), 16..64),
    ) {
        let plan = plan(&operations, Ordering::Serial);
        let log = simulate(&plan, &operations, &choices);
        prop_assert_eq!(log.len(), plan.chains.len());
        for (chain, _, interim) in log {
            for (step, operation) in operations[..chain as usize].iter().enumerate() {
                let is_over = interim.contains(&(step as u32)) || operation.response.is_none();
                prop_assert!(is_over, "{step} is in flight before {chain}");
            }
        }
    }

    /// Files that are opened, read, written and closed at random, some while others wait for long: nothing precedes what it
    /// truly depends on and the client had waited for.
    #[test]
    fn resource_ordering_keeps_true_dependencies_and_ends(
        seeds in proptest::collection::vec((0u8..4, 0u64..6, 0u8..3, 0u64..6), 1..30),
        choices in proptest::collection::vec(any::<u16>(), 16..64),
    ) {
        let mut operations = vec![tree_connect(1, 2)];
        let mut frame = 3;
        let mut times = |slow: u64| {
            frame += 2;
            (frame - 1, frame + 2 * slow)
        };
        let (mut opens, mut next) = ([None; 4], 1u8);
        for (file, block, what, slow) in seeds {
            let path = format!("dir\\file{file}");
            // An id can only be used once it was granted.
            let slow = if opens[usize::from(file)].is_none() { 0 } else { slow };
            let (sent, answered) = times(slow);
            match (opens[usize::from(file)], what) {
                (None, _) => {
                    let id = FileId([next; 16]);
                    next += 1;
                    opens[usize::from(file)] = Some(id);
                    operations.push(create(&path, id, 3, sent, answered));
                }
                (Some(id), 0) => operations.push(read(&path, id, block * 10, 10, sent, answered)),
                (Some(id), 1) => operations.push(write(&path, id, block * 10, &[1; 15], sent, answered)),
                (Some(id), _) => {
                    opens[usize::from(file)] = None;
                    operations.push(close(&path, id, sent, answered));
                }
            }
        }
        let plan = plan(&operations, Ordering::Resource);
        let log = simulate(&plan, &operations, &choices);
        prop_assert_eq!(log.len(), plan.chains.len(), "no deadlock, every chain once");
        for (chain, last, _) in log {
            let step = chain as usize;
            for (before, other) in operations[..step].iter().enumerate() {
                let this = &operations[step];
                let same_open = other.file_id == this.file_id && this.file_id.is_some();
                let opens_or_closes = |o: &Operation| matches!(o.command, Command::Create | Command::Close);
                let range = |o: &Operation| {
                    let request = o.request.as_ref().unwrap();
                    match crate::model::message::Request::decode(o.command, &request.pdu).unwrap() {
                        crate::model::message::Request::Read(read) => Some((read.offset, read.offset + 10, false)),
                        crate::model::message::Request::Write(write) => Some((write.offset, write.offset + 15, true)),
                        _ => None,
                    }
                };
                let conflict = match (range(this), range(other)) {
                    (Some(a), Some(b)) => a.0 < b.1 && b.0 < a.1 && (a.2 || b.2),
                    _ => false,
                };
                let depends = other.command == Command::TreeConnect
                    || same_open && (opens_or_closes(this) || opens_or_closes(other))
                    || this.path == other.path && (conflict || opens_or_closes(this) && opens_or_closes(other));
                let frame = |part: &Option<crate::model::Part>| part.as_ref().unwrap().frame;
                let had_seen = frame(&other.response) < frame(&this.request);
                prop_assert!(!depends || !had_seen || last.contains(&(before as u32)), "{before} before {step}");
            }
        }
    }

    #[test]
    fn compounds_stay_together_and_others_apart(lengths in proptest::collection::vec(1u16..5, 1..12)) {
        let mut operations = Vec::new();
        for (place, length) in lengths.iter().enumerate() {
            // Two neighbouring chains may share a frame: the place in the compound tells them apart.
            let frame = 1 + place as u64 / 2;
            for index in 0..*length {
                let mut operation = echo(frame, Some(1000 + operations.len() as u64));
                operation.compound_index = (*length > 1).then_some(index);
                operations.push(operation);
            }
        }
        let plan = plan(&operations, Ordering::Captured);
        let planned: Vec<_> = plan.chains.iter().map(|chain| chain.steps().len() as u16).collect();
        prop_assert_eq!(planned, lengths);
    }
}

#[test]
fn resource_ordering_lets_other_files_pass() {
    let (a, b) = (FileId([1; 16]), FileId([2; 16]));
    let operations = [
        tree_connect(1, 2),
        create("a", a, 1, 3, 4),
        create("b", b, 1, 5, 6),
        write("a", a, 0, b"x", 7, 8),
        read("b", b, 0, 1, 9, 10),
        read("a", a, 0, 1, 11, 12),
    ];
    let plan = plan(&operations, Ordering::Resource);
    let mut readiness = Readiness::new(&plan);
    assert_eq!(readiness.ready, [0]);
    readiness.ready.clear();
    readiness.done(0);
    assert_eq!(readiness.ready, [1, 2], "two files are opened at once");
    readiness.ready.clear();
    readiness.done(2);
    assert_eq!(readiness.ready, [4], "b is read while a is still being opened");
    readiness.ready.clear();
    readiness.done(1);
    assert_eq!(readiness.ready, [3]);
    readiness.ready.clear();
    readiness.done(3);
    assert_eq!(readiness.ready, [5], "what was written is read afterwards");
}

#[test]
fn a_million_steps_are_planned_quickly() {
    // 64 in flight, all on one connection. Debug builds are slow; what this holds is that it is not quadratic.
    let count = 200_000u64;
    let body = echo(0, None);
    let operations: Vec<Operation> = (0..count)
        .map(|n| {
            let mut operation = body.clone();
            let mut request = operation.request.take().unwrap();
            request.frame = 2 * n + 1;
            operation.response = Some(crate::model::Part { frame: 2 * (n + 64), ..request.clone() });
            operation.request = Some(request);
            operation
        })
        .collect();
    let start = std::time::Instant::now();
    let plan = plan(&operations, Ordering::Captured);
    assert_eq!(plan.chains.len() as u64, count);
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}

#[test]
fn what_cannot_be_replayed_is_told_with_its_reason() {
    let id = FileId([9; 16]);
    let mut no_request = echo(1, Some(2));
    no_request.request = None;
    let mut extra = echo(3, Some(4));
    extra.anomalies = [Anomaly::ExtraInterim].into_iter().collect();
    let mut cut = write("f", id, 0, &[1; 100], 5, 6);
    let request = cut.request.as_mut().unwrap();
    request.pdu = request.pdu.slice(..120);
    cut.anomalies = [Anomaly::Truncated].into_iter().collect();
    let mut malformed = cut.clone();
    malformed.anomalies = Anomalies::default();
    let mut refused = operation(Command::SessionSetup, &[25, 0], 7, Some(8));
    refused.status = Some(NtStatus::LOGON_FAILURE);
    let mut first_round = operation(Command::SessionSetup, &[25, 0], 7, Some(8));
    first_round.status = Some(NtStatus::MORE_PROCESSING_REQUIRED);
    let no_tree = read("f", id, 0, 1, 9, 10);
    let operations = [
        no_request,
        extra,
        cut,
        malformed,
        first_round,
        refused,
        no_tree,
        tree_connect(11, 12),
        read("f", id, 0, 1, 13, 14),
    ];
    let kinds: Vec<_> = plan(&operations, Ordering::Captured).steps.iter().map(|step| step.kind).collect();
    let reason = StepKind::NotReplayable;
    assert_eq!(
        kinds,
        [
            reason(Reason::NoRequest),
            reason(Reason::ExtraResponse),
            reason(Reason::Truncated),
            reason(Reason::Malformed),
            reason(Reason::RefusedLogin),
            reason(Reason::RefusedLogin),
            reason(Reason::UnknownTree),
            StepKind::Send,
            reason(Reason::UnknownOpen),
        ]
    );
}

#[test]
fn read_only_plans_send_nothing_that_could_change_the_server() {
    let (old, new) = (FileId([1; 16]), FileId([2; 16]));
    let operations = [
        tree_connect(1, 2),
        create("old", old, 1, 3, 4),
        create("new", new, 2, 5, 6),
        read("old", old, 0, 1, 7, 8),
        write("new", new, 0, b"x", 9, 10),
        close("new", new, 11, 12),
    ];
    let plan = Plan::from_operations(&operations, PlanOptions { read_only: true, ..PlanOptions::default() });
    let sent: Vec<_> = plan.steps.iter().map(|step| step.kind.is_sent()).collect();
    assert_eq!(sent, [true, true, false, true, false, false]);
    assert_eq!(plan.steps[2].kind, StepKind::NotReplayable(Reason::ReadOnly));
    assert_eq!(plan.counts().not_replayable.into_iter().collect::<Vec<_>>(), [(Reason::ReadOnly, 3)]);
}

#[test]
fn a_cancel_finds_what_it_cancels() {
    let mut cancel = operation(Command::Cancel, &[4, 0, 0, 0], 5, None);
    let waiting = echo(1, Some(9));
    cancel.message_id = waiting.message_id;
    let plan = plan(&[waiting, echo(3, Some(4)), cancel], Ordering::Captured);
    assert_eq!(plan.steps[2].kind, StepKind::Cancel { target: Some(0) });
}

#[test]
fn a_cancel_of_what_went_pending_goes_by_the_async_id() {
    let (mut first, mut second) = (echo(1, Some(9)), echo(3, Some(8)));
    first.async_id = Some(AsyncId(77));
    second.message_id = MessageId(0);
    let mut cancel = operation(Command::Cancel, &[4, 0, 0, 0], 5, None);
    // Windows leaves the message id of such a CANCEL at 0.
    (cancel.message_id, cancel.async_id) = (MessageId(0), first.async_id);
    let plan = plan(&[first, second, cancel], Ordering::Captured);
    assert_eq!(plan.steps[2].kind, StepKind::Cancel { target: Some(0) });
}
