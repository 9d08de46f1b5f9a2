//! The statistics of a capture as text for the terminal, and as JSON.

use std::io::{self, Write};

use comfy_table::Cell;

use super::figures::{bytes, count, duration, one_line};
use super::text_table::{right, table, write_table};
use crate::analyse::{GroupBy, GroupSummary, LatencySummary, SessionTime, StatisticsReport, TransferSummary};

/// Names are cut to this many characters.
const LONGEST: usize = 60;
/// Sessions whose time is told one by one.
const SESSIONS: usize = 10;

/// The name of a grouping, as it is typed.
pub fn group_by_name(by: GroupBy) -> &'static str {
    match by {
        GroupBy::Session => "session",
        GroupBy::Client => "client",
        GroupBy::User => "user",
        GroupBy::Share => "share",
        GroupBy::File => "file",
        GroupBy::Command => "command",
    }
}

/// All of it on a few screens: totals, commands, errors, sizes, files, what was slow, where the time went.
pub fn write_statistics(report: &StatisticsReport, out: &mut impl Write) -> io::Result<()> {
    let total = &report.total;
    writeln!(
        out,
        "{} in {} of {}: {} answered, {} failed",
        count(number(total.operations), "operation"),
        span(report.span_ns),
        count(report.sessions.len(), "session"),
        total.answered,
        total.errors
    )?;
    for (name, transfers) in [("READ", &total.reads), ("WRITE", &total.writes)] {
        writeln!(out, "{}", transfers_line(name, transfers))?;
    }
    let set = &report.working_set;
    writeln!(
        out,
        "working set: {}, {} of distinct data ({} read, {} written)",
        count(number(set.files), "file"),
        bytes(set.bytes),
        bytes(set.bytes_read),
        bytes(set.bytes_written)
    )?;
    writeln!(out)?;
    write_groups(report.by, &report.groups, out)?;
    errors(report, out)?;
    sizes(report, out)?;
    if !report.top_files.is_empty() {
        writeln!(out, "files with most bytes, then operations")?;
        write_groups(GroupBy::File, &report.top_files, out)?;
    }
    slowest(report, out)?;
    for time in report.sessions.iter().take(SESSIONS) {
        session_time(time, out)?;
    }
    if report.sessions.len() > SESSIONS {
        writeln!(out, "… and {}; --format json has all", count(report.sessions.len() - SESSIONS, "session more"))?;
    }
    Ok(())
}

/// One line a group.
pub fn write_groups(by: GroupBy, groups: &[GroupSummary], out: &mut impl Write) -> io::Result<()> {
    let header = [
        group_by_name(by),
        "operations",
        "errors",
        "p50",
        "p90",
        "p99",
        "max",
        "depth",
        "read",
        "written",
        "sequential",
    ];
    let mut rows = table(&header);
    for group in groups {
        let key = if group.key.is_empty() { "-".to_owned() } else { one_line(&group.key, LONGEST) };
        let latency = |of: fn(&LatencySummary) -> u64| {
            right(group.latency.as_ref().map_or("-".to_owned(), |latency| duration(of(latency))))
        };
        rows.add_row([
            Cell::new(key),
            right(group.operations),
            right(group.errors),
            latency(|latency| latency.p50_ns),
            latency(|latency| latency.p90_ns),
            latency(|latency| latency.p99_ns),
            latency(|latency| latency.max_ns),
            right(group.queue_depth.map_or("-".to_owned(), |depth| format!("{:.1} / {}", depth.mean, depth.max))),
            right(if group.reads.operations > 0 { bytes(group.bytes_read) } else { "-".to_owned() }),
            right(if group.writes.operations > 0 { bytes(group.bytes_written) } else { "-".to_owned() }),
            right(sequential(group)),
        ]);
    }
    write_table(&rows, out)
}

fn sequential(group: &GroupSummary) -> String {
    let sequential = group.reads.sequential + group.writes.sequential;
    let all = sequential + group.reads.random + group.writes.random;
    if all == 0 { "-".to_owned() } else { format!("{:.0} %", sequential as f64 * 100.0 / all as f64) }
}

fn transfers_line(name: &str, transfers: &TransferSummary) -> String {
    let first = transfers.operations - transfers.sequential - transfers.random;
    format!(
        "{name}: {}, {}; {} sequential, {} random, {} first of their open",
        count(number(transfers.operations), "operation"),
        bytes(transfers.bytes),
        transfers.sequential,
        transfers.random,
        first
    )
}

fn errors(report: &StatisticsReport, out: &mut impl Write) -> io::Result<()> {
    if report.errors.is_empty() {
        return Ok(());
    }
    let mut rows = table(&["errors", "status", "command", "first frame"]);
    for error in &report.errors {
        let frame = error.first_frame.map_or("-".to_owned(), |frame| frame.to_string());
        rows.add_row([right(error.count), Cell::new(&error.status), Cell::new(&error.command), right(frame)]);
    }
    write_table(&rows, out)
}

fn sizes(report: &StatisticsReport, out: &mut impl Write) -> io::Result<()> {
    let (reads, writes) = (&report.total.reads.sizes, &report.total.writes.sizes);
    let mut powers: Vec<u64> = reads.iter().chain(writes).map(|size| size.up_to).collect();
    powers.sort_unstable();
    powers.dedup();
    if powers.is_empty() {
        return Ok(());
    }
    let mut rows = table(&["asked for, up to", "READs", "WRITEs"]);
    for up_to in powers {
        let of = |sizes: &[crate::analyse::SizeCount]| {
            right(sizes.iter().find(|size| size.up_to == up_to).map_or(0, |size| size.operations))
        };
        rows.add_row([right(bytes(up_to)), of(reads), of(writes)]);
    }
    write_table(&rows, out)
}

fn slowest(report: &StatisticsReport, out: &mut impl Write) -> io::Result<()> {
    if report.slowest.is_empty() {
        return Ok(());
    }
    let mut rows = table(&["slowest", "frame", "command", "path", "session"]);
    for slow in &report.slowest {
        let path = slow.path.as_deref().map_or(String::new(), |path| one_line(path, LONGEST));
        rows.add_row([
            right(duration(slow.latency.unsigned_abs())),
            right(slow.frame),
            Cell::new(&slow.command),
            Cell::new(if slow.path.as_deref() == Some("") { "\\".to_owned() } else { path }),
            Cell::new(&slow.session),
        ]);
    }
    write_table(&rows, out)
}

/// What one point of capture can tell of client, network and server.
fn session_time(time: &SessionTime, out: &mut impl Write) -> io::Result<()> {
    write!(
        out,
        "session {}: {} long, {} of it with a request waiting; {} waited in all",
        time.session,
        span(time.span_ns),
        span(time.busy_ns),
        span(time.waited_ns)
    )?;
    let (Some(round_trip), Some(frame), Some(command)) =
        (time.round_trip_at_most_ns, time.round_trip_frame, &time.round_trip_command)
    else {
        return writeln!(out);
    };
    let percent = time.beyond_round_trip_ns as f64 * 100.0 / time.waited_ns.max(1) as f64;
    writeln!(
        out,
        ".\n  The quickest answer ({command}, frame {frame}) took {}, so the way from here to the server and back takes no longer; the\n  \
         {} beyond that ({percent:.0} % of what was waited) are the server's own time, and that of moving payloads.",
        span(round_trip),
        span(time.beyond_round_trip_ns)
    )
}

fn span(nanoseconds: i64) -> String {
    duration(nanoseconds.max(0).unsigned_abs())
}

fn number(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
