//! What calibration has learnt, as a file.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::replay::{NoiseEntry, NoiseModel};
use crate::store::Dataset;

/// The version of the format; it grows when fields change their meaning or go.
const VERSION: u32 = 1;

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct NoiseFile {
    version: u32,
    smbreplay: String,
    capture_hash: String,
    /// Where it was learnt.
    pub(super) target: String,
    /// The folders of the runs that were compared.
    pub(super) runs: Vec<String>,
    /// What differed between them.
    pub(super) entries: Vec<NoiseEntry>,
}

/// The place that was typed, or the dataset's own.
pub(super) fn place(dataset: &Dataset, typed: Option<&Path>) -> PathBuf {
    typed.map_or_else(|| dataset.place().noise_file(), Path::to_owned)
}

impl NoiseFile {
    /// What two runs of a dataset's sessions have taught.
    pub(super) fn new(dataset: &Dataset, target: String, runs: Vec<String>, entries: Vec<NoiseEntry>) -> Self {
        let capture_hash = dataset.manifest().capture.hash.clone();
        Self {
            version: VERSION,
            smbreplay: env!("CARGO_PKG_VERSION").to_owned(),
            capture_hash,
            target,
            runs,
            entries,
        }
    }

    /// Writes it.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let mut text =
            serde_json::to_vec_pretty(self).map_err(|error| Failure::new(ExitStatus::Unreadable, error))?;
        text.push(b'\n');
        std::fs::write(path, text).map_err(|error| failure(path, error))
    }
}

/// Reads the noise of a dataset's capture.
pub(super) fn read(dataset: &Dataset, path: &Path) -> Result<NoiseModel, Failure> {
    let text = std::fs::read(path)
        .map_err(|error| failure(path, error).remedy("`smbreplay replay ID --calibrate` writes it"))?;
    let file: NoiseFile = serde_json::from_slice(&text)
        .map_err(|error| failure(path, format!("no noise file of smbreplay: {error}")))?;
    if file.version != VERSION {
        return Err(failure(
            path,
            format!("a noise file of version {}, this smbreplay reads {VERSION}", file.version),
        )
        .remedy("calibrate again"));
    }
    if file.capture_hash != dataset.manifest().capture.hash {
        return Err(Failure::message(
            ExitStatus::Usage,
            format!("{}: learnt from another capture than the one that is replayed", path.display()),
        )
        .remedy("calibrate with this one"));
    }
    Ok(NoiseModel::new(&file.entries))
}

fn failure(path: &Path, what: impl std::fmt::Display) -> Failure {
    Failure::message(ExitStatus::Unreadable, format!("{}: {what}", path.display()))
}
