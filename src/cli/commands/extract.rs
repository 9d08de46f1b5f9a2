//! `smbreplay extract`: the contents of files, put together from READs and WRITEs.

use std::ops::Range;

use anstyle::AnsiColor;
use serde_json::{Value, json};

use crate::app::{self, ExtractRequest, ExtractedFile};
use crate::cli::args::ExtractArgs;
use crate::cli::config::Config;
use crate::cli::datasets::trace;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::filter;
use crate::cli::output::{Cell, Column, Format, Output};
use crate::cli::shown;
use crate::cli::terminal::Terminal;
use crate::model::path;

/// Gaps that the table shows of a file.
const SHOWN_GAPS: usize = 3;

/// Runs it.
pub fn run(args: &ExtractArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let request = ExtractRequest {
        trace: trace(config, &args.listing.trace)?,
        session: args.session.clone(),
        path: filter::path(args.listing.path.as_deref())?,
        to: args.to.clone(),
    };
    let files = app::extract(&request, &Terminal::default())?;
    print(&files, args.listing.format, args.listing.no_pager)?;
    Ok(ExitStatus::Done)
}

fn print(files: &[ExtractedFile], format: Format, no_pager: bool) -> Result<(), Failure> {
    let columns = vec![
        Column::text("share"),
        Column::text("name"),
        Column::number("version"),
        Column::number("size"),
        Column::number("known"),
        Column::text("gaps"),
        Column::text("sha256"),
        Column::text("file"),
    ];
    let mut table = Output::paged(!no_pager).table(format, columns);
    for file in files {
        let gaps = &file.gaps;
        let whole = gaps.is_empty();
        let ranges: Vec<Value> = gaps.iter().map(|gap| json!({ "from": gap.start, "to": gap.end })).collect();
        let gaps_cell = match format {
            Format::Csv => Cell::new(gaps_text(gaps, usize::MAX)),
            _ => Cell::new(ranges).shown(gaps_text(gaps, SHOWN_GAPS)).color(AnsiColor::Yellow),
        };
        table.row(vec![
            Cell::new(file.share.clone()).shown(path::share_name(&file.share)),
            Cell::new(file.path.clone()),
            file.version.into(),
            Cell::new(file.length).shown(shown::bytes(file.length)),
            Cell::new(file.known).shown(if whole { "all".to_owned() } else { shown::bytes(file.known) }),
            gaps_cell,
            // Of a file with gaps it is that of the zeros in them too: no use to compare, but to see whether it changed.
            Cell::new(file.sha256.clone()).shown(file.sha256.get(..12).unwrap_or(&file.sha256)),
            file.place.clone().into(),
        ])?;
    }
    table.finish()?;
    Ok(())
}

/// Byte ranges, the end not included.
fn gaps_text(gaps: &[Range<u64>], most: usize) -> String {
    let mut texts: Vec<_> = gaps.iter().take(most).map(|gap| format!("{}-{}", gap.start, gap.end)).collect();
    if gaps.len() > most {
        texts.push(format!("… {} more", gaps.len() - most));
    }
    texts.join(" ")
}
