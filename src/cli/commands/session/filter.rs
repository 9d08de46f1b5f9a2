//! Which operations are shown.

use crate::app::Moment;
use crate::cli::args::FilterArgs;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::filter;
use crate::cli::path_filter::PathFilter;
use crate::model::{Command, NtStatus, Operation, Timestamp};

/// What an operation has to be.
pub(super) struct Filter {
    paths: PathFilter,
    commands: Vec<Command>,
    statuses: Vec<NtStatus>,
    errors: bool,
    slow_ns: Option<i64>,
    from: Option<Moment>,
    to: Option<Moment>,
}

impl Filter {
    pub(super) fn new(args: &FilterArgs) -> Result<Self, Failure> {
        let usage = |text: String| Failure::message(ExitStatus::Usage, text);
        let mut statuses = Vec::new();
        for name in &args.status {
            let status = NtStatus::parse(name);
            let unknown =
                || usage(format!("--status: {name:?} is no name in [MS-ERREF] and no number as 0xC0000022"));
            statuses.push(status.ok_or_else(unknown)?);
        }
        Ok(Self {
            paths: PathFilter::new(args.file_filter.as_ref())?,
            commands: filter::commands(&args.command)?,
            statuses,
            errors: args.errors,
            slow_ns: args.slow.map(|slow| i64::try_from(slow.as_nanos()).unwrap_or(i64::MAX)),
            from: args.from,
            to: args.to,
        })
    }

    /// `beginning` is that of the session, which the time column counts from.
    pub(super) fn takes(&self, operation: &Operation, beginning: Timestamp) -> bool {
        let time = operation.first_time().unwrap_or(beginning);
        (self.commands.is_empty() || self.commands.contains(&operation.command))
            && (self.statuses.is_empty() || operation.status.is_some_and(|status| self.statuses.contains(&status)))
            && (!self.errors || operation.status.is_some_and(NtStatus::is_error))
            && self.slow_ns.is_none_or(|slow| operation.latency_ns().is_some_and(|latency| latency >= slow))
            && self.from.is_none_or(|from| time >= from.from(beginning))
            && !self.is_past(operation, beginning)
            && self.paths.takes([&operation.path, &operation.new_path].into_iter().flatten().map(|path| &**path))
    }

    /// Whether the operation began too late. Those behind it did as well: they stand in the order of their requests.
    pub(super) fn is_past(&self, operation: &Operation, beginning: Timestamp) -> bool {
        let request = operation.request.as_ref();
        self.to.is_some_and(|to| request.is_some_and(|request| request.time >= to.from(beginning)))
    }
}
