//! `smbreplay opens`: what was opened, by whom, for how long.

use crate::app::{self, FileFate, Open, OpenEnd, OpensRequest, Point};
use crate::cli::args::OpensArgs;
use crate::cli::config::Config;
use crate::cli::datasets::trace;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::filter;
use crate::cli::output::{Cell, Column, Format, Output};
use crate::cli::shown;
use crate::cli::terminal::Terminal;
use crate::model::{Timestamp, path};

/// Runs it.
pub fn run(args: &OpensArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let request = OpensRequest {
        trace: trace(config, &args.listing.trace)?,
        session: args.session.clone(),
        at: args.at,
        path: filter::path(args.listing.path.as_deref())?,
    };
    let listed = app::opens(&request, &Terminal::default())?;
    print(&listed.opens, listed.beginning, args)?;
    Ok(ExitStatus::Done)
}

fn print(opens: &[Open], start: Timestamp, args: &OpensArgs) -> Result<(), Failure> {
    let mut output = Output::paged(!args.listing.no_pager);
    match args.listing.format {
        Format::Json => output.json(&opens)?,
        Format::Ndjson => output.json_lines(opens)?,
        format @ (Format::Table | Format::Csv) => {
            let columns = vec![
                Column::number("frame"),
                Column::number("opened"),
                Column::number("ended"),
                Column::text("how"),
                Column::text("user"),
                Column::text("share"),
                Column::text("name"),
                Column::text("access"),
                Column::text("sharing"),
                Column::text("caching"),
                Column::number("read"),
                Column::number("written"),
                Column::text("notes"),
                Column::text("id"),
            ];
            let mut table = output.table(format, columns);
            for open in opens {
                table.row(row(open, start))?;
            }
            table.finish()?;
            return Ok(());
        }
    }
    output.flush()?;
    Ok(())
}

fn row(open: &Open, start: Timestamp) -> Vec<Cell> {
    let at = |point: Option<Point>| match point {
        Some(point) => Cell::new(point.time.to_string()).shown(shown::seconds(point.time.since(start))),
        None => Cell::empty().shown("-"),
    };
    let letters = |mask: Option<u32>, of: fn(u32) -> String| mask.map_or_else(Cell::empty, |mask| of(mask).into());
    let share = open.share.as_deref().unwrap_or_default();
    vec![
        open.opened.map_or_else(|| Cell::empty().shown("-"), |point| point.frame.into()),
        at(open.opened),
        at(open.ended),
        end_name(open.end).into(),
        open.user.clone().into(),
        Cell::new(share).shown(path::share_name(share)),
        shown::path(open.path.as_deref(), open.directory),
        letters(open.desired_access, access),
        letters(open.share_access, sharing),
        caching(open).into(),
        Cell::new(open.bytes_read).shown(shown::bytes(open.bytes_read)),
        Cell::new(open.bytes_written).shown(shown::bytes(open.bytes_written)),
        notes(open).into(),
        Cell::new(open.file_id.to_string()).shown(short_id(&open.file_id.to_string())),
    ]
}

/// The volatile half tells opens apart, but servers differ in which half counts: the beginning of each is enough for people.
fn short_id(id: &str) -> String {
    format!("{}…{}", id.get(..8).unwrap_or(id), id.get(16..24).unwrap_or_default())
}

fn end_name(end: OpenEnd) -> &'static str {
    match end {
        OpenEnd::Closed => "closed",
        OpenEnd::TreeDisconnected => "tree disconnected",
        OpenEnd::LoggedOff => "logged off",
        OpenEnd::ConnectionEnded => "connection ended",
        OpenEnd::StillOpen => "still open",
    }
}

/// DesiredAccess in letters, [MS-SMB2] 2.2.13.1.
fn access(mask: u32) -> String {
    // Each with the rights that give it, generic ones among them.
    let rights = [('r', 0x9000_0021), ('w', 0x5000_0006), ('d', 0x1001_0000), ('m', 0x0200_0000)];
    letters(mask, &rights)
}

fn sharing(mask: u32) -> String {
    letters(mask, &[('r', 1), ('w', 2), ('d', 4)])
}

fn letters(mask: u32, rights: &[(char, u32)]) -> String {
    let letters: String = rights.iter().filter(|(_, bits)| mask & bits != 0).map(|(letter, _)| *letter).collect();
    if letters.is_empty() { "-".to_owned() } else { letters }
}

/// Oplock or lease.
fn caching(open: &Open) -> String {
    match (open.granted_oplock, open.lease_state_granted) {
        (Some(0xFF), Some(state)) => format!("lease {}", letters(state, &[('r', 1), ('h', 2), ('w', 4)])),
        (Some(9), _) => "batch".to_owned(),
        (Some(8), _) => "exclusive".to_owned(),
        (Some(1), _) => "level II".to_owned(),
        _ => String::new(),
    }
}

fn notes(open: &Open) -> String {
    let mut notes = Vec::new();
    match open.fate {
        Some(FileFate::Created) => notes.push("created".to_owned()),
        Some(FileFate::Overwritten) => notes.push("overwritten".to_owned()),
        None => {}
    }
    notes.extend(open.renamed_to.iter().map(|path| format!("renamed to {path}")));
    notes.extend(open.linked_to.iter().map(|path| format!("linked to {path}")));
    if open.delete_on_close {
        notes.push(if open.deletes() { "deleted" } else { "to be deleted" }.to_owned());
    }
    if open.breaks > 0 {
        notes.push(shown::counted(open.breaks, "break", "breaks"));
    }
    notes.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_is_told_in_letters() {
        assert_eq!([access(0x0012_0089), access(0x8000_0000), access(0x0013_019F)], ["r", "r", "rwd"]);
        assert_eq!([access(0x0200_0000), access(0x80), access(0x1000_0000)], ["m", "-", "rwd"]);
        assert_eq!([sharing(7), sharing(0)], ["rwd", "-"]);
    }
}
