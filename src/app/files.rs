//! The files that were touched, and what happened to them.

use super::error::DatasetError;
use super::events::Events;
use super::find::{TraceRequest, chosen_sessions};
use super::opens::opens_of;
use super::path_pattern::{PathPattern, takes};
use crate::analyse::{FileActivity, files_of};
use crate::model::Timestamp;

/// Which files.
#[derive(Clone, Debug, Default)]
pub struct FilesRequest {
    /// The capture.
    pub trace: TraceRequest,
    /// The session; else all.
    pub session: Option<String>,
    /// Only files whose path matches.
    pub path: Option<PathPattern>,
}

/// The files of a capture.
#[derive(Clone, Debug)]
pub struct FileList {
    /// The time of the capture's first packet.
    pub beginning: Timestamp,
    /// The files, in the order in which they are first seen. Pipes are none.
    pub files: Vec<FileActivity>,
}

/// Lists the files that were touched, and what happened to them.
///
/// ```
/// use smbreplay::app::{self, FilesRequest, IngestRequest, Quiet, TraceRequest};
///
/// let folder = tempfile::tempdir()?;
/// let capture = "fixtures/quickstart/capture.pcapng";
/// app::ingest(&IngestRequest::of(capture).with_output(folder.path()).without_tshark(), &Quiet)?;
///
/// let trace = TraceRequest::of(capture).with_output(folder.path());
/// let listed = app::files(&FilesRequest { trace, ..FilesRequest::default() }, &Quiet)?;
/// assert!(listed.files.iter().any(|file| file.bytes_written > 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The dataset or the session is not there, or cannot be read.
pub fn files(request: &FilesRequest, events: &dyn Events) -> Result<FileList, DatasetError> {
    let dataset = request.trace.open()?;
    let sessions = chosen_sessions(&dataset, request.session.as_deref())?;
    let (opens, failed) = opens_of(&dataset, sessions, &events.cancel())?.finish();
    let mut files = files_of(&opens, &failed);
    files.retain(|file| takes(request.path.as_ref(), file.path.as_deref()));
    Ok(FileList { beginning: dataset.beginning(), files })
}
