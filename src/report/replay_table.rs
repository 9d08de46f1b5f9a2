//! A run's report as text for the terminal.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::figures::{bytes, count, duration, one_line};
use super::target_differences::{consequence, following, headline};
use super::whole_values::WholeValues;
use crate::replay::{CommandSummary, Judgement, Pacing, Percentiles, Reason, Row, RunReport, RunSummary, Verdict};

/// Paths and values are cut to this many characters; values stand in full below the table.
pub(super) const LONGEST: usize = 60;

/// Writes the report: in what the target differs, what diverged (the first `most` of it), what was skipped for what, what could
/// not be replayed, the commands with their times, the verdict, and the thresholds.
pub fn write_replay_table(report: &RunReport, most: usize, out: &mut impl Write) -> io::Result<()> {
    if let Some(headline) = headline(report) {
        writeln!(out, "{headline}\n")?;
    }
    divergences(report, most, out)?;
    root_causes(report, most.div_ceil(4), out)?;
    not_replayable(report, out)?;
    commands(&report.summary.commands, out)?;
    latencies(&report.summary, out)?;
    passes(report, out)?;
    figures(report, out)?;
    writeln!(out, "{}", verdict_line(report))?;
    thresholds(report, out)
}

fn thresholds(report: &RunReport, out: &mut impl Write) -> io::Result<()> {
    if report.thresholds.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let mut table = table(&["threshold", "", "observed"]);
    for judged in &report.thresholds {
        let judgement = match judged.judgement {
            Judgement::Passed => "passed",
            Judgement::Failed => "FAILED",
            Judgement::NothingToJudge => "nothing to judge",
        };
        table.add_row([&judged.expression, judgement, &judged.observed].map(Cell::new));
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().copied());
    table
}

pub(super) fn print(table: &Table, out: &mut impl Write) -> io::Result<()> {
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out)
}

pub(super) fn right(text: impl ToString) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

fn divergences(report: &RunReport, most: usize, out: &mut impl Write) -> io::Result<()> {
    let (noise, diverged): (Vec<&Row>, Vec<&Row>) = report.divergences.iter().partition(|row| row.noise);
    let several = report.passes.len() > 1;
    let unexplained: Vec<&Row> = diverged.iter().copied().filter(|row| row.cause.is_none()).collect();
    listed(&unexplained, several, "divergence", most, out)?;
    for tally in &report.summary.target_differences {
        if let Some(consequence) = consequence(tally) {
            writeln!(out, "{consequence}")?;
            listed(&following(report, tally), several, "divergence", most.div_ceil(4), out)?;
        }
    }
    if !noise.is_empty() {
        writeln!(out, "known to be noise, and not counted ({}):", count(noise.len(), "step"))?;
        listed(&noise, several, "step", most.div_ceil(4), out)?;
    }
    Ok(())
}

fn listed(rows: &[&Row], several: bool, noun: &str, most: usize, out: &mut impl Write) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut header = vec!["op", "frame", "command", "path", "class", "what", "captured", "observed"];
    if several {
        header.splice(..0, ["iteration", "copy"]);
    }
    let mut table = table(&header);
    let mut whole = WholeValues::default();
    for row in rows.iter().take(most) {
        add_divergence(&mut table, row, several);
        whole.add(row, LONGEST);
    }
    print(&table, out)?;
    whole.print(out)?;
    let left = rows.len().saturating_sub(most);
    if left > 0 {
        writeln!(out, "… and {} more; report.json has all of them\n", count(left, noun))?;
    }
    Ok(())
}

fn add_divergence(table: &mut Table, row: &Row, several: bool) {
    let path = row.path.as_deref().map_or(String::new(), path);
    let op =
        [row.op_index.to_string(), row.frame.to_string(), row.command.clone(), path, row.class.name().to_owned()];
    let mut first: Vec<String> = Vec::new();
    if several {
        first.extend([row.pass.iteration, row.pass.copy].map(|number| number.to_string()));
    }
    first.extend(op);
    if row.findings.is_empty() {
        table.add_row(first.iter().map(Cell::new));
    }
    for finding in &row.findings {
        let values = [&finding.subject, &finding.expected, &finding.observed].map(|text| one_line(text, LONGEST));
        table.add_row(first.iter().chain(&values).map(Cell::new));
        first.iter_mut().for_each(String::clear);
    }
}

/// The share's root has an empty path.
pub(super) fn path(path: &str) -> String {
    if path.is_empty() { "\\".to_owned() } else { one_line(path, LONGEST) }
}

fn root_causes(report: &RunReport, most: usize, out: &mut impl Write) -> io::Result<()> {
    for cause in report.summary.root_causes.iter().take(most) {
        let row = &cause.row;
        let about = row.path.as_deref().map_or(String::new(), |text| format!(" {}", path(text)));
        let of = match report.passes.len() {
            0 | 1 => String::new(),
            _ => format!(" of copy {}, iteration {}", row.pass.copy, row.pass.iteration),
        };
        writeln!(
            out,
            "{} skipped because of op {}{of} (frame {}): {}{about}",
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
    let with_noise = commands.iter().any(|command| command.noise > 0);
    let header = ["command", "steps", "match", "diverged", "noise", "skipped", "not replayable"];
    let shown = |at: &usize| *at != 4 || with_noise;
    let mut table =
        table(&(0..header.len()).filter(shown).filter_map(|at| header.get(at).copied()).collect::<Vec<_>>());
    for command in commands {
        let numbers = [
            command.steps,
            command.matching,
            command.diverged,
            command.noise,
            command.skipped,
            command.not_replayable,
        ];
        let mut cells = vec![Cell::new(&command.command)];
        cells.extend((1..).zip(numbers).filter(|(at, _)| shown(at)).map(|(_, number)| right(number)));
        table.add_row(cells);
    }
    print(&table, out)
}

/// Two lines for each command: the captured server, and the target.
fn latencies(summary: &RunSummary, out: &mut impl Write) -> io::Result<()> {
    let mut table = table(&["latency", "", "count", "p50", "p90", "p99", "p99.9", "max"]);
    let mut add = |name: &str, captured: Option<Percentiles>, replayed: Option<Percentiles>| {
        for (first, side, latency) in [(name, "captured", captured), ("", "replayed", replayed)] {
            let Some(latency) = latency else { continue };
            let times = [latency.p50_ns, latency.p90_ns, latency.p99_ns, latency.p999_ns, latency.max_ns];
            let mut cells = vec![Cell::new(first), Cell::new(side), right(latency.count)];
            cells.extend(times.map(|time| right(duration(time))));
            table.add_row(cells);
        }
    };
    for command in &summary.commands {
        add(&command.command, command.captured_latency, command.replayed_latency);
    }
    if summary.commands.len() > 1 {
        add("all", summary.captured_latency, summary.replayed_latency);
    }
    if table.is_empty() { Ok(()) } else { print(&table, out) }
}

/// Each copy and each time, where there are several.
fn passes(report: &RunReport, out: &mut impl Write) -> io::Result<()> {
    if report.passes.len() < 2 {
        return Ok(());
    }
    let in_folders = report.passes.iter().any(|pass| pass.folder.is_some());
    let mut header = vec!["iteration", "copy", "match", "diverged", "skipped", "not reached", "took"];
    if in_folders {
        header.push("folder");
    }
    let mut table = table(&header);
    for tally in &report.passes {
        let numbers = [tally.matching, tally.diverged, tally.skipped, tally.not_reached];
        let mut cells = vec![right(tally.pass.iteration), right(tally.pass.copy)];
        cells.extend(numbers.map(right));
        cells.push(right(duration((tally.elapsed * 1e9) as u64)));
        cells.extend(tally.folder.as_ref().map(Cell::new));
        table.add_row(cells);
    }
    print(&table, out)?;
    let wanted = report.options.clones as usize * report.options.iterations as usize;
    if report.passes.len() < wanted {
        writeln!(out, "{} of {wanted} passes were begun", report.passes.len())?;
    }
    Ok(())
}

fn figures(report: &RunReport, out: &mut impl Write) -> io::Result<()> {
    let summary = &report.summary;
    let nanoseconds = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let a_second = |time: std::time::Duration| match summary.sent as f64 / time.as_secs_f64() {
        rate if !rate.is_finite() => "at once".to_owned(),
        rate if rate < 10.0 => format!("{rate:.1} ops/s"),
        rate => format!("{rate:.0} ops/s"),
    };
    writeln!(
        out,
        "{} sent in {}, {} (captured in {}, {}); {} read, {} written; ordering {}, pacing {}",
        count(summary.sent, "request"),
        duration(nanoseconds(summary.elapsed)),
        a_second(summary.elapsed),
        duration(nanoseconds(summary.captured_elapsed)),
        a_second(summary.captured_elapsed),
        bytes(summary.bytes_read),
        bytes(summary.bytes_written),
        report.options.ordering.name(),
        report.options.pacing,
    )?;
    punctuality(report, out)?;
    if let Some(selection) = &report.selection {
        writeln!(
            out,
            "selected: {}; {} more needed by those, {} left out",
            one_line(selection, 4 * LONGEST),
            count(summary.drawn_in, "operation"),
            summary.not_selected()
        )?;
    }
    if report.users.len() > 1 || report.users.iter().any(|user| user.mapped) {
        let uses = report.users.iter().map(|user| {
            let sessions = count(user.sessions, "session");
            format!("{} as {} ({sessions})", one_line(&user.captured, LONGEST), one_line(&user.target, LONGEST))
        });
        writeln!(out, "logged in: {}", uses.collect::<Vec<_>>().join(", "))?;
    }
    if summary.unexpected_breaks > 0 {
        writeln!(out, "{} that the capture has not got, acknowledged", count(summary.unexpected_breaks, "break"))?;
    }
    if summary.sent_again > 0 {
        let opens = count(summary.sent_again, "open");
        writeln!(out, "{opens} sent again after the end of a connection, which the server had not noticed yet")?;
    }
    Ok(())
}

/// Where a pace is kept: how late smbreplay was, and how far behind the clock what it waits for put it.
fn punctuality(report: &RunReport, out: &mut impl Write) -> io::Result<()> {
    let summary = &report.summary;
    let (Some(late), Some(behind)) = (summary.lateness, summary.behind) else { return Ok(()) };
    if report.options.pacing == Pacing::Asap {
        return Ok(());
    }
    let (p50, p99, steps) = (duration(late.p50_ns), duration(late.p99_ns), count(summary.late, "step"));
    writeln!(out, "lateness: p50 {p50}, p99 {p99}; {steps} sent more than 2 ms late")?;
    let (p50, p99, steps) = (duration(behind.p50_ns), duration(behind.p99_ns), count(summary.held_up, "step"));
    writeln!(
        out,
        "behind the captured clock: p50 {p50}, p99 {p99}; {steps} more than 2 ms for answers that took longer"
    )?;
    if summary.logins_ahead > 0 {
        let logins = count(summary.logins_ahead, "login");
        writeln!(out, "made ahead of their time, so that what follows is on time: {logins}")?;
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
    add(summary.noise, "diverged as noise does");
    add(summary.skipped(), "skipped as a consequence");
    add(summary.not_replayed(), "not replayable");
    add(summary.not_reached(), "not reached");
    add(summary.not_selected(), "not selected");
    let verdict = match report.verdict() {
        Verdict::Agreed => match (summary.not_selected() > 0, summary.not_replayed() > 0) {
            (false, false) => "no divergence",
            (false, true) => "no divergence in what could be replayed",
            (true, false) => "no divergence in what was selected",
            (true, true) => "no divergence in what was selected and could be replayed",
        },
        Verdict::Diverged => "DIVERGED",
        Verdict::Interrupted => "INTERRUPTED",
    };
    let total = count(summary.steps - summary.own - summary.not_selected(), "operation");
    format!("{verdict}: of {total} on {} as {}, {}", report.target, one_line(&report.user, LONGEST), parts.join(", "))
}
