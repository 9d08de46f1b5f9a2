//! Operations of many small sessions, set aside until the end of the capture.
//!
//! A session's file wants row groups of thousands of rows. When thousands of sessions run at once, none of them has so many
//! before memory is full; written as they are, the files would be mostly headers, and their footers would fill the memory.
//! So what waits is written to one file for all, sorted by session, and read back session by session at the end.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::error::IngestError;
use crate::analyse::SessionSlot;
use crate::model::Operation;
use crate::store::{OperationReader, Projection, RowGroupEncoder, SessionFile, StoreError};

/// Rows of a row group of a spill file: what its reader holds at once.
const GROUP_ROWS: usize = 4096;

/// The spill files of an ingest, in the order in which they were written.
pub(super) struct Spill {
    folder: PathBuf,
    encoder: RowGroupEncoder,
    files: Vec<SpillFile>,
}

struct SpillFile {
    path: PathBuf,
    /// Whose rows stand in it, and how many, in order.
    runs: VecDeque<(SessionSlot, usize)>,
}

impl Spill {
    pub(super) fn new(folder: PathBuf, encoder: RowGroupEncoder) -> Self {
        Self { folder, encoder, files: Vec::new() }
    }

    /// Writes operations of several sessions, given in the order of the sessions.
    pub(super) fn write(
        &mut self,
        sessions: impl Iterator<Item = (SessionSlot, Vec<Operation>)>,
    ) -> Result<(), IngestError> {
        let path = self.folder.join(format!("spill-{}.parquet", self.files.len()));
        let fail = |source| StoreError::Parquet { path: path.clone(), source };
        let mut file = SessionFile::create(path.clone(), &self.encoder)?;
        let (mut runs, mut rows) = (VecDeque::new(), Vec::new());
        for (slot, operations) in sessions {
            runs.push_back((slot, operations.len()));
            rows.extend(operations);
            while rows.len() >= GROUP_ROWS {
                let rest = rows.split_off(GROUP_ROWS);
                file.append(self.encoder.encode(&rows).map_err(fail)?)?;
                rows = rest;
            }
        }
        if !rows.is_empty() {
            file.append(self.encoder.encode(&rows).map_err(fail)?)?;
        }
        file.finish(&[])?;
        self.files.push(SpillFile { path, runs });
        Ok(())
    }

    /// Reads it all back, session by session in the order of the slots, and removes the files.
    pub(super) fn read_back(
        self,
        mut take: impl FnMut(SessionSlot, Operation) -> Result<(), IngestError>,
    ) -> Result<(), IngestError> {
        let mut readers = Vec::new();
        for file in &self.files {
            readers.push(OperationReader::open(&file.path, Projection::Everything)?);
        }
        let mut files = self.files;
        while let Some(slot) = files.iter().filter_map(|file| file.runs.front()).map(|(slot, _)| *slot).min() {
            for (file, reader) in files.iter_mut().zip(&mut readers) {
                let Some((_, count)) = file.runs.pop_front_if(|(first, _)| *first == slot) else { continue };
                for row in reader.by_ref().take(count) {
                    take(slot, row?)?;
                }
            }
        }
        for file in files {
            std::fs::remove_file(&file.path).map_err(|source| StoreError::Io { path: file.path, source })?;
        }
        Ok(())
    }
}
