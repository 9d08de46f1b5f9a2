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
use crate::cli::keys::read_keys;
use crate::cli::shown;
use crate::cli::tool_versions::version_of;
use crate::ingest::{Extractor, IngestOptions, IngestProgress, IngestReport, Outcome, ingest};
use crate::tools::{Keys, Profile, Tool, Tshark};

/// Runs it.
pub fn run(args: &IngestArgs, config: &Config) -> Result<ExitStatus, Failure> {
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
    };
    let started = Instant::now();
    let report = with_bar(&options)?;
    remember(&options.name_giver(), options.output.as_deref());
    tell(&options, &report, started.elapsed());
    Ok(if report.manifest.quality.is_partial() { ExitStatus::Unreadable } else { ExitStatus::Done })
}

fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

fn inputs(args: &IngestArgs, config: &Config) -> Result<Vec<PathBuf>, Failure> {
    let case = args.case.as_deref();
    if !args.files.is_empty() {
        return args.files.iter().map(|file| find_capture(config, file, case)).collect();
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

fn tshark(args: &IngestArgs, keys: &Keys) -> Result<Tshark, Failure> {
    let located = Tool::Tshark.locate(args.tshark.as_deref())?;
    Ok(Tshark::new(located, Profile::new(keys)?))
}

/// Runs the ingest beside a progress bar, which only a terminal sees.
fn with_bar(options: &IngestOptions) -> Result<IngestReport, Failure> {
    let progress = IngestProgress::default();
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
        let result = ingest(options, &progress);
        drop(done);
        result
    });
    bar.finish_and_clear();
    Ok(result?)
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

/// What was done, and what is not in the dataset, on stderr.
fn tell(options: &IngestOptions, report: &IngestReport, elapsed: Duration) {
    let manifest = &report.manifest;
    let (capture, quality) = (options.name_giver(), &manifest.quality);
    let place = report.place.sessions_folder();
    if report.outcome == Outcome::Unchanged {
        say(&capture, &format!("unchanged since it was ingested into {} (--force does it again)", place.display()));
    } else {
        let operations: u64 = manifest.sessions.iter().map(|session| session.operations).sum();
        let rate = manifest.capture.size as f64 / 1e6 / elapsed.as_secs_f64().max(1e-6);
        say(
            &capture,
            &format!(
                "{} packets, {} SMB2 PDUs, {} operations in {} session{}, {:.2} s ({rate:.0} MB/s)",
                shown::count(manifest.capture.packets),
                shown::count(quality.smb2_pdus),
                shown::count(operations),
                manifest.sessions.len(),
                if manifest.sessions.len() == 1 { "" } else { "s" },
                elapsed.as_secs_f64(),
            ),
        );
        say(&capture, &format!("written to {}", place.display()));
    }
    for damage in &quality.damage {
        warn(&capture, &format!("damaged: {damage}; what is whole was ingested (--repair lets pcapfix try)"));
    }
    if quality.gaps > 0 {
        let missing = shown::bytes(quality.gap_bytes);
        warn(&capture, &format!("{} stretches of SMB connections are missing ({missing} bytes)", quality.gaps));
    }
    if quality.unreadable_bytes > 0 {
        let bytes = shown::bytes(quality.unreadable_bytes);
        warn(&capture, &format!("{bytes} bytes on SMB ports could not be read as messages"));
    }
    if quality.undecrypted_messages > 0 {
        let remedy = "give --nt-password-file, --keytab or --session-key to open them";
        warn(&capture, &format!("{} sealed messages stayed closed; {remedy}", quality.undecrypted_messages));
    }
    if quality.compressed_messages > 0 {
        warn(&capture, &format!("{} compressed messages could not be read", quality.compressed_messages));
    }
    for note in &quality.notes {
        say(&capture, note);
    }
}

fn say(capture: &Path, text: &str) {
    anstream::eprintln!("{}: {text}", capture.display());
}

fn warn(capture: &Path, text: &str) {
    let yellow = anstyle::Style::new().fg_color(Some(anstyle::AnsiColor::Yellow.into()));
    anstream::eprintln!("{yellow}warning:{yellow:#} {}: {text}", capture.display());
}
