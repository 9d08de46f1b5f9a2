//! A capture becomes a dataset.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::error::{ErrorKind, UseCaseError};
use super::events::{Events, Progress};
use super::tool_versions::version_of;
use super::tshark_use::TsharkUse;
use super::workspace::Workspace;
use crate::ingest::{
    Extractor, IngestError as StageError, IngestOptions, IngestProgress, IngestReport, ingest as run_stages,
};
use crate::tools::{Keys, Profile, Tool, ToolError, Tshark};

/// How often progress is told.
const INTERVAL: Duration = Duration::from_millis(100);

/// What is ingested, and how.
#[derive(Clone, Debug, Default)]
pub struct IngestRequest {
    /// The files, which are one capture; else the workspace's capture. `-` is standard input.
    pub files: Vec<PathBuf>,
    /// The case that they are looked up in.
    pub case: Option<String>,
    /// The folder for the dataset; beside the capture when None.
    pub output: Option<PathBuf>,
    /// Write the dataset anew even if it is up to date.
    pub force: bool,
    /// Ports of SMB beside 445 and 139.
    pub ports: Vec<u16>,
    /// Threads that encode; 0 is one for each processor.
    pub jobs: usize,
    /// Who takes the messages out of the capture.
    pub extractor: Extractor,
    /// Whether tshark is used beside our own reader, and which.
    pub tshark: TsharkUse,
    /// What decrypts encrypted traffic.
    pub keys: Keys,
    /// Let pcapfix repair what is damaged before it is read.
    pub repair: bool,
    /// Where captures are looked for, and where the capture is remembered as the one ingested last.
    pub workspace: Workspace,
}

impl IngestRequest {
    /// Ingests a capture by its path.
    pub fn of(capture: impl Into<PathBuf>) -> Self {
        Self { files: vec![capture.into()], ..Self::default() }
    }

    /// The same, with the dataset under this folder.
    #[must_use]
    pub fn with_output(mut self, output: impl Into<PathBuf>) -> Self {
        self.output = Some(output.into());
        self
    }

    /// The same, without tshark.
    #[must_use]
    pub fn without_tshark(mut self) -> Self {
        self.tshark = TsharkUse::Without;
        self
    }
}

/// A capture that is a dataset now.
#[derive(Clone, Debug)]
pub struct Ingested {
    /// The dataset, and whether it was written now.
    pub report: IngestReport,
    /// How long that took, without the search for files and tools.
    pub elapsed: Duration,
}

/// A capture that did not become a dataset.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// No capture was named, and the workspace has none.
    #[error("no capture was named")]
    NoCaptureNamed,
    /// A file was named twice, or goes by two names.
    #[error("{} is named twice", file.display())]
    NamedTwice {
        /// The file.
        file: PathBuf,
    },
    /// A tool is missing, or failed.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The capture cannot be read, or the dataset not written.
    #[error(transparent)]
    Stage(StageError),
}

impl From<StageError> for IngestError {
    fn from(error: StageError) -> Self {
        match error {
            StageError::Tool(error) => Self::Tool(error),
            error => Self::Stage(error),
        }
    }
}

impl UseCaseError for IngestError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoCaptureNamed | Self::NamedTwice { .. } => ErrorKind::Request,
            Self::Tool(error) => error.into(),
            Self::Stage(StageError::Interrupted) => ErrorKind::Cancelled,
            Self::Stage(_) => ErrorKind::Unreadable,
        }
    }
}

/// Turns a capture into a dataset. The dataset appears whole or not at all; one that is up to date is left as it is.
///
/// ```
/// use smbreplay::app::{self, IngestRequest, Quiet};
///
/// let folder = tempfile::tempdir()?;
/// let request = IngestRequest::of("fixtures/quickstart/capture.pcapng").with_output(folder.path()).without_tshark();
/// let ingested = app::ingest(&request, &Quiet)?;
/// assert!(ingested.report.manifest.sessions.iter().all(|session| session.operations > 0));
/// # assert!(!ingested.report.manifest.sessions.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// No capture is named, it cannot be read, it holds no SMB2, a tool is missing, or the work was cancelled.
pub fn ingest(request: &IngestRequest, events: &dyn Events) -> Result<Ingested, IngestError> {
    let options = options(request)?;
    let cancel = events.cancel();
    let progress = IngestProgress::cancelled_by(cancel.flag());
    let started = Instant::now();
    let report = beside_progress(&options.inputs, &progress, events, || run_stages(&options, &progress));
    // ^C reaches tshark too, whose end then comes first.
    let report = report.map_err(|error| if cancel.is_cancelled() { StageError::Interrupted } else { error })?;
    request.workspace.remember(report.place.capture(), options.output.as_deref());
    Ok(Ingested { report, elapsed: started.elapsed() })
}

fn options(request: &IngestRequest) -> Result<IngestOptions, IngestError> {
    let inputs = inputs(request)?;
    let tshark = match request.tshark.locate()? {
        Some(located) => Some(Tshark::new(located, Profile::new(&request.keys)?)),
        None => None,
    };
    let version = |tshark: &Tshark| version_of(tshark.located(), &request.workspace);
    Ok(IngestOptions {
        inputs,
        output: request.output.clone(),
        force: request.force,
        ports: request.ports.clone(),
        jobs: match request.jobs {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
            jobs => jobs,
        },
        extractor: request.extractor,
        tshark_version: tshark.as_ref().map(version).transpose()?,
        tshark,
        has_keys: !request.keys.is_empty(),
        pcapfix: if request.repair { Some(Tool::Pcapfix.locate(None)?) } else { None },
    })
}

fn inputs(request: &IngestRequest) -> Result<Vec<PathBuf>, IngestError> {
    let named = if request.files.is_empty() { request.workspace.trace.as_slice() } else { &request.files };
    let find = |name: &PathBuf| request.workspace.find_capture(name, request.case.as_deref());
    let files: Vec<_> = named.iter().map(find).collect();
    match twice(&files) {
        Some(file) => Err(IngestError::NamedTwice { file: file.clone() }),
        None if files.is_empty() => Err(IngestError::NoCaptureNamed),
        None => Ok(files),
    }
}

/// A file that is there under two names, or was named twice.
fn twice(files: &[PathBuf]) -> Option<&PathBuf> {
    let real: Vec<_> = files.iter().map(|file| file.canonicalize().unwrap_or_else(|_| file.clone())).collect();
    (1..files.len()).find(|at| real[..*at].contains(&real[*at])).map(|at| &files[at])
}

/// Does the work, and tells its progress meanwhile.
fn beside_progress<T>(
    inputs: &[PathBuf],
    counts: &IngestProgress,
    events: &dyn Events,
    work: impl FnOnce() -> T,
) -> T {
    let size = |path: &PathBuf| std::fs::metadata(path).ok().map(|metadata| metadata.len());
    let total = inputs.iter().filter_map(size).sum();
    std::thread::scope(|scope| {
        let (done, wait) = channel::<()>();
        scope.spawn(move || {
            while wait.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                events.progress(&Progress::Ingest {
                    bytes: counts.input.bytes(),
                    total,
                    pdus: counts.pdus.load(Ordering::Relaxed),
                    sessions: counts.sessions.load(Ordering::Relaxed),
                });
            }
        });
        let result = work();
        drop(done);
        result
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::app::{CancelToken, Quiet};

    const CAPTURE: &str = "fixtures/quickstart/capture.pcapng";

    #[test]
    fn a_file_that_is_named_twice_is_refused() {
        let files = ["fixtures/quickstart/capture.pcapng", "./fixtures/quickstart/../quickstart/capture.pcapng"];
        let request = IngestRequest { files: files.map(PathBuf::from).to_vec(), ..IngestRequest::default() };
        let error = ingest(&request, &Quiet).unwrap_err();
        assert!(matches!(&error, IngestError::NamedTwice { file } if file == Path::new(files[1])), "{error}");
        assert_eq!(error.kind(), ErrorKind::Request);
        let error = ingest(&IngestRequest::default(), &Quiet).unwrap_err();
        assert!(matches!(error, IngestError::NoCaptureNamed));
    }

    #[test]
    fn a_cancelled_ingest_writes_nothing() {
        struct Cancelled(CancelToken);
        impl Events for Cancelled {
            fn cancel(&self) -> CancelToken {
                self.0.clone()
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let events = Cancelled(CancelToken::default());
        events.0.cancel();
        let request = IngestRequest::of(CAPTURE).with_output(folder.path()).without_tshark();
        let error = ingest(&request, &events).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        assert!(!folder.path().join(".tracer/capture.pcapng/sessions").exists());
    }
}
