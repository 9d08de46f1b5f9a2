//! The results of a replay to Parquet.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use super::error::StoreError;
use super::result_columns::{RESULTS_VERSION, results_schema, steps_to_batch};
use super::schema::name;
use crate::model::{ReplayedStep, RunEntry};

/// Steps that are turned to Arrow at once.
const BATCH: usize = 1024;
/// Steps of a row group, so that memory is bounded whatever the length of a run.
const ROW_GROUP: usize = 64 * 1024;

/// Keys of the footer.
pub(super) const VERSION_KEY: &str = "smbreplay.results_version";
pub(super) const RUN_KEY: &str = "smbreplay.run";

/// A `results.parquet` in the making.
pub struct ResultsFile {
    path: PathBuf,
    writer: ArrowWriter<File>,
    waiting: Vec<ReplayedStep>,
}

impl ResultsFile {
    /// Makes the file, with the run's entry in its footer.
    pub fn create(path: &Path, run: &RunEntry) -> Result<Self, StoreError> {
        let file = File::create(path).map_err(|source| StoreError::Io { path: path.to_owned(), source })?;
        let entry =
            serde_json::to_string(run).map_err(|source| StoreError::Manifest { path: path.to_owned(), source })?;
        let footer = vec![
            KeyValue::new(VERSION_KEY.to_owned(), RESULTS_VERSION.to_string()),
            KeyValue::new(RUN_KEY.to_owned(), entry),
        ];
        let mut properties = WriterProperties::builder()
            .set_created_by(concat!("smbreplay ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .set_key_value_metadata(Some(footer));
        for ascending in
            [name::STEP, name::OP_INDEX, name::FRAME, name::DUE_NS, name::READY_NS, name::SENT_NS, name::ANSWERED_NS]
        {
            let path = ColumnPath::from(ascending);
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
        let writer = ArrowWriter::try_new(file, results_schema(), Some(properties.build()))
            .map_err(|source| StoreError::Parquet { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), writer, waiting: Vec::with_capacity(BATCH) })
    }

    /// Appends a step.
    pub fn push(&mut self, step: ReplayedStep) -> Result<(), StoreError> {
        self.waiting.push(step);
        if self.waiting.len() == BATCH { self.write_waiting() } else { Ok(()) }
    }

    /// Writes what is left, and the footer.
    pub fn finish(mut self) -> Result<(), StoreError> {
        self.write_waiting()?;
        let path = self.path;
        self.writer.close().map(drop).map_err(|source| StoreError::Parquet { path, source })
    }

    fn write_waiting(&mut self) -> Result<(), StoreError> {
        let batch =
            steps_to_batch(&self.waiting).map_err(|source| StoreError::Arrow { path: self.path.clone(), source })?;
        self.waiting.clear();
        self.writer.write(&batch).map_err(|source| StoreError::Parquet { path: self.path.clone(), source })
    }
}
