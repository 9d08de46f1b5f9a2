//! `smbreplay list`: the captures of a case, the replays of a capture.

use anstyle::AnsiColor;

use crate::app::{self, ListedRun, ListedTrace, TraceState, TracesRequest};
use crate::cli::args::{ListArgs, ListCommand, ListRunsArgs, ListTracesArgs};
use crate::cli::config::Config;
use crate::cli::datasets::{trace, workspace};
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Output};
use crate::cli::shown;
use crate::cli::terminal::Terminal;

/// Runs it.
pub fn run(args: &ListArgs, config: &Config) -> Result<ExitStatus, Failure> {
    match &args.command {
        ListCommand::Traces(args) => traces(args, config),
        ListCommand::Runs(args) => runs(args, config),
    }
}

fn runs(args: &ListRunsArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let listed = app::runs(&trace(config, &args.trace)?, &Terminal::default())?;
    let columns = vec![
        Column::text("run"),
        Column::text("sessions"),
        Column::text("target"),
        Column::text("verdict"),
        Column::number("steps"),
        Column::number("match"),
        Column::number("diverged"),
        Column::number("skipped"),
        Column::number("elapsed"),
        Column::text("pacing"),
    ];
    let mut table = Output::stdout().table(args.format, columns);
    for run in listed {
        let number = |count: u64| Cell::new(count).shown(shown::count(count));
        let counts = [run.steps_of("match"), run.diverged(), run.steps_of("skipped")].map(number);
        let ListedRun { name, entry } = run;
        let [matched, diverged, skipped] = counts;
        let verdict = match (entry.verdict.as_str(), entry.failed) {
            ("agreed", true) => "agreed, failed".to_owned(),
            ("diverged", false) => "diverged, passed".to_owned(),
            (verdict, _) => verdict.to_owned(),
        };
        let color = if entry.failed { AnsiColor::Red } else { AnsiColor::Green };
        let sessions = match entry.sessions.as_slice() {
            [_, _, ..] => format!("{} of them", entry.sessions.len()),
            few => few.join(" "),
        };
        table.row(vec![
            Cell::new(name),
            Cell::new(entry.sessions).shown(sessions),
            Cell::new(entry.target),
            Cell::new(entry.verdict).shown(verdict).color(color),
            number(entry.steps),
            matched,
            diverged,
            skipped,
            Cell::new(entry.elapsed).shown(shown::nanoseconds((entry.elapsed * 1e9) as i64)),
            Cell::new(entry.pacing),
        ])?;
    }
    table.finish()?;
    Ok(ExitStatus::Done)
}

fn traces(args: &ListTracesArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let request = TracesRequest { case: args.case.clone(), workspace: workspace(config)? };
    let traces = app::traces(&request, &Terminal::default())?;
    let columns = vec![
        Column::text("trace"),
        Column::number("size"),
        Column::number("packets"),
        Column::text("first_packet"),
        Column::number("span"),
        Column::text("ingested"),
        Column::number("sessions"),
    ];
    let mut table = Output::stdout().table(args.format, columns);
    for trace in traces {
        table.row(row(trace))?;
    }
    table.finish()?;
    Ok(ExitStatus::Done)
}

fn row(trace: ListedTrace) -> Vec<Cell> {
    let state = match trace.ingested {
        TraceState::No => Cell::new("no"),
        TraceState::Yes => Cell::new("yes").color(AnsiColor::Green),
        TraceState::Stale => Cell::new("stale").color(AnsiColor::Yellow),
        TraceState::With(other) => Cell::new(format!("with {}", other.display())).color(AnsiColor::Green),
    };
    let unknown = || Cell::empty().shown("-");
    let short = |first: &str| first.split('.').next().unwrap_or(first).replace('T', " ");
    vec![
        Cell::new(trace.name.display().to_string()),
        trace.size.map_or_else(Cell::empty, |size| Cell::new(size).shown(shown::bytes(size))),
        trace.packets.map_or_else(unknown, |packets| Cell::new(packets).shown(shown::count(packets))),
        trace.first_packet.map_or_else(unknown, |first| Cell::new(first.clone()).shown(short(&first))),
        trace.span.map_or_else(unknown, |span| Cell::new(span).shown(format!("{span:.1} s"))),
        state,
        trace.sessions.map_or_else(unknown, Cell::new),
    ]
}
