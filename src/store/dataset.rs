//! Where a dataset lies, and what is in it.

use std::path::{Path, PathBuf};

use super::digests::for_each_digest;
use super::error::StoreError;
use super::manifest::Manifest;
use super::reader::{OperationReader, Projection};
use crate::model::{OperationDigest, SessionEntry, Timestamp};

/// The folder of a capture's dataset: `DIR/.tracer/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetPath {
    capture: PathBuf,
    folder: PathBuf,
}

impl DatasetPath {
    /// Beside the capture, or under another folder.
    pub fn of(capture: &Path, output: Option<&Path>) -> Result<Self, StoreError> {
        let name = match capture.file_name() {
            Some(name) => name,
            None => return Err(StoreError::NamelessCapture { path: capture.to_owned() }),
        };
        let base = output.unwrap_or_else(|| match capture.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        });
        Ok(Self { capture: capture.to_owned(), folder: base.join(".tracer").join(name) })
    }

    /// `DIR/.tracer/NAME`
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// `DIR/.tracer/NAME/sessions`
    pub fn sessions_folder(&self) -> PathBuf {
        self.folder.join("sessions")
    }

    /// `DIR/.tracer/NAME/replays`
    pub fn replays_folder(&self) -> PathBuf {
        self.folder.join("replays")
    }

    /// `DIR/.tracer/NAME/noise.json`: what calibration has learnt, unless it was told another place.
    pub fn noise_file(&self) -> PathBuf {
        self.folder.join("noise.json")
    }

    /// `DIR/.tracer/NAME/sessions/session_metadata.json`
    pub fn manifest_path(&self) -> PathBuf {
        self.sessions_folder().join(Manifest::FILE_NAME)
    }

    /// The capture.
    pub fn capture(&self) -> &Path {
        &self.capture
    }
}

/// A dataset that is there.
#[derive(Clone, Debug)]
pub struct Dataset {
    place: DatasetPath,
    manifest: Manifest,
}

impl Dataset {
    /// Opens the dataset of a capture.
    pub fn open(place: DatasetPath) -> Result<Self, StoreError> {
        let path = place.manifest_path();
        if !path.exists() {
            return Err(StoreError::NoDataset { path: place.folder, capture: place.capture });
        }
        Ok(Self { manifest: Manifest::read(&path)?, place })
    }

    /// Where it lies.
    pub fn place(&self) -> &DatasetPath {
        &self.place
    }

    /// What is in it.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its sessions.
    pub fn sessions(&self) -> &[SessionEntry] {
        &self.manifest.sessions
    }

    /// The time of the capture's first packet.
    pub fn beginning(&self) -> Timestamp {
        instant(self.manifest.capture.first_time.as_deref())
    }

    /// The time of its last packet.
    pub fn ending(&self) -> Timestamp {
        instant(self.manifest.capture.last_time.as_deref())
    }

    /// The operations of a session, in order.
    pub fn operations(&self, session: &SessionEntry, projection: Projection) -> Result<OperationReader, StoreError> {
        OperationReader::open(&self.file(session), projection)
    }

    /// The operations of a session with a PDU that this frame completed.
    pub fn operations_at_frame(&self, session: &SessionEntry, frame: u64) -> Result<OperationReader, StoreError> {
        OperationReader::open_at_frame(&self.file(session), frame)
    }

    /// Hands on the digests of a session's operations, in order. No more columns are read than they have fields.
    pub fn for_each_digest(
        &self,
        session: &SessionEntry,
        take: impl FnMut(&OperationDigest<'_>),
    ) -> Result<(), StoreError> {
        for_each_digest(&self.file(session), take)
    }

    /// The file of a session.
    pub fn file(&self, session: &SessionEntry) -> PathBuf {
        self.place.sessions_folder().join(&session.file)
    }
}

fn instant(text: Option<&str>) -> Timestamp {
    let time = text.and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok());
    time.and_then(|time| time.timestamp_nanos_opt()).map_or(Timestamp::default(), Timestamp)
}
