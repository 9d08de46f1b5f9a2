//! `smbreplay replay`: the captured operations go to a lab server, and what it answers is compared.

use std::io::{BufRead, IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;

use crate::cli::args::{OrderingArg, PacingArg, ReplayArgs};
use crate::cli::config::Config;
use crate::cli::datasets::{choose_session, open};
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Format, Output};
use crate::model::{ConnectionIndex, Operation, SessionEntry, Timestamp};
use crate::replay::{
    Closing, Options, Ordering, Pacing, Prepared, Progress, Reason, ReplayError, Run, RunReport, Verdict, Workload,
};
use crate::report;
use crate::store::{Dataset, Projection};

mod intent;
mod selection;
mod target;

use intent::intent;
use selection::selection;
use target::target;

/// Divergences that the terminal shows; the report has all.
const DIVERGENCES_SHOWN: usize = 40;

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Self {
        let (status, remedy) = match &error {
            ReplayError::NothingToReplay { reasons, .. } => {
                let no_tree = reasons.iter().any(|(reason, _)| *reason == Reason::UnknownTree);
                (ExitStatus::Unreadable, no_tree.then_some("--tree-name says which share stands for an unknown tree"))
            }
            ReplayError::TooMany { .. } => (ExitStatus::Unreadable, None),
            ReplayError::NothingSelected { .. } => {
                (ExitStatus::Usage, Some("`session --list` and `session ID` show what there is"))
            }
            ReplayError::CapturedServer { .. } | ReplayError::MergedPaths(_) => (ExitStatus::Usage, None),
            ReplayError::Target(_) | ReplayError::CopyEnded { .. } => (ExitStatus::Target, None),
        };
        let failure = Self::new(status, error);
        match remedy {
            Some(remedy) => failure.remedy(remedy),
            None => failure,
        }
    }
}

/// Runs it.
pub fn run(args: &ReplayArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let dataset = open(config, &args.trace)?;
    let sessions: Vec<&SessionEntry> = if args.all {
        dataset.sessions().iter().collect()
    } else {
        vec![choose_session(&dataset, config, args.session.as_deref())?]
    };
    let closed: u64 = sessions.iter().map(|session| session.undecrypted).sum();
    if closed > 0 {
        warn(&format!("{closed} sealed messages stayed closed and are no part of this; ingest with keys opens them"));
    }
    let (target, described) = target(args, config, &sessions)?;
    let workload = Workload {
        sessions: operations(&dataset, &sessions)?,
        closings: closings(&dataset),
        logins: sessions.iter().map(|session| session.login.clone()).collect(),
        selection: selection(args, config, &dataset)?,
    };
    let prepared = Run::prepare(workload, target, options(args, config)?)?;
    if !args.allow_captured_server {
        prepared.refuse_captured_server()?;
    }
    let intent = intent(&prepared, &described);
    for rule in prepared.unused_rules() {
        warn(&format!("{rule} fits nothing in the capture"));
    }
    if args.dry_run {
        let mut output = Output::stdout();
        output.line(intent.trim_end())?;
        output.flush()?;
        return Ok(ExitStatus::Done);
    }
    // The folders of copies are a change too.
    let changes = !prepared.changes().is_empty() || (args.clones > 1 && !args.read_only);
    if !args.yes && changes {
        confirm(&intent)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(ExitStatus::Target, error))?;
    let result = runtime.block_on(execute(&prepared))?;
    let folder = write_results(&dataset, &sessions, &result)?;
    show(args.format, &result, &folder)?;
    Ok(match result.verdict() {
        Verdict::Agreed => ExitStatus::Done,
        Verdict::Diverged => ExitStatus::Diverged,
        Verdict::Interrupted => ExitStatus::Interrupted,
    })
}

fn warn(text: &str) {
    let yellow = anstyle::Style::new().fg_color(Some(anstyle::AnsiColor::Yellow.into())).bold();
    anstream::eprintln!("{yellow}warning:{yellow:#} {text}");
}

fn operations(dataset: &Dataset, sessions: &[&SessionEntry]) -> Result<Vec<Vec<Operation>>, Failure> {
    let mut all = Vec::new();
    for session in sessions {
        let rows = dataset.operations(session, Projection::Everything)?;
        all.push(rows.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(all)
}

/// When the captured connections ended. A dataset numbers connections by their `tcp_stream`.
fn closings(dataset: &Dataset) -> Vec<Closing> {
    let ends = dataset.manifest().connection_ends.iter();
    ends.map(|end| Closing {
        frame: end.frame,
        time: Timestamp(end.time_ns),
        connection: ConnectionIndex(end.tcp_stream),
    })
    .collect()
}

fn options(args: &ReplayArgs, config: &Config) -> Result<Options, Failure> {
    Ok(Options {
        ordering: match args.ordering {
            OrderingArg::Captured => Ordering::Captured,
            OrderingArg::Resource => Ordering::Resource,
            OrderingArg::Serial => Ordering::Serial,
        },
        pacing: match args.pacing {
            PacingArg::Asap => Pacing::Asap,
            PacingArg::Captured(1.0) => Pacing::Captured,
            PacingArg::Captured(factor) => Pacing::Scaled(factor),
            PacingArg::Think => Pacing::Think,
        },
        max_gap: args.max_gap,
        step_timeout: config.max_wait(args.timeout)?,
        read_only: args.read_only,
        clones: args.clones,
        iterations: args.iterations,
        ..Options::default()
    })
}

/// Shows what will be done and asks whether to go on.
fn confirm(intent: &str) -> Result<(), Failure> {
    let refused = |why: &'static str| {
        Failure::message(ExitStatus::Usage, why).remedy("--yes goes on without asking, --dry-run only shows")
    };
    if !std::io::stdin().is_terminal() {
        return Err(refused("the replay would change the server, and there is no terminal to ask on"));
    }
    anstream::eprint!("{intent}\nGo on? [y/N] ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    if read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(refused("not confirmed, nothing was sent"))
}

/// Replays with a bar on a terminal; ^C ends the run with what was done.
async fn execute(prepared: &Prepared) -> Result<RunReport, Failure> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            let _ = stop.send(true);
            // A second ^C does not wait.
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(ExitStatus::Interrupted as i32);
            }
        }
    });
    let bar = bar();
    let started = std::time::Instant::now();
    let result = prepared
        .execute(
            |progress: Progress| {
                bar.set_length(progress.total as u64);
                bar.set_position(progress.done as u64);
                let rate = progress.done as f64 / started.elapsed().as_secs_f64().max(1e-3);
                bar.set_message(format!(
                    "{rate:.0} ops/s, {} in flight, {} late, {} diverged",
                    progress.in_flight, progress.late, progress.divergences
                ));
            },
            stopped,
        )
        .await;
    bar.finish_and_clear();
    Ok(result?)
}

fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {eta} left  {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// `replays/<UTC time>-<session>/`
fn write_results(dataset: &Dataset, sessions: &[&SessionEntry], result: &RunReport) -> Result<PathBuf, Failure> {
    let time = chrono::Utc::now().format("%Y%m%dT%H%M%S%3fZ");
    let session = match sessions {
        [one] => one.id.clone(),
        _ => "all".to_owned(),
    };
    let folder = dataset.place().replays_folder().join(format!("{time}-{session}"));
    let fail = |path: &Path, error: std::io::Error| {
        Failure::message(ExitStatus::Unreadable, format!("{}: {error}", path.display()))
    };
    std::fs::create_dir_all(&folder).map_err(|error| fail(&folder, error))?;
    for (name, text) in [
        ("report.json", json(result)?.into_bytes()),
        ("junit.xml", report::junit_xml(result).into_bytes()),
        ("report.txt", text(result, usize::MAX)?),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| fail(&path, error))?;
    }
    Ok(folder)
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
fn show(format: Format, result: &RunReport, folder: &Path) -> Result<(), Failure> {
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
