//! `smbreplay diff`: two replays of one workload side by side.

use std::path::{Path, PathBuf};

use crate::app::choose_run;
use crate::cli::args::DiffArgs;
use crate::cli::config::Config;
use crate::cli::datasets::trace;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Format, Output};
use crate::model::RunEntry;
use crate::replay::{RunDiff, RunDiffer, StepDiff};
use crate::report;
use crate::store::{RUN_RESULTS, ResultsReader};

/// Differing steps that the terminal shows.
const STEPS_SHOWN: usize = 40;

/// Runs it.
pub fn run(args: &DiffArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let trace = trace(config, &args.trace)?;
    let folder = |name: &str| choose_run(name, || Ok(trace.open()?.place().clone()));
    let folders = [folder(&args.a)?, folder(&args.b)?];
    let read = |folder: &Path| ResultsReader::open(&folder.join(RUN_RESULTS));
    let (a, b) = (read(&folders[0])?, read(&folders[1])?);
    let entries = [a.run().clone(), b.run().clone()];
    let same = same_workload(&entries[0], &entries[1]);
    if let (Err(why), false) = (&same, args.allow_different) {
        return Err(Failure::message(ExitStatus::Usage, why.clone())
            .remedy("--allow-different compares them all the same, their sessions by order"));
    }
    let (differences, summary) = compare(a, b, same.is_err())?;
    print(args.format, &folders, &entries, &summary, &differences)?;
    Ok(if summary.differs() { ExitStatus::Diverged } else { ExitStatus::Done })
}

/// Why two runs are not of the same workload.
fn same_workload(a: &RunEntry, b: &RunEntry) -> Result<(), String> {
    if a.capture_hash != b.capture_hash {
        return Err(format!("the runs are of different captures: {} and {}", a.capture, b.capture));
    }
    let sorted = |run: &RunEntry| {
        let mut sessions = run.sessions.clone();
        sessions.sort();
        sessions
    };
    if sorted(a) != sorted(b) {
        let some = |run: &RunEntry| match run.sessions.as_slice() {
            [one] => one.clone(),
            several => format!("{} sessions", several.len()),
        };
        return Err(format!("the runs are of different sessions: {} and {}", some(a), some(b)));
    }
    Ok(())
}

/// Reads both runs in step, so that no more than their difference is in memory.
fn compare(a: ResultsReader, b: ResultsReader, by_order: bool) -> Result<(Vec<StepDiff>, RunDiff), Failure> {
    let mut differ = RunDiffer::new(by_order);
    let mut differences = Vec::new();
    let (mut a, mut b) = (a.fuse(), b.fuse());
    loop {
        let (next_a, next_b) = (a.next().transpose()?, b.next().transpose()?);
        if next_a.is_none() && next_b.is_none() {
            break;
        }
        differences.extend(next_a.and_then(|step| differ.push_a(step)));
        differences.extend(next_b.and_then(|step| differ.push_b(step)));
    }
    let (rest, summary) = differ.finish();
    differences.extend(rest);
    differences.sort_by_key(|step| (step.frame, step.op_index));
    Ok((differences, summary))
}

fn print(
    format: Format,
    folders: &[PathBuf; 2],
    entries: &[RunEntry; 2],
    summary: &RunDiff,
    differences: &[StepDiff],
) -> Result<(), Failure> {
    let names = folders.each_ref().map(|folder| folder.file_name().unwrap_or_default().to_string_lossy());
    let runs = [(names[0].as_ref(), &entries[0]), (names[1].as_ref(), &entries[1])];
    let unwritable = |error: std::io::Error| Failure::new(ExitStatus::Unreadable, error);
    let mut output = Output::stdout();
    match format {
        Format::Table => {
            let mut text = Vec::new();
            report::write_diff_table(runs, summary, differences, STEPS_SHOWN, &mut text).map_err(unwritable)?;
            output.bytes(&text)?;
            output.flush()?;
        }
        Format::Json => {
            let text = report::diff_json(runs, summary, differences);
            output.line(&text.map_err(|error| Failure::new(ExitStatus::Unreadable, error))?)?;
            output.flush()?;
        }
        Format::Ndjson | Format::Csv => rows(output, format, differences)?,
    }
    Ok(())
}

/// A row for each field that differs.
fn rows(output: Output, format: Format, differences: &[StepDiff]) -> Result<(), Failure> {
    let columns = ["session_id", "op_index", "frame", "command", "path", "field", "a", "b"];
    let mut table = output.table(format, columns.map(Column::text).into());
    for step in differences {
        for field in &step.fields {
            table.row(vec![
                Cell::new(step.session_id.clone()),
                Cell::new(step.op_index),
                Cell::new(step.frame),
                Cell::new(step.command.clone()),
                Cell::new(step.path.clone()),
                Cell::new(field.field.clone()),
                Cell::new(field.a.clone()),
                Cell::new(field.b.clone()),
            ])?;
        }
    }
    table.finish()?;
    Ok(())
}
