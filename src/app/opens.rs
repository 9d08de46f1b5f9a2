//! What was opened, by whom, for how long.

use super::cancel::CancelToken;
use super::error::DatasetError;
use super::events::Events;
use super::find::{TraceRequest, chosen_sessions};
use super::moment::Moment;
use super::path_pattern::{PathPattern, takes};
use super::reading::operations;
use crate::analyse::{Open, Opens, Point};
use crate::model::{SessionEntry, Timestamp};
use crate::store::{Dataset, Projection};

/// Which opens.
#[derive(Clone, Debug, Default)]
pub struct OpensRequest {
    /// The capture.
    pub trace: TraceRequest,
    /// The session; else all.
    pub session: Option<String>,
    /// Only what was open at this time.
    pub at: Option<Moment>,
    /// Only opens of paths that match.
    pub path: Option<PathPattern>,
}

/// The opens of a capture.
#[derive(Clone, Debug)]
pub struct OpenList {
    /// The time of the capture's first packet.
    pub beginning: Timestamp,
    /// The opens, in the order in which they were granted.
    pub opens: Vec<Open>,
}

/// Lists opens: who had which file open, when, and how it ended.
///
/// ```
/// use smbreplay::app::{self, IngestRequest, OpensRequest, Quiet, TraceRequest};
///
/// let folder = tempfile::tempdir()?;
/// let capture = "fixtures/quickstart/capture.pcapng";
/// app::ingest(&IngestRequest::of(capture).with_output(folder.path()).without_tshark(), &Quiet)?;
///
/// let trace = TraceRequest::of(capture).with_output(folder.path());
/// let listed = app::opens(&OpensRequest { trace, path: Some("*.txt".parse()?), ..OpensRequest::default() }, &Quiet)?;
/// assert!(listed.opens.iter().all(|open| open.path.as_deref().is_some_and(|path| path.ends_with(".txt"))));
/// # assert!(!listed.opens.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The dataset or the session is not there, or cannot be read.
pub fn opens(request: &OpensRequest, events: &dyn Events) -> Result<OpenList, DatasetError> {
    let dataset = request.trace.open()?;
    let beginning = dataset.beginning();
    let at = request.at.map(|at| at.from(beginning));
    let sessions = chosen_sessions(&dataset, request.session.as_deref())?;
    let (opens, _) = opens_of(&dataset, sessions, &events.cancel())?.finish();
    let mut opens: Vec<_> = opens
        .into_iter()
        .filter(|open| at.is_none_or(|at| open.is_alive_at(at)))
        .filter(|open| takes(request.path.as_ref(), open.path.as_deref()))
        .collect();
    opens.sort_by_key(|open| open.opened.map(|at| at.frame));
    Ok(OpenList { beginning, opens })
}

/// The opens of some sessions.
pub(super) fn opens_of<'a>(
    dataset: &Dataset,
    sessions: impl IntoIterator<Item = &'a SessionEntry>,
    cancel: &CancelToken,
) -> Result<Opens, DatasetError> {
    let mut opens = Opens::default();
    for session in sessions {
        opens.begin_session(&session.id, &session.login.account());
        for operation in operations(dataset, session, Projection::PdusOf(Opens::BODIES), cancel)? {
            opens.add(&operation?);
        }
        for end in &dataset.manifest().connection_ends {
            opens.connection_ended(end.tcp_stream, Point { frame: end.frame, time: Timestamp(end.time_ns) });
        }
    }
    Ok(opens)
}
