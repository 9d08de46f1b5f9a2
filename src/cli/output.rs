//! Rows on stdout, as a table for people or as JSON, NDJSON or CSV for programs.

mod format;
mod table;

use std::io::{self, BufWriter, StdoutLock, Write};

pub use format::{Align, Cell, Column, Format};
pub use table::TableWriter;

/// Stdout cannot be written. A closed pipe is one of these, and no failure: `head` has seen enough.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
pub struct OutputError(#[from] pub(super) io::Error);

/// Stdout, buffered.
pub struct Output {
    stdout: BufWriter<StdoutLock<'static>>,
}

impl Output {
    /// Locks stdout.
    pub fn stdout() -> Self {
        Self { stdout: BufWriter::new(io::stdout().lock()) }
    }

    /// Writes a line.
    pub fn line(&mut self, text: &str) -> Result<(), OutputError> {
        writeln!(self.stdout, "{text}").map_err(OutputError)
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
