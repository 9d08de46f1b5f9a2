//! A file that gets its name when it is complete: who has the old one open does not read half of the new one.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file in the making, beside the place that it will have. It is removed if it never gets its name.
#[derive(Debug)]
pub struct AtomicFile {
    file: NamedTempFile<File>,
    path: PathBuf,
}

impl AtomicFile {
    /// Begins a file. Its permissions are what the umask leaves, as with any new file.
    pub fn create(path: &Path) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::Builder::new().prefix(".smbreplay-").make_in(folder, |path| File::create_new(path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Writes a whole file.
    pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
        let mut file = Self::create(path)?;
        file.file.as_file_mut().write_all(content)?;
        file.finish()
    }

    /// The file, to write to.
    pub fn file(&self) -> io::Result<File> {
        self.file.as_file().try_clone()
    }

    /// Gives it its name; a file of that name is replaced.
    pub fn finish(self) -> io::Result<()> {
        self.file.persist(&self.path).map(drop).map_err(|error| error.error)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.html");
        AtomicFile::write(&path, b"one").unwrap();
        let begun = AtomicFile::create(&path).unwrap();
        begun.file().unwrap().write_all(b"half").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        drop(begun);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "what was not finished is gone");
        AtomicFile::write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert!(AtomicFile::create(&folder.path().join("nowhere/x")).is_err());
    }
}
