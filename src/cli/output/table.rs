//! Prints rows one by one. JSON and CSV stream; a table is laid out over its first rows, and the later ones follow suit, so
//! that a million rows need no memory and `head` sees its first at once.

use anstyle::AnsiColor;
use comfy_table::{Attribute, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, Width, presets};
use serde_json::{Map, Value};

use super::{Align, Cell, Column, Format, Output, OutputError};

/// Rows that a table is laid out over.
const LAYOUT_ROWS: usize = 200;

/// Writes the rows of a table.
pub struct TableWriter {
    output: Output,
    format: Format,
    columns: Vec<Column>,
    rows: u64,
    /// Rows of a table that are still to be printed.
    waiting: Vec<Vec<Cell>>,
    /// Widths of the columns, from the first rows.
    widths: Option<Vec<u16>>,
    styled: bool,
}

impl TableWriter {
    pub(super) fn new(output: Output, format: Format, columns: Vec<Column>) -> Self {
        let choice = anstream::AutoStream::choice(&std::io::stdout());
        let styled = !matches!(choice, anstream::ColorChoice::Never);
        Self { output, format, columns, rows: 0, waiting: Vec::new(), widths: None, styled }
    }

    /// Adds a row with a cell for each column.
    pub fn row(&mut self, cells: Vec<Cell>) -> Result<(), OutputError> {
        debug_assert_eq!(cells.len(), self.columns.len());
        match self.format {
            Format::Table => {
                self.waiting.push(cells);
                if self.waiting.len() == LAYOUT_ROWS {
                    self.print_waiting()?;
                }
            }
            Format::Json => {
                let separator = if self.rows == 0 { "[\n  " } else { ",\n  " };
                self.output.bytes(separator.as_bytes())?;
                let object = self.object(cells);
                self.output.bytes(object.as_bytes())?;
            }
            Format::Ndjson => {
                let object = self.object(cells);
                self.output.line(&object)?;
            }
            Format::Csv => {
                if self.rows == 0 {
                    self.csv_header()?;
                }
                self.csv_line(cells.iter().map(Cell::plain))?;
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Prints what is left, and the frame of an empty result.
    pub fn finish(mut self) -> Result<Output, OutputError> {
        match self.format {
            Format::Table => self.print_waiting()?,
            Format::Json => self.output.bytes(if self.rows == 0 { b"[]\n" } else { b"\n]\n" })?,
            Format::Ndjson => {}
            Format::Csv if self.rows == 0 => self.csv_header()?,
            Format::Csv => {}
        }
        self.output.flush()?;
        Ok(self.output)
    }

    fn object(&self, cells: Vec<Cell>) -> String {
        let names = self.columns.iter().map(|column| column.name.clone());
        Value::Object(names.zip(cells.into_iter().map(|cell| cell.value)).collect::<Map<_, _>>()).to_string()
    }

    fn csv_header(&mut self) -> Result<(), OutputError> {
        let names: Vec<_> = self.columns.iter().map(|column| column.name.clone()).collect();
        self.csv_line(names.into_iter())
    }

    fn csv_line(&mut self, fields: impl Iterator<Item = String>) -> Result<(), OutputError> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let to_io = |error: csv::Error| OutputError(error.into());
        writer.write_record(fields).map_err(to_io)?;
        let line = writer.into_inner().map_err(|error| OutputError(std::io::Error::other(error.to_string())))?;
        self.output.bytes(&line)
    }

    /// Prints the rows that wait, with the header if they are the first.
    fn print_waiting(&mut self) -> Result<(), OutputError> {
        let rows = std::mem::take(&mut self.waiting);
        if self.widths.is_some() && rows.is_empty() {
            return Ok(());
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        if self.styled {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        // comfy-table knows the width of a terminal only on one, and forgets it when told that it is on none.
        if let Some(width) = terminal_width() {
            table.set_width(width);
        }
        if self.widths.is_none() {
            let header = self.columns.iter();
            table
                .set_header(header.map(|column| comfy_table::Cell::new(&column.name).add_attribute(Attribute::Bold)));
        }
        for row in &rows {
            table.add_row(row.iter().map(|cell| {
                let text = comfy_table::Cell::new(cell.table_text());
                match cell.color {
                    Some(color) => text.fg(table_color(color)),
                    None => text,
                }
            }));
        }
        for (i, column) in self.columns.iter().enumerate() {
            let Some(laid_out) = table.column_mut(i) else { continue };
            laid_out.set_padding((0, 2));
            if column.align == Align::Right {
                laid_out.set_cell_alignment(CellAlignment::Right);
            }
            if let Some(width) = self.widths.as_ref().and_then(|widths| widths.get(i)) {
                laid_out.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width + 2)));
            }
        }
        if self.widths.is_none() {
            self.widths = Some(table.column_max_content_widths());
        }
        for line in table.lines() {
            self.output.line(line.trim_end())?;
        }
        // What is printed should be seen, also when the next rows take their time.
        self.output.flush()
    }
}

/// The width of the terminal on stdout; None when it is none.
fn terminal_width() -> Option<u16> {
    let columns = Table::new();
    if columns.is_tty() { columns.width() } else { None }
}

fn table_color(color: AnsiColor) -> Color {
    match color {
        AnsiColor::Red | AnsiColor::BrightRed => Color::Red,
        AnsiColor::Green | AnsiColor::BrightGreen => Color::Green,
        AnsiColor::Yellow | AnsiColor::BrightYellow => Color::Yellow,
        AnsiColor::Blue | AnsiColor::BrightBlue => Color::Blue,
        AnsiColor::Magenta | AnsiColor::BrightMagenta => Color::Magenta,
        AnsiColor::Cyan | AnsiColor::BrightCyan => Color::Cyan,
        AnsiColor::Black | AnsiColor::BrightBlack => Color::DarkGrey,
        AnsiColor::White | AnsiColor::BrightWhite => Color::White,
    }
}
