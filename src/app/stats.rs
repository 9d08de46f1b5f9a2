//! How much of what, how fast, and how often it failed.

use super::error::DatasetError;
use super::events::Events;
use super::find::{TraceRequest, chosen_sessions};
use crate::analyse::{GroupBy, Statistics, StatisticsReport};

/// What is counted.
#[derive(Clone, Debug)]
pub struct StatsRequest {
    /// The capture.
    pub trace: TraceRequest,
    /// The session; else all.
    pub session: Option<String>,
    /// What operations are grouped by.
    pub by: GroupBy,
    /// How many files are listed, and how many groups when files are the groups.
    pub top: usize,
    /// How many of the slowest operations are listed.
    pub slowest: usize,
}

impl Default for StatsRequest {
    fn default() -> Self {
        let (trace, by) = (TraceRequest::default(), GroupBy::default());
        Self { trace, session: None, by, top: 10, slowest: 10 }
    }
}

/// Counts operations, errors and bytes, and measures latencies. Memory does not depend on the number of operations.
///
/// ```
/// use smbreplay::app::{self, GroupBy, IngestRequest, Quiet, StatsRequest, TraceRequest};
///
/// let folder = tempfile::tempdir()?;
/// let capture = "fixtures/quickstart/capture.pcapng";
/// app::ingest(&IngestRequest::of(capture).with_output(folder.path()).without_tshark(), &Quiet)?;
///
/// let trace = TraceRequest::of(capture).with_output(folder.path());
/// let report = app::stats(&StatsRequest { trace, by: GroupBy::Command, ..StatsRequest::default() }, &Quiet)?;
/// assert_eq!(report.groups.iter().map(|group| group.operations).sum::<u64>(), report.total.operations);
/// # assert!(report.total.operations > 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The dataset or the session is not there, or cannot be read; the work was cancelled.
pub fn stats(request: &StatsRequest, events: &dyn Events) -> Result<StatisticsReport, DatasetError> {
    let dataset = request.trace.open()?;
    let cancel = events.cancel();
    let mut statistics = Statistics::new(request.by, request.slowest);
    for session in chosen_sessions(&dataset, request.session.as_deref())? {
        if cancel.is_cancelled() {
            return Err(DatasetError::Cancelled);
        }
        statistics.begin_session(&session.id, &session.login.account());
        dataset.for_each_digest(session, |operation| statistics.add(operation))?;
    }
    let mut report = statistics.finish(request.top);
    if request.by == GroupBy::File {
        report.groups.truncate(request.top);
    }
    Ok(report)
}
