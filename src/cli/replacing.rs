//! A file that a command writes: it gets its name when it is complete.

use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::exit_status::ExitStatus;
use super::failure::Failure;

/// The file in the making. It is removed if it never gets its name.
pub(super) struct ReplacingFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl ReplacingFile {
    /// Begins a file, beside the place that it will have.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // What the umask leaves of it, as with any file that a command writes.
        let mode = PermissionsExt::from_mode(0o666);
        let file = tempfile::Builder::new().prefix(".smbreplay-").permissions(mode).tempfile_in(folder);
        Ok(Self { file: file.map_err(|error| unwritable(path, &error))?, path: path.to_owned() })
    }

    /// The file, to write to.
    pub(super) fn file(&self) -> Result<File, Failure> {
        self.file.reopen().map_err(|error| unwritable(&self.path, &error))
    }

    /// Gives it its name.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let path = self.path;
        self.file.persist(&path).map(drop).map_err(|error| unwritable(&path, &error.error))
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::message(ExitStatus::Unreadable, format!("{}: cannot be written: {error}", path.display()))
}
