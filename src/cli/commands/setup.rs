//! `smbreplay setup`: what the share held before the capture began is made on the target, or in a local folder.

use std::fmt::Write as _;
use std::path::Path;

use super::lab::{Bench, bar, journal, print_tree, run_key, runtime, stop_on_signal, summary};
use crate::cli::args::SetupArgs;
use crate::cli::commands::replay::confirm;
use crate::cli::config::Config;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Column, Format, Output};
use crate::cli::shown;
use crate::model::{Fill, Image, MadeName};
use crate::replay::{Lab, Layout, Made, SetupPlan, Survey, Target, clone_folder, survey};
use crate::store::{Journal, export_image};

/// How many names a confirmation shows.
const SHOWN: usize = 20;

/// Runs it.
pub fn run(args: &SetupArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let bench = Bench::open(&args.lab, config, args.dry_run)?;
    let image = bench.image(args.image.as_deref())?;
    if let Some(folder) = &args.export {
        return export(&image, folder, args.fill.into());
    }
    if args.dry_run {
        print_tree(&image, args.lab.format)?;
        anstream::eprintln!("{}", summary(&image));
        if args.clones > 1 {
            let base = args.lab.place.base_dir.as_deref();
            let (first, last) = (clone_folder(base, 1), clone_folder(base, args.clones));
            anstream::eprintln!("made {} times, in {first} to {last}", args.clones);
        }
        return Ok(ExitStatus::Done);
    }
    let (target, described) = bench.target(config)?;
    let layout = Layout::of_copies(&image, &target.names.of_copies(args.clones));
    let journal = journal(&bench.dataset, &target);
    let run_key = run_key(&bench.chosen());
    runtime()?.block_on(async {
        let (lab, plan) = plan(&target, &layout, &journal.read()?, &run_key).await?;
        let intent = format!("{}\n{}", summary(&image), intent(&plan, &layout, &described));
        if plan.total() > 0 && !args.yes {
            confirm(&intent)?;
        }
        let made = make(&lab, &plan, &journal, args.fill.into()).await?;
        lab.leave().await;
        report(args.lab.format, &plan, &layout, &made)?;
        Ok(status(&plan, &layout, &made))
    })
}

/// Looks what is on the target and plans what to make.
pub(super) async fn plan(
    target: &Target,
    layout: &Layout,
    ours: &[MadeName],
    run_key: &str,
) -> Result<(Lab, SetupPlan), Failure> {
    let needed = layout.shares.iter().filter(|share| !share.entries.is_empty() || !share.absent.is_empty());
    let lab = Lab::reach(target, needed.map(|share| share.share.as_str())).await?;
    let mut surveys: Vec<Survey> = Vec::new();
    for share in &layout.shares {
        let paths = share.entries.iter().map(|placed| placed.path.as_str());
        let paths = paths.chain(share.absent.iter().map(String::as_str));
        surveys.push(survey(&lab, &share.share, paths).await?);
    }
    let plan = SetupPlan::new(layout, &surveys, ours, run_key);
    Ok((lab, plan))
}

/// Writes the names down, then makes it all, with a bar on a terminal.
pub(super) async fn make(lab: &Lab, plan: &SetupPlan, journal: &Journal, fill: Fill) -> Result<Made, Failure> {
    journal.append(&plan.names)?;
    let bar = bar();
    let stop = stop_on_signal();
    let made = plan
        .execute(
            lab,
            fill,
            |progress| {
                bar.set_length(progress.total);
                bar.set_position(progress.done);
                bar.set_message(format!("{} sent", shown::bytes(progress.bytes)));
            },
            &stop,
        )
        .await;
    bar.finish_and_clear();
    Ok(made?)
}

/// What will be made where.
pub(super) fn intent(plan: &SetupPlan, layout: &Layout, described: &str) -> String {
    let mut text = format!(
        "setup makes {} on {described}\n",
        shown::counted(plan.total(), "file or folder", "files and folders")
    );
    for name in plan.names.iter().take(SHOWN) {
        let _ = writeln!(text, "  {}: {}", name.share, name.path.escape_debug());
    }
    if plan.names.len() > SHOWN {
        let _ = writeln!(text, "  … and {} more", shown::count((plan.names.len() - SHOWN) as u64));
    }
    for conflict in plan.conflicts.iter().take(SHOWN) {
        let _ = writeln!(
            text,
            "stays as it is: {}: {}: {}",
            conflict.share,
            conflict.path.escape_debug(),
            conflict.reason
        );
    }
    if plan.conflicts.len() > SHOWN {
        let _ = writeln!(text, "  … and {} more", shown::count((plan.conflicts.len() - SHOWN) as u64));
    }
    if !layout.left_out.is_empty() {
        let _ = writeln!(text, "{} have no place on the target", shown::count(layout.left_out.len() as u64));
    }
    text
}

/// What is not as the image has it, row by row, and a line that says what was made.
fn report(format: Format, plan: &SetupPlan, layout: &Layout, made: &Made) -> Result<(), Failure> {
    let columns = ["share", "path", "state", "detail"].map(Column::text).into();
    let mut rows: Vec<(&str, &str, &str, &str)> = Vec::new();
    rows.extend(
        layout.left_out.iter().map(|left| (left.share.as_str(), left.path.as_str(), "left out", left.reason)),
    );
    rows.extend(plan.conflicts.iter().map(|c| (c.share.as_str(), c.path.as_str(), "stays as it is", c.reason)));
    rows.extend(made.troubles.iter().map(|t| (t.share.as_str(), t.path.as_str(), "trouble", t.reason.as_str())));
    if format != Format::Table || !rows.is_empty() {
        let mut table = Output::stdout().table(format, columns);
        for (share, path, state, detail) in rows {
            table.row(vec![share.into(), path.into(), state.into(), detail.into()])?;
        }
        table.finish()?;
    }
    anstream::eprintln!("{}", told(made));
    Ok(())
}

/// What was made, in a line.
pub(super) fn told(made: &Made) -> String {
    format!(
        "made {} and {} ({} sent) in {:.2} s{}",
        shown::counted(made.directories, "folder", "folders"),
        shown::counted(made.files, "file", "files"),
        shown::bytes(made.bytes),
        made.elapsed.as_secs_f64(),
        if made.interrupted { "; interrupted" } else { "" },
    )
}

fn status(plan: &SetupPlan, layout: &Layout, made: &Made) -> ExitStatus {
    if made.interrupted {
        ExitStatus::Interrupted
    } else if plan.conflicts.is_empty() && layout.left_out.is_empty() && made.troubles.is_empty() {
        ExitStatus::Done
    } else {
        ExitStatus::Diverged
    }
}

fn export(image: &Image, folder: &Path, fill: Fill) -> Result<ExitStatus, Failure> {
    let bar = bar();
    bar.set_length(image.shares.iter().map(|share| share.entries.len() as u64).sum());
    let exported = export_image(image, folder, fill, |_| bar.inc(1));
    bar.finish_and_clear();
    let exported = exported?;
    for (path, reason) in exported.left_out.iter().take(SHOWN) {
        anstream::eprintln!("left out: {}: {reason}", path.escape_debug());
    }
    anstream::eprintln!("{}", summary(image));
    anstream::eprintln!(
        "{} and {} written to {}{}",
        shown::counted(exported.directories, "folder", "folders"),
        shown::counted(exported.files, "file", "files"),
        folder.display(),
        match exported.left_out.len() {
            0 => String::new(),
            left_out => format!("; {} left out", shown::count(left_out as u64)),
        },
    );
    Ok(if exported.left_out.is_empty() { ExitStatus::Done } else { ExitStatus::Diverged })
}
