//! What pages show, of what lies on disk.

use std::path::Path;

use super::ReportError;
use crate::app::cancel::CancelToken;
use crate::app::error::DatasetError;
use crate::app::quality::quality_warnings;
use crate::model::{RunEntry, SessionEntry};
use crate::report::{CapturePage, PageFacts, RunPage, bytes, counted, thousands};
use crate::store::{Dataset, ResultsReader};

/// The page about some sessions of a capture, or about one: `only`.
pub(super) fn of_capture(
    dataset: &Dataset,
    sessions: &[&SessionEntry],
    only: Option<&str>,
    cancel: &CancelToken,
) -> Result<String, ReportError> {
    let mut page = CapturePage::new(dataset.beginning());
    for session in sessions {
        if cancel.is_cancelled() {
            return Err(DatasetError::Cancelled.into());
        }
        page.begin_session(session, &session.login.account());
        dataset.for_each_digest(session, |operation| page.add(operation))?;
    }
    let manifest = dataset.manifest();
    let capture = &manifest.capture;
    let name = dataset.place().capture().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut facts = PageFacts::new(only.map_or_else(|| name.clone(), |id| format!("{name}, session {id}")))
        .with("Capture", capture.paths.join(" "))
        .with("Size", bytes(capture.size))
        .with("Packets", thousands(capture.packets))
        .with("From", capture.first_time.as_deref().map_or(String::new(), moment))
        .with("To", capture.last_time.as_deref().map_or(String::new(), moment))
        .with("SMB2 messages", thousands(manifest.quality.smb2_pdus))
        .with("xxh3-128", capture.hash.as_str())
        .with("Ingested by", ingested_by(&manifest.tools.smbreplay, manifest.tools.tshark.as_deref()));
    facts.warnings = quality_warnings(&manifest.quality, manifest.options.contains_key("repair"));
    if manifest.quality.smb1_messages > 0 {
        let messages = counted(manifest.quality.smb1_messages, "SMB1 message is", "SMB1 messages are");
        facts
            .warnings
            .push(format!("{messages} in the capture, and no part of this; `smbreplay smb1` tells of them"));
    }
    page.finish(&facts).map_err(ReportError::Page)
}

/// The page about a run, from its results and its `report.json`.
pub(crate) fn of_run(name: &str, results: &Path, report_json: &str) -> Result<String, ReportError> {
    let reader = ResultsReader::open(results)?;
    let run = reader.run().clone();
    let unreadable = |source| ReportError::RunReport { run: name.to_owned(), source };
    let mut page = RunPage::new(&run, report_json).map_err(unreadable)?;
    for step in reader {
        page.add(&step?);
    }
    page.finish(&facts_of(name, &run)).map_err(ReportError::Page)
}

fn facts_of(name: &str, run: &RunEntry) -> PageFacts {
    let sessions = match run.sessions.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        several => counted(several.len() as u64, "session", "sessions"),
    };
    PageFacts::new(format!("Replay {name}"))
        .with("Capture", run.capture.as_str())
        .with("Sessions", sessions)
        .with("Target", run.target.as_str())
        .with("User", run.user.as_str())
        .with("Started", moment(&run.started))
        .with("Ordering", run.ordering.as_str())
        .with("Pacing", run.pacing.as_str())
        .with("Replayed by", format!("smbreplay {}", run.smbreplay))
}

/// `2026-11-22 04:06:40.123 UTC` of an RFC 3339 text; another text as it is.
fn moment(text: &str) -> String {
    match chrono::DateTime::parse_from_rfc3339(text) {
        Ok(time) => time.with_timezone(&chrono::Utc).format("%Y-%m-%d %H:%M:%S%.3f UTC").to_string(),
        Err(_) => text.to_owned(),
    }
}

fn ingested_by(smbreplay: &str, tshark: Option<&str>) -> String {
    match tshark {
        Some(tshark) => format!("smbreplay {smbreplay}, tshark {tshark}"),
        None => format!("smbreplay {smbreplay}"),
    }
}
