//! Operations to session files: gathered by session, encoded as row groups on several threads, appended in order by one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread::{Scope, ScopedJoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use rustc_hash::FxHashMap;

use super::error::IngestError;
use crate::analyse::{PairedOperation, Pairing, SessionSlot};
use crate::model::{Anomaly, Operation};
use crate::store::{EncodedRowGroup, RowGroupEncoder, SessionFile, StagedDataset, StoreError, session_file_name};

/// Rows of a row group.
const GROUP_ROWS: usize = 16_384;
/// Bytes of PDUs of a row group.
const GROUP_BYTES: usize = 8 << 20;
/// Bytes of operations that wait for their row group, over all sessions.
const WAITING_BYTES: usize = 32 << 20;

/// A row group to be encoded.
struct Job {
    number: u64,
    slot: SessionSlot,
    first_index: u32,
    rows: Vec<Operation>,
}

/// What is to be appended to a session's file.
enum Piece {
    Group { number: u64, slot: SessionSlot, group: Result<EncodedRowGroup, StoreError> },
    Late { slot: SessionSlot, row: Box<Operation> },
}

#[derive(Default)]
struct Waiting {
    rows: Vec<Operation>,
    bytes: usize,
    next_index: u32,
}

/// The writing half of an ingest.
pub(super) struct RowWriters<'scope> {
    jobs: Sender<Job>,
    pieces: Sender<Piece>,
    appender: ScopedJoinHandle<'scope, Result<FxHashMap<SessionSlot, SessionFile>, IngestError>>,
    waiting: Vec<Waiting>,
    waiting_bytes: usize,
    number: u64,
    anomalies: BTreeMap<Anomaly, u64>,
    encoder: RowGroupEncoder,
    folder: PathBuf,
}

impl<'scope> RowWriters<'scope> {
    /// Starts the threads.
    pub(super) fn start(
        scope: &'scope Scope<'scope, '_>,
        staged: &StagedDataset,
        footer: &[(String, String)],
        threads: usize,
    ) -> Result<Self, IngestError> {
        let folder = staged.file("");
        let encoder =
            RowGroupEncoder::new(footer).map_err(|source| StoreError::Parquet { path: folder.clone(), source })?;
        let (jobs, queue) = bounded::<Job>(1);
        let (pieces, arrivals) = bounded::<Piece>(4);
        for _ in 0..threads.max(1) {
            let (queue, pieces, encoder, folder) = (queue.clone(), pieces.clone(), encoder.clone(), folder.clone());
            scope.spawn(move || {
                for Job { number, slot, first_index, rows } in queue {
                    let group = encoder.encode(&rows, first_index);
                    let group = group.map_err(|source| StoreError::Parquet { path: folder.clone(), source });
                    if pieces.send(Piece::Group { number, slot, group }).is_err() {
                        // The appender has met an error, which is what will be told.
                        return;
                    }
                }
            });
        }
        let place = folder.clone();
        let for_files = encoder.clone();
        let appender = scope.spawn(move || append(arrivals, &for_files, &place));
        Ok(Self {
            jobs,
            pieces,
            appender,
            waiting: Vec::new(),
            waiting_bytes: 0,
            number: 0,
            anomalies: BTreeMap::new(),
            encoder,
            folder,
        })
    }

    /// Takes an operation.
    pub(super) fn push(&mut self, paired: PairedOperation) -> Result<(), IngestError> {
        let PairedOperation { slot, operation, late } = paired;
        for anomaly in operation.anomalies.iter() {
            *self.anomalies.entry(anomaly).or_default() += 1;
        }
        if late {
            return self.send_piece(Piece::Late { slot, row: Box::new(operation) });
        }
        let index = slot.0 as usize;
        if self.waiting.len() <= index {
            self.waiting.resize_with(index + 1, Waiting::default);
        }
        let waiting = &mut self.waiting[index];
        let bytes = operation.memory();
        waiting.bytes += operation.parts().map(|part| part.pdu.len()).sum::<usize>();
        waiting.rows.push(operation);
        self.waiting_bytes += bytes;
        if waiting.rows.len() >= GROUP_ROWS || waiting.bytes >= GROUP_BYTES {
            return self.flush(slot);
        }
        if self.waiting_bytes > WAITING_BYTES {
            let largest =
                self.waiting.iter().enumerate().max_by_key(|(i, waiting)| (waiting.rows.len(), usize::MAX - i));
            if let Some((largest, _)) = largest {
                return self.flush(SessionSlot(largest as u32));
            }
        }
        Ok(())
    }

    /// Rows by anomaly so far.
    pub(super) fn anomalies(&self) -> BTreeMap<Anomaly, u64> {
        self.anomalies.clone()
    }

    fn flush(&mut self, slot: SessionSlot) -> Result<(), IngestError> {
        let waiting = &mut self.waiting[slot.0 as usize];
        if waiting.rows.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut waiting.rows);
        waiting.bytes = 0;
        self.waiting_bytes -= rows.iter().map(Operation::memory).sum::<usize>();
        let first_index = waiting.next_index;
        waiting.next_index += rows.len() as u32;
        let number = self.number;
        self.number += 1;
        let job = Job { number, slot, first_index, rows };
        self.jobs.send(job).map_err(|_| IngestError::Worker { what: "encoding row groups" })
    }

    fn send_piece(&mut self, piece: Piece) -> Result<(), IngestError> {
        self.pieces.send(piece).map_err(|_| IngestError::Worker { what: "writing session files" })
    }

    /// Writes what is left, the footers, and gives the files their names. Returns the names by slot.
    pub(super) fn finish(
        mut self,
        pairing: &Pairing,
        footer: &[(String, String)],
    ) -> Result<Vec<String>, IngestError> {
        let mut failure = None;
        for slot in 0..self.waiting.len() {
            if let Err(error) = self.flush(SessionSlot(slot as u32)) {
                failure = Some(error);
                break;
            }
        }
        let Self { jobs, pieces, appender, folder, encoder, .. } = self;
        drop((jobs, pieces));
        let mut files = match appender.join() {
            Ok(files) => files?,
            Err(_) => return Err(IngestError::Worker { what: "writing session files" }),
        };
        if let Some(failure) = failure {
            return Err(failure);
        }
        let mut holders: FxHashMap<u64, u32> = FxHashMap::default();
        for (id, ..) in pairing.sessions() {
            *holders.entry(id.0).or_default() += 1;
        }
        let mut names = Vec::new();
        for (slot, (id, server, ..)) in pairing.sessions().enumerate() {
            let name = session_file_name(id, (holders[&id.0] > 1).then_some(server));
            let slot = SessionSlot(slot as u32);
            // A session of which only sealed messages are seen has no rows; it has a file all the same.
            file_of(&mut files, slot, &encoder, &folder)?;
            if let Some(file) = files.remove(&slot) {
                let path = file.path().to_owned();
                file.finish(footer)?;
                let target = folder.join(&name);
                std::fs::rename(&path, &target).map_err(|source| StoreError::Io { path: target, source })?;
            }
            names.push(name);
        }
        Ok(names)
    }
}

/// Appends row groups in the order of their numbers.
fn append(
    arrivals: Receiver<Piece>,
    encoder: &RowGroupEncoder,
    folder: &std::path::Path,
) -> Result<FxHashMap<SessionSlot, SessionFile>, IngestError> {
    let mut files: FxHashMap<SessionSlot, SessionFile> = FxHashMap::default();
    let mut early = BTreeMap::new();
    let mut next = 0;
    for piece in arrivals {
        match piece {
            Piece::Group { number, slot, group } => {
                early.insert(number, (slot, group?));
                while let Some((slot, group)) = early.remove(&next) {
                    file_of(&mut files, slot, encoder, folder)?.append(group)?;
                    next += 1;
                }
            }
            Piece::Late { slot, row } => file_of(&mut files, slot, encoder, folder)?.append_late(*row),
        }
    }
    Ok(files)
}

fn file_of<'a>(
    files: &'a mut FxHashMap<SessionSlot, SessionFile>,
    slot: SessionSlot,
    encoder: &RowGroupEncoder,
    folder: &std::path::Path,
) -> Result<&'a mut SessionFile, IngestError> {
    use std::collections::hash_map::Entry;
    Ok(match files.entry(slot) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => {
            entry.insert(SessionFile::create(folder.join(format!("slot-{}.parquet", slot.0)), encoder)?)
        }
    })
}
