//! The results of a replay, read back.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};

use super::draft::{Drafts, Texts};
use super::error::StoreError;
use super::result_columns::{RESULT_TABLE, RESULTS_VERSION};
use super::results::{RUN_KEY, VERSION_KEY};
use super::table::read_into;
use crate::model::{ReplayedStep, RunEntry};

const BATCH: usize = 1024;

/// The entry of a run, from the footer of its `results.parquet`; no row is read.
pub fn read_run(path: &Path) -> Result<RunEntry, StoreError> {
    let file = File::open(path).map_err(|source| StoreError::Io { path: path.to_owned(), source })?;
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::default())
        .map_err(|source| StoreError::Parquet { path: path.to_owned(), source })?;
    entry(path, &metadata)
}

fn entry(path: &Path, metadata: &ArrowReaderMetadata) -> Result<RunEntry, StoreError> {
    let path = path.to_owned();
    let pairs = metadata.metadata().file_metadata().key_value_metadata();
    let found = |key| pairs.into_iter().flatten().find(|pair| pair.key == key).and_then(|pair| pair.value.clone());
    match found(VERSION_KEY) {
        Some(version) if version == RESULTS_VERSION.to_string() => {}
        Some(found) => return Err(StoreError::ResultsVersion { path, found, expected: RESULTS_VERSION }),
        None => return Err(StoreError::NotResults { path, what: format!("its footer has no {VERSION_KEY}") }),
    }
    let text = found(RUN_KEY).unwrap_or_default();
    serde_json::from_str(&text).map_err(|error| StoreError::NotResults { path, what: format!("{RUN_KEY}: {error}") })
}

/// Iterates over the steps of a run.
pub struct ResultsReader {
    path: PathBuf,
    run: RunEntry,
    batches: ParquetRecordBatchReader,
    rows: std::vec::IntoIter<ReplayedStep>,
    texts: Texts,
}

impl ResultsReader {
    /// Opens a `results.parquet`.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let fail = |source| StoreError::Parquet { path: path.to_owned(), source };
        let file = File::open(path).map_err(|source| StoreError::Io { path: path.to_owned(), source })?;
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::default()).map_err(fail)?;
        let run = entry(path, &metadata)?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        let batches = builder.with_batch_size(BATCH).build().map_err(fail)?;
        Ok(Self { path: path.to_owned(), run, batches, rows: Vec::new().into_iter(), texts: Texts::default() })
    }

    /// The run.
    pub fn run(&self) -> &RunEntry {
        &self.run
    }
}

impl Iterator for ResultsReader {
    type Item = Result<ReplayedStep, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(Ok(row));
            }
            let batch = match self.batches.next()? {
                Ok(batch) => batch,
                Err(source) => return Some(Err(StoreError::Arrow { path: self.path.clone(), source })),
            };
            let mut drafts = Drafts::new(ReplayedStep::blank(), batch.num_rows(), &mut self.texts);
            if let Err(column) = read_into(&RESULT_TABLE, &batch, &mut drafts) {
                return Some(Err(StoreError::Column { path: self.path.clone(), column }));
            }
            self.rows = drafts.rows.into_iter();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::ResultsFile;
    use super::*;
    use crate::model::{Command, Difference, NtStatus, SessionId};

    fn step(step: u32) -> ReplayedStep {
        let odd = step % 2 == 1;
        ReplayedStep {
            step,
            copy: 1 + step % 3,
            iteration: 2,
            op_index: step / 2,
            session_id: SessionId(0x1122_3344_5566_7788),
            command: if odd { Command::Read } else { Command::Create },
            frame: 7 + u64::from(step),
            share: Some("\\\\a\\b".into()),
            path: odd.then(|| "docs\\ä.txt".into()),
            class: if odd { "data" } else { "match" }.into(),
            root_step: odd.then_some(3),
            reason: None,
            noise: odd,
            compared: !odd,
            captured_status: Some(NtStatus::SUCCESS),
            replayed_status: odd.then_some(NtStatus(0xC0FF_EE00)),
            captured_length: Some(84),
            replayed_length: None,
            captured_bytes: Some(4096),
            replayed_bytes: odd.then_some(4095),
            captured_hash: Some([7; 16]),
            replayed_hash: None,
            due_ns: Some(-1),
            ready_ns: Some(3),
            sent_ns: Some(i64::from(step) * 1000),
            answered_ns: None,
            captured_latency_ns: Some(5),
            replayed_latency_ns: odd.then_some(6),
            differences: if odd {
                let item =
                    |subject: &str| Difference { subject: subject.into(), captured: "x".into(), observed: "".into() };
                vec![item("length"), item("byte 3 of the file")]
            } else {
                Vec::new()
            },
            note: odd.then(|| "n".into()),
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_the_run_without_the_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.parquet");
        let run = RunEntry { started: "2026-01-01T00:00:00Z".into(), steps: 3000, ..RunEntry::default() };
        let mut file = ResultsFile::create(&path, &run).unwrap();
        (0..3000).for_each(|at| file.push(step(at)).unwrap());
        file.finish().unwrap();
        assert_eq!(read_run(&path).unwrap(), run);
        let reader = ResultsReader::open(&path).unwrap();
        assert_eq!(reader.run(), &run);
        let rows: Vec<_> = reader.map(Result::unwrap).collect();
        assert!(rows == (0..3000).map(step).collect::<Vec<_>>(), "the rows differ");
    }

    #[test]
    fn other_files_are_refused_and_said_to_be_other_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.parquet");
        std::fs::write(&path, "no parquet").unwrap();
        assert!(matches!(read_run(&path), Err(StoreError::Parquet { .. })));
        let session = folder.path().join("session.parquet");
        let encoder = super::super::row_group::RowGroupEncoder::new(&[]).unwrap();
        super::super::session_file::SessionFile::create(session.clone(), &encoder).unwrap().finish(&[]).unwrap();
        assert!(matches!(read_run(&session), Err(StoreError::NotResults { .. })));
    }
}
