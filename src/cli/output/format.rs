//! Formats, columns and cells.

use anstyle::AnsiColor;
use clap::ValueEnum;
use serde_json::Value;

use crate::report::plain_text;

/// How rows are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// One JSON array
    Json,
    /// One JSON object a line
    Ndjson,
    /// Comma-separated values with a header
    Csv,
}

/// How a column of a table is aligned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Align {
    /// Text.
    #[default]
    Left,
    /// Numbers.
    Right,
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name: the key in JSON, the header in CSV and table.
    pub name: String,
    /// Its alignment in a table.
    pub align: Align,
}

impl Column {
    /// A column of text.
    pub fn text(name: impl Into<String>) -> Self {
        Self { name: name.into(), align: Align::Left }
    }

    /// A column of numbers.
    pub fn number(name: impl Into<String>) -> Self {
        Self { name: name.into(), align: Align::Right }
    }
}

/// A value, which people may see otherwise than programs do: `1.2 ms` for 1200000.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The value for JSON and CSV.
    pub value: Value,
    /// What the table shows; the value itself when None.
    pub shown: Option<String>,
    /// Its colour in a table.
    pub color: Option<AnsiColor>,
}

impl Cell {
    /// A value.
    pub fn new(value: impl Into<Value>) -> Self {
        Self { value: value.into(), shown: None, color: None }
    }

    /// Nothing.
    pub fn empty() -> Self {
        Self::new(Value::Null)
    }

    /// What the table shows for it.
    #[must_use]
    pub fn shown(mut self, text: impl Into<String>) -> Self {
        self.shown = Some(text.into());
        self
    }

    /// Its colour in a table.
    #[must_use]
    pub fn color(mut self, color: AnsiColor) -> Self {
        self.color = Some(color);
        self
    }

    /// The text for CSV: strings as they are, nothing for null, lists joined by spaces.
    pub(super) fn plain(&self) -> String {
        plain_text(&self.value)
    }

    /// The text for a table, on one line and without control characters: names in a capture are anybody's.
    pub(super) fn table_text(&self) -> String {
        let text = self.shown.clone().unwrap_or_else(|| self.plain());
        text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
    }
}

impl<T: Into<Value>> From<T> for Cell {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}
