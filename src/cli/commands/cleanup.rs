//! `smbreplay cleanup`: what setup and replay made on the target is removed.

use std::fmt::Write as _;

use super::lab::{Bench, bar, journal, run_key, runtime, stop_on_signal};
use crate::cli::args::CleanupArgs;
use crate::cli::commands::replay::confirm;
use crate::cli::config::Config;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Column, Format, Output};
use crate::cli::shown;
use crate::model::{Before, MadeName};
use crate::replay::{Cleaned, Lab, Target, cleanup};
use crate::store::Journal;

/// How many names a confirmation shows.
const SHOWN: usize = 20;

/// Runs it.
pub fn run(args: &CleanupArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let bench = Bench::open(&args.lab, config, args.dry_run)?;
    let (target, described) = bench.target(config)?;
    let journal = journal(&bench.dataset, &target);
    let (all, mut names) = names(&journal, Some(&run_key(&bench.chosen())).filter(|_| !args.lab.all))?;
    names.retain(|name| name.before == Before::Absent);
    if args.dry_run {
        let mut table = Output::stdout().table(args.lab.format, ["share", "path"].map(Column::text).into());
        for name in &names {
            table.row(vec![name.share.as_str().into(), name.path.as_str().into()])?;
        }
        table.finish()?;
        anstream::eprintln!("{} to look at on {described}", shown::counted(names.len() as u64, "name", "names"));
        return Ok(ExitStatus::Done);
    }
    if names.is_empty() {
        anstream::eprintln!("nothing to remove: no setup or replay of this session has made anything on {described}");
        return Ok(ExitStatus::Done);
    }
    if !args.yes {
        let mut intent = format!(
            "cleanup removes what is under {} on {described}\n",
            shown::counted(names.len() as u64, "name", "names")
        );
        for name in names.iter().take(SHOWN) {
            let _ = writeln!(intent, "  {}: {}", name.share, name.path.escape_debug());
        }
        if names.len() > SHOWN {
            let _ = writeln!(intent, "  … and {} more", shown::count((names.len() - SHOWN) as u64));
        }
        confirm(&intent)?;
    }
    let (cleaned, interrupted) = runtime()?.block_on(clean(&target, &journal, &all, &names))?;
    report(args.lab.format, &cleaned)?;
    Ok(match (interrupted, cleaned.left.is_empty()) {
        (true, _) => ExitStatus::Interrupted,
        (false, true) => ExitStatus::Done,
        (false, false) => ExitStatus::Diverged,
    })
}

/// All names written down for a target, and those of one run; of every run when none is named.
pub(super) fn names(journal: &Journal, run: Option<&String>) -> Result<(Vec<MadeName>, Vec<MadeName>), Failure> {
    let all = journal.read()?;
    let names = all.iter().filter(|name| run.is_none_or(|run| name.run == *run)).cloned().collect();
    Ok((all, names))
}

/// Removes, and forgets the names under which there is nothing any more. Tells also whether it was interrupted.
pub(super) async fn clean(
    target: &Target,
    journal: &Journal,
    all: &[MadeName],
    names: &[MadeName],
) -> Result<(Cleaned, bool), Failure> {
    let mut shares: Vec<&str> = names.iter().map(|name| name.share.as_str()).collect();
    shares.sort_unstable();
    shares.dedup();
    let lab = Lab::reach(target, shares).await?;
    let bar = bar();
    let stop = stop_on_signal();
    let cleaned = cleanup(
        &lab,
        names,
        all,
        |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        },
        &stop,
    )
    .await;
    bar.finish_and_clear();
    let cleaned = cleaned?;
    lab.leave().await;
    let interrupted = *stop.borrow();
    if !interrupted {
        let left = |name: &MadeName| cleaned.left.iter().any(|left| left.name == *name);
        let runs: std::collections::BTreeSet<_> = names.iter().map(|name| name.run.as_str()).collect();
        // What was there before is remembered as long as something of the same run is left.
        let needed = |name: &MadeName| {
            left(name) || (name.before != Before::Absent && cleaned.left.iter().any(|left| left.name.run == name.run))
        };
        let kept: Vec<_> =
            all.iter().filter(|name| !runs.contains(name.run.as_str()) || needed(name)).cloned().collect();
        journal.replace(&kept)?;
    }
    Ok((cleaned, interrupted))
}

/// What stays, row by row, and a line that says what was removed.
pub(super) fn report(format: Format, cleaned: &Cleaned) -> Result<(), Failure> {
    if format != Format::Table || !cleaned.left.is_empty() {
        let mut table = Output::stdout().table(format, ["share", "path", "stays because"].map(Column::text).into());
        for left in &cleaned.left {
            table.row(vec![
                left.name.share.as_str().into(),
                left.name.path.as_str().into(),
                left.reason.as_str().into(),
            ])?;
        }
        table.finish()?;
    }
    anstream::eprintln!(
        "{} removed, {} gone already{}",
        shown::count(cleaned.removed),
        shown::count(cleaned.gone),
        match cleaned.left.len() {
            0 => String::new(),
            left => format!(", {} left", shown::count(left as u64)),
        },
    );
    Ok(())
}
