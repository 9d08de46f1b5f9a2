//! The sessions of a capture.

use std::path::PathBuf;

use crate::app::error::DatasetError;
use crate::app::find::TraceRequest;
use crate::model::SessionEntry;

/// The sessions of a capture.
#[derive(Clone, Debug)]
pub struct SessionList {
    /// Its metadata, which they are from.
    pub manifest: PathBuf,
    /// The sessions, in the order in which they begin; their numbers count from 1.
    pub sessions: Vec<SessionEntry>,
}

/// Lists the sessions of a capture.
///
/// ```
/// use smbreplay::app::{self, IngestRequest, Quiet, TraceRequest};
///
/// let folder = tempfile::tempdir()?;
/// let capture = "fixtures/quickstart/capture.pcapng";
/// app::ingest(&IngestRequest::of(capture).with_output(folder.path()).without_tshark(), &Quiet)?;
///
/// let list = app::sessions(&TraceRequest::of(capture).with_output(folder.path()))?;
/// assert!(list.sessions.iter().all(|session| session.id.starts_with("0x")));
/// # assert!(!list.sessions.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The dataset is not there, or cannot be read.
pub fn sessions(trace: &TraceRequest) -> Result<SessionList, DatasetError> {
    let dataset = trace.open()?;
    Ok(SessionList { manifest: dataset.place().manifest_path(), sessions: dataset.sessions().to_vec() })
}
