//! The results of a replay, read back.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};

use super::error::StoreError;
use super::reader::{List, View, id, text, value};
use super::results::{RUN_KEY, VERSION_KEY};
use super::schema::{RESULTS_VERSION, name};
use crate::model::{Command, Difference, NtStatus, ReplayedStep, RunEntry, SessionId};

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
        Ok(Self { path: path.to_owned(), run, batches, rows: Vec::new().into_iter() })
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
            match decode(&View { batch: &batch, path: &self.path }) {
                Ok(rows) => self.rows = rows.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

fn decode(view: &View<'_>) -> Result<Vec<ReplayedStep>, StoreError> {
    let u32s = |column| view.numbers::<UInt32Type>(column);
    let u64s = |column| view.numbers::<UInt64Type>(column);
    let i64s = |column| view.numbers::<Int64Type>(column);
    let (step, op_index, session_id) = (u32s(name::STEP)?, u32s(name::OP_INDEX)?, u64s(name::SESSION_ID)?);
    let (copy, iteration) = (u32s(name::COPY)?, u32s(name::ITERATION)?);
    let (command, frame) = (view.numbers::<UInt16Type>(name::COMMAND_CODE)?, u64s(name::FRAME)?);
    let (share, path) = (view.names(name::SHARE)?, view.texts(name::PATH)?);
    let (class, root_step, reason) = (view.names(name::CLASS)?, u32s(name::ROOT_STEP)?, view.names(name::REASON)?);
    let (noise, compared) = (view.bools(name::NOISE)?, view.bools(name::COMPARED)?);
    let statuses = [u32s(name::CAPTURED_STATUS)?, u32s(name::REPLAYED_STATUS)?];
    let lengths = [u32s(name::CAPTURED_LENGTH)?, u32s(name::REPLAYED_LENGTH)?];
    let bytes = [u64s(name::CAPTURED_BYTES)?, u64s(name::REPLAYED_BYTES)?];
    let hashes = [view.ids(name::CAPTURED_HASH)?, view.ids(name::REPLAYED_HASH)?];
    let times = [i64s(name::DUE_NS)?, i64s(name::READY_NS)?, i64s(name::SENT_NS)?, i64s(name::ANSWERED_NS)?];
    let latencies = [i64s(name::CAPTURED_LATENCY_NS)?, i64s(name::REPLAYED_LATENCY_NS)?];
    let (differences, note) = (view.lists(name::DIFFERENCES)?, view.texts(name::NOTE)?);
    let rows = 0..RecordBatch::num_rows(view.batch);
    Ok(rows
        .map(|row| {
            let [captured_status, replayed_status] = statuses.map(|column| value(column, row).map(NtStatus));
            let [captured_length, replayed_length] = lengths.map(|column| value(column, row));
            let [captured_bytes, replayed_bytes] = bytes.map(|column| value(column, row));
            let [captured_hash, replayed_hash] = hashes.map(|column| id(column, row));
            let [due_ns, ready_ns, sent_ns, answered_ns] = times.map(|column| value(column, row));
            let [captured_latency_ns, replayed_latency_ns] = latencies.map(|column| value(column, row));
            ReplayedStep {
                step: step.value(row),
                copy: copy.value(row),
                iteration: iteration.value(row),
                op_index: op_index.value(row),
                session_id: SessionId(session_id.value(row)),
                command: Command::from_code(command.value(row)),
                frame: frame.value(row),
                share: share.text(row).map(Into::into),
                path: text(path, row).map(Into::into),
                class: class.text(row).unwrap_or_default().to_owned().into(),
                root_step: value(root_step, row),
                reason: reason.text(row).map(|text| text.to_owned().into()),
                noise: noise.value(row),
                compared: compared.value(row),
                captured_status,
                replayed_status,
                captured_length,
                replayed_length,
                captured_bytes,
                replayed_bytes,
                captured_hash,
                replayed_hash,
                due_ns,
                ready_ns,
                sent_ns,
                answered_ns,
                captured_latency_ns,
                replayed_latency_ns,
                differences: difference_items(differences, row).unwrap_or_default(),
                note: text(note, row).map(Into::into),
            }
        })
        .collect())
}

fn difference_items(array: &List, row: usize) -> Option<Vec<Difference>> {
    if !array.is_valid(row) {
        return None;
    }
    let items = array.value(row);
    let items = items.as_struct_opt()?;
    let texts = |column| items.column_by_name(column)?.as_string_opt::<i32>();
    let (subject, captured, observed) = (texts(name::SUBJECT)?, texts(name::CAPTURED)?, texts(name::OBSERVED)?);
    let item = |i| Difference {
        subject: subject.value(i).into(),
        captured: captured.value(i).into(),
        observed: observed.value(i).into(),
    };
    Some((0..items.len()).map(item).collect())
}

#[cfg(test)]
mod tests {
    use super::super::results::ResultsFile;
    use super::*;

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
