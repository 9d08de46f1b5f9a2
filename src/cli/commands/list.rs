//! `smbreplay list traces`: the captures of a case.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anstyle::AnsiColor;

use crate::cli::args::{ListArgs, ListCommand, ListTracesArgs};
use crate::cli::config::Config;
use crate::cli::datasets::case_folder;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Output};
use crate::cli::shown;
use crate::store::{Dataset, DatasetPath};
use crate::tools::{CaptureInfo, Located, Tool, inspect};

/// Runs it.
pub fn run(args: &ListArgs, config: &Config) -> Result<ExitStatus, Failure> {
    match &args.command {
        ListCommand::Traces(args) => traces(args, config),
    }
}

fn traces(args: &ListTracesArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let folder = case_folder(config, args.case.as_deref())?;
    let mut captures = captures_in(&folder)?;
    captures.sort();
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
    for capture in captures {
        table.row(row(&folder, &capture, capinfos.as_ref()))?;
    }
    table.finish()?;
    Ok(ExitStatus::Done)
}

/// The capture files of a folder and the folders below it, by their names; datasets are left out.
fn captures_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let fail = |error: std::io::Error| {
        let text = format!("{}: {error}", folder.display());
        Failure::message(ExitStatus::Unreadable, text)
            .remedy("`smbreplay config set traces_folder DIR` says where cases are")
    };
    let mut captures = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if name.starts_with('.') {
            continue;
        }
        if entry.file_type().map_err(fail)?.is_dir() {
            captures.extend(captures_in(&path)?);
        } else if is_capture(&name) {
            captures.push(path);
        }
    }
    Ok(captures)
}

fn is_capture(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    // Ring buffers number their files: capture.pcap0, capture.pcap1.
    let stem = plain.trim_end_matches(|c: char| c.is_ascii_digit());
    [".pcap", ".pcapng", ".cap", ".trc"].iter().any(|ending| stem.ends_with(ending))
}

fn row(folder: &Path, capture: &Path, capinfos: Option<&Located>) -> Vec<Cell> {
    let shown = capture.strip_prefix(folder).unwrap_or(capture).display().to_string();
    let metadata = std::fs::metadata(capture).ok();
    let size = metadata.as_ref().map(std::fs::Metadata::len);
    let dataset = DatasetPath::of(capture, None).ok().and_then(|place| Dataset::open(place).ok());
    let fresh = dataset.as_ref().is_some_and(|dataset| {
        let modified = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
        let modified =
            modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map(|time| time.as_nanos() as i64);
        let entry = &dataset.manifest().capture;
        Some(entry.size) == size && Some(entry.modified_ns) == modified
    });
    // The metadata of a dataset that is up to date knows; else capinfos does, if it is there.
    let known = dataset.as_ref().filter(|_| fresh).map(|dataset| {
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
    let ingested = match (&dataset, fresh) {
        (Some(_), true) => Cell::new("yes").color(AnsiColor::Green),
        (Some(_), false) => Cell::new("stale").color(AnsiColor::Yellow),
        (None, _) => Cell::new("no"),
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
        ingested,
        dataset.map_or_else(|| Cell::empty().shown("-"), |dataset| Cell::new(dataset.sessions().len())),
    ]
}

fn of_capinfos(info: &CaptureInfo) -> (Option<u64>, Option<String>, Option<f64>) {
    let span = info.first_time.zip(info.last_time).map(|(first, last)| (last - first) as f64 / 1e9);
    (Some(info.packets), info.first_time.map(|time| crate::model::Timestamp(time).to_string()), span)
}
