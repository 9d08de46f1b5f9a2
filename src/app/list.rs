//! The captures of a case, and the replays of a capture.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use std::vec;

use chrono::DateTime;

use super::error::DatasetError;
use super::events::Events;
use super::find::{ListedRun, TraceRequest, captures_in, listed_runs};
use super::workspace::Workspace;
use crate::model::Timestamp;
use crate::store::{Dataset, DatasetPath};
use crate::tools::{CaptureInfo, Located, Tool, inspect};

/// Whose captures.
#[derive(Clone, Debug, Default)]
pub struct TracesRequest {
    /// The case; else the workspace's, else all cases.
    pub case: Option<String>,
    /// Where the cases are.
    pub workspace: Workspace,
}

/// A capture of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedTrace {
    /// Its path, from the folder of the case.
    pub name: PathBuf,
    /// Bytes of its file.
    pub size: Option<u64>,
    /// Packets, as far as the dataset or capinfos tells.
    pub packets: Option<u64>,
    /// Time of the first packet, RFC 3339.
    pub first_packet: Option<String>,
    /// Seconds from the first packet to the last.
    pub span: Option<f64>,
    /// Whether it is ingested.
    pub ingested: TraceState,
    /// Sessions of its dataset.
    pub sessions: Option<usize>,
}

/// Whether a capture is ingested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceState {
    /// No.
    No,
    /// Yes, and its file is as it was.
    Yes,
    /// Yes, but its file has changed since.
    Stale,
    /// Together with others, under the name of this one.
    With(PathBuf),
}

/// Iterates over the captures of a case. Each is looked into when it is asked for, which can take a while.
pub struct Traces {
    folder: PathBuf,
    captures: vec::IntoIter<PathBuf>,
    datasets: BTreeMap<PathBuf, Ingested>,
    capinfos: Option<Located>,
}

/// Lists the captures of a case, and whether they are ingested.
///
/// ```
/// use std::path::PathBuf;
///
/// use smbreplay::app::{self, Quiet, TraceState, TracesRequest, Workspace};
///
/// let cases = tempfile::tempdir()?;
/// std::fs::create_dir(cases.path().join("17"))?;
/// std::fs::copy("fixtures/quickstart/capture.pcapng", cases.path().join("17/a.pcapng"))?;
///
/// let workspace = Workspace { traces_folder: cases.path().to_owned(), ..Workspace::default() };
/// let mut traces = app::traces(&TracesRequest { case: Some("17".to_owned()), workspace }, &Quiet)?;
/// let trace = traces.next().ok_or("no capture")?;
/// assert_eq!((trace.name, trace.ingested), (PathBuf::from("a.pcapng"), TraceState::No));
/// # assert!(traces.next().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The folder of the case cannot be read.
pub fn traces(request: &TracesRequest, events: &dyn Events) -> Result<Traces, DatasetError> {
    let folder = request.workspace.case_folder(request.case.as_deref());
    let captures = captures_in(&folder, events)?;
    let datasets = datasets_of(&captures);
    Ok(Traces { folder, captures: captures.into_iter(), datasets, capinfos: Tool::Capinfos.locate(None).ok() })
}

/// Lists the replays of a capture, the oldest first.
///
/// ```
/// use smbreplay::app::{self, IngestRequest, Quiet, TraceRequest};
///
/// let folder = tempfile::tempdir()?;
/// let capture = "fixtures/quickstart/capture.pcapng";
/// app::ingest(&IngestRequest::of(capture).with_output(folder.path()).without_tshark(), &Quiet)?;
///
/// let runs = app::runs(&TraceRequest::of(capture).with_output(folder.path()), &Quiet)?;
/// assert!(runs.is_empty(), "it was not replayed yet");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The dataset is not there, or cannot be read.
pub fn runs(trace: &TraceRequest, events: &dyn Events) -> Result<Vec<ListedRun>, DatasetError> {
    listed_runs(trace.open()?.place(), events)
}

/// The dataset that a capture is in.
#[derive(Clone)]
struct Ingested {
    dataset: Dataset,
    /// Whether its files are as they were.
    fresh: bool,
    /// The file that it is named after, when that is another one.
    with: Option<PathBuf>,
}

/// The datasets of captures. One can hold several files of a ring buffer.
fn datasets_of(captures: &[PathBuf]) -> BTreeMap<PathBuf, Ingested> {
    let mut found = BTreeMap::new();
    let mut others = Vec::new();
    for capture in captures {
        let Some(dataset) = DatasetPath::of(capture, None).ok().and_then(|place| Dataset::open(place).ok()) else {
            continue;
        };
        let files = files_of(&dataset, capture);
        let fresh = is_fresh(&dataset, &files);
        for file in files.into_iter().filter(|file| file != capture) {
            others.push((file, Ingested { dataset: dataset.clone(), fresh, with: Some(capture.clone()) }));
        }
        found.insert(capture.clone(), Ingested { dataset, fresh, with: None });
    }
    for (file, ingested) in others {
        found.entry(file).or_insert(ingested);
    }
    found
}

/// The files of a dataset. They were named from any folder; those that lie beside the capture are found whatever it was.
fn files_of(dataset: &Dataset, capture: &Path) -> Vec<PathBuf> {
    let here = |name: &String| {
        let beside = Path::new(name).file_name().map(|name| capture.with_file_name(name));
        beside.filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from(name))
    };
    match dataset.manifest().capture.paths.as_slice() {
        [] | [_] => vec![capture.to_owned()],
        several => several.iter().map(here).collect(),
    }
}

fn is_fresh(dataset: &Dataset, files: &[PathBuf]) -> bool {
    let (mut size, mut newest) = (0, 0);
    for file in files {
        let Ok(metadata) = std::fs::metadata(file) else { return false };
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        size += metadata.len();
        newest = newest.max(modified.map_or(0, |time| time.as_nanos() as i64));
    }
    let entry = &dataset.manifest().capture;
    (entry.size, entry.modified_ns) == (size, newest)
}

impl Iterator for Traces {
    type Item = ListedTrace;

    fn next(&mut self) -> Option<ListedTrace> {
        let capture = self.captures.next()?;
        let ingested = self.datasets.get(&capture);
        let times = ingested.and_then(Times::of_dataset);
        let times = times.or_else(|| Some(Times::of_capinfos(&inspect(self.capinfos.as_ref()?, &capture).ok()?)));
        let Times { packets, first, span } = times.unwrap_or_default();
        let named = |path: &Path| path.strip_prefix(&self.folder).unwrap_or(path).to_owned();
        Some(ListedTrace {
            name: named(&capture),
            size: std::fs::metadata(&capture).ok().map(|metadata| metadata.len()),
            packets,
            first_packet: first,
            span,
            ingested: match ingested {
                Some(Ingested { fresh: false, .. }) => TraceState::Stale,
                Some(Ingested { with: Some(other), .. }) => TraceState::With(named(other)),
                Some(_) => TraceState::Yes,
                None => TraceState::No,
            },
            sessions: ingested.map(|ingested| ingested.dataset.sessions().len()),
        })
    }
}

/// What a capture holds, and when.
#[derive(Default)]
struct Times {
    packets: Option<u64>,
    first: Option<String>,
    span: Option<f64>,
}

impl Times {
    /// The metadata of a dataset of this file alone, and up to date, knows.
    fn of_dataset(ingested: &Ingested) -> Option<Self> {
        let entry = &ingested.dataset.manifest().capture;
        if !ingested.fresh || ingested.with.is_some() || entry.paths.len() != 1 {
            return None;
        }
        let time = |text: &Option<String>| DateTime::parse_from_rfc3339(text.as_deref()?).ok();
        let ends = time(&entry.first_time).zip(time(&entry.last_time));
        Some(Self {
            packets: Some(entry.packets),
            first: entry.first_time.clone(),
            span: ends.map(|(first, last)| (last - first).as_seconds_f64()),
        })
    }

    fn of_capinfos(info: &CaptureInfo) -> Self {
        let span = info.first_time.zip(info.last_time).map(|(first, last)| (last - first) as f64 / 1e9);
        let first = info.first_time.map(|time| Timestamp(time).to_string());
        Self { packets: Some(info.packets), first, span }
    }
}
