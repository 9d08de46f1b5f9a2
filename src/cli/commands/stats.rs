//! `smbreplay stats`: how much of what, how fast, and how often it failed.

use crate::app::{self, GroupBy, GroupSummary, LatencySummary, StatsRequest};
use crate::cli::args::StatsArgs;
use crate::cli::config::Config;
use crate::cli::datasets::trace;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Format, Output, OutputError};
use crate::cli::terminal::Terminal;
use crate::report::{group_by_name, write_groups, write_statistics};

/// Runs it.
pub fn run(args: &StatsArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let by = args.by.map(GroupBy::from).unwrap_or_default();
    let request = StatsRequest {
        trace: trace(config, &args.trace)?,
        session: args.session.clone(),
        by,
        top: args.top,
        slowest: args.slowest,
    };
    let report = app::stats(&request, &Terminal::default())?;
    match (args.format, args.by) {
        (Format::Table, None) => {
            let mut output = Output::paged(!args.no_pager);
            write_statistics(&report, &mut output).map_err(OutputError::from)?;
            output.flush()?;
        }
        (Format::Table, Some(_)) => {
            let mut output = Output::paged(!args.no_pager);
            write_groups(by, &report.groups, &mut output).map_err(OutputError::from)?;
            output.flush()?;
        }
        (Format::Json, None) => {
            let mut output = Output::stdout();
            output.json(&report)?;
            output.flush()?;
        }
        (Format::Json, Some(_)) => {
            let mut output = Output::stdout();
            output.json(&report.groups)?;
            output.flush()?;
        }
        (Format::Ndjson, _) => {
            let mut output = Output::stdout();
            output.json_lines(&report.groups)?;
            output.flush()?;
        }
        (Format::Csv, _) => csv(by, &report.groups)?,
    }
    Ok(ExitStatus::Done)
}

fn csv(by: GroupBy, groups: &[GroupSummary]) -> Result<(), Failure> {
    let names = [
        group_by_name(by),
        "operations",
        "answered",
        "errors",
        "bytes_read",
        "bytes_written",
        "min_ns",
        "p50_ns",
        "p90_ns",
        "p99_ns",
        "max_ns",
        "mean_ns",
        "sum_ns",
        "depth_mean",
        "depth_max",
        "reads",
        "writes",
        "sequential",
        "random",
    ];
    let mut table = Output::stdout().table(Format::Csv, names.into_iter().map(Column::text).collect());
    for group in groups {
        let latency =
            |of: fn(&LatencySummary) -> u64| group.latency.as_ref().map_or_else(Cell::empty, |l| of(l).into());
        table.row(vec![
            group.key.clone().into(),
            group.operations.into(),
            group.answered.into(),
            group.errors.into(),
            group.bytes_read.into(),
            group.bytes_written.into(),
            latency(|latency| latency.min_ns),
            latency(|latency| latency.p50_ns),
            latency(|latency| latency.p90_ns),
            latency(|latency| latency.p99_ns),
            latency(|latency| latency.max_ns),
            latency(|latency| latency.mean_ns),
            latency(|latency| latency.sum_ns),
            group.queue_depth.map_or_else(Cell::empty, |depth| depth.mean.into()),
            group.queue_depth.map_or_else(Cell::empty, |depth| depth.max.into()),
            group.reads.operations.into(),
            group.writes.operations.into(),
            (group.reads.sequential + group.writes.sequential).into(),
            (group.reads.random + group.writes.random).into(),
        ])?;
    }
    table.finish()?;
    Ok(())
}
