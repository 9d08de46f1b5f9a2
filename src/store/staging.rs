//! A dataset in the making: a folder beside its place, renamed in when it is whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::dataset::DatasetPath;
use super::error::StoreError;

const STAGING_PREFIX: &str = ".staging-";
const LOCK_NAME: &str = ".lock";

/// The staging folder of a dataset, held by a lock. Dropped without [`Self::publish`] it leaves nothing behind.
#[derive(Debug)]
pub struct StagedDataset {
    target: PathBuf,
    folder: PathBuf,
    published: bool,
    /// Held until the dataset is published or given up.
    _lock: File,
}

impl StagedDataset {
    /// Makes the folder. Fails when another ingest of the same capture is under way. What an interrupted one left behind is
    /// removed.
    pub fn create(place: &DatasetPath) -> Result<Self, StoreError> {
        let parent = place.folder();
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { path, source }
        };
        fs::create_dir_all(parent).map_err(fail(parent))?;
        let lock_path = parent.join(LOCK_NAME);
        let lock = OpenOptions::new().create(true).append(true).open(&lock_path).map_err(fail(&lock_path))?;
        lock.try_lock().map_err(|error| StoreError::Io {
            path: lock_path.clone(),
            source: match error {
                TryLockError::WouldBlock => io::Error::new(
                    io::ErrorKind::WouldBlock,
                    "another ingest of this capture is under way; wait for it",
                ),
                TryLockError::Error(source) => source,
            },
        })?;
        for entry in fs::read_dir(parent).map_err(fail(parent))?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(STAGING_PREFIX) {
                fs::remove_dir_all(entry.path()).map_err(fail(&entry.path()))?;
            }
        }
        let folder = parent.join(format!("{STAGING_PREFIX}{}", std::process::id()));
        fs::create_dir(&folder).map_err(fail(&folder))?;
        Ok(Self { target: place.sessions_folder(), folder, published: false, _lock: lock })
    }

    /// A file in the dataset to be.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Puts the dataset in its place, instead of the one that was there.
    pub fn publish(mut self) -> Result<(), StoreError> {
        let fail = |source| StoreError::Io { path: self.target.clone(), source };
        if self.target.exists() {
            exchange(&self.folder, &self.target).map_err(fail)?;
            // What is in the staging folder now is the dataset from before.
            fs::remove_dir_all(&self.folder).map_err(fail)?;
        } else {
            fs::rename(&self.folder, &self.target).map_err(fail)?;
        }
        self.published = true;
        Ok(())
    }
}

impl Drop for StagedDataset {
    fn drop(&mut self) {
        if !self.published {
            // Nothing can be told from here; the next ingest tries again.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Swaps two folders, at once where the system can.
fn exchange(staged: &Path, target: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, staged, CWD, target, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    let aside = staged.with_extension("old");
    fs::rename(target, &aside)?;
    if let Err(error) = fs::rename(staged, target) {
        fs::rename(&aside, target)?;
        return Err(error);
    }
    fs::rename(&aside, staged)
}

/// A file that is appended to now and then, and closed in between: a capture can have more sessions than a process may
/// have open files.
#[derive(Debug)]
pub struct StagedFile {
    path: PathBuf,
    file: Option<File>,
}

impl StagedFile {
    /// Makes an empty file.
    pub fn create(path: PathBuf) -> Result<Self, StoreError> {
        match File::create(&path) {
            Ok(file) => Ok(Self { path, file: Some(file) }),
            Err(source) => Err(StoreError::Io { path, source }),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes it until the next write.
    pub fn release(&mut self) {
        self.file = None;
    }

    fn open(&mut self) -> io::Result<&mut File> {
        if self.file.is_none() {
            self.file = Some(OpenOptions::new().append(true).open(&self.path)?);
        }
        self.file.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
