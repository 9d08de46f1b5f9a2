//! The contents of files, put together from READs and WRITEs.

mod folder;

use std::io;
use std::ops::Range;
use std::path::PathBuf;

use self::folder::Folder;
use super::error::{DatasetError, ErrorKind, UseCaseError};
use super::events::Events;
use super::find::{TraceRequest, chosen_sessions};
use super::in_order::InOrder;
use super::path_pattern::{PathPattern, takes};
use crate::analyse::{ContentStep, Contents};
use crate::model::Operation;
use crate::store::Projection;

/// Sessions whose operations are read together, in the order of time.
const SESSIONS_AT_ONCE: usize = 64;

/// Which files, and where to.
#[derive(Clone, Debug, Default)]
pub struct ExtractRequest {
    /// The capture.
    pub trace: TraceRequest,
    /// The session; else all.
    pub session: Option<String>,
    /// Only files whose path matches.
    pub path: Option<PathPattern>,
    /// The folder for the files; it is made, and has to be empty if it is there.
    pub to: PathBuf,
}

/// A version of a file that was put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtractedFile {
    /// `\\server\share`
    pub share: String,
    /// Path in the share.
    pub path: String,
    /// Its version, from 1.
    pub version: usize,
    /// Bytes that it has.
    pub length: u64,
    /// Bytes that the capture holds.
    pub known: u64,
    /// What the capture does not hold; there the file has zeros.
    pub gaps: Vec<Range<u64>>,
    /// Of the file with its zeros, in hex.
    pub sha256: String,
    /// Where it lies, from the folder.
    pub place: String,
}

/// Files that cannot be extracted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// The dataset or the session.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The folder cannot be made, or is not empty.
    #[error("{}: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("{}: {source}", folder.display())]
    Write {
        /// The folder that it belongs to.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl UseCaseError for ExtractError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Dataset(error) => error.kind(),
            Self::Folder { .. } => ErrorKind::Request,
            Self::Write { .. } => ErrorKind::Unreadable,
        }
    }
}

/// Puts the contents of files together, and writes them below a folder.
///
/// ```
/// use smbreplay::app::{self, ExtractRequest, IngestRequest, Quiet, TraceRequest};
///
/// let folder = tempfile::tempdir()?;
/// let capture = "fixtures/quickstart/capture.pcapng";
/// app::ingest(&IngestRequest::of(capture).with_output(folder.path()).without_tshark(), &Quiet)?;
///
/// let (trace, to) = (TraceRequest::of(capture).with_output(folder.path()), folder.path().join("files"));
/// for file in app::extract(&ExtractRequest { trace, to: to.clone(), ..ExtractRequest::default() }, &Quiet)? {
///     assert_eq!(std::fs::metadata(to.join(&file.place))?.len(), file.length);
/// }
/// # assert!(std::fs::read_dir(to)?.next().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The dataset or the session is not there, or cannot be read; the folder is not empty, or cannot be written to.
pub fn extract(request: &ExtractRequest, events: &dyn Events) -> Result<Vec<ExtractedFile>, ExtractError> {
    let dataset = request.trace.open()?;
    let sessions = chosen_sessions(&dataset, request.session.as_deref())?;
    let fail = |source| ExtractError::Write { folder: request.to.clone(), source };
    let refuse = |source| ExtractError::Folder { folder: request.to.clone(), source };
    let mut folder = Folder::new(&request.to).map_err(refuse)?;
    let mut contents = Contents::default();
    // Of very many sessions some at a time, as each takes memory and a file handle.
    for sessions in sessions.chunks(SESSIONS_AT_ONCE) {
        // Who writes and who reads need not be the same.
        for operation in InOrder::open(&dataset, sessions, Projection::Everything, &events.cancel())? {
            let (_, operation) = operation?;
            add(&operation, request.path.as_ref(), &mut contents, &mut folder).map_err(fail)?;
        }
    }
    let mut files = Vec::new();
    for (number, version) in contents.versions().iter().enumerate() {
        folder.resize(number, version.length).map_err(fail)?;
        files.push(ExtractedFile {
            share: version.share.clone(),
            path: version.path.clone(),
            version: version.number,
            length: version.length,
            known: version.known.bytes(),
            gaps: version.gaps(),
            sha256: folder.sha256(number).map_err(fail)?,
            place: folder.place(number),
        });
    }
    Ok(files)
}

fn add(
    operation: &Operation,
    pattern: Option<&PathPattern>,
    contents: &mut Contents,
    folder: &mut Folder,
) -> io::Result<()> {
    let named = [&operation.path, &operation.new_path].into_iter().flatten();
    if !takes(pattern, named.map(|path| &**path)) {
        return Ok(());
    }
    let [share, path] = [&operation.share, &operation.path].map(|name| name.as_deref().unwrap_or_default());
    contents.add(operation, |step| match step {
        ContentStep::Begin { number, copy_of, .. } => folder.begin(share, path, number, copy_of),
        ContentStep::Put { version, offset, data } => folder.put(version, offset, data),
        ContentStep::Resize { version, length } => folder.resize(version, length),
    })
}
