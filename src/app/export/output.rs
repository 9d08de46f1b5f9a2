//! Where exported operations go.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::ExportError;
use crate::store::AtomicFile;

/// Where exported operations go.
pub enum ExportTo<'a> {
    /// To a file, which gets its name when it is complete; to a folder, if there are several logs.
    Path(PathBuf),
    /// To whatever takes bytes.
    Writer(&'a mut dyn Write),
}

impl ExportTo<'_> {
    /// Writes what a function writes.
    pub(super) fn write(
        self,
        write: impl FnOnce(&mut dyn Write) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        match self {
            Self::Path(path) => to_file(&path, |file| {
                let mut out = BufWriter::new(file);
                write(&mut out)?;
                Ok(out.flush()?)
            }),
            Self::Writer(out) => {
                write(out)?;
                Ok(out.flush()?)
            }
        }
    }
}

/// Writes a file whole.
pub(super) fn to_file(path: &Path, write: impl FnOnce(File) -> Result<(), ExportError>) -> Result<(), ExportError> {
    let unwritable = |source| ExportError::File { path: path.to_owned(), source };
    let place = AtomicFile::create(path).map_err(unwritable)?;
    write(place.file().map_err(unwritable)?).map_err(|error| match error {
        ExportError::Output(source) => unwritable(source),
        error => error,
    })?;
    place.finish().map_err(unwritable)
}
