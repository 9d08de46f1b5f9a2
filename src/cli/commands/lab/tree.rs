//! An image as a tree on the terminal, or as rows for programs.

use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Format, Output};
use crate::cli::shown;
use crate::model::{Evidence, Image, ImageData, ImageEntry, ImageShare};

/// Prints the entries of an image, streams behind their file, and what must not exist.
pub(in crate::cli::commands) fn print_tree(image: &Image, format: Format) -> Result<(), Failure> {
    let columns = vec![
        Column::text("share"),
        Column::text("path"),
        Column::text("kind"),
        Column::number("size"),
        Column::number("known"),
        Column::text("attributes"),
        Column::text("seen"),
    ];
    let mut table = Output::stdout().table(format, columns);
    for share in &image.shares {
        for entry in &share.entries {
            table.row(entry_row(share, entry))?;
            for stream in &entry.streams {
                let path = format!("{}:{}", entry.path, stream.name);
                table.row(data_row(share, &path, "stream", Some(&stream.data), Cell::empty(), Cell::empty()))?;
            }
        }
        for path in &share.absent {
            let seen = Cell::new("must not exist");
            table.row(data_row(share, path, "absent", None, Cell::empty(), seen))?;
        }
    }
    table.finish()?;
    Ok(())
}

fn entry_row(share: &ImageShare, entry: &ImageEntry) -> Vec<Cell> {
    let attributes = entry.attributes.map_or(Cell::empty(), |attributes| Cell::new(format!("0x{attributes:08x}")));
    let seen = Cell::new(match entry.evidence {
        Evidence::Invented => "made up: the folder was not empty",
        Evidence::Implied => "implied",
        Evidence::Listed => "listed",
        Evidence::Opened => "opened",
    });
    match entry.directory {
        true => data_row(share, &entry.path, "folder", None, attributes, seen),
        false => data_row(share, &entry.path, "file", Some(&entry.data), attributes, seen),
    }
}

/// The path is indented for people: what lies in a folder stands below it.
fn data_row(
    share: &ImageShare,
    path: &str,
    kind: &str,
    data: Option<&ImageData>,
    attributes: Cell,
    seen: Cell,
) -> Vec<Cell> {
    let (folder, name) = path.rsplit_once('\\').unwrap_or(("", path));
    let depth = if folder.is_empty() { 0 } else { folder.split('\\').count() };
    // No-break spaces: the table would take plain ones away at the beginning of a cell.
    let shown = if kind == "absent" { path.to_owned() } else { format!("{}{name}", "\u{a0}\u{a0}".repeat(depth)) };
    let number = |value: Option<u64>, exact: bool| match value {
        Some(value) if exact => Cell::new(value).shown(shown::count(value)),
        Some(value) => Cell::new(value).shown(format!("≥ {}", shown::count(value))),
        None => Cell::empty(),
    };
    vec![
        Cell::new(share.captured.as_str()).shown(share.name.as_str()),
        Cell::new(path).shown(shown),
        Cell::new(kind),
        number(data.map(|data| data.size), data.is_some_and(|data| data.size_known)),
        number(data.map(|data| data.known), true),
        attributes,
        seen,
    ]
}

/// An image in one line, and what the capture says against itself in further ones.
pub(in crate::cli::commands) fn summary(image: &Image) -> String {
    let totals = image.totals();
    let mut text = format!(
        "image: {}, {}, {}; {} known, {} filled; {} must not exist",
        shown::counted(totals.directories, "folder", "folders"),
        shown::counted(totals.files, "file", "files"),
        shown::counted(totals.streams, "stream", "streams"),
        shown::bytes(totals.known),
        shown::bytes(totals.filled),
        shown::counted(totals.absent, "name", "names"),
    );
    if image.contradictions_found > 0 {
        let by_others = image.contradictions.iter().filter(|contradiction| contradiction.by_others).count() as u64;
        let told = shown::counted(image.contradictions_found, "contradiction", "contradictions");
        text.push_str(&format!("\n{told} ({} bytes)", shown::count(totals.contradictory)));
        if by_others > 0 {
            text.push_str(&format!(", {} by sessions that are not replayed", shown::count(by_others)));
        }
        for contradiction in image.contradictions.iter().take(10) {
            let path = contradiction.path.escape_debug();
            text.push_str(&format!("\n  frame {}: {path} {}", contradiction.frame, contradiction.kind.text()));
        }
    }
    text
}
