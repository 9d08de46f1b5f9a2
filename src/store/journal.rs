//! The list of names that setups and replays may have made on one target: `.tracer/NAME/targets/<address>_<port>.ndjson`.
//!
//! Names are written down, and are on disk, before anything is made under them: a run that is killed leaves a list that
//! `cleanup` can go by.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::dataset::DatasetPath;
use super::error::StoreError;
use crate::model::MadeName;

/// The list of one target.
#[derive(Clone, Debug)]
pub struct Journal {
    path: PathBuf,
}

impl Journal {
    /// That of a dataset and a target. Nothing is written yet.
    pub fn of(place: &DatasetPath, target: SocketAddr) -> Self {
        let address = target.ip().to_canonical().to_string().replace(':', "-");
        Self { path: place.folder().join("targets").join(format!("{address}_{}.ndjson", target.port())) }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is in it; nothing when there is none. A last line that was cut short is left out: what it names was not made yet.
    pub fn read(&self) -> Result<Vec<MadeName>, StoreError> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(StoreError::Io { path: self.path.clone(), source }),
        };
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let parsed = whole.lines().enumerate().map(|(at, line)| {
            serde_json::from_str(line).map_err(|source| StoreError::Journal {
                path: self.path.clone(),
                line: at + 1,
                source,
            })
        });
        parsed.collect()
    }

    /// Adds names, and returns when they are on disk.
    pub fn append(&self, names: &[MadeName]) -> Result<(), StoreError> {
        if names.is_empty() {
            return Ok(());
        }
        let known = self.read()?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|source| StoreError::Io { path: folder.to_owned(), source })?;
        // A line that was cut short is mended first, or it would spoil the next one.
        if fs::metadata(&self.path).is_ok() && !self.ends_whole() {
            self.replace(&known)?;
        }
        let fail = |source| StoreError::Io { path: self.path.clone(), source };
        let file = OpenOptions::new().create(true).append(true).open(&self.path).map_err(fail)?;
        self.write(file, names)
    }

    /// Keeps these names only; without any the file goes.
    pub fn replace(&self, names: &[MadeName]) -> Result<(), StoreError> {
        let fail = |source| StoreError::Io { path: self.path.clone(), source };
        if names.is_empty() {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fail(error)),
                _ => Ok(()),
            };
        }
        let staged = self.path.with_extension("new");
        let file = File::create(&staged).map_err(|source| StoreError::Io { path: staged.clone(), source })?;
        self.write(file, names)?;
        fs::rename(&staged, &self.path).map_err(fail)
    }

    fn ends_whole(&self) -> bool {
        fs::read(&self.path).is_ok_and(|bytes| bytes.last().is_none_or(|last| *last == b'\n'))
    }

    fn write(&self, file: File, names: &[MadeName]) -> Result<(), StoreError> {
        let fail = |source| StoreError::Io { path: self.path.clone(), source };
        let mut out = BufWriter::new(file);
        for name in names {
            let line = serde_json::to_string(name).map_err(|error| fail(error.into()))?;
            writeln!(out, "{line}").map_err(fail)?;
        }
        let file = out.into_inner().map_err(|error| fail(error.into_error()))?;
        file.sync_all().map_err(fail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Before;

    fn name(path: &str) -> MadeName {
        let (run, share) = ("0x1".to_owned(), "data".to_owned());
        MadeName { run, share, path: path.to_owned(), before: Before::Absent, file_id: 0 }
    }

    fn journal(folder: &Path) -> Journal {
        let place = DatasetPath::of(&folder.join("a.pcap"), None).unwrap();
        Journal::of(&place, "[::1]:445".parse().unwrap())
    }

    #[test]
    fn names_are_kept_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(folder.path());
        assert!(journal.read().unwrap().is_empty());
        journal.append(&[name("a\nb"), name("ü")]).unwrap();
        journal.append(&[name("c")]).unwrap();
        assert_eq!(journal.read().unwrap(), [name("a\nb"), name("ü"), name("c")]);
        journal.replace(&[name("c")]).unwrap();
        assert_eq!(journal.read().unwrap(), [name("c")]);
        journal.replace(&[]).unwrap();
        journal.replace(&[]).unwrap();
        assert!(!journal.path().exists());
    }

    #[test]
    fn a_line_that_was_cut_short_is_left_out_and_mended() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(folder.path());
        journal.append(&[name("a")]).unwrap();
        let mut text = fs::read(journal.path()).unwrap();
        text.extend_from_slice(b"{\"run\":\"0x");
        fs::write(journal.path(), text).unwrap();
        assert_eq!(journal.read().unwrap(), [name("a")]);
        journal.append(&[name("b")]).unwrap();
        assert_eq!(journal.read().unwrap(), [name("a"), name("b")]);
    }

    #[test]
    fn a_line_that_is_none_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(folder.path());
        journal.append(&[name("a")]).unwrap();
        fs::write(journal.path(), "nonsense\n").unwrap();
        assert!(journal.read().unwrap_err().to_string().contains("line 1"));
    }
}
