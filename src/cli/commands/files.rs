//! `smbreplay files`: the files that were touched, and what happened to them.

use crate::app::{self, FileActivity, FilesRequest, Point};
use crate::cli::args::FilesArgs;
use crate::cli::config::Config;
use crate::cli::datasets::trace;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::filter::path;
use crate::cli::output::{Cell, Column, Format, Output};
use crate::cli::shown;
use crate::cli::terminal::Terminal;
use crate::model::{self, Timestamp};

/// Runs it.
pub fn run(args: &FilesArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let request = FilesRequest {
        trace: trace(config, &args.listing.trace)?,
        session: args.session.clone(),
        path: path(args.listing.path.as_deref())?,
    };
    let listed = app::files(&request, &Terminal::default())?;
    let mut output = Output::paged(!args.listing.no_pager);
    match args.listing.format {
        Format::Json => output.json(&listed.files)?,
        Format::Ndjson => output.json_lines(&listed.files)?,
        format @ (Format::Table | Format::Csv) => {
            let columns = vec![
                Column::text("share"),
                Column::text("name"),
                Column::number("opens"),
                Column::number("failed"),
                Column::number("reads"),
                Column::number("read"),
                Column::number("writes"),
                Column::number("written"),
                Column::number("size"),
                Column::number("first"),
                Column::number("last"),
                Column::text("users"),
                Column::text("what"),
            ];
            let mut table = output.table(format, columns);
            for file in &listed.files {
                table.row(row(file, listed.beginning))?;
            }
            output = table.finish()?;
        }
    }
    output.flush()?;
    Ok(ExitStatus::Done)
}

fn row(file: &FileActivity, start: Timestamp) -> Vec<Cell> {
    let at = |point: Option<Point>| match point {
        Some(point) => Cell::new(point.time.to_string()).shown(shown::seconds(point.time.since(start))),
        None => Cell::empty().shown("-"),
    };
    let share = file.share.as_deref().unwrap_or_default();
    vec![
        Cell::new(share).shown(model::path::share_name(share)),
        shown::path(file.path.as_deref(), file.directory),
        file.opens.into(),
        file.failed_opens.into(),
        file.reads.into(),
        Cell::new(file.bytes_read).shown(shown::bytes(file.bytes_read)),
        file.writes.into(),
        Cell::new(file.bytes_written).shown(shown::bytes(file.bytes_written)),
        file.size.map_or_else(Cell::empty, |size| Cell::new(size).shown(shown::bytes(size))),
        at(file.first),
        at(file.last),
        file.users.clone().into(),
        what(file).into(),
    ]
}

fn what(file: &FileActivity) -> String {
    let mut what = Vec::new();
    let mut add = |text: &str, at: Option<Point>| {
        what.extend(at.map(|at| format!("{text} (frame {})", at.frame)));
    };
    add("created", file.created);
    add("overwritten", file.overwritten);
    add("deleted", file.deleted);
    what.extend(file.renamed_from.iter().map(|path| format!("was {path}")));
    what.extend(file.renamed_to.iter().map(|path| format!("renamed to {path}")));
    what.extend(file.failures.iter().map(|status| status.trim_start_matches("STATUS_").to_owned()));
    what.join(", ")
}
