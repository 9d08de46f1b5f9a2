//! `replay --calibrate`: the same replay twice, and what differs between the two is noise.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

use tokio::runtime::Runtime;

use super::noise_file::{self, NoiseFile};
use super::{live, results};
use crate::cli::args::ReplayArgs;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Format, Output};
use crate::cli::shown;
use crate::model::SessionEntry;
use crate::replay::{NoiseEntry, NoiseModel, Outcome, Prepared, RunReport};
use crate::store::Dataset;
use crate::tools::run_shell;

/// How often it is replayed.
const RUNS: usize = 2;

/// Refuses what cannot work, before anything is sent.
pub(super) fn refuse_unequal_state(args: &ReplayArgs, prepared: &Prepared) -> Result<(), Failure> {
    let can_be_equal = args.judging.reset_command.is_some()
        || prepared.changes().is_empty()
        || (std::io::stdin().is_terminal() && std::io::stderr().is_terminal());
    if can_be_equal {
        return Ok(());
    }
    let text = "the first of the two replays would change the share, so that the second one could not be equal";
    Err(Failure::message(ExitStatus::Usage, text)
        .remedy("give a command that puts the share into its state again (--reset-command), or replay --read-only"))
}

/// Runs it.
pub(super) fn run(
    args: &ReplayArgs,
    dataset: &Dataset,
    sessions: &[&SessionEntry],
    prepared: &Prepared,
    runtime: &Runtime,
    file: Option<&Path>,
) -> Result<ExitStatus, Failure> {
    let mut reports: Vec<RunReport> = Vec::new();
    let mut folders = Vec::new();
    for number in 1..=RUNS {
        put_into_state(args, prepared, runtime, number)?;
        let report = runtime.block_on(live::execute(prepared))?;
        let folder = results::write(dataset, sessions, prepared, &report)?;
        anstream::eprintln!("run {number} of {RUNS}: {}", folder.display());
        if report.interrupted {
            return Ok(ExitStatus::Interrupted);
        }
        let lost = report.summary.classes.get("connection_lost").copied().unwrap_or(0);
        if lost + report.summary.not_reached() > 0 {
            let text = format!("run {number} lost its connection: nothing can be learnt from it");
            return Err(Failure::message(ExitStatus::Diverged, text));
        }
        folders.push(folder.file_name().unwrap_or_default().to_string_lossy().into_owned());
        reports.push(report);
    }
    let outcomes: Vec<&[Outcome]> = reports.iter().map(|report| report.outcomes.as_slice()).collect();
    let entries = NoiseModel::learn(prepared.operations(), &outcomes);
    let path = noise_file::place(dataset, file);
    let target = reports.first().map(|report| report.target.to_string()).unwrap_or_default();
    let noise = NoiseFile::new(dataset, target, folders, entries);
    noise.write(&path)?;
    show(args.format, &noise.entries)?;
    tell(&reports, &noise.entries, &path);
    Ok(ExitStatus::Done)
}

/// Before each run: by the user's command, or by the user.
fn put_into_state(args: &ReplayArgs, prepared: &Prepared, runtime: &Runtime, number: usize) -> Result<(), Failure> {
    if let Some(line) = &args.judging.reset_command {
        return Ok(run_shell(line, args.judging.reset_timeout)?);
    }
    if number == 1 || prepared.changes().is_empty() {
        return Ok(());
    }
    anstream::eprint!("Put the share into the state that it had before the first run, then press Enter: ");
    let _ = std::io::stderr().flush();
    let read = runtime.spawn_blocking(|| std::io::stdin().lock().read_line(&mut String::new()));
    let read = runtime.block_on(async {
        tokio::select! {
            read = read => read,
            // The run before has taken ^C over from the system, and nobody else looks at it here.
            _ = live::wanted_end() => std::process::exit(ExitStatus::Interrupted as i32),
        }
    });
    match read {
        Ok(Ok(read)) if read > 0 => Ok(()),
        _ => Err(Failure::message(ExitStatus::Usage, "not confirmed: the second run was not begun")),
    }
}

fn show(format: Format, entries: &[NoiseEntry]) -> Result<(), Failure> {
    let columns = ["session_id", "op_index", "frame", "command", "path", "field", "captured", "run_1", "run_2"];
    let mut table = Output::stdout().table(format, columns.map(Column::text).into());
    for entry in entries {
        let mut cells = vec![
            Cell::new(entry.session_id.clone()),
            Cell::new(entry.op_index),
            Cell::new(entry.frame),
            Cell::new(entry.command.clone()),
            Cell::new(entry.path.clone()),
            Cell::new(entry.field.clone()),
            Cell::new(entry.captured.clone()),
        ];
        for run in 0..RUNS {
            let observed = entry.observed.get(run).cloned().flatten();
            let text = observed.clone().unwrap_or_else(|| "as captured".to_owned());
            cells.push(Cell::new(observed).shown(text));
        }
        table.row(cells)?;
    }
    table.finish()?;
    Ok(())
}

fn tell(reports: &[RunReport], entries: &[NoiseEntry], path: &Path) {
    let steps = |count: usize| shown::counted(count as u64, "step", "steps");
    let mut noisy: Vec<_> = entries.iter().map(|entry| (entry.session_id.as_str(), entry.op_index)).collect();
    noisy.dedup();
    anstream::eprintln!("{} differed between the runs: {}", steps(noisy.len()), path.display());
    // What diverged in one run alone may be noise, or a share that was not put into its state.
    let alone = entries.iter().filter(|entry| entry.field == "status" && entry.observed.contains(&None)).count();
    if alone > 0 {
        anstream::eprintln!(
            "{} answered another status in one run only: was the share in the same state before both?",
            steps(alone)
        );
    }
    let both = diverged_alike(reports, &noisy);
    if both > 0 {
        anstream::eprintln!(
            "{} diverged alike in both runs, which is no noise; `smbreplay diff` and the reports tell",
            steps(both)
        );
    }
}

/// Steps that diverged in every run, and are not noisy.
fn diverged_alike(reports: &[RunReport], noisy: &[(&str, u32)]) -> usize {
    let diverged = |report: &RunReport, step| report.divergences.iter().any(|row| row.step == step);
    let Some((first, others)) = reports.split_first() else { return 0 };
    let alike = first.divergences.iter().filter(|row| {
        let is_noisy = noisy.contains(&(row.session_id.as_str(), row.op_index));
        !is_noisy && others.iter().all(|other| diverged(other, row.step))
    });
    alike.count()
}
