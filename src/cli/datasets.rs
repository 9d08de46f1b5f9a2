//! Which capture, and which session, a command is about.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::args::TraceArgs;
use super::config::{Config, Key};
use super::exit_status::ExitStatus;
use super::failure::Failure;
use crate::ingest::IngestError;
use crate::model::{ConnectionIndex, SessionEntry, Timestamp};
use crate::replay::Closing;
use crate::store::{Dataset, DatasetPath, StoreError};

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(ExitStatus::Unreadable, error)
    }
}

impl From<IngestError> for Failure {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Tool(error) => error.into(),
            IngestError::Interrupted => Self::new(ExitStatus::Interrupted, error),
            error => Self::new(ExitStatus::Unreadable, error),
        }
    }
}

/// The capture ingested last, kept in the user's state folder.
#[derive(Serialize, Deserialize)]
struct LastIngest {
    capture: PathBuf,
    output: Option<PathBuf>,
}

/// When the captured connections ended. A dataset numbers connections by their `tcp_stream`.
pub(super) fn closings(dataset: &Dataset) -> Vec<Closing> {
    let ends = dataset.manifest().connection_ends.iter();
    ends.map(|end| Closing {
        frame: end.frame,
        time: Timestamp(end.time_ns),
        connection: ConnectionIndex(end.tcp_stream),
    })
    .collect()
}

/// A file in the folder for what smbreplay remembers between runs.
pub(super) fn state_file(name: &str) -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_STATE_HOME").or_else(|| Some(std::env::home_dir()?.join(".local/state")))?;
    Some(folder.join("smbreplay").join(name))
}

const LAST_INGEST: &str = "last_ingest.json";

/// Remembers a capture as the one ingested last. Not being able to is no reason to fail.
pub(super) fn remember(capture: &Path, output: Option<&Path>) {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let last = LastIngest { capture: absolute(capture), output: output.map(absolute) };
    let write = || -> Option<()> {
        let path = state_file(LAST_INGEST)?;
        fs::create_dir_all(path.parent()?).ok()?;
        fs::write(path, serde_json::to_vec(&last).ok()?).ok()
    };
    if write().is_none() {
        tracing::debug!("the last ingested capture could not be remembered");
    }
}

fn last_ingest() -> Option<LastIngest> {
    serde_json::from_slice(&fs::read(state_file(LAST_INGEST)?).ok()?).ok()
}

/// The folder of a case: below `traces_folder`.
pub(super) fn case_folder(config: &Config, case: Option<&str>) -> Result<PathBuf, Failure> {
    let folder = config.traces_folder()?;
    Ok(match config.text(Key::CaseId, case)? {
        Some(case) => folder.join(case),
        None => folder,
    })
}

/// A capture file that was named: as it stands, else in the folder of its case.
pub(super) fn find_capture(config: &Config, name: &Path, case: Option<&str>) -> Result<PathBuf, Failure> {
    if name == Path::new("-") || (name.exists() && case.is_none()) {
        return Ok(name.to_owned());
    }
    let in_case = case_folder(config, case)?.join(name);
    Ok(if in_case.exists() { in_case } else { name.to_owned() })
}

/// The dataset that a command is about: `--trace`, else the configured trace, else the one ingested last.
pub(super) fn open(config: &Config, args: &TraceArgs) -> Result<Dataset, Failure> {
    let named = match &args.trace {
        Some(trace) => Some(trace.clone()),
        None => config.text(Key::TraceName, None)?.map(PathBuf::from),
    };
    let place = match named {
        Some(name) => {
            // What came from standard input is called so.
            let name = if name == Path::new("-") { PathBuf::from("stdin") } else { name };
            let capture = find_capture(config, &name, args.case.as_deref())?;
            let remembered = || {
                let last = last_ingest()?;
                let same = std::path::absolute(&capture).is_ok_and(|capture| capture == last.capture);
                last.output.filter(|_| same)
            };
            let beside = DatasetPath::of(&capture, args.output.as_deref())?;
            match remembered() {
                Some(output) if args.output.is_none() && !beside.manifest_path().exists() => {
                    DatasetPath::of(&capture, Some(&output))?
                }
                _ => beside,
            }
        }
        None => {
            let Some(last) = last_ingest() else {
                let failure =
                    Failure::message(ExitStatus::Usage, "no capture was named and none was ingested before");
                return Err(failure.remedy("name one with --trace FILE, or ingest one: smbreplay ingest FILE"));
            };
            DatasetPath::of(&last.capture, args.output.as_deref().or(last.output.as_deref()))?
        }
    };
    Ok(Dataset::open(place)?)
}

/// The session of a name: its number in the list from 1, its id, or a unique beginning of its id.
pub(super) fn choose_session<'a>(
    dataset: &'a Dataset,
    config: &Config,
    name: Option<&str>,
) -> Result<&'a SessionEntry, Failure> {
    let Some(name) = config.text(Key::SessionId, name)? else {
        return match dataset.sessions() {
            [only] => Ok(only),
            sessions => Err(unclear(format!("the capture has {} sessions; name one", sessions.len()))),
        };
    };
    session_of(dataset, &name)
}

/// The session that was named, or all.
pub(super) fn chosen_sessions<'a>(
    dataset: &'a Dataset,
    name: Option<&str>,
) -> Result<Vec<&'a SessionEntry>, Failure> {
    match name {
        Some(name) => Ok(vec![session_of(dataset, name)?]),
        None => Ok(dataset.sessions().iter().collect()),
    }
}

/// The time of the capture's first packet.
pub(super) fn beginning(dataset: &Dataset) -> Timestamp {
    instant(dataset.manifest().capture.first_time.as_deref())
}

/// The time of its last packet.
pub(super) fn ending(dataset: &Dataset) -> Timestamp {
    instant(dataset.manifest().capture.last_time.as_deref())
}

fn instant(text: Option<&str>) -> Timestamp {
    let time = text.and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok());
    time.and_then(|time| time.timestamp_nanos_opt()).map_or(Timestamp::default(), Timestamp)
}

fn unclear(text: String) -> Failure {
    Failure::message(ExitStatus::Usage, text).remedy("`smbreplay session --list` shows the sessions")
}

fn session_of<'a>(dataset: &'a Dataset, name: &str) -> Result<&'a SessionEntry, Failure> {
    let sessions = dataset.sessions();
    if let Ok(number) = name.parse::<usize>()
        && let Some(session) = number.checked_sub(1).and_then(|at| sessions.get(at))
    {
        return Ok(session);
    }
    let digits = name.trim_start_matches("0x").to_ascii_lowercase();
    let matches = |session: &&SessionEntry| {
        let id = session.id.trim_start_matches("0x");
        let short = id.trim_start_matches('0');
        id == digits || short == digits || id.starts_with(&digits) || short.starts_with(&digits)
    };
    let exact: Vec<_> = sessions
        .iter()
        .filter(|session| {
            let id = session.id.trim_start_matches("0x");
            id == digits || id.trim_start_matches('0') == digits
        })
        .collect();
    let found: Vec<_> = if exact.is_empty() { sessions.iter().filter(matches).collect() } else { exact };
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(unclear(format!("the capture has no session {name}"))),
        several => Err(unclear(format!("{name} fits {} sessions", several.len()))),
    }
}
