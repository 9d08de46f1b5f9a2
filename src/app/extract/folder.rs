//! The folder that files are extracted to. Nothing is written outside of it, and nothing that is there is overwritten: it is
//! empty at first, holds no links but ours, which are none, and each file is made anew.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::analyse::{local_path, versioned};

/// The folder, and the files in it by their numbers.
pub(super) struct Folder {
    root: PathBuf,
    files: Vec<PathBuf>,
    /// The file that was written last.
    open: Option<(usize, File)>,
}

impl Folder {
    /// Makes the folder, or takes one that is empty.
    pub(super) fn new(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        if fs::read_dir(root)?.next().is_some() {
            return Err(io::Error::new(io::ErrorKind::DirectoryNotEmpty, "the folder is not empty"));
        }
        Ok(Self { root: root.canonicalize()?, files: Vec::new(), open: None })
    }

    /// Makes the next file, with the content of another one.
    pub(super) fn begin(
        &mut self,
        share: &str,
        path: &str,
        version: usize,
        copy_of: Option<usize>,
    ) -> io::Result<()> {
        let (place, mut file) = self.make(&local_path(share, path), version)?;
        if let Some(before) = copy_of.and_then(|number| self.files.get(number)) {
            io::copy(&mut File::open(before)?, &mut file)?;
        }
        self.open = Some((self.files.len(), file));
        self.files.push(place);
        Ok(())
    }

    /// Writes bytes at their place.
    pub(super) fn put(&mut self, number: usize, offset: u64, data: &[u8]) -> io::Result<()> {
        let file = self.file(number)?;
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(data)
    }

    /// Cuts or lengthens a file.
    pub(super) fn resize(&mut self, number: usize, length: u64) -> io::Result<()> {
        self.file(number)?.set_len(length)
    }

    /// The SHA-256 of a file in hex.
    pub(super) fn sha256(&mut self, number: usize) -> io::Result<String> {
        let file = self.file(number)?;
        file.seek(SeekFrom::Start(0))?;
        let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                length => hash.update(&buffer[..length]),
            }
        }
        Ok(hex::encode(hash.finalize()))
    }

    /// Where a file lies, from the folder.
    pub(super) fn place(&self, number: usize) -> String {
        let place = self.files.get(number).and_then(|place| place.strip_prefix(&self.root).ok());
        place.map(|place| place.display().to_string()).unwrap_or_default()
    }

    fn file(&mut self, number: usize) -> io::Result<&mut File> {
        let file = match self.open.take() {
            Some((open, file)) if open == number => file,
            _ => {
                let place = self.files.get(number).ok_or(io::ErrorKind::NotFound)?;
                OpenOptions::new().read(true).write(true).open(place)?
            }
        };
        Ok(&mut self.open.insert((number, file)).1)
    }

    /// A new file. What is a file here and a folder there, or differs in its case alone on a file system that does not tell
    /// them apart, gets another name.
    fn make(&self, parts: &[String], version: usize) -> io::Result<(PathBuf, File)> {
        let (name, folders) = parts.split_last().ok_or(io::ErrorKind::InvalidInput)?;
        let name = versioned(name, version);
        let place = folders.iter().fold(self.root.clone(), |place, part| place.join(part));
        let mut last = match fs::create_dir_all(&place).and_then(|()| create(&place.join(&name))) {
            Ok(made) => return Ok(made),
            Err(error) => error,
        };
        let flat = format!("{}~{name}", folders.join("~"));
        let flat = flat.get(flat.len().saturating_sub(180)..).unwrap_or(&name);
        for number in 1..1000 {
            match create(&self.root.join(format!("conflict{number}~{flat}"))) {
                Ok(made) => return Ok(made),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }
}

fn create(place: &Path) -> io::Result<(PathBuf, File)> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(place)?;
    Ok((place.to_owned(), file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders_of_one_name_stand_beside_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Folder::new(folder.path()).unwrap();
        files.begin(r"\\s\d", "a", 1, None).unwrap();
        files.put(0, 2, b"xyz").unwrap();
        files.begin(r"\\s\d", r"a\b", 1, None).unwrap();
        files.begin(r"\\s\d", "a", 2, Some(0)).unwrap();
        files.resize(2, 3).unwrap();
        assert_eq!(["s_d/a", "conflict1~s_d~a~b", "s_d/a.v2"].map(str::to_owned), [0, 1, 2].map(|n| files.place(n)));
        assert_eq!(fs::read(folder.path().join("s_d/a")).unwrap(), b"\0\0xyz");
        assert_eq!(fs::read(folder.path().join("s_d/a.v2")).unwrap(), b"\0\0x");
        assert!(Folder::new(folder.path()).is_err(), "it is not empty any more");
    }
}
