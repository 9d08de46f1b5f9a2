//! All captures in one table: CSV and Parquet.

use std::io::{self, Write};

use super::output::{ExportTo, to_file};
use super::{Export, ExportError};
use crate::model::Operation;
use crate::report::plain_text;
use crate::store::{CAPTURE_COLUMN, FlatFile, Projection, flat_columns, rows_of};

/// Operations that are turned to columns at once.
const BATCH: usize = 1024;

impl Export<'_> {
    pub(super) fn csv(&self, out: &mut dyn Write) -> Result<(), ExportError> {
        let columns: Vec<_> = flat_columns().collect();
        let names = columns.iter().copied().chain([&CAPTURE_COLUMN]).map(|column| column.name);
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(names).map_err(io::Error::from)?;
        self.in_batches(|capture, operations| {
            for row in rows_of(operations, &columns)? {
                let values = row.iter().map(plain_text).chain([capture.to_owned()]);
                writer.write_record(values).map_err(io::Error::from)?;
            }
            Ok(())
        })?;
        Ok(writer.flush()?)
    }

    pub(super) fn parquet(&self, to: ExportTo<'_>) -> Result<(), ExportError> {
        let ExportTo::Path(path) = to else { return Err(ExportError::NeedsFile) };
        to_file(&path, |file| {
            let mut flat = FlatFile::create(file)?;
            self.in_batches(|capture, operations| Ok(flat.push(capture, operations)?))?;
            Ok(flat.finish()?)
        })
    }

    /// Hands on runs of operations of a capture.
    fn in_batches(
        &self,
        mut take: impl FnMut(&str, &[Operation]) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let mut waiting: Vec<Operation> = Vec::with_capacity(BATCH);
        let mut of = String::new();
        self.each(Projection::WithoutPdus, |operation, origin| {
            if waiting.len() == BATCH || origin.capture != of {
                take(&of, &waiting)?;
                waiting.clear();
                origin.capture.clone_into(&mut of);
            }
            waiting.push(operation);
            Ok(())
        })?;
        take(&of, &waiting)
    }
}
