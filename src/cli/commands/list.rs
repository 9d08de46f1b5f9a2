//! `smbreplay list`: the captures of a case, the replays of a capture.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anstyle::AnsiColor;

use crate::cli::args::{ListArgs, ListCommand, ListRunsArgs, ListTracesArgs};
use crate::cli::captures::captures_in;
use crate::cli::config::Config;
use crate::cli::datasets::{open, workspace};
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Output};
use crate::cli::runs::{Listed, listed};
use crate::cli::shown;
use crate::store::{Dataset, DatasetPath};
use crate::tools::{CaptureInfo, Located, Tool, inspect};

/// Runs it.
pub fn run(args: &ListArgs, config: &Config) -> Result<ExitStatus, Failure> {
    match &args.command {
        ListCommand::Traces(args) => traces(args, config),
        ListCommand::Runs(args) => runs(args, config),
    }
}

fn runs(args: &ListRunsArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let dataset = open(config, &args.trace)?;
    let columns = vec![
        Column::text("run"),
        Column::text("sessions"),
        Column::text("target"),
        Column::text("verdict"),
        Column::number("steps"),
        Column::number("match"),
        Column::number("diverged"),
        Column::number("skipped"),
        Column::number("elapsed"),
        Column::text("pacing"),
    ];
    let mut table = Output::stdout().table(args.format, columns);
    for Listed { name, entry, .. } in listed(dataset.place())? {
        let class = |name: &str| entry.classes.get(name).copied().unwrap_or(0);
        let number = |count: u64| Cell::new(count).shown(shown::count(count));
        let others = ["match", "skipped", "not_replayable", "not_selected", "not_reached"];
        let diverged =
            entry.classes.iter().filter(|(name, _)| !others.contains(&name.as_str())).map(|(_, n)| n).sum();
        let verdict = match (entry.verdict.as_str(), entry.failed) {
            ("agreed", true) => "agreed, failed".to_owned(),
            ("diverged", false) => "diverged, passed".to_owned(),
            (verdict, _) => verdict.to_owned(),
        };
        let color = if entry.failed { AnsiColor::Red } else { AnsiColor::Green };
        let sessions = match entry.sessions.as_slice() {
            [_, _, ..] => format!("{} of them", entry.sessions.len()),
            few => few.join(" "),
        };
        table.row(vec![
            Cell::new(name),
            Cell::new(entry.sessions).shown(sessions),
            Cell::new(entry.target),
            Cell::new(entry.verdict).shown(verdict).color(color),
            number(entry.steps),
            number(class("match")),
            number(diverged),
            number(class("skipped")),
            Cell::new(entry.elapsed).shown(shown::nanoseconds((entry.elapsed * 1e9) as i64)),
            Cell::new(entry.pacing),
        ])?;
    }
    table.finish()?;
    Ok(ExitStatus::Done)
}

fn traces(args: &ListTracesArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let folder = workspace(config)?.case_folder(args.case.as_deref());
    let captures = captures_in(&folder)?;
    let capinfos = Tool::Capinfos.locate(None).ok();
    let columns = vec![
        Column::text("trace"),
        Column::number("size"),
        Column::number("packets"),
        Column::text("first_packet"),
        Column::number("span"),
        Column::text("ingested"),
        Column::number("sessions"),
    ];
    let mut table = Output::stdout().table(args.format, columns);
    let datasets = datasets_of(&captures);
    for capture in captures {
        table.row(row(&folder, &capture, datasets.get(&capture), capinfos.as_ref()))?;
    }
    table.finish()?;
    Ok(ExitStatus::Done)
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

fn row(folder: &Path, capture: &Path, ingested: Option<&Ingested>, capinfos: Option<&Located>) -> Vec<Cell> {
    let shown = capture.strip_prefix(folder).unwrap_or(capture).display().to_string();
    let metadata = std::fs::metadata(capture).ok();
    let size = metadata.as_ref().map(std::fs::Metadata::len);
    // The metadata of a dataset of this file alone, and up to date, knows; else capinfos does, if it is there.
    let alone = |ingested: &&Ingested| {
        ingested.fresh && ingested.with.is_none() && ingested.dataset.manifest().capture.paths.len() == 1
    };
    let known = ingested.filter(alone).map(|Ingested { dataset, .. }| {
        let entry = &dataset.manifest().capture;
        let time =
            |text: &Option<String>| text.as_ref().and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok());
        let span =
            time(&entry.first_time).zip(time(&entry.last_time)).map(|(first, last)| (last - first).as_seconds_f64());
        (Some(entry.packets), entry.first_time.clone(), span)
    });
    let (packets, first, span) = known.unwrap_or_else(|| match capinfos.map(|tool| inspect(tool, capture)) {
        Some(Ok(info)) => of_capinfos(&info),
        _ => (None, None, None),
    });
    let state = match ingested {
        Some(Ingested { fresh: false, .. }) => Cell::new("stale").color(AnsiColor::Yellow),
        Some(Ingested { with: Some(other), .. }) => {
            let other = other.strip_prefix(folder).unwrap_or(other).display();
            Cell::new(format!("with {other}")).color(AnsiColor::Green)
        }
        Some(_) => Cell::new("yes").color(AnsiColor::Green),
        None => Cell::new("no"),
    };
    vec![
        Cell::new(shown),
        size.map_or_else(Cell::empty, |size| Cell::new(size).shown(shown::bytes(size))),
        packets.map_or_else(|| Cell::empty().shown("-"), |packets| Cell::new(packets).shown(shown::count(packets))),
        first.map_or_else(
            || Cell::empty().shown("-"),
            |first| {
                let short = first.split('.').next().unwrap_or(&first).replace('T', " ");
                Cell::new(first.clone()).shown(short)
            },
        ),
        span.map_or_else(|| Cell::empty().shown("-"), |span| Cell::new(span).shown(format!("{span:.1} s"))),
        state,
        ingested.map_or_else(|| Cell::empty().shown("-"), |ingested| Cell::new(ingested.dataset.sessions().len())),
    ]
}

fn of_capinfos(info: &CaptureInfo) -> (Option<u64>, Option<String>, Option<f64>) {
    let span = info.first_time.zip(info.last_time).map(|(first, last)| (last - first) as f64 / 1e9);
    (Some(info.packets), info.first_time.map(|time| crate::model::Timestamp(time).to_string()), span)
}
