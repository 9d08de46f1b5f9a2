//! Operations that ended long after they began (CHANGE_NOTIFY does) are missing from their place in the file; here they are
//! put in, and the rows numbered anew.

use std::path::Path;

use super::error::StoreError;
use super::reader::{OperationReader, Projection};
use super::row_group::RowGroupEncoder;
use super::session_file::SessionFile;
use crate::model::{MessageId, Operation};

/// Rows of a row group of a merged file.
const ROWS: usize = 16_384;
/// Bytes of a row group of a merged file.
const BYTES: usize = 8 << 20;

/// Where an operation belongs: requests by their frame, several in a frame by their message id.
fn order(operation: &Operation) -> (u64, Option<u16>, MessageId) {
    let frame = operation.parts().next().map_or(0, |part| part.frame);
    (frame, operation.compound_index, operation.message_id)
}

/// Reads a file, puts the late rows in, and writes another.
pub(super) fn merge(
    from: &Path,
    mut late: Vec<Operation>,
    to: &Path,
    encoder: &RowGroupEncoder,
    footer: &[(String, String)],
) -> Result<(), StoreError> {
    late.sort_by_key(order);
    let mut file = SessionFile::create(to.to_owned(), encoder)?;
    let mut late = late.into_iter().peekable();
    let mut run = Run { rows: Vec::new(), bytes: 0, next: 0 };
    for row in OperationReader::open(from, Projection::Everything)? {
        let row = row?;
        while late.peek().is_some_and(|late| order(late) < order(&row)) {
            if let Some(late) = late.next() {
                run.push(late, &mut file, encoder)?;
            }
        }
        run.push(row, &mut file, encoder)?;
    }
    for late in late {
        run.push(late, &mut file, encoder)?;
    }
    run.flush(&mut file, encoder)?;
    file.finish(footer)
}

struct Run {
    rows: Vec<Operation>,
    bytes: usize,
    /// The number of the next row.
    next: u32,
}

impl Run {
    fn push(
        &mut self,
        mut row: Operation,
        file: &mut SessionFile,
        encoder: &RowGroupEncoder,
    ) -> Result<(), StoreError> {
        row.op_index = self.next;
        self.next += 1;
        self.bytes += row.memory();
        self.rows.push(row);
        if self.rows.len() >= ROWS || self.bytes >= BYTES {
            self.flush(file, encoder)?;
        }
        Ok(())
    }

    fn flush(&mut self, file: &mut SessionFile, encoder: &RowGroupEncoder) -> Result<(), StoreError> {
        if !self.rows.is_empty() {
            let group = encoder.encode(&self.rows);
            let path = file.path().to_owned();
            file.append(group.map_err(|source| StoreError::Parquet { path, source })?)?;
            self.rows.clear();
            self.bytes = 0;
        }
        Ok(())
    }
}
