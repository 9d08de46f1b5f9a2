//! Operations to session files: gathered by session, encoded as row groups on several threads, appended in order by one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{Scope, ScopedJoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use rustc_hash::FxHashMap;

use super::error::IngestError;
use super::spill::Spill;
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
    End { number: u64, slot: SessionSlot, target: PathBuf, footer: Footer },
    Late { slot: SessionSlot, row: Box<Operation> },
}

/// A session with fewer rows than these is not worth a row group of its own.
const WORTH_A_GROUP: usize = 2048;

/// Key-value pairs for the ends of files.
type Footer = Arc<[(String, String)]>;

/// What is done with a session's file when its turn comes.
enum Step {
    Append(EncodedRowGroup),
    End { target: PathBuf, footer: Footer },
}

#[derive(Default)]
struct Waiting {
    /// Whether rows of the session were set aside: those behind them have to follow.
    spilled: bool,
    rows: Vec<Operation>,
    bytes: usize,
    next_index: u32,
}

/// The writing half of an ingest.
pub(super) struct RowWriters<'scope> {
    jobs: Sender<Job>,
    pieces: Sender<Piece>,
    appender: ScopedJoinHandle<'scope, Result<(), IngestError>>,
    waiting: Vec<Waiting>,
    waiting_bytes: usize,
    number: u64,
    anomalies: BTreeMap<Anomaly, u64>,
    encoder: RowGroupEncoder,
    folder: PathBuf,
    spill: Option<Spill>,
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
        let (pieces, arrivals) = bounded::<Piece>(1);
        for _ in 0..threads.max(1) {
            let (queue, pieces, encoder, folder) = (queue.clone(), pieces.clone(), encoder.clone(), folder.clone());
            scope.spawn(move || {
                for Job { number, slot, first_index, mut rows } in queue {
                    rows.iter_mut().zip(first_index..).for_each(|(row, index)| row.op_index = index);
                    let group = encoder.encode(&rows);
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
            spill: None,
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
        if !waiting.spilled && (waiting.rows.len() >= GROUP_ROWS || waiting.bytes >= GROUP_BYTES) {
            return self.flush(slot);
        }
        if self.waiting_bytes > WAITING_BYTES {
            return self.make_room();
        }
        Ok(())
    }

    /// Memory is full: sessions with many rows are written, the others set aside together.
    fn make_room(&mut self) -> Result<(), IngestError> {
        let mut written = false;
        for slot in 0..self.waiting.len() {
            let waiting = &self.waiting[slot];
            if !waiting.spilled && (waiting.rows.len() >= WORTH_A_GROUP || waiting.bytes >= GROUP_BYTES / 4) {
                self.flush(SessionSlot(slot as u32))?;
                written = true;
            }
        }
        if written && self.waiting_bytes < WAITING_BYTES / 2 {
            return Ok(());
        }
        let spill = match &mut self.spill {
            Some(spill) => spill,
            None => self.spill.insert(Spill::new(self.folder.clone(), self.encoder.clone())),
        };
        let waiting = self.waiting.iter_mut().enumerate().filter(|(_, waiting)| !waiting.rows.is_empty());
        spill.write(waiting.map(|(slot, waiting)| {
            waiting.spilled = true;
            waiting.bytes = 0;
            (SessionSlot(slot as u32), std::mem::take(&mut waiting.rows))
        }))?;
        self.waiting_bytes = 0;
        Ok(())
    }

    /// What was set aside becomes row groups, each session's later rows behind it.
    fn read_spill_back(&mut self, names: &[String], footer: &Footer) -> Result<(), IngestError> {
        let Some(mut spill) = self.spill.take() else { return Ok(()) };
        let left =
            self.waiting.iter_mut().enumerate().filter(|(_, waiting)| waiting.spilled && !waiting.rows.is_empty());
        spill.write(left.map(|(slot, waiting)| {
            waiting.bytes = 0;
            (SessionSlot(slot as u32), std::mem::take(&mut waiting.rows))
        }))?;
        self.waiting_bytes = self.waiting.iter().flat_map(|waiting| &waiting.rows).map(Operation::memory).sum();
        let mut last = None;
        spill.read_back(|slot, row| {
            if let Some(before) = last.replace(slot).filter(|before| *before != slot) {
                self.end(before, &names[before.0 as usize], footer)?;
            }
            let waiting = &mut self.waiting[slot.0 as usize];
            self.waiting_bytes += row.memory();
            waiting.bytes += row.parts().map(|part| part.pdu.len()).sum::<usize>();
            waiting.rows.push(row);
            if waiting.rows.len() >= GROUP_ROWS || waiting.bytes >= GROUP_BYTES { self.flush(slot) } else { Ok(()) }
        })?;
        last.map_or(Ok(()), |last| self.end(last, &names[last.0 as usize], footer))
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
        let mut holders: FxHashMap<u64, u32> = FxHashMap::default();
        for (id, ..) in pairing.sessions() {
            *holders.entry(id.0).or_default() += 1;
        }
        let name = |(id, server)| session_file_name(id, (holders[&id.0] > 1).then_some(server));
        let names: Vec<_> = pairing.sessions().map(|(id, server, ..)| name((id, server))).collect();
        let footer: Footer = footer.into();
        let written = self.write_the_rest(&names, &footer);
        let Self { jobs, pieces, appender, .. } = self;
        drop((jobs, pieces));
        match appender.join() {
            // What the appender met is why nobody took what was left to write.
            Ok(appended) => appended.and(written)?,
            Err(_) => return Err(IngestError::Worker { what: "writing session files" }),
        }
        Ok(names)
    }

    fn write_the_rest(&mut self, names: &[String], footer: &Footer) -> Result<(), IngestError> {
        self.read_spill_back(names, footer)?;
        for (slot, name) in names.iter().enumerate() {
            if !self.waiting.get(slot).is_some_and(|waiting| waiting.spilled) {
                self.end(SessionSlot(slot as u32), name, footer)?;
            }
        }
        Ok(())
    }

    /// A session's last rows, and the end of its file.
    fn end(&mut self, slot: SessionSlot, name: &str, footer: &Footer) -> Result<(), IngestError> {
        if (slot.0 as usize) < self.waiting.len() {
            self.flush(slot)?;
        }
        let number = self.number;
        self.number += 1;
        self.send_piece(Piece::End { number, slot, target: self.folder.join(name), footer: footer.clone() })
    }
}

/// Appends row groups in the order of their numbers.
fn append(arrivals: Receiver<Piece>, encoder: &RowGroupEncoder, folder: &std::path::Path) -> Result<(), IngestError> {
    let mut files: FxHashMap<SessionSlot, SessionFile> = FxHashMap::default();
    let mut early = BTreeMap::new();
    let mut next = 0;
    for piece in arrivals {
        match piece {
            Piece::Group { number, slot, group } => early.insert(number, (slot, Step::Append(group?))),
            Piece::End { number, slot, target, footer } => early.insert(number, (slot, Step::End { target, footer })),
            Piece::Late { slot, row } => {
                file_of(&mut files, slot, encoder, folder)?.append_late(*row);
                continue;
            }
        };
        while let Some((slot, step)) = early.remove(&next) {
            // A session of which only sealed messages are seen has no rows; it has a file all the same.
            let file = file_of(&mut files, slot, encoder, folder)?;
            next += 1;
            match step {
                Step::Append(group) => file.append(group)?,
                Step::End { target, footer } => {
                    let path = file.path().to_owned();
                    if let Some(file) = files.remove(&slot) {
                        file.finish(&footer)?;
                    }
                    std::fs::rename(&path, &target).map_err(|source| StoreError::Io { path: target, source })?;
                }
            }
        }
    }
    Ok(())
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
