//! `smbreplay session`: the sessions of a capture, and the operations of one.

mod filter;
mod frame;
mod list;

use anstyle::AnsiColor;
use serde_json::Value;

use self::filter::Filter;
use crate::cli::args::SessionArgs;
use crate::cli::config::Config;
use crate::cli::datasets::{choose_session, open};
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Format, Output, TableWriter};
use crate::cli::shown;
use crate::model::{Command, Operation, SessionEntry, Timestamp};
use crate::store::{self, COLUMNS, Dataset, Projection, StoreError, rows_of};

/// Operations that are turned to values at once.
const ROWS: usize = 256;

/// Runs it.
pub fn run(args: &SessionArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let dataset = open(config, &args.trace)?;
    if args.list {
        list::list(&dataset, args.format)?;
        return Ok(ExitStatus::Done);
    }
    let session = choose_session(&dataset, config, args.session.as_deref())?;
    match args.frame {
        Some(frame) => frame::show(&dataset, session, frame, args)?,
        None => operations(&dataset, session, args)?,
    }
    Ok(ExitStatus::Done)
}

fn operations(dataset: &Dataset, session: &SessionEntry, args: &SessionArgs) -> Result<(), Failure> {
    let filter = Filter::new(&args.filter)?;
    let wide = !args.fields.is_empty() || args.format != Format::Table;
    if wide && !args.brief {
        return fields(dataset, session, args, &filter);
    }
    let mut columns = vec![Column::number("frame")];
    if !args.brief {
        columns.extend([Column::number("time"), Column::number("latency")]);
    }
    columns.extend([Column::text("command"), Column::text("path"), Column::text("status")]);
    if !args.brief {
        columns.push(Column::number("bytes"));
    }
    let mut table = Output::paged(!args.no_pager).table(args.format, columns);
    let mut first: Option<Timestamp> = None;
    let mut compound = None;
    for operation in dataset.operations(session, Projection::WithoutPdus)? {
        let operation = operation?;
        first = first.or(operation.first_time());
        let start = first.unwrap_or_default();
        if filter.takes(&operation, start) {
            // A compound shows as the one message that it was.
            let chain = operation.compound_index.and(operation.request.as_ref()).map(|request| request.frame);
            let goes_on = chain.is_some() && chain == compound;
            compound = chain;
            table.row(operation_row(&operation, start, args.brief, goes_on))?;
        } else if filter.is_past(&operation, start) {
            break;
        }
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
            let odd: Vec<_> = operation.anomalies.iter().map(crate::model::Anomaly::name).collect();
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
fn fields(dataset: &Dataset, session: &SessionEntry, args: &SessionArgs, filter: &Filter) -> Result<(), Failure> {
    let mut columns: Vec<&store::Column> = Vec::new();
    for field in &args.fields {
        let Some(column) = store::column(field) else {
            let failure = Failure::message(ExitStatus::Usage, format!("the dataset has no column {field:?}"));
            let names: Vec<_> = COLUMNS.iter().map(|column| column.name).collect();
            return Err(failure.remedy(format!("there are {}", names.join(", "))));
        };
        columns.push(column);
    }
    if columns.is_empty() {
        columns = COLUMNS.iter().filter(|column| column.kind != store::Kind::Binary).collect();
    }
    let with_pdus = columns.iter().any(|column| column.kind == store::Kind::Binary);
    let projection = if with_pdus { Projection::Everything } else { Projection::WithoutPdus };
    let mut table =
        Output::paged(!args.no_pager).table(args.format, columns.iter().map(|c| Column::text(c.name)).collect());
    let (mut first, mut waiting): (Option<Timestamp>, _) = (None, Vec::new());
    for operation in dataset.operations(session, projection)? {
        let operation = operation?;
        first = first.or(operation.first_time());
        let start = first.unwrap_or_default();
        if filter.takes(&operation, start) {
            waiting.push(operation);
        } else if filter.is_past(&operation, start) {
            break;
        }
        if waiting.len() == ROWS || with_pdus {
            print_rows(dataset, session, &columns, &mut waiting, &mut table)?;
        }
    }
    print_rows(dataset, session, &columns, &mut waiting, &mut table)?;
    table.finish()?;
    Ok(())
}

fn print_rows(
    dataset: &Dataset,
    session: &SessionEntry,
    columns: &[&store::Column],
    operations: &mut Vec<Operation>,
    table: &mut TableWriter,
) -> Result<(), Failure> {
    let fail = |source| StoreError::Arrow { path: dataset.file(session), source };
    for values in rows_of(operations, columns).map_err(fail)? {
        table.row(values.into_iter().map(Cell::new).collect())?;
    }
    operations.clear();
    Ok(())
}
