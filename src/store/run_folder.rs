//! The folders of replay runs: `DIR/.tracer/NAME/replays/<UTC time>-<session>/`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::dataset::DatasetPath;
use super::error::StoreError;

/// Name of the report in a run's folder.
pub const RUN_REPORT: &str = "report.json";
/// Name of the report for browsers, in a run's folder and in that of a dataset.
pub const HTML_REPORT: &str = "report.html";
/// Name of the results in a run's folder.
pub const RUN_RESULTS: &str = "results.parquet";

/// What stands before the name of a folder that is still being filled.
const MAKING: &str = ".making-";

/// The folder of a run in the making. It gets its name when it is complete, and is removed if it never is.
#[derive(Debug)]
pub struct RunFolder {
    making: PathBuf,
    folder: PathBuf,
    published: bool,
}

impl RunFolder {
    /// Makes the folder of a run; `name` is its time and session.
    pub fn create(place: &DatasetPath, name: &str) -> Result<Self, StoreError> {
        let parent = place.replays_folder();
        let making = parent.join(format!("{MAKING}{name}-{}", std::process::id()));
        fs::create_dir_all(&making).map_err(|source| StoreError::Io { path: making.clone(), source })?;
        Ok(Self { making, folder: parent.join(name), published: false })
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.making.join(name)
    }

    /// Writes a file in it.
    pub fn write(&self, name: &str, contents: &[u8]) -> Result<(), StoreError> {
        let path = self.file(name);
        fs::write(&path, contents).map_err(|source| StoreError::Io { path, source })
    }

    /// Gives it its name, and returns where it is.
    pub fn publish(mut self) -> Result<PathBuf, StoreError> {
        fs::rename(&self.making, &self.folder)
            .map_err(|source| StoreError::Io { path: self.folder.clone(), source })?;
        self.published = true;
        Ok(self.folder.clone())
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if !self.published {
            // Nothing can be told from here; a folder in the making is no run for anybody.
            let _ = fs::remove_dir_all(&self.making);
        }
    }
}

/// The folders of a dataset's runs, the oldest first.
pub fn run_folders(place: &DatasetPath) -> Result<Vec<PathBuf>, StoreError> {
    let parent = place.replays_folder();
    let entries = match fs::read_dir(&parent) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(StoreError::Io { path: parent, source }),
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| StoreError::Io { path: parent.clone(), source })?;
        if is_run(&entry.path()) {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}

fn is_run(folder: &Path) -> bool {
    let named = folder.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.'));
    named && folder.join(RUN_RESULTS).is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_there_once_it_is_complete_and_never_half() {
        let base = tempfile::tempdir().unwrap();
        let place = DatasetPath::of(&base.path().join("a.pcap"), None).unwrap();
        assert!(run_folders(&place).unwrap().is_empty());
        let abandoned = RunFolder::create(&place, "20260102T000000000Z-all").unwrap();
        abandoned.write(RUN_RESULTS, b"x").unwrap();
        for name in ["20260103T000000000Z-all", "20260101T000000000Z-all"] {
            let run = RunFolder::create(&place, name).unwrap();
            run.write(RUN_RESULTS, b"x").unwrap();
            run.publish().unwrap();
        }
        let names = || -> Vec<_> {
            let folders = run_folders(&place).unwrap();
            folders.iter().map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names(), ["20260101T000000000Z-all", "20260103T000000000Z-all"]);
        drop(abandoned);
        assert_eq!(names().len(), 2);
        assert_eq!(fs::read_dir(place.replays_folder()).unwrap().count(), 2, "nothing is left of it");
    }
}
