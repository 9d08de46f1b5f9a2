//! A page for browsers about a capture or a replay.

mod pages;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) use self::pages::of_run as run_page;
use super::error::{DatasetError, ErrorKind, UseCaseError};
use super::events::Events;
use super::find::{TraceRequest, choose_run, chosen_sessions, run_name};
use crate::store::{AtomicFile, HTML_REPORT, RUN_REPORT, RUN_RESULTS, StoreError};

/// What the page is about.
#[derive(Clone, Debug, Default)]
pub struct ReportRequest {
    /// The capture.
    pub trace: TraceRequest,
    /// Only this session of it; else all.
    pub session: Option<String>,
    /// Instead of the capture one of its replays: a folder, the beginning of a name, `last`, or `last-1` for the one before.
    pub run: Option<String>,
}

/// A page in one file, which loads nothing.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its HTML.
    pub html: String,
    /// Where it belongs: beside the dataset, or with the results of the run.
    pub place: PathBuf,
}

/// A page that cannot be made or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The dataset, the session or the run.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The run's `report.json` cannot be read.
    #[error("{}: {source}", path.display())]
    NoRunReport {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The run's `report.json` is not one of this version.
    #[error("the report.json of run {run} cannot be used: {source}")]
    RunReport {
        /// The run.
        run: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The page cannot be put together.
    #[error(transparent)]
    Page(serde_json::Error),
    /// The page cannot be written.
    #[error("{}: {source}", path.display())]
    Write {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl UseCaseError for ReportError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Dataset(error) => error.kind(),
            Self::NoRunReport { .. } | Self::RunReport { .. } | Self::Page(_) | Self::Write { .. } => {
                ErrorKind::Unreadable
            }
        }
    }
}

impl From<StoreError> for ReportError {
    fn from(error: StoreError) -> Self {
        Self::Dataset(error.into())
    }
}

impl Page {
    /// Writes it to a file, or to where it belongs; returns where that is. Who has the page open does not read half of the next.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, file: Option<&Path>) -> Result<PathBuf, ReportError> {
        let path = file.unwrap_or(&self.place).to_owned();
        match AtomicFile::write(&path, self.html.as_bytes()) {
            Ok(()) => Ok(path),
            Err(source) => Err(ReportError::Write { path, source }),
        }
    }
}

/// Makes a page about a capture or one of its replays.
///
/// ```
/// use smbreplay::app::{self, IngestRequest, Quiet, ReportRequest, TraceRequest};
///
/// let folder = tempfile::tempdir()?;
/// let capture = "fixtures/quickstart/capture.pcapng";
/// app::ingest(&IngestRequest::of(capture).with_output(folder.path()).without_tshark(), &Quiet)?;
///
/// let trace = TraceRequest::of(capture).with_output(folder.path());
/// let page = app::report(&ReportRequest { trace, ..ReportRequest::default() }, &Quiet)?;
/// let written = page.write(None)?;
/// assert!(written.starts_with(folder.path()));
/// assert_eq!(std::fs::read_to_string(written)?, page.html);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The dataset, the session or the run is not there, or cannot be read.
pub fn report(request: &ReportRequest, events: &dyn Events) -> Result<Page, ReportError> {
    match &request.run {
        Some(name) => of_run(name, request),
        None => of_capture(request, events),
    }
}

fn of_capture(request: &ReportRequest, events: &dyn Events) -> Result<Page, ReportError> {
    let dataset = request.trace.open()?;
    let sessions = chosen_sessions(&dataset, request.session.as_deref())?;
    let only = sessions.first().filter(|_| request.session.is_some());
    let file = only.map_or_else(|| HTML_REPORT.to_owned(), |session| session.file.replace(".parquet", ".html"));
    let html = pages::of_capture(&dataset, &sessions, only.map(|session| session.id.as_str()), &events.cancel())?;
    Ok(Page { html, place: dataset.place().folder().join(file) })
}

fn of_run(name: &str, request: &ReportRequest) -> Result<Page, ReportError> {
    let folder = choose_run(name, || Ok(request.trace.open()?.place().clone()))?;
    let path = folder.join(RUN_REPORT);
    let json = fs::read_to_string(&path).map_err(|source| ReportError::NoRunReport { path, source })?;
    let html = run_page(&run_name(&folder), &folder.join(RUN_RESULTS), &json)?;
    Ok(Page { html, place: folder.join(HTML_REPORT) })
}
