//! A run's outcomes as rows for its results.

use std::time::Duration;

use super::outcome::{Class, Outcome};
use crate::model::{Command, Difference, NtStatus, Operation, ReplayedStep};

fn nanoseconds(time: Option<Duration>) -> Option<i64> {
    time.map(|time| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))
}

/// The row of a step.
pub(super) fn row(operation: &Operation, outcome: &Outcome) -> ReplayedStep {
    let (root_step, reason) = match outcome.class {
        Class::Skipped { root } => (Some(root), None),
        Class::NotReplayable(reason) => (None, Some(reason.name())),
        _ => (None, None),
    };
    let is_read = operation.command == Command::Read;
    let is_write = operation.command == Command::Write;
    let moves_payload = is_read || is_write;
    let is_written = is_write && outcome.status == Some(NtStatus::SUCCESS);
    let answered = outcome.answered.is_some();
    ReplayedStep {
        step: outcome.step,
        copy: outcome.pass.copy,
        iteration: outcome.pass.iteration,
        op_index: operation.op_index,
        session_id: operation.session_id,
        command: operation.command,
        frame: operation.parts().next().map_or(0, |part| part.frame),
        share: operation.share.clone(),
        path: operation.path.clone(),
        class: outcome.class.name().into(),
        root_step,
        reason: reason.map(Into::into),
        noise: outcome.noise,
        compared: outcome.compared,
        captured_status: operation.status,
        replayed_status: outcome.status,
        captured_length: operation.response.as_ref().map(|part| part.pdu.len() as u32),
        replayed_length: answered.then_some(outcome.response_length),
        captured_bytes: operation.facts.bytes.filter(|_| moves_payload),
        replayed_bytes: (outcome.data_hash.is_some() || is_written).then_some(outcome.payload),
        captured_hash: operation.facts.data_hash.filter(|_| is_read),
        replayed_hash: outcome.data_hash.map(u128::to_be_bytes),
        due_ns: nanoseconds(outcome.due),
        ready_ns: nanoseconds(outcome.ready),
        sent_ns: nanoseconds(outcome.sent),
        answered_ns: nanoseconds(outcome.answered),
        captured_latency_ns: operation.latency_ns(),
        replayed_latency_ns: nanoseconds(outcome.latency()),
        differences: outcome
            .findings
            .iter()
            .map(|finding| Difference {
                subject: finding.subject.as_str().into(),
                captured: finding.expected.as_str().into(),
                observed: finding.observed.as_str().into(),
            })
            .collect(),
        note: outcome.note.clone(),
    }
}
