//! A run's report as text for the terminal.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::figures::{bytes, count, duration, one_line};
use crate::replay::{CommandSummary, Pacing, Percentiles, Reason, Row, RunReport, Verdict};

/// Paths and values are cut to this many characters.
const LONGEST: usize = 60;

/// Writes the report: what diverged (the first `most` of it), what was skipped for what, what could not be replayed, the commands
/// with their times, and the verdict.
pub fn write_replay_table(report: &RunReport, most: usize, out: &mut impl Write) -> io::Result<()> {
    divergences(report, most, out)?;
    root_causes(report, most.div_ceil(4), out)?;
    not_replayable(report, out)?;
    commands(&report.summary.commands, out)?;
    figures(report, out)?;
    writeln!(out, "{}", verdict_line(report))
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().copied());
    table
}

fn print(table: &Table, out: &mut impl Write) -> io::Result<()> {
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out)
}

fn right(text: impl ToString) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

fn divergences(report: &RunReport, most: usize, out: &mut impl Write) -> io::Result<()> {
    if report.divergences.is_empty() {
        return Ok(());
    }
    let mut table = table(&["op", "frame", "command", "path", "class", "what", "captured", "observed"]);
    for row in report.divergences.iter().take(most) {
        add_divergence(&mut table, row);
    }
    print(&table, out)?;
    let left = report.divergences.len().saturating_sub(most);
    if left > 0 {
        writeln!(out, "… and {} more; report.json has all of them\n", count(left, "divergence"))?;
    }
    Ok(())
}

fn add_divergence(table: &mut Table, row: &Row) {
    let path = row.path.as_deref().map_or(String::new(), path);
    let mut first =
        [row.op_index.to_string(), row.frame.to_string(), row.command.clone(), path, row.class.name().to_owned()];
    if row.findings.is_empty() {
        table.add_row(first.iter().map(Cell::new));
    }
    for finding in &row.findings {
        let values = [&finding.subject, &finding.expected, &finding.observed].map(|text| one_line(text, LONGEST));
        table.add_row(first.iter().chain(&values).map(Cell::new));
        first = Default::default();
    }
}

/// The share's root has an empty path.
fn path(path: &str) -> String {
    if path.is_empty() { "\\".to_owned() } else { one_line(path, LONGEST) }
}

fn root_causes(report: &RunReport, most: usize, out: &mut impl Write) -> io::Result<()> {
    for cause in report.summary.root_causes.iter().take(most) {
        let row = &cause.row;
        let about = row.path.as_deref().map_or(String::new(), |text| format!(" {}", path(text)));
        writeln!(
            out,
            "{} skipped because of op {} (frame {}): {}{about}",
            count(cause.skipped, "step"),
            row.op_index,
            row.frame,
            row.command
        )?;
    }
    let left = report.summary.root_causes.get(most..).unwrap_or_default();
    if !left.is_empty() {
        let skipped = left.iter().map(|cause| cause.skipped).sum();
        writeln!(out, "… and {} because of {} more", count(skipped, "step"), left.len())?;
    }
    if !report.summary.root_causes.is_empty() {
        writeln!(out)?;
    }
    Ok(())
}

fn not_replayable(report: &RunReport, out: &mut impl Write) -> io::Result<()> {
    for (name, number) in &report.summary.not_replayable {
        let reason = Reason::ALL.into_iter().find(|reason| reason.name() == *name);
        let text = reason.map_or(*name, Reason::text);
        writeln!(out, "{} not replayable: {text}", count(*number, "operation"))?;
    }
    if !report.summary.not_replayable.is_empty() {
        writeln!(out)?;
    }
    Ok(())
}

fn commands(commands: &[CommandSummary], out: &mut impl Write) -> io::Result<()> {
    if commands.is_empty() {
        return Ok(());
    }
    let header = [
        "command",
        "steps",
        "match",
        "diverged",
        "skipped",
        "not replayable",
        "captured p50 / p90 / p99",
        "replayed p50 / p90 / p99",
    ];
    let mut table = table(&header);
    for command in commands {
        let mut cells = vec![Cell::new(&command.command)];
        let numbers = [command.steps, command.matching, command.diverged, command.skipped, command.not_replayable];
        cells.extend(numbers.map(right));
        cells.extend([command.captured_latency, command.replayed_latency].map(|latency| right(percentiles(latency))));
        table.add_row(cells);
    }
    print(&table, out)
}

fn percentiles(latency: Option<Percentiles>) -> String {
    latency
        .map_or(String::new(), |latency| [latency.p50_ns, latency.p90_ns, latency.p99_ns].map(duration).join(" / "))
}

fn figures(report: &RunReport, out: &mut impl Write) -> io::Result<()> {
    let summary = &report.summary;
    let nanoseconds = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    writeln!(
        out,
        "{} sent in {} (captured in {}), {} read, {} written; ordering {}, pacing {}",
        count(summary.sent, "request"),
        duration(nanoseconds(summary.elapsed)),
        duration(nanoseconds(summary.captured_elapsed)),
        bytes(summary.bytes_read),
        bytes(summary.bytes_written),
        report.options.ordering.name(),
        report.options.pacing,
    )?;
    if let Some(lateness) = summary.lateness.filter(|_| report.options.pacing != Pacing::Asap) {
        writeln!(
            out,
            "sent later than due: p50 {}, p99 {}; {} more than 2 ms late",
            duration(lateness.p50_ns),
            duration(lateness.p99_ns),
            count(summary.late, "step")
        )?;
    }
    if summary.unexpected_breaks > 0 {
        writeln!(out, "{} that the capture has not got, acknowledged", count(summary.unexpected_breaks, "break"))?;
    }
    Ok(())
}

/// The run in one line, with nothing left out that would make it sound better than it was.
pub fn verdict_line(report: &RunReport) -> String {
    let summary = &report.summary;
    let mut parts = vec![match summary.uncompared {
        0 => format!("{} as captured", summary.matching()),
        some => format!("{} as captured ({some} of them not answered in the capture)", summary.matching()),
    }];
    let mut add = |number: usize, text: &str| {
        if number > 0 {
            parts.push(format!("{number} {text}"));
        }
    };
    add(summary.diverged(), "diverged");
    add(summary.skipped(), "skipped as a consequence");
    add(summary.not_replayed(), "not replayable");
    add(summary.not_reached(), "not reached");
    let verdict = match report.verdict() {
        Verdict::Agreed if summary.not_replayed() > 0 => "no divergence in what could be replayed",
        Verdict::Agreed => "no divergence",
        Verdict::Diverged => "DIVERGED",
        Verdict::Interrupted => "INTERRUPTED",
    };
    let total = count(summary.steps - summary.own, "operation");
    format!("{verdict}: of {total} on {} as {}, {}", report.target, one_line(&report.user, LONGEST), parts.join(", "))
}
