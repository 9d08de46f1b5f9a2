//! Sessions and files as record batches. Both are small: what `session --list` and `files` hold, too.

use std::sync::Arc;

use datafusion::arrow::array::types::Int32Type;
use datafusion::arrow::array::{ArrayRef, DictionaryArray, RecordBatch, StringArray};
use datafusion::arrow::error::ArrowError;

use super::file_columns::file_arrays;
use super::tables::Table;
use crate::analyse::FileActivity;
use crate::model::SessionEntry;
use crate::store::session_arrays;

/// The rows of `sessions` for a capture.
pub(super) fn sessions(capture: &str, sessions: &[SessionEntry]) -> Result<RecordBatch, ArrowError> {
    let mut columns = session_arrays(sessions)?;
    columns.push(origin(capture, sessions.len())?);
    RecordBatch::try_new(Table::Sessions.schema(), columns)
}

/// The rows of `files` for a capture.
pub(super) fn files(capture: &str, files: &[FileActivity]) -> Result<RecordBatch, ArrowError> {
    let mut columns = file_arrays(files)?;
    columns.push(origin(capture, files.len())?);
    RecordBatch::try_new(Table::Files.schema(), columns)
}

fn origin(capture: &str, rows: usize) -> Result<ArrayRef, ArrowError> {
    let keys = std::iter::repeat_n(Some(0), rows).collect();
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(StringArray::from(vec![capture])))?))
}
