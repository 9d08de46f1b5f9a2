//! `smbreplay run`: ingest, validate, setup, replay, report, cleanup.

use super::lab::{journal, run_key, runtime, summary};
use super::{cleanup, ingest, replay, setup, validate};
use crate::cli::args::{RunArgs, TraceArgs};
use crate::cli::config::Config;
use crate::cli::datasets::{choose_session, open};
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::images::infer_image;
use crate::cli::output::Output;
use crate::model::SessionEntry;
use crate::replay::{CheckState, Layout, Prepared, name_maps};
use crate::store::Dataset;

/// Runs it.
pub fn run(args: &RunArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let ingested = ingest::run(&args.ingest_args(), config)?;
    if ingested != ExitStatus::Done {
        anstream::eprintln!("the capture was read in part; what could be read is replayed");
    }
    let trace = TraceArgs { trace: Some(args.file.clone()), ..args.replay.trace.clone() };
    let dataset = open(config, &trace)?;
    let sessions: Vec<&SessionEntry> = match &args.replay.session {
        Some(session) => vec![choose_session(&dataset, config, Some(session))?],
        None => dataset.sessions().iter().collect(),
    };
    let (prepared, described) = replay::prepare(&args.replay, config, &dataset, &sessions)?;
    let image = infer_image(&dataset, &sessions)?;
    let layout = Layout::of_copies(&image, &name_maps(&prepared));
    let intent = replay::intent(&prepared, &described);
    if args.replay.dry_run {
        let mut output = Output::stdout();
        output.line(&summary(&image))?;
        output.line(intent.trim_end())?;
        output.flush()?;
        return Ok(ExitStatus::Done);
    }
    // A run that must not change anything finds the share as it is.
    let makes = !args.replay.read_only;
    let fit = fit(&prepared, &layout, makes)?;
    if fit != ExitStatus::Done {
        return Ok(fit);
    }
    if makes {
        let set_up =
            set_up(args, &dataset, &sessions, &prepared, &layout, &format!("{}\n{intent}", summary(&image)))?;
        if set_up != ExitStatus::Done {
            return Ok(set_up);
        }
    }
    let replayed = replay::carry_out(&args.replay, &dataset, &sessions, &prepared);
    if args.keep || !makes {
        return replayed;
    }
    let cleaned = clean_up(&dataset, &sessions, &prepared);
    if cleaned.is_err() {
        anstream::eprintln!(
            "what was made is still on the target: `smbreplay cleanup --all` removes it once it can be reached"
        );
    }
    let (replayed, cleaned) = (replayed?, cleaned?);
    Ok(if replayed == ExitStatus::Done { cleaned } else { replayed })
}

/// Looks at the target; what is not as it must be is told and ends the run.
fn fit(prepared: &Prepared, layout: &Layout, makes: bool) -> Result<ExitStatus, Failure> {
    let empty = Layout::default();
    let layout = if makes { layout } else { &empty };
    let checks = runtime()?.block_on(crate::replay::validate(layout, prepared, false))?;
    for check in checks.iter().filter(|check| check.state != CheckState::Ok) {
        let state = if check.state == CheckState::Failed { "failed" } else { "note" };
        anstream::eprintln!("validate: {state}: {}: {}", check.what.escape_debug(), check.detail);
    }
    let status = validate::status(&checks);
    if status != ExitStatus::Done {
        anstream::eprintln!(
            "the target is not fit, nothing was made or replayed; `setup` and `replay` would go on all the same"
        );
    }
    Ok(status)
}

/// Makes the image after the one confirmation.
fn set_up(
    args: &RunArgs,
    dataset: &Dataset,
    sessions: &[&SessionEntry],
    prepared: &Prepared,
    layout: &Layout,
    intent: &str,
) -> Result<ExitStatus, Failure> {
    let target = prepared.target();
    let journal = journal(dataset, target);
    runtime()?.block_on(async {
        let (lab, plan) = setup::plan(target, layout, &journal.read()?, &run_key(sessions)).await?;
        let nothing = plan.total() == 0 && prepared.changes().is_empty();
        if !args.replay.yes && !nothing {
            let at = target.connect.address.to_string();
            replay::confirm(&format!("{intent}\n{}", setup::intent(&plan, layout, &at)))?;
        }
        let made = setup::make(&lab, &plan, &journal, args.fill.into()).await?;
        lab.leave().await;
        for trouble in &made.troubles {
            anstream::eprintln!("setup: {}: {}: {}", trouble.share, trouble.path.escape_debug(), trouble.reason);
        }
        for conflict in &plan.conflicts {
            let path = conflict.path.escape_debug();
            anstream::eprintln!("setup: {}: {path}: {}; it stays as it is", conflict.share, conflict.reason);
        }
        anstream::eprintln!("setup: {}", setup::told(&made));
        Ok(if made.interrupted { ExitStatus::Interrupted } else { ExitStatus::Done })
    })
}

fn clean_up(dataset: &Dataset, sessions: &[&SessionEntry], prepared: &Prepared) -> Result<ExitStatus, Failure> {
    let journal = journal(dataset, prepared.target());
    let (all, names) = cleanup::names(&journal, Some(&run_key(sessions)))?;
    if names.is_empty() {
        return Ok(ExitStatus::Done);
    }
    let (cleaned, interrupted) = runtime()?.block_on(cleanup::clean(prepared.target(), &journal, &all, &names))?;
    for left in &cleaned.left {
        anstream::eprintln!("cleanup: {}: {} stays: {}", left.name.share, left.name.path.escape_debug(), left.reason);
    }
    anstream::eprintln!("cleanup: {} removed", cleaned.removed);
    Ok(match (interrupted, cleaned.left.is_empty()) {
        (true, _) => ExitStatus::Interrupted,
        (false, true) => ExitStatus::Done,
        (false, false) => ExitStatus::Diverged,
    })
}
