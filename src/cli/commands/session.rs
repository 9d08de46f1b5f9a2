//! `smbreplay session`: the sessions of a capture, and the operations of one.

use anstyle::AnsiColor;
use globset::GlobMatcher;
use serde_json::Value;

use crate::cli::args::SessionArgs;
use crate::cli::config::Config;
use crate::cli::datasets::{choose_session, open};
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::filter;
use crate::cli::output::{Cell, Column, Format, Output};
use crate::cli::shown;
use crate::model::{Command, Operation, SessionEntry, Timestamp};
use crate::store::{self, COLUMNS, Dataset, Projection, StoreError, values_of};

/// Runs it.
pub fn run(args: &SessionArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let dataset = open(config, &args.trace)?;
    if args.list {
        list(&dataset, args.format)?;
    } else {
        let session = choose_session(&dataset, config, args.session.as_deref())?;
        operations(&dataset, session, args)?;
    }
    Ok(ExitStatus::Done)
}

/// The sessions: a table for people; for programs the objects of the metadata, which hold more.
fn list(dataset: &Dataset, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json | Format::Ndjson => {
            let mut output = Output::stdout();
            let fail = |source| StoreError::Manifest { path: dataset.place().manifest_path(), source };
            if format == Format::Json {
                output.line(&serde_json::to_string_pretty(dataset.sessions()).map_err(fail)?)?;
            } else {
                for session in dataset.sessions() {
                    output.line(&serde_json::to_string(session).map_err(fail)?)?;
                }
            }
            output.flush()?;
        }
        Format::Table | Format::Csv => {
            let columns = vec![
                Column::number("no"),
                Column::text("session"),
                Column::text("client"),
                Column::text("server"),
                Column::text("dialect"),
                Column::text("user"),
                Column::text("shares"),
                Column::number("operations"),
                Column::number("errors"),
                Column::number("read"),
                Column::number("written"),
                Column::text("notes"),
            ];
            let mut table = Output::stdout().table(format, columns);
            for (i, session) in dataset.sessions().iter().enumerate() {
                table.row(session_row(i + 1, session))?;
            }
            table.finish()?;
        }
    }
    Ok(())
}

fn session_row(number: usize, session: &SessionEntry) -> Vec<Cell> {
    let errors: u64 = session.errors.values().sum();
    let user = match (&session.login.user, &session.login.domain) {
        (Some(user), Some(domain)) if !domain.is_empty() => Cell::new(format!("{domain}\\{user}")),
        (Some(user), _) => Cell::new(user.clone()),
        (None, _) => Cell::empty().shown("-"),
    };
    let mut notes = Vec::new();
    if session.encryption {
        notes.push("sealed".to_owned());
    } else if session.signing {
        notes.push("signed".to_owned());
    }
    if session.login.guest {
        notes.push("guest".to_owned());
    }
    if session.login.anonymous {
        notes.push("anonymous".to_owned());
    }
    if session.undecrypted > 0 {
        notes.push(format!("{} closed", session.undecrypted));
    }
    if session.unpaired > 0 {
        notes.push(format!("{} unpaired", session.unpaired));
    }
    if session.tcp_streams.len() > 1 {
        notes.push(format!("{} connections", session.tcp_streams.len()));
    }
    let shares: Vec<_> = session.shares.iter().map(|share| crate::model::path::share_name(share)).collect();
    vec![
        Cell::new(number),
        Cell::new(session.id.clone()),
        Cell::new(session.client.clone()),
        Cell::new(session.server.clone()),
        session.dialect.map_or_else(|| Cell::empty().shown("-"), |dialect| Cell::new(dialect.to_string())),
        user,
        Cell::new(session.shares.join(" ")).shown(if shares.is_empty() { "-".to_owned() } else { shares.join(" ") }),
        Cell::new(session.operations).shown(shown::count(session.operations)),
        match errors {
            0 => Cell::new(0),
            errors => Cell::new(errors).color(AnsiColor::Yellow),
        },
        Cell::new(session.bytes_read).shown(shown::bytes(session.bytes_read)),
        Cell::new(session.bytes_written).shown(shown::bytes(session.bytes_written)),
        Cell::new(notes.join(", ")),
    ]
}

/// Which operations are shown.
struct Filter {
    paths: Option<GlobMatcher>,
    commands: Vec<Command>,
    errors: bool,
}

impl Filter {
    fn new(args: &SessionArgs) -> Result<Self, Failure> {
        Ok(Self {
            paths: args.file_filter.as_deref().map(|glob| filter::paths("--file-filter", glob)).transpose()?,
            commands: filter::commands(&args.command)?,
            errors: args.errors,
        })
    }

    fn takes(&self, operation: &Operation) -> bool {
        let path_fits = |glob: &GlobMatcher| {
            let paths = [&operation.path, &operation.new_path];
            paths.into_iter().flatten().any(|path| glob.is_match(path.replace('\\', "/")))
        };
        (self.commands.is_empty() || self.commands.contains(&operation.command))
            && (!self.errors || operation.status.is_some_and(crate::model::NtStatus::is_error))
            && self.paths.as_ref().is_none_or(path_fits)
    }
}

fn operations(dataset: &Dataset, session: &SessionEntry, args: &SessionArgs) -> Result<(), Failure> {
    let filter = Filter::new(args)?;
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
    let mut table = Output::stdout().table(args.format, columns);
    let mut first = None;
    for operation in dataset.operations(session, Projection::WithoutPdus)? {
        let operation = operation?;
        let time = operation.first_time();
        let start = *first.get_or_insert(time.unwrap_or_default());
        if filter.takes(&operation) {
            table.row(operation_row(&operation, start, args.brief))?;
        }
    }
    table.finish()?;
    Ok(())
}

fn operation_row(operation: &Operation, start: Timestamp, brief: bool) -> Vec<Cell> {
    let frame = operation.parts().next().map(|part| part.frame);
    let mut row = vec![frame.map_or_else(Cell::empty, Cell::new)];
    if !brief {
        let time = operation.first_time().unwrap_or_default();
        let seconds = time.since(start) as f64 / 1e9;
        row.push(Cell::new(time.to_string()).shown(format!("{seconds:.6}")));
        row.push(match operation.latency_ns() {
            Some(latency) => Cell::new(latency).shown(shown::nanoseconds(latency)),
            None => Cell::empty().shown("-"),
        });
    }
    // A chain shows as what it is: one request, several lines.
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
        (Some(""), ..) => "\\".to_owned(),
        (Some(path), ..) => path.to_owned(),
        (None, Some(new), _) => format!("? -> {new}"),
        (None, None, _) => String::new(),
    };
    let detail = match (&operation.facts.ctl_code, &operation.facts.pattern) {
        (Some(code), _) => format!(" [{code}]"),
        (_, Some(pattern)) => format!(" [{pattern}]"),
        _ => String::new(),
    };
    Cell::new(value).shown(format!("{text}{detail}").trim().to_owned())
}

/// Columns of the dataset by name, as it has them; all but the PDUs when none is named.
fn fields(dataset: &Dataset, session: &SessionEntry, args: &SessionArgs, filter: &Filter) -> Result<(), Failure> {
    let mut columns = Vec::new();
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
    let mut table = Output::stdout().table(args.format, columns.iter().map(|c| Column::text(c.name)).collect());
    for operation in dataset.operations(session, projection)? {
        let operation = operation?;
        if filter.takes(&operation) {
            let path = dataset.place().sessions_folder().join(&session.file);
            let values = values_of(&operation, &columns).map_err(|source| StoreError::Arrow { path, source })?;
            table.row(values.into_iter().map(Cell::new).collect())?;
        }
    }
    table.finish()?;
    Ok(())
}
