//! What a replay leaves behind, and what it prints.

use std::path::{Path, PathBuf};

use crate::app;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Format, Output};
use crate::model::{RunEntry, SessionEntry};
use crate::replay::{Prepared, RunReport, Verdict};
use crate::report;
use crate::store::{Dataset, HTML_REPORT, RUN_REPORT, RUN_RESULTS, ResultsFile, RunFolder};

/// Divergences that the terminal shows; the report has all.
const DIVERGENCES_SHOWN: usize = 40;

/// How a run ends for whoever started it.
pub(super) fn exit_status(report: &RunReport) -> ExitStatus {
    match (report.verdict(), report.failed()) {
        (Verdict::Interrupted, _) => ExitStatus::Interrupted,
        (_, true) => ExitStatus::Diverged,
        (_, false) => ExitStatus::Done,
    }
}

/// Writes `replays/<UTC time>-<session>/`, whole or not at all.
pub(super) fn write(
    dataset: &Dataset,
    sessions: &[&SessionEntry],
    prepared: &Prepared,
    report: &RunReport,
) -> Result<PathBuf, Failure> {
    let time = report.started.utc().format("%Y%m%dT%H%M%S%3fZ");
    let session = match sessions {
        [one] => one.id.clone(),
        _ => "all".to_owned(),
    };
    let name = format!("{time}-{session}");
    let folder = RunFolder::create(dataset.place(), &name)?;
    let mut results = ResultsFile::create(&folder.file(RUN_RESULTS), &entry(dataset, sessions, report))?;
    for step in prepared.results(report) {
        results.push(step)?;
    }
    results.finish()?;
    let json = json(report)?;
    folder.write(RUN_REPORT, json.as_bytes())?;
    folder.write("junit.xml", report::junit_xml(report).as_bytes())?;
    folder.write("report.txt", &text(report, usize::MAX)?)?;
    let page = app::run_page(&name, &folder.file(RUN_RESULTS), &json)?;
    folder.write(HTML_REPORT, page.as_bytes())?;
    Ok(folder.publish()?)
}

fn entry(dataset: &Dataset, sessions: &[&SessionEntry], report: &RunReport) -> RunEntry {
    let capture = &dataset.manifest().capture;
    let summary = &report.summary;
    RunEntry {
        started: report.started.to_string(),
        capture: capture.paths.join(" "),
        capture_hash: capture.hash.clone(),
        sessions: sessions.iter().map(|session| session.id.clone()).collect(),
        target: report.target.to_string(),
        user: report.user.clone(),
        ordering: report.options.ordering.name().to_owned(),
        pacing: report.options.pacing.to_string(),
        verdict: report.verdict().name().to_owned(),
        failed: report.failed(),
        elapsed: summary.elapsed.as_secs_f64(),
        steps: summary.steps as u64,
        sent: summary.sent as u64,
        classes: summary.classes.iter().map(|(name, count)| ((*name).to_owned(), *count as u64)).collect(),
        noise: summary.noise as u64,
        smbreplay: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// The JUnit XML, where the user wants it too.
pub(super) fn write_junit(report: &RunReport, path: &Path) -> Result<(), Failure> {
    std::fs::write(path, report::junit_xml(report))
        .map_err(|error| Failure::message(ExitStatus::Unreadable, format!("{}: {error}", path.display())))
}

fn json(result: &RunReport) -> Result<String, Failure> {
    report::replay_json(result).map_err(|error| Failure::new(ExitStatus::Unreadable, error))
}

fn text(result: &RunReport, most: usize) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    let written = report::write_replay_table(result, most, &mut text);
    written.map_err(|error| Failure::new(ExitStatus::Unreadable, error))?;
    Ok(text)
}

/// The report on stdout; where it lies on stderr.
pub(super) fn show(format: Format, result: &RunReport, folder: &Path) -> Result<(), Failure> {
    match format {
        Format::Table => {
            let mut output = Output::stdout();
            output.bytes(&text(result, DIVERGENCES_SHOWN)?)?;
            output.flush()?;
        }
        Format::Json => {
            let mut output = Output::stdout();
            output.line(json(result)?.trim_end())?;
            output.flush()?;
        }
        Format::Ndjson | Format::Csv => divergences(format, result)?,
    }
    anstream::eprintln!("results: {}", folder.display());
    Ok(())
}

/// A row for each divergence.
fn divergences(format: Format, result: &RunReport) -> Result<(), Failure> {
    let columns = [
        "iteration",
        "copy",
        "session_id",
        "op_index",
        "frame",
        "command",
        "path",
        "class",
        "noise",
        "captured_status",
        "status",
        "findings",
        "note",
    ];
    let mut table = Output::stdout().table(format, columns.map(Column::text).into());
    for row in &result.divergences {
        let value = serde_json::to_value(row).map_err(|error| Failure::new(ExitStatus::Unreadable, error))?;
        table.row(columns.iter().map(|name| Cell::new(value.get(*name).cloned().unwrap_or_default())).collect())?;
    }
    table.finish()?;
    Ok(())
}
