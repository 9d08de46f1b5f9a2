//! Rows on stdout, as a table for people or as JSON, NDJSON or CSV for programs.

mod format;
mod table;

use std::io::{self, BufWriter, IsTerminal, Write};

pub use format::{Align, Cell, Column, Format};
pub use table::TableWriter;

use serde::Serialize;

use super::interrupt::leave_to_pager;
use crate::tools::Pager;

/// Stdout cannot be written. A closed pipe is one of these, and no failure: `head` has seen enough.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
pub struct OutputError(#[from] pub(super) io::Error);

impl From<serde_json::Error> for OutputError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.into())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stdout.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }
}

/// Stdout, buffered.
pub struct Output {
    stdout: BufWriter<Box<dyn Write>>,
}

impl Output {
    /// Locks stdout.
    pub fn stdout() -> Self {
        Self { stdout: BufWriter::new(Box::new(io::stdout().lock())) }
    }

    /// A file in stdout's stead.
    pub fn to(file: std::fs::File) -> Self {
        Self { stdout: BufWriter::new(Box::new(file)) }
    }

    /// Stdout by way of the user's pager, if it is a terminal and `paged` says so.
    pub fn paged(paged: bool) -> Self {
        let pager = if paged && io::stdout().is_terminal() { Pager::start() } else { None };
        let Some(pager) = pager else { return Self::stdout() };
        leave_to_pager();
        Self { stdout: BufWriter::new(Box::new(pager)) }
    }

    /// Writes a line.
    pub fn line(&mut self, text: &str) -> Result<(), OutputError> {
        writeln!(self.stdout, "{text}").map_err(OutputError)
    }

    /// Writes a value as JSON for people's eyes too: over several lines.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), OutputError> {
        self.line(&serde_json::to_string_pretty(value)?)
    }

    /// Writes values as NDJSON: one a line.
    pub fn json_lines(&mut self, values: &[impl Serialize]) -> Result<(), OutputError> {
        values.iter().try_for_each(|value| self.line(&serde_json::to_string(value)?))
    }

    /// Writes bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        self.stdout.write_all(bytes).map_err(OutputError)
    }

    /// Writes what is still in the buffer.
    pub fn flush(&mut self) -> Result<(), OutputError> {
        self.stdout.flush().map_err(OutputError)
    }

    /// Begins a table.
    pub fn table(self, format: Format, columns: Vec<Column>) -> TableWriter {
        TableWriter::new(self, format, columns)
    }
}
