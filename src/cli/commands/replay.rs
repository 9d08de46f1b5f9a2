//! `smbreplay replay`: the captured operations go to a lab server, and what it answers is compared.

use std::sync::Arc;

use super::lab::{journal, run_key};
use crate::app::{Answer, Events as _, Question};
use crate::cli::args::{OrderingArg, PacingArg, ReplayArgs};
use crate::cli::config::Config;
use crate::cli::datasets::{choose_session, closings, open};
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::terminal::Terminal;
use crate::model::{Operation, SessionEntry};
use crate::replay::{
    Lab, Options, Ordering, Pacing, PlanNames, Prepared, Reason, ReplayError, Run, Workload, record,
};
use crate::store::{Dataset, Projection};

mod intent;
mod selection;
mod target;

pub(super) use intent::intent;
use selection::selection;
pub(super) use target::target;

mod calibrate;
mod live;
mod noise_file;
mod results;

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
            ReplayError::OnlyGuest { .. } => (ExitStatus::Target, Some("check user and domain")),
            ReplayError::Target(_) | ReplayError::CopyEnded { .. } | ReplayError::NoBaseFolder { .. } => {
                (ExitStatus::Target, None)
            }
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
    let (prepared, described) = prepare(args, config, &dataset, &sessions)?;
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
    if args.judging.calibrate.is_some() {
        calibrate::refuse_unequal_state(args, &prepared)?;
    }
    // The folders of copies are a change too.
    let changes = !prepared.changes().is_empty() || (args.clones > 1 && !args.read_only);
    if !args.yes && changes {
        confirm(&intent)?;
    }
    carry_out(args, &dataset, &sessions, &prepared)
}

/// Plans the replay. Nothing is sent.
pub(super) fn prepare(
    args: &ReplayArgs,
    config: &Config,
    dataset: &Dataset,
    sessions: &[&SessionEntry],
) -> Result<(Prepared, String), Failure> {
    let closed: u64 = sessions.iter().map(|session| session.undecrypted).sum();
    if closed > 0 {
        warn(&format!("{closed} sealed messages stayed closed and are no part of this; ingest with keys opens them"));
    }
    let (target, described) = target(args, config, sessions)?;
    let workload = Workload {
        sessions: operations(dataset, sessions)?,
        closings: closings(dataset),
        logins: sessions.iter().map(|session| session.login.clone()).collect(),
        selection: selection(args, config, dataset)?,
    };
    let mut options = options(args, config)?;
    judging(args, dataset, &mut options)?;
    let prepared = Run::prepare(workload, target, options)?;
    if !args.place.allow_captured_server {
        prepared.refuse_captured_server()?;
    }
    Ok((prepared, described))
}

/// Replays and reports. The names that it may make are written down first, for `cleanup`.
pub(super) fn carry_out(
    args: &ReplayArgs,
    dataset: &Dataset,
    sessions: &[&SessionEntry],
    prepared: &Prepared,
) -> Result<ExitStatus, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(ExitStatus::Target, error))?;
    if let Some(file) = &args.judging.calibrate {
        runtime.block_on(write_down_names(dataset, sessions, prepared))?;
        return calibrate::run(args, dataset, sessions, prepared, &runtime, file.as_deref());
    }
    let report = runtime.block_on(async {
        write_down_names(dataset, sessions, prepared).await?;
        live::execute(prepared).await
    })?;
    let folder = results::write(dataset, sessions, prepared, &report)?;
    if let Some(path) = &args.judging.junit {
        results::write_junit(&report, path)?;
    }
    results::show(args.format, &report, &folder)?;
    Ok(results::exit_status(&report))
}

/// What the run is judged by.
fn judging(args: &ReplayArgs, dataset: &Dataset, options: &mut Options) -> Result<(), Failure> {
    options.thresholds.clone_from(&args.judging.fail_on);
    if let Some(typed) = &args.judging.noise {
        let noise = noise_file::read(dataset, &noise_file::place(dataset, typed.as_deref()))?;
        options.noise = Some(Arc::new(noise));
    }
    Ok(())
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

/// Writes down which names the replay may make or move, and what is under them now.
async fn write_down_names(dataset: &Dataset, sessions: &[&SessionEntry], prepared: &Prepared) -> Result<(), Failure> {
    let names = PlanNames::of(prepared);
    if names.made.is_empty() {
        return Ok(());
    }
    let journal = journal(dataset, prepared.target());
    let lab = Lab::reach_what_there_is(prepared.target(), names.shares()).await?;
    let new = record(&lab, &names, &journal.read()?, &run_key(sessions)).await?;
    lab.leave().await;
    Ok(journal.append(&new)?)
}

/// Shows what will be done and asks whether to go on.
pub(super) fn confirm(intent: &str) -> Result<(), Failure> {
    let refused = |why: &'static str| {
        Failure::message(ExitStatus::Usage, why).remedy("--yes goes on without asking, --dry-run only shows")
    };
    match Terminal::default().confirm(&Question { intent }) {
        Answer::Yes => Ok(()),
        Answer::No => Err(refused("not confirmed, nothing was sent")),
        Answer::NobodyToAsk => Err(refused("the server would be changed, and there is no terminal to ask on")),
    }
}
