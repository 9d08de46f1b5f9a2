//! A file that a command writes: it gets its name when it is complete.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::exit_status::ExitStatus;
use super::failure::Failure;
use crate::store::AtomicFile;

/// The file in the making. It is removed if it never gets its name.
pub(super) struct ReplacingFile {
    file: AtomicFile,
    path: PathBuf,
}

impl ReplacingFile {
    /// Begins a file, beside the place that it will have.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let file = AtomicFile::create(path).map_err(|error| unwritable(path, &error))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// The file, to write to.
    pub(super) fn file(&self) -> Result<File, Failure> {
        self.file.file().map_err(|error| unwritable(&self.path, &error))
    }

    /// Gives it its name.
    pub(super) fn finish(self) -> Result<(), Failure> {
        self.file.finish().map_err(|error| unwritable(&self.path, &error))
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::message(ExitStatus::Unreadable, format!("{}: cannot be written: {error}", path.display()))
}
