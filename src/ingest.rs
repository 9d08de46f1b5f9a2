//! The left half on one page: capture → dissect (with tshark beside it) → pairing → store.
//!
//! Threads on bounded channels: one reads packets, the calling one pairs, any number encode row groups, one appends them.
//! What they hold at any time is bounded, and what they write does not depend on their number.

mod by_tshark;
mod error;
mod extraction;
mod logins;
mod opening;
mod options;
mod outcome;
mod reading;
mod rows;
mod sources;
mod spill;
mod tickets;
mod two_readings;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub use error::IngestError;
pub use options::{Extractor, IngestOptions};
pub use outcome::{IngestReport, Outcome};

use crate::analyse::{Pairing, WindowLimits};
use crate::capture::Progress;
use crate::model::CaptureEvent;
use crate::store::{Dataset, DatasetPath, Manifest, StagedDataset};
use extraction::Extraction;
use logins::LoginReader;
use opening::Opening;
use rows::RowWriters;
use sources::Sources;

/// What is read so far, for whoever draws a bar. All counts only grow.
#[derive(Clone, Debug, Default)]
pub struct IngestProgress {
    /// Bytes of the input files.
    pub input: Progress,
    /// SMB2 PDUs.
    pub pdus: Arc<AtomicU64>,
    /// Sessions.
    pub sessions: Arc<AtomicU64>,
}

impl IngestProgress {
    /// One whose ingest ends when this flag is set.
    pub fn cancelled_by(cancelled: Arc<AtomicBool>) -> Self {
        Self { input: Progress::cancelled_by(cancelled), ..Self::default() }
    }
}

/// Turns a capture into a dataset.
///
/// Does nothing when the dataset is there and made of the same capture with the same options, unless asked to. The dataset
/// appears whole or not at all.
pub fn ingest(options: &IngestOptions, progress: &IngestProgress) -> Result<IngestReport, IngestError> {
    let mut sources = Sources::gather(&options.inputs, options.pcapfix.is_some(), &progress.input)?;
    let place = DatasetPath::of(&sources.name_giver(), options.output.as_deref())?;
    if !options.force
        && let Some(manifest) = outcome::up_to_date(options, &sources, &place)
    {
        return Ok(IngestReport { outcome: Outcome::Unchanged, place, manifest });
    }
    if let Some(pcapfix) = &options.pcapfix {
        sources.repair(pcapfix, &progress.input)?;
    }
    let manifest = write(options, &sources, &place, progress)?;
    Ok(IngestReport { outcome: Outcome::Written, place, manifest })
}

/// Reads the capture and puts the dataset in its place.
fn write(
    options: &IngestOptions,
    sources: &Sources,
    place: &DatasetPath,
    progress: &IngestProgress,
) -> Result<Manifest, IngestError> {
    let inputs = sources.paths();
    let options = &*tickets::with_their_keys(options, &inputs, &progress.input)?;
    let extraction = Extraction::open(options, inputs.clone(), &progress.input)?;
    let staged = StagedDataset::create(place)?;
    let footer = outcome::footer(options);
    let manifest = std::thread::scope(|scope| {
        let stages = || {
            let (events, reader) = extraction.start(scope);
            let mut rows = RowWriters::start(scope, &staged, &footer, options.jobs)?;
            let mut logins = LoginReader::new(options);
            let mut opening = Opening::new(scope, options, &inputs, &progress.input);
            let mut pairing = Pairing::new(WindowLimits::default());
            let mut failure = None;
            for batch in events {
                let pdus = batch.iter().filter(|event| matches!(event, CaptureEvent::Pdu(_))).count();
                for event in batch {
                    opening.pass(event, |event| {
                        pairing.push(event, &mut |paired| {
                            let result = logins.read(&paired).and_then(|()| rows.push(paired));
                            failure = failure.take().or(result.err());
                        });
                    })?;
                }
                progress.pdus.fetch_add(pdus as u64, Ordering::Relaxed);
                progress.sessions.store(pairing.sessions().count() as u64, Ordering::Relaxed);
                if failure.is_some() {
                    break;
                }
            }
            if let Some(failure) = failure {
                return Err(failure);
            }
            pairing.finish(&mut |paired| {
                let result = logins.read(&paired).and_then(|()| rows.push(paired));
                failure = failure.take().or(result.err());
            });
            if let Some(failure) = failure {
                return Err(failure);
            }
            let read = match reader.join() {
                Ok(read) => read?,
                Err(_) => return Err(IngestError::Worker { what: "reading the capture" }),
            };
            opening.finish()?;
            outcome::check_found_something(options, sources, &read, &pairing)?;
            let logins = logins.finish()?;
            let anomalies = rows.anomalies();
            let capture = outcome::capture_entry(sources, &read)?;
            let files = rows.finish(&pairing, &[("smbreplay.capture_hash".to_owned(), capture.hash.clone())])?;
            Ok(outcome::manifest(options, sources, capture, &read, &pairing, &files, logins, anomalies))
        };
        // Whoever still reads for an ingest that has failed need not go on.
        stages().inspect_err(|_| progress.input.stop())
    })?;
    manifest.write(&staged.file(Manifest::FILE_NAME))?;
    if progress.input.is_stopped() {
        return Err(IngestError::Interrupted);
    }
    staged.publish()?;
    Ok(manifest)
}

/// Opens the dataset of a capture.
pub fn open_dataset(place: DatasetPath) -> Result<Dataset, IngestError> {
    Ok(Dataset::open(place)?)
}
