//! A session's file back to operations.

use std::fs::File;
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::draft::{Drafts, Texts};
use super::error::StoreError;
use super::narrowed::{at_frame, of_commands};
use super::operation_columns::{COLUMNS, OPERATION_COLUMNS};
use super::operation_draft::{Connections, Draft};
use super::schema::Kind;
use super::table::read_into;
use crate::model::{Command, Operation};

const BATCH: usize = 1024;

/// Which columns are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projection {
    /// All.
    Everything,
    /// All but the PDUs: what is shown and counted needs none of the bytes.
    WithoutPdus,
    /// As that, but operations of these commands have their PDUs: what only the bodies of a few messages tell.
    PdusOf(&'static [Command]),
}

/// Iterates over the operations of a file.
pub struct OperationReader {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    rows: std::vec::IntoIter<Operation>,
    connections: Connections,
    texts: Texts,
    /// The same file once more: the operations that come with their PDUs.
    with_pdus: Option<Peekable<Box<Self>>>,
}

impl OperationReader {
    /// Opens a file.
    pub fn open(path: &Path, projection: Projection) -> Result<Self, StoreError> {
        let mut reader = Self::of(path, projection, |builder| builder)?;
        if let Projection::PdusOf(commands) = projection {
            let wanted = Self::of(path, Projection::Everything, |builder| of_commands(builder, commands))?;
            reader.with_pdus = Some(Box::new(wanted).peekable());
        }
        Ok(reader)
    }

    /// The operations with a PDU that this frame completed, with everything: several when a compound travelled in it. Of
    /// row groups without any only the frame numbers are read.
    pub fn open_at_frame(path: &Path, frame: u64) -> Result<Self, StoreError> {
        Self::of(path, Projection::Everything, |builder| at_frame(builder, frame))
    }

    fn of(
        path: &Path,
        projection: Projection,
        narrow: impl FnOnce(ParquetRecordBatchReaderBuilder<File>) -> ParquetRecordBatchReaderBuilder<File>,
    ) -> Result<Self, StoreError> {
        let fail = |source| StoreError::Parquet { path: path.to_owned(), source };
        let file = File::open(path).map_err(|source| StoreError::Io { path: path.to_owned(), source })?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(fail)?;
        let wanted = COLUMNS
            .iter()
            .filter(|column| projection == Projection::Everything || column.kind != Kind::Binary)
            .map(|column| column.name);
        let mask = ProjectionMask::columns(builder.parquet_schema(), wanted);
        let builder = narrow(builder.with_projection(mask).with_batch_size(BATCH));
        Ok(Self {
            path: path.to_owned(),
            batches: builder.build().map_err(fail)?,
            rows: Vec::new().into_iter(),
            connections: Connections::default(),
            texts: Texts::default(),
            with_pdus: None,
        })
    }

    /// The same operation with its PDUs, if it is one of those that come with them.
    fn with_pdus(&mut self, operation: Operation) -> Result<Operation, StoreError> {
        let same = |other: &Result<Operation, StoreError>| match other {
            Ok(other) => other.op_index == operation.op_index,
            Err(_) => true,
        };
        match self.with_pdus.as_mut().and_then(|operations| operations.next_if(same)) {
            Some(with_pdus) => with_pdus,
            None => Ok(operation),
        }
    }

    fn decode(&mut self, batch: &RecordBatch) -> Result<Vec<Operation>, StoreError> {
        let mut drafts = Drafts::new(Draft::blank(), batch.num_rows(), &mut self.texts);
        read_into(&OPERATION_COLUMNS, batch, &mut drafts)
            .map_err(|column| StoreError::Column { path: self.path.clone(), column })?;
        Ok(drafts.rows.into_iter().map(|draft| draft.finish(&mut self.connections)).collect())
    }
}

impl Iterator for OperationReader {
    type Item = Result<Operation, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(operation) = self.rows.next() {
                return Some(self.with_pdus(operation));
            }
            let batch = match self.batches.next()? {
                Ok(batch) => batch,
                Err(source) => return Some(Err(StoreError::Arrow { path: self.path.clone(), source })),
            };
            match self.decode(&batch) {
                Ok(rows) => self.rows = rows.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
