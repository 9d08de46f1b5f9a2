//! The columns of a replay's `results`: what each is called, its type and meaning, how it is written and how it is read.

use std::sync::{Arc, LazyLock};

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};

use super::operation_columns::{command_name, status_name};
use super::schema::{Column, name::*};
use super::table::{NEVER, NULLABLE, TableColumn, arrays, define, described, schema_of};
use crate::model::{Command, NtStatus, ReplayedStep, SessionId};

/// Raised whenever a column of the results changes its name, type or meaning. Readers refuse other versions.
pub const RESULTS_VERSION: u32 = 1;

/// The columns, in their order in the file.
#[rustfmt::skip]
pub(super) static RESULT_TABLE: [TableColumn<ReplayedStep, ReplayedStep>; 33] = [
    define!(STEP: U32, NEVER, "", "Place of the step in the run, from 0, in the order of the captured requests.",
        write |row| Some(row.step),
        read |row, value| row.step = value),
    define!(COPY: U32, NEVER, "", "Which of the copies that ran at once (`--clones`), from 1.",
        write |row| Some(row.copy),
        read |row, value| row.copy = value),
    define!(ITERATION: U32, NEVER, "", "The how manieth time (`--loop`), from 1.",
        write |row| Some(row.iteration),
        read |row, value| row.iteration = value),
    define!(OP_INDEX: U32, NEVER, "", "`op_index` of its operation.",
        write |row| Some(row.op_index),
        read |row, value| row.op_index = value),
    define!(SESSION_ID: SessionId, NEVER, "", "`session_id` of its operation: the captured session.",
        write |row| Some(row.session_id.0),
        read |row, id| row.session_id = SessionId(id)),
    define!(COMMAND: Name, NEVER, "", "`command` of its operation.",
        write same |a, b| a.command == b.command, of |row| Some(command_name(row.command))),
    define!(COMMAND_CODE: U16, NEVER, "", "`command_code` of its operation.",
        write |row| Some(row.command.code()),
        read |row, code| row.command = Command::from_code(code)),
    define!(FRAME: U64, NEVER, "", "Frame of the captured request; of the answer, where the server began.",
        write |row| Some(row.frame),
        read |row, value| row.frame = value),
    define!(SHARE: Name, NULLABLE, "", "`share` of its operation.",
        write same same_share, of |row| row.share.clone(),
        read |row, share| row.share = Some(share.clone())),
    define!(PATH: Text, NULLABLE, "", "`path` of its operation, before it was mapped onto the target.",
        write |row| row.path.as_deref(),
        read |row, path| row.path = Some(path)),
    define!(CLASS: Name, NEVER, "", "How the target's answer compares: `match`, or what diverged (below).",
        write same |a, b| a.class == b.class, of |row| Some(row.class.clone()),
        read |row, class| row.class = class.to_string().into()),
    define!(ROOT_STEP: U32, NULLABLE, "", "Of a skipped step: the `step` where the failure began.",
        write |row| row.root_step,
        read |row, value| row.root_step = Some(value)),
    define!(REASON: Name, NULLABLE, "", "Of a step that is not replayable: why.",
        write same |a, b| a.reason == b.reason, of |row| row.reason.clone(),
        read |row, reason| row.reason = Some(reason.to_string().into())),
    define!(NOISE: Bool, NEVER, "", "Whether a noise model covers all that diverged.",
        write |row| Some(row.noise),
        read |row, value| row.noise = value),
    define!(COMPARED: Bool, NEVER, "", "Whether there was a captured answer to compare with.",
        write |row| Some(row.compared),
        read |row, value| row.compared = value),
    define!(CAPTURED_STATUS: U32, NULLABLE, "", "NT status in the capture.",
        write |row| row.captured_status.map(|status| status.0),
        read |row, status| row.captured_status = Some(NtStatus(status))),
    define!(CAPTURED_STATUS_NAME: Name, NULLABLE, "", "Its name in [MS-ERREF]; `0x…` when it has none.",
        write same |a, b| a.captured_status == b.captured_status, of |row| row.captured_status.map(status_name)),
    define!(REPLAYED_STATUS: U32, NULLABLE, "", "NT status from the target; null without an answer.",
        write |row| row.replayed_status.map(|status| status.0),
        read |row, status| row.replayed_status = Some(NtStatus(status))),
    define!(REPLAYED_STATUS_NAME: Name, NULLABLE, "", "Its name in [MS-ERREF]; `0x…` when it has none.",
        write same |a, b| a.replayed_status == b.replayed_status, of |row| row.replayed_status.map(status_name)),
    define!(CAPTURED_LENGTH: U32, NULLABLE, "", "Bytes of the captured response, header included.",
        write |row| row.captured_length,
        read |row, value| row.captured_length = Some(value)),
    define!(REPLAYED_LENGTH: U32, NULLABLE, "", "Bytes of the target's response, header included.",
        write |row| row.replayed_length,
        read |row, value| row.replayed_length = Some(value)),
    define!(CAPTURED_BYTES: U64, NULLABLE, "", "READ: bytes returned in the capture. WRITE: bytes accepted.",
        write |row| row.captured_bytes,
        read |row, value| row.captured_bytes = Some(value)),
    define!(REPLAYED_BYTES: U64, NULLABLE, "", "READ: bytes returned by the target. WRITE: bytes accepted.",
        write |row| row.replayed_bytes,
        read |row, value| row.replayed_bytes = Some(value)),
    define!(CAPTURED_HASH: Id, NULLABLE, "", "READ: xxh3-128 of the captured payload, big-endian.",
        write |row| row.captured_hash,
        read |row, value| row.captured_hash = Some(value)),
    define!(REPLAYED_HASH: Id, NULLABLE, "", "READ: xxh3-128 of the target's payload, big-endian.",
        write |row| row.replayed_hash,
        read |row, value| row.replayed_hash = Some(value)),
    define!(DUE_NS: I64, NULLABLE, "", "When the step was to be sent by the pacing; nanoseconds from the start of the run, as the next three.",
        write |row| row.due_ns,
        read |row, value| row.due_ns = Some(value)),
    define!(READY_NS: I64, NULLABLE, "", "When all that it waits for was there: answers, its connection, its login.",
        write |row| row.ready_ns,
        read |row, value| row.ready_ns = Some(value)),
    define!(SENT_NS: I64, NULLABLE, "", "When it was handed to the operating system.",
        write |row| row.sent_ns,
        read |row, value| row.sent_ns = Some(value)),
    define!(ANSWERED_NS: I64, NULLABLE, "", "When its final answer had arrived whole.",
        write |row| row.answered_ns,
        read |row, value| row.answered_ns = Some(value)),
    define!(CAPTURED_LATENCY_NS: I64, NULLABLE, "", "Nanoseconds from the request to its final response in the capture.",
        write |row| row.captured_latency_ns,
        read |row, value| row.captured_latency_ns = Some(value)),
    define!(REPLAYED_LATENCY_NS: I64, NULLABLE, "", "The same on the target.",
        write |row| row.replayed_latency_ns,
        read |row, value| row.replayed_latency_ns = Some(value)),
    define!(DIFFERENCES: Differences, NULLABLE, "", "What diverged, the first thing first; null when nothing did.",
        write |row| &row.differences,
        read |row, differences| row.differences = differences),
    define!(NOTE: Text, NULLABLE, "", "What else is worth knowing of the step.",
        write |row| row.note.as_deref(),
        read |row, note| row.note = Some(note.as_ref().into())),
];

/// Their descriptions.
pub const RESULT_COLUMNS: [Column; RESULT_TABLE.len()] = described(&RESULT_TABLE);

/// The Arrow schema of `results`.
pub fn results_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| schema_of(&RESULT_COLUMNS));
    SCHEMA.clone()
}

/// The rows of a run of steps.
pub(super) fn steps_to_batch(rows: &[ReplayedStep]) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new(results_schema(), arrays(&RESULT_TABLE, rows)?)
}

fn same_share(a: &ReplayedStep, b: &ReplayedStep) -> bool {
    match (&a.share, &b.share) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    }
}
