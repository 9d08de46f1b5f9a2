//! How operations lie in time: how many, how slow, what became of them. What charts are drawn from.
//!
//! Operations may come in any order. What is kept has a bound that does not depend on how many there are.

mod distributions;
mod heat_map;
mod points;
mod series;
mod time_buckets;

use std::borrow::Cow;

pub use distributions::{Distribution, Distributions};
pub use heat_map::{CommandHeat, HeatMap, HeatMapReport};
pub use points::{OperationPoints, PointsReport};
pub use series::{NamedCounts, TimeSeries, TimeSeriesReport};

use crate::model::{Command, NtStatus, OperationDigest, ReplayedStep};

/// Commands that are told apart: those of the specification, and one for all others.
pub(super) const COMMANDS: usize = Command::ALL.len() + 1;

/// When an operation happened, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedOperation<'a> {
    /// When it was sent, or when the server's message came where the server began; nanoseconds from the beginning that
    /// is counted from.
    pub time_ns: i64,
    /// The command.
    pub command: Command,
    /// The frame that it began with.
    pub frame: u64,
    /// From request to final response.
    pub latency_ns: Option<i64>,
    /// Payload bytes that a READ returned.
    pub bytes_read: u64,
    /// Payload bytes that a WRITE response accepted.
    pub bytes_written: u64,
    /// What was wrong: the status that it failed with, the class of a divergence.
    pub trouble: Option<Cow<'a, str>>,
}

impl<'a> TimedOperation<'a> {
    /// A captured operation; times count from the beginning. None when it has no time.
    pub fn captured(operation: &OperationDigest<'a>, beginning_ns: i64) -> Option<Self> {
        let (frame, time) = operation.request.or(operation.response)?;
        let bytes = |of: Command| operation.bytes.filter(|_| operation.command == of).unwrap_or(0);
        let failed = operation.status.filter(|status| NtStatus::is_error(*status));
        Some(Self {
            time_ns: time.0.saturating_sub(beginning_ns),
            command: operation.command,
            frame,
            latency_ns: operation.latency_ns(),
            bytes_read: bytes(Command::Read),
            bytes_written: bytes(Command::Write),
            trouble: failed.map(|status| status.to_string().into()),
        })
    }

    /// A step as it was replayed; times count from the start of the run. None when it was not sent.
    pub fn replayed(step: &'a ReplayedStep) -> Option<Self> {
        let bytes = |of: Command| step.replayed_bytes.filter(|_| step.command == of).unwrap_or(0);
        Some(Self {
            time_ns: step.sent_ns?,
            command: step.command,
            frame: step.frame,
            latency_ns: step.replayed_latency_ns,
            bytes_read: bytes(Command::Read),
            bytes_written: bytes(Command::Write),
            trouble: (step.class != "match" && !step.noise).then(|| Cow::Borrowed(&*step.class)),
        })
    }

    /// The same step with the latency that it had in the capture.
    #[must_use]
    pub fn with_latency(&self, latency_ns: Option<i64>) -> Self {
        Self { latency_ns, ..self.clone() }
    }
}

/// The place of a command among those that are told apart.
fn place(command: Command) -> usize {
    usize::from(command.code()).min(COMMANDS - 1)
}

/// The name of that place.
fn place_name(place: usize) -> String {
    Command::ALL.get(place).map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests;
