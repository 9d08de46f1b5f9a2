//! `smbreplay extract`: the contents of files, put together from READs and WRITEs.

mod folder;

use std::io;
use std::iter::Peekable;
use std::ops::Range;

use anstyle::AnsiColor;
use serde_json::{Value, json};

use self::folder::Folder;
use crate::analyse::{ContentStep, Contents, FileVersion};
use crate::app::chosen_sessions;
use crate::cli::args::ExtractArgs;
use crate::cli::config::Config;
use crate::cli::datasets::open;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Format, Output};
use crate::cli::path_filter::PathFilter;
use crate::cli::shown;
use crate::model::{Operation, SessionEntry};
use crate::store::{Dataset, OperationReader, Projection, StoreError};

/// Gaps that the table shows of a file.
const SHOWN_GAPS: usize = 3;
/// Sessions whose operations are read together, in the order of time.
const SESSIONS_AT_ONCE: usize = 64;

/// Runs it.
pub fn run(args: &ExtractArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let dataset = open(config, &args.listing.trace)?;
    let sessions = chosen_sessions(&dataset, args.session.as_deref())?;
    let paths = PathFilter::new(args.listing.path.as_ref())?;
    let fail =
        |source: io::Error| Failure::message(ExitStatus::Unreadable, format!("{}: {source}", args.to.display()));
    let refuse = |source: io::Error| {
        Failure::message(ExitStatus::Usage, format!("--to {}: {source}", args.to.display()))
            .remedy("name a folder that is not there yet, or is empty")
    };
    let mut folder = Folder::new(&args.to).map_err(refuse)?;
    let mut contents = Contents::default();
    // Of very many sessions some at a time, as each takes memory and a file handle.
    for sessions in sessions.chunks(SESSIONS_AT_ONCE) {
        for operation in in_time(&dataset, sessions)? {
            add(&operation?, &paths, &mut contents, &mut folder).map_err(fail)?;
        }
    }
    let mut rows = Vec::new();
    for (number, version) in contents.versions().iter().enumerate() {
        folder.resize(number, version.length).map_err(fail)?;
        rows.push((version, folder.sha256(number).map_err(fail)?, folder.place(number)));
    }
    print(&rows, args.listing.format, args.listing.no_pager)?;
    Ok(ExitStatus::Done)
}

fn add(operation: &Operation, paths: &PathFilter, contents: &mut Contents, folder: &mut Folder) -> io::Result<()> {
    let named = [&operation.path, &operation.new_path].into_iter().flatten();
    if !paths.takes(named.map(|path| &**path)) {
        return Ok(());
    }
    let [share, path] = [&operation.share, &operation.path].map(|name| name.as_deref().unwrap_or_default());
    contents.add(operation, |step| match step {
        ContentStep::Begin { number, copy_of, .. } => folder.begin(share, path, number, copy_of),
        ContentStep::Put { version, offset, data } => folder.put(version, offset, data),
        ContentStep::Resize { version, length } => folder.resize(version, length),
    })
}

/// The operations of several sessions in the order of their requests: who writes and who reads need not be the same.
fn in_time<'a>(
    dataset: &'a Dataset,
    sessions: &[&'a SessionEntry],
) -> Result<impl Iterator<Item = Result<Operation, StoreError>> + use<'a>, Failure> {
    let mut readers = Vec::new();
    for session in sessions {
        readers.push(dataset.operations(session, Projection::Everything)?.peekable());
    }
    let frame_of = |operation: &Result<Operation, StoreError>| match operation {
        Ok(operation) => operation.parts().next().map_or(0, |part| part.frame),
        Err(_) => 0,
    };
    Ok(std::iter::from_fn(move || {
        let next =
            |(number, reader): (usize, &mut Peekable<OperationReader>)| Some((frame_of(reader.peek()?), number));
        let (_, number) = readers.iter_mut().enumerate().filter_map(next).min()?;
        readers.get_mut(number)?.next()
    }))
}

fn print(rows: &[(&FileVersion, String, String)], format: Format, no_pager: bool) -> Result<(), Failure> {
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
    for (version, sha256, place) in rows {
        let gaps = version.gaps();
        let whole = gaps.is_empty();
        let ranges: Vec<Value> = gaps.iter().map(|gap| json!({ "from": gap.start, "to": gap.end })).collect();
        let gaps_cell = match format {
            Format::Csv => Cell::new(gaps_text(&gaps, usize::MAX)),
            _ => Cell::new(ranges).shown(gaps_text(&gaps, SHOWN_GAPS)).color(AnsiColor::Yellow),
        };
        table.row(vec![
            Cell::new(version.share.clone()).shown(crate::model::path::share_name(&version.share)),
            Cell::new(version.path.clone()),
            version.number.into(),
            Cell::new(version.length).shown(shown::bytes(version.length)),
            Cell::new(version.known.bytes()).shown(if whole {
                "all".to_owned()
            } else {
                shown::bytes(version.known.bytes())
            }),
            gaps_cell,
            // Of a file with gaps it is that of the zeros in them too: no use to compare, but to see whether it changed.
            Cell::new(sha256.clone()).shown(sha256.get(..12).unwrap_or(sha256)),
            place.clone().into(),
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
