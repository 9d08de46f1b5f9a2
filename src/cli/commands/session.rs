//! `smbreplay session`: the sessions of a capture, and the operations of one.

mod frame;
mod list;

use anstyle::AnsiColor;
use serde_json::Value;

use crate::app::{self, OperationFilter, SessionRequest};
use crate::cli::args::{FilterArgs, SessionArgs};
use crate::cli::config::{Config, Key};
use crate::cli::datasets::trace;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::filter;
use crate::cli::output::{Cell, Column, Format, Output};
use crate::cli::shown;
use crate::cli::terminal::Terminal;
use crate::model::{Anomaly, Command, Operation, Timestamp};

/// Runs it.
pub fn run(args: &SessionArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let trace = trace(config, &args.trace)?;
    if args.list {
        list::list(&app::sessions(&trace)?, args.format)?;
        return Ok(ExitStatus::Done);
    }
    let session = config.text(Key::SessionId, args.session.as_deref())?;
    match args.frame {
        Some(frame) => frame::show(trace, session, frame, args)?,
        None => {
            let request = SessionRequest { trace, session, filter: operation_filter(&args.filter)? };
            let wide = !args.fields.is_empty() || args.format != Format::Table;
            if wide && !args.brief { fields(&request, args)? } else { operations(&request, args)? }
        }
    }
    Ok(ExitStatus::Done)
}

fn operation_filter(args: &FilterArgs) -> Result<OperationFilter, Failure> {
    let unknown_status = |error| Failure::message(ExitStatus::Usage, format!("--status: {error}"));
    Ok(OperationFilter {
        path: filter::path(args.file_filter.as_deref())?,
        commands: app::parse_commands(&args.command)?,
        statuses: app::parse_statuses(&args.status).map_err(unknown_status)?,
        errors: args.errors,
        slow: args.slow,
        from: args.from,
        to: args.to,
    })
}

fn operations(request: &SessionRequest, args: &SessionArgs) -> Result<(), Failure> {
    let mut operations = app::session_operations(request, &Terminal::default())?;
    let mut columns = vec![Column::number("frame")];
    if !args.brief {
        columns.extend([Column::number("time"), Column::number("latency")]);
    }
    columns.extend([Column::text("command"), Column::text("path"), Column::text("status")]);
    if !args.brief {
        columns.push(Column::number("bytes"));
    }
    let mut table = Output::paged(!args.no_pager).table(args.format, columns);
    let mut compound = None;
    while let Some(operation) = operations.next() {
        let operation = operation?;
        // A compound shows as the one message that it was.
        let chain = operation.compound_index.and(operation.request.as_ref()).map(|request| request.frame);
        let goes_on = chain.is_some() && chain == compound;
        compound = chain;
        table.row(operation_row(&operation, operations.beginning(), args.brief, goes_on))?;
    }
    table.finish()?;
    Ok(())
}

fn operation_row(operation: &Operation, start: Timestamp, brief: bool, goes_on: bool) -> Vec<Cell> {
    let frame = operation.parts().next().map(|part| part.frame);
    let once = |cell: Cell| if goes_on { cell.shown("") } else { cell };
    let mut row = vec![once(frame.map_or_else(Cell::empty, Cell::new))];
    if !brief {
        row.push(once(match operation.first_time() {
            Some(time) => Cell::new(time.to_string()).shown(format!("{:.6}", time.since(start) as f64 / 1e9)),
            None => Cell::empty().shown("-"),
        }));
        row.push(match operation.latency_ns() {
            Some(latency) => Cell::new(latency).shown(shown::nanoseconds(latency)),
            None => Cell::empty().shown("-"),
        });
    }
    let indent = if operation.compound_index.is_some_and(|index| index > 0) { "+ " } else { "" };
    row.push(Cell::new(operation.command.to_string()).shown(format!("{indent}{}", operation.command)));
    row.push(named(operation));
    row.push(match operation.status {
        Some(status) => {
            let name = status.to_string();
            let cell = Cell::new(name.clone()).shown(name.trim_start_matches("STATUS_"));
            if status.is_error() { cell.color(AnsiColor::Red) } else { cell }
        }
        None => {
            let odd: Vec<_> = operation.anomalies.iter().map(Anomaly::name).collect();
            Cell::empty().shown(if odd.is_empty() { "-".to_owned() } else { odd.join(" ") }).color(AnsiColor::Yellow)
        }
    });
    if !brief {
        let bytes = operation.facts.bytes;
        row.push(bytes.map_or_else(Cell::empty, |bytes| Cell::new(bytes).shown(shown::count(bytes))));
    }
    row
}

/// What an operation is about, for people: its path, the target of a rename, the share of a tree, the control code.
fn named(operation: &Operation) -> Cell {
    let path = operation.path.as_deref();
    let value = path.map_or(Value::Null, Value::from);
    let text = match (path, &operation.new_path, operation.command) {
        (Some(old), Some(new), _) => format!("{old} -> {new}"),
        (_, _, Command::TreeConnect | Command::TreeDisconnect) => operation.share.as_deref().unwrap_or("").to_owned(),
        (Some(path), ..) => shown::marked(path, operation.directory),
        (None, Some(new), _) => format!("? -> {new}"),
        (None, None, _) => String::new(),
    };
    let rpc = operation.facts.rpc.as_ref();
    let detail = match (&operation.facts.ctl_code, &operation.facts.pattern) {
        _ if rpc.is_some() => rpc.map_or_else(String::new, |rpc| match &rpc.interface {
            Some(interface) => format!(" [{interface} {}]", rpc.operation),
            None => format!(" [rpc {}]", rpc.operation),
        }),
        (Some(code), _) => format!(" [{code}]"),
        (_, Some(pattern)) => format!(" [{pattern}]"),
        _ => String::new(),
    };
    Cell::new(value).shown(format!("{text}{detail}").trim().to_owned())
}

/// Columns of the dataset by name, as it has them; all but the PDUs when none is named.
fn fields(request: &SessionRequest, args: &SessionArgs) -> Result<(), Failure> {
    let rows = app::session_rows(request, &args.fields, &Terminal::default())?;
    let columns = rows.columns().map(Column::text).collect();
    let mut table = Output::paged(!args.no_pager).table(args.format, columns);
    for row in rows {
        table.row(row?.into_iter().map(Cell::new).collect())?;
    }
    table.finish()?;
    Ok(())
}
