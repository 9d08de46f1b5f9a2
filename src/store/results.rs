//! The results of a replay to Parquet.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use super::cells::{bools, difference_lists, i64s, ids, names, texts, u16s, u32s, u64s};
use super::columns::{command_name, status_name};
use super::error::StoreError;
use super::schema::{RESULTS_VERSION, name, results_schema};
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
        let batch = batch(&self.waiting).map_err(|source| StoreError::Arrow { path: self.path.clone(), source })?;
        self.waiting.clear();
        self.writer.write(&batch).map_err(|source| StoreError::Parquet { path: self.path.clone(), source })
    }
}

fn batch(rows: &[ReplayedStep]) -> Result<RecordBatch, ArrowError> {
    let columns: Vec<ArrayRef> = vec![
        u32s(rows, |row| Some(row.step)),
        u32s(rows, |row| Some(row.copy)),
        u32s(rows, |row| Some(row.iteration)),
        u32s(rows, |row| Some(row.op_index)),
        u64s(rows, |row| Some(row.session_id.0)),
        names(rows, |a, b| a.command == b.command, |row| Some(command_name(row.command)))?,
        u16s(rows, |row| Some(row.command.code())),
        u64s(rows, |row| Some(row.frame)),
        names(rows, same_share, |row| row.share.clone())?,
        texts(rows, |row| row.path.as_deref()),
        names(rows, |a, b| a.class == b.class, |row| Some(row.class.clone()))?,
        u32s(rows, |row| row.root_step),
        names(rows, |a, b| a.reason == b.reason, |row| row.reason.clone())?,
        bools(rows, |row| row.noise),
        bools(rows, |row| row.compared),
        u32s(rows, |row| row.captured_status.map(|status| status.0)),
        names(rows, |a, b| a.captured_status == b.captured_status, |row| row.captured_status.map(status_name))?,
        u32s(rows, |row| row.replayed_status.map(|status| status.0)),
        names(rows, |a, b| a.replayed_status == b.replayed_status, |row| row.replayed_status.map(status_name))?,
        u32s(rows, |row| row.captured_length),
        u32s(rows, |row| row.replayed_length),
        u64s(rows, |row| row.captured_bytes),
        u64s(rows, |row| row.replayed_bytes),
        ids(rows, |row| row.captured_hash)?,
        ids(rows, |row| row.replayed_hash)?,
        i64s(rows, |row| row.due_ns),
        i64s(rows, |row| row.ready_ns),
        i64s(rows, |row| row.sent_ns),
        i64s(rows, |row| row.answered_ns),
        i64s(rows, |row| row.captured_latency_ns),
        i64s(rows, |row| row.replayed_latency_ns),
        difference_lists(rows),
        texts(rows, |row| row.note.as_deref()),
    ];
    RecordBatch::try_new(results_schema(), columns)
}

fn same_share(a: &ReplayedStep, b: &ReplayedStep) -> bool {
    match (&a.share, &b.share) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    }
}
