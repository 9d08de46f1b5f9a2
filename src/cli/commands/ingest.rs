//! `smbreplay ingest`: a capture becomes a dataset.

use std::path::Path;
use std::time::Duration;

use crate::app::{self, Extractor, IngestReport, IngestRequest, Ingested, Outcome, TsharkUse, quality_warnings};
use crate::cli::args::{ExtractorArg, IngestArgs};
use crate::cli::config::Config;
use crate::cli::datasets::workspace;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::keys::read_keys;
use crate::cli::shown::counted;
use crate::cli::terminal::Terminal;

/// Runs it.
pub fn run(args: &IngestArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let terminal = Terminal::with_interrupt()?;
    let request = request(args, config)?;
    let Ingested { report, elapsed } = app::ingest(&request, &terminal)?;
    terminal.clear();
    tell(&report, elapsed);
    Ok(if report.manifest.quality.is_partial() { ExitStatus::Unreadable } else { ExitStatus::Done })
}

fn request(args: &IngestArgs, config: &Config) -> Result<IngestRequest, Failure> {
    Ok(IngestRequest {
        files: args.files.iter().chain(&args.trace).cloned().collect(),
        case: args.case.clone(),
        output: args.output.clone(),
        force: args.force,
        ports: args.port.clone(),
        jobs: args.jobs.map_or(0, std::num::NonZeroUsize::get),
        extractor: match args.extractor {
            ExtractorArg::Native => Extractor::Native,
            ExtractorArg::Tshark => Extractor::Tshark,
        },
        tshark: if args.no_tshark { TsharkUse::Without } else { TsharkUse::of(args.tshark.clone()) },
        keys: read_keys(&args.keys)?,
        repair: args.repair,
        workspace: workspace(config)?,
    })
}

/// Bytes of a capture from which on its speed says something.
const WORTH_A_RATE: u64 = 10_000_000;

/// What was done, and what is not in the dataset, on stderr.
fn tell(report: &IngestReport, elapsed: Duration) {
    let manifest = &report.manifest;
    let (capture, quality) = (report.place.capture(), &manifest.quality);
    let place = report.place.sessions_folder();
    if report.outcome == Outcome::Unchanged {
        say(capture, &format!("unchanged since it was ingested into {} (--force does it again)", place.display()));
    } else {
        let operations: u64 = manifest.sessions.iter().map(|session| session.operations).sum();
        let files = match manifest.capture.paths.len() {
            1 => String::new(),
            several => format!("{several} files, "),
        };
        let rate = if manifest.capture.size >= WORTH_A_RATE {
            format!(" ({:.0} MB/s)", manifest.capture.size as f64 / 1e6 / elapsed.as_secs_f64().max(1e-6))
        } else {
            String::new()
        };
        say(
            capture,
            &format!(
                "{files}{}, {}, {} in {}, {:.2} s{rate}",
                counted(manifest.capture.packets, "packet", "packets"),
                counted(quality.smb2_pdus, "SMB2 PDU", "SMB2 PDUs"),
                counted(operations, "operation", "operations"),
                counted(manifest.sessions.len() as u64, "session", "sessions"),
                elapsed.as_secs_f64(),
            ),
        );
        say(capture, &format!("written to {}", place.display()));
    }
    quality_warnings(quality, manifest.options.contains_key("repair")).iter().for_each(|text| warn(capture, text));
    for note in &quality.notes {
        say(capture, note);
    }
}

fn say(capture: &Path, text: &str) {
    anstream::eprintln!("{}: {text}", capture.display());
}

fn warn(capture: &Path, text: &str) {
    let yellow = anstyle::Style::new().fg_color(Some(anstyle::AnsiColor::Yellow.into()));
    anstream::eprintln!("{yellow}warning:{yellow:#} {}: {text}", capture.display());
}
