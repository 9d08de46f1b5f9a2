//! `smbreplay ingest`: a capture becomes a dataset.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::args::{ExtractorArg, IngestArgs};
use crate::cli::config::{Config, Key};
use crate::cli::datasets::{find_capture, remember};
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::interrupt::Interrupt;
use crate::cli::keys::read_keys;
use crate::cli::quality::warnings;
use crate::cli::shown::{self, counted};
use crate::cli::tool_versions::version_of;
use crate::ingest::{Extractor, IngestError, IngestOptions, IngestProgress, IngestReport, Outcome, ingest};
use crate::tools::{Keys, Profile, Tool, Tshark};

/// Runs it.
pub fn run(args: &IngestArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let progress = IngestProgress::default();
    let interrupt = Interrupt::listen(&progress.input.stop_flag())
        .map_err(|error| Failure::new(ExitStatus::Unreadable, error))?;
    let inputs = inputs(args, config)?;
    let keys = read_keys(&args.keys)?;
    let tshark = if args.no_tshark { None } else { Some(tshark(args, &keys)?) };
    let tshark_version = tshark.as_ref().map(|tshark| version_of(tshark.located())).transpose()?;
    let options = IngestOptions {
        inputs,
        output: args.output.clone(),
        force: args.force,
        ports: args.port.clone(),
        jobs: args.jobs.map_or_else(default_jobs, std::num::NonZeroUsize::get),
        extractor: match args.extractor {
            ExtractorArg::Native => Extractor::Native,
            ExtractorArg::Tshark => Extractor::Tshark,
        },
        tshark,
        has_keys: !keys.is_empty(),
        tshark_version,
        pcapfix: if args.repair { Some(Tool::Pcapfix.locate(None)?) } else { None },
    };
    let started = Instant::now();
    let report = with_bar(&options, &progress).map_err(|error| {
        // Ctrl-C reaches tshark too, whose end then comes first.
        if interrupt.was_seen() { IngestError::Interrupted } else { error }
    })?;
    remember(report.place.capture(), options.output.as_deref());
    tell(&report, started.elapsed());
    Ok(if report.manifest.quality.is_partial() { ExitStatus::Unreadable } else { ExitStatus::Done })
}

fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

fn inputs(args: &IngestArgs, config: &Config) -> Result<Vec<PathBuf>, Failure> {
    let case = args.case.as_deref();
    if !args.files.is_empty() {
        let files: Vec<_> =
            args.files.iter().map(|file| find_capture(config, file, case)).collect::<Result<_, _>>()?;
        return match twice(&files) {
            Some(file) => Err(Failure::message(ExitStatus::Usage, format!("{} is named twice", file.display()))),
            None => Ok(files),
        };
    }
    let named = match &args.trace {
        Some(trace) => Some(trace.clone()),
        None => config.text(Key::TraceName, None)?.map(PathBuf::from),
    };
    match named {
        Some(name) => Ok(vec![find_capture(config, &name, case)?]),
        None => Err(Failure::message(ExitStatus::Usage, "no capture was named")
            .remedy("name one: smbreplay ingest FILE; `smbreplay list traces` shows those of the case")),
    }
}

/// A file that is there under two names, or was named twice.
fn twice(files: &[PathBuf]) -> Option<&PathBuf> {
    let real: Vec<_> = files.iter().map(|file| file.canonicalize().unwrap_or_else(|_| file.clone())).collect();
    (1..files.len()).find(|at| real[..*at].contains(&real[*at])).map(|at| &files[at])
}

fn tshark(args: &IngestArgs, keys: &Keys) -> Result<Tshark, Failure> {
    let located = Tool::Tshark.locate(args.tshark.as_deref())?;
    Ok(Tshark::new(located, Profile::new(keys)?))
}

/// Runs the ingest beside a progress bar, which only a terminal sees.
fn with_bar(options: &IngestOptions, progress: &IngestProgress) -> Result<IngestReport, IngestError> {
    let bar = bar(&options.inputs);
    let watched = progress.clone();
    let result = std::thread::scope(|scope| {
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let bar = &bar;
        scope.spawn(move || {
            while wait.recv_timeout(Duration::from_millis(100)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                bar.set_position(watched.input.bytes());
                let (pdus, sessions) =
                    (watched.pdus.load(Ordering::Relaxed), watched.sessions.load(Ordering::Relaxed));
                bar.set_message(format!("{} PDUs, {} sessions", shown::count(pdus), shown::count(sessions)));
            }
        });
        let result = ingest(options, progress);
        drop(done);
        result
    });
    bar.finish_and_clear();
    result
}

fn bar(inputs: &[PathBuf]) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let length: u64 = inputs.iter().filter_map(|path| Some(std::fs::metadata(path).ok()?.len())).sum();
    let bar = ProgressBar::new(length);
    let template = "{bar:30} {percent:>3}% of {total_bytes}, {binary_bytes_per_sec}, {eta} left  {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
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
    warnings(quality, manifest.options.contains_key("repair")).iter().for_each(|text| warn(capture, text));
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
