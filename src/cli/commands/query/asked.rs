//! A query, its rows, and where they go.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use arrow_array::RecordBatch;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::app::{self, AtomicFile, QueryError, QueryRequest, QueryRows, SqlError, is_number, rows_of_batch};
use crate::cli::args::{QueryArgs, QueryFormat};
use crate::cli::config::Config;
use crate::cli::datasets::captures;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Format, Output};
use crate::cli::terminal::Terminal;

/// What the threads of a query get to end what they are at.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// Runs it.
pub(super) fn run(args: &QueryArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let format = format_of(args)?;
    let request = QueryRequest {
        captures: captures(config, &args.captures)?,
        run: args.run.clone(),
        sql: sql(args)?,
        mebibytes: args.memory as usize,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| QueryError::from(SqlError::Start(error.to_string())))?;
    let result = ask(&runtime, &request, format, args);
    // A runtime that is dropped waits for its threads, for ever if one of them is stuck.
    runtime.shutdown_timeout(SHUTDOWN);
    result.map(|()| ExitStatus::Done)
}

fn ask(runtime: &Runtime, request: &QueryRequest, format: QueryFormat, args: &QueryArgs) -> Result<(), Failure> {
    let rows = runtime.block_on(app::query(request, &Terminal::default()))?;
    let text_format = match format {
        QueryFormat::Table => Format::Table,
        QueryFormat::Json => Format::Json,
        QueryFormat::Ndjson => Format::Ndjson,
        QueryFormat::Csv => Format::Csv,
        QueryFormat::Parquet => {
            let out = args.out.as_deref().unwrap_or(Path::new(""));
            runtime.block_on(rows.write_parquet(out))?;
            return Ok(());
        }
    };
    let batches = Batches { runtime, rows };
    match &args.out {
        None => print(batches, text_format, Output::paged(text_format == Format::Table && !args.no_pager)),
        Some(out) => to_file(out, |file| print(batches, text_format, Output::to(file))),
    }
}

/// The batches of a result for a thread that waits for them.
struct Batches<'a> {
    runtime: &'a Runtime,
    rows: QueryRows,
}

impl Iterator for Batches<'_> {
    type Item = Result<RecordBatch, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.runtime.block_on(self.rows.next())
    }
}

/// Writes a file whole.
fn to_file(path: &Path, write: impl FnOnce(File) -> Result<(), Failure>) -> Result<(), Failure> {
    let unwritable = |source| Failure::from(QueryError::Write { path: path.to_owned(), source });
    let place = AtomicFile::create(path).map_err(unwritable)?;
    write(place.file().map_err(unwritable)?)?;
    place.finish().map_err(unwritable)
}

fn format_of(args: &QueryArgs) -> Result<QueryFormat, Failure> {
    let usage = |text: &str| Failure::message(ExitStatus::Usage, text.to_owned());
    let ending = args.out.as_ref().and_then(|out| out.extension()).and_then(|ending| ending.to_str());
    match (args.format, ending) {
        (Some(QueryFormat::Parquet), _) if args.out.is_none() => {
            Err(usage("--format parquet needs a file").remedy("-o FILE names it"))
        }
        (Some(format), _) => Ok(format),
        (None, _) if args.out.is_none() => Ok(QueryFormat::Table),
        (None, Some("parquet")) => Ok(QueryFormat::Parquet),
        (None, Some("csv")) => Ok(QueryFormat::Csv),
        (None, Some("json")) => Ok(QueryFormat::Json),
        (None, Some("ndjson" | "jsonl")) => Ok(QueryFormat::Ndjson),
        (None, Some("txt")) => Ok(QueryFormat::Table),
        (None, _) => Err(usage("the name of the file does not tell its format").remedy("--format says it")),
    }
}

fn sql(args: &QueryArgs) -> Result<String, Failure> {
    let sql = args.sql.clone().unwrap_or_default();
    if sql != "-" {
        return Ok(sql);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| {
        Failure::message(ExitStatus::Usage, format!("the query on standard input cannot be read: {error}"))
    })?;
    Ok(text)
}

fn print(rows: Batches<'_>, format: Format, output: Output) -> Result<(), Failure> {
    let schema = rows.rows.schema();
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    if format == Format::Table && names == ["plan_type", "plan"] {
        return print_plan(rows, output);
    }
    let column = |(at, field): (usize, &std::sync::Arc<arrow_schema::Field>)| {
        // Columns of two tables can be named alike; in JSON only one of them would be left.
        let before = names[..at].iter().filter(|name| *name == field.name()).count();
        let name = if before == 0 { field.name().clone() } else { format!("{}_{}", field.name(), before + 1) };
        if is_number(field.data_type()) { Column::number(name) } else { Column::text(name) }
    };
    let bytes: Vec<bool> = schema.fields().iter().map(|field| field.data_type().is_binary()).collect();
    let mut table = output.table(format, schema.fields().iter().enumerate().map(column).collect());
    for batch in rows {
        for row in rows_of_batch(&batch?) {
            table.row(row.into_iter().zip(&bytes).map(|(value, bytes)| cell(value, *bytes)).collect())?;
        }
    }
    table.finish()?;
    Ok(())
}

/// What EXPLAIN says: trees of many lines.
fn print_plan(rows: Batches<'_>, mut output: Output) -> Result<(), Failure> {
    for batch in rows {
        for row in rows_of_batch(&batch?) {
            row.iter().filter_map(Value::as_str).try_for_each(|text| output.line(text.trim_end()))?;
        }
    }
    output.flush()?;
    Ok(())
}

/// Digits of bytes that people are shown.
const SHOWN_DIGITS: usize = 32;

fn cell(value: Value, bytes: bool) -> Cell {
    match &value {
        Value::Null => Cell::empty().shown("-"),
        // All of it would fill screens; programs get it whole.
        Value::String(hex) if bytes && hex.len() > SHOWN_DIGITS => {
            let shown = format!("{}… ({} bytes)", hex.get(..SHOWN_DIGITS).unwrap_or(hex), hex.len() / 2);
            Cell::new(value).shown(shown)
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let shown = value.to_string();
            Cell::new(value).shown(shown)
        }
        Value::Number(number) if number.is_f64() => {
            let shown = number.as_f64().map_or_else(String::new, rounded);
            Cell::new(value).shown(shown)
        }
        _ => Cell::new(value),
    }
}

/// Averages and ratios to a thousandth, small ones to a millionth.
fn rounded(number: f64) -> String {
    if number.abs() >= 1.0 || number == 0.0 { format!("{number:.3}") } else { format!("{number:.6}") }
}
