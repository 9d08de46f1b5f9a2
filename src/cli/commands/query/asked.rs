//! A query, its rows, and where they go.

use std::io::Read;
use std::path::Path;

use crate::app::{NamedDataset, choose_run, files_of_dataset, listed_runs};
use crate::cli::args::{QueryArgs, QueryFormat};
use crate::cli::config::Config;
use crate::cli::datasets::captures;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Format, Output};
use crate::cli::replacing::ReplacingFile;
use crate::cli::terminal::Terminal;
use crate::query::{QueryEngine, QueryError, QuerySource, Rows, is_number, rows_of_batch, write_parquet};
use crate::store::RUN_RESULTS;
use serde_json::Value;

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        let status = if error.is_usage() { ExitStatus::Usage } else { ExitStatus::Unreadable };
        let remedy = match &error {
            QueryError::Memory { .. } => Some("give it more with --memory MIB, or ask for less"),
            QueryError::Stalled { .. } => Some("ask again; with more --memory it needs fewer temporary files"),
            _ => None,
        };
        let failure = Self::new(status, error);
        match remedy {
            Some(remedy) => failure.remedy(remedy),
            None => failure,
        }
    }
}

/// Runs it.
pub(super) fn run(args: &QueryArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let format = format_of(args)?;
    let sql = sql(args)?;
    let terminal = Terminal::default();
    let chosen = captures(config, &args.captures)?.open(&terminal)?;
    let several = chosen.len() > 1;
    let sources = chosen
        .into_iter()
        .map(|one| source(one, args.run.as_deref(), several, &terminal))
        .collect::<Result<_, _>>()?;
    let rows = QueryEngine::new(sources, files_of_dataset, args.memory as usize).run(&sql)?;
    let text_format = match format {
        QueryFormat::Table => Format::Table,
        QueryFormat::Json => Format::Json,
        QueryFormat::Ndjson => Format::Ndjson,
        QueryFormat::Csv => Format::Csv,
        QueryFormat::Parquet => {
            let out = args.out.as_deref().unwrap_or(Path::new(""));
            let place = ReplacingFile::create(out)?;
            write_parquet(rows, place.file()?)?;
            place.finish()?;
            return Ok(ExitStatus::Done);
        }
    };
    match &args.out {
        None => print(rows, text_format, Output::paged(text_format == Format::Table && !args.no_pager))?,
        Some(out) => {
            let place = ReplacingFile::create(out)?;
            print(rows, text_format, Output::to(place.file()?))?;
            place.finish()?;
        }
    }
    Ok(ExitStatus::Done)
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

/// A capture with its runs, or with the one that was named.
fn source(
    chosen: NamedDataset,
    run: Option<&str>,
    several: bool,
    terminal: &Terminal,
) -> Result<QuerySource, Failure> {
    let NamedDataset { capture, dataset } = chosen;
    let place = dataset.place().clone();
    let runs = match run {
        Some(run) => {
            if several && Path::new(run).join(RUN_RESULTS).exists() {
                let text = "--run is a folder, and several captures were chosen";
                return Err(Failure::message(ExitStatus::Usage, text).remedy("name the capture that it belongs to"));
            }
            let folder = choose_run(run, || Ok(place))?;
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            vec![(name, folder.join(RUN_RESULTS))]
        }
        None => {
            let folder = place.replays_folder();
            let file = |name: String| (name.clone(), folder.join(name).join(RUN_RESULTS));
            listed_runs(&place, terminal)?.into_iter().map(|run| file(run.name)).collect()
        }
    };
    Ok(QuerySource { capture, dataset, runs })
}

fn print(rows: Rows, format: Format, output: Output) -> Result<(), Failure> {
    let schema = rows.schema();
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
fn print_plan(rows: Rows, mut output: Output) -> Result<(), Failure> {
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
