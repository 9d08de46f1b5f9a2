//! Which operations are wanted.

use std::time::Duration;

use crate::app::moment::Moment;
use crate::app::path_pattern::{PathPattern, takes};
use crate::model::{Command, NtStatus, Operation, Timestamp};

/// What an operation has to be. What is empty or None takes every operation.
#[derive(Clone, Debug, Default)]
pub struct OperationFilter {
    /// One of its paths matches.
    pub path: Option<PathPattern>,
    /// It is one of these commands.
    pub commands: Vec<Command>,
    /// It ended with one of these.
    pub statuses: Vec<NtStatus>,
    /// It failed.
    pub errors: bool,
    /// It took at least this long.
    pub slow: Option<Duration>,
    /// It began at this time or later; relative times count from the beginning of the session.
    pub from: Option<Moment>,
    /// It began before this time.
    pub to: Option<Moment>,
}

/// A name that stands for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// No command.
    #[error("{name:?} is no command; there are {known}", known = Command::ALL.map(|command| command.to_string()).join(", "))]
    UnknownCommand {
        /// The name.
        name: String,
    },
    /// No NT status.
    #[error("{name:?} is no name in [MS-ERREF] and no number as 0xC0000022")]
    UnknownStatus {
        /// The name.
        name: String,
    },
}

/// Commands by their names, in any case.
///
/// # Errors
/// A name is none of a command.
pub fn parse_commands(names: &[String]) -> Result<Vec<Command>, FilterError> {
    let unknown = |name: &String| FilterError::UnknownCommand { name: name.clone() };
    names.iter().map(|name| Command::parse(name).ok_or_else(|| unknown(name))).collect()
}

/// NT statuses by their names in [MS-ERREF] or their numbers.
///
/// # Errors
/// A name is none of a status.
///
/// [MS-ERREF]: https://learn.microsoft.com/openspecs/windows_protocols/ms-erref/
pub fn parse_statuses(names: &[String]) -> Result<Vec<NtStatus>, FilterError> {
    let unknown = |name: &String| FilterError::UnknownStatus { name: name.clone() };
    names.iter().map(|name| NtStatus::parse(name).ok_or_else(|| unknown(name))).collect()
}

impl OperationFilter {
    /// Whether an operation is wanted. `beginning` is that of the session, from which relative times count.
    pub(super) fn takes(&self, operation: &Operation, beginning: Timestamp) -> bool {
        let time = operation.first_time().unwrap_or(beginning);
        let slow = |slow: Duration| i64::try_from(slow.as_nanos()).unwrap_or(i64::MAX);
        let paths = [&operation.path, &operation.new_path];
        (self.commands.is_empty() || self.commands.contains(&operation.command))
            && (self.statuses.is_empty() || operation.status.is_some_and(|status| self.statuses.contains(&status)))
            && (!self.errors || operation.status.is_some_and(NtStatus::is_error))
            && self.slow.map(slow).is_none_or(|slow| operation.latency_ns().is_some_and(|latency| latency >= slow))
            && self.from.is_none_or(|from| time >= from.from(beginning))
            && !self.is_past(operation, beginning)
            && takes(self.path.as_ref(), paths.into_iter().flatten().map(|path| &**path))
    }

    /// Whether the operation began too late. Those behind it did as well: they stand in the order of their requests.
    pub(super) fn is_past(&self, operation: &Operation, beginning: Timestamp) -> bool {
        let request = operation.request.as_ref();
        self.to.is_some_and(|to| request.is_some_and(|request| request.time >= to.from(beginning)))
    }
}
