//! The replays of a capture: all of them, and the one that a name means.

use std::path::{Path, PathBuf};

use crate::app::error::DatasetError;
use crate::app::events::{Events, Warning};
use crate::model::RunEntry;
use crate::store::{DatasetPath, RUN_RESULTS, read_run, run_folders};

/// A replay of a capture.
#[derive(Clone, Debug)]
pub struct ListedRun {
    /// The name of its folder.
    pub name: String,
    /// What its results say of it.
    pub entry: RunEntry,
}

impl ListedRun {
    /// The number of steps of a class.
    pub fn steps_of(&self, class: &str) -> u64 {
        self.entry.classes.get(class).copied().unwrap_or(0)
    }

    /// The number of steps whose answers differ from the capture's.
    pub fn diverged(&self) -> u64 {
        let others = ["match", "skipped", "not_replayable", "not_selected", "not_reached"];
        let diverged = self.entry.classes.iter().filter(|(name, _)| !others.contains(&name.as_str()));
        diverged.map(|(_, count)| count).sum()
    }
}

/// The name of a run's folder.
pub(crate) fn run_name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The runs of a dataset, the oldest first. One that cannot be read is told of and left out.
pub(crate) fn listed_runs(place: &DatasetPath, events: &dyn Events) -> Result<Vec<ListedRun>, DatasetError> {
    let mut runs = Vec::new();
    for folder in run_folders(place)? {
        match read_run(&folder.join(RUN_RESULTS)) {
            Ok(entry) => runs.push(ListedRun { name: run_name(&folder), entry }),
            Err(error) => events.warning(&Warning::UnreadableRun(error)),
        }
    }
    Ok(runs)
}

/// The folder of a run: a path to it, `last`, `last-1`, or the beginning of its name. `place` tells where names are looked up.
pub(crate) fn choose_run(
    name: &str,
    place: impl FnOnce() -> Result<DatasetPath, DatasetError>,
) -> Result<PathBuf, DatasetError> {
    let path = Path::new(name);
    if path.join(RUN_RESULTS).is_file() {
        return Ok(path.to_owned());
    }
    if path.is_file() && path.file_name().is_some_and(|file| file == RUN_RESULTS) {
        return Ok(path.parent().map(Path::to_owned).unwrap_or_default());
    }
    run_of(name, run_folders(&place()?)?)
}

fn run_of(name: &str, mut folders: Vec<PathBuf>) -> Result<PathBuf, DatasetError> {
    if let Some(back) = back_from_last(name) {
        let runs = folders.len();
        return match runs.checked_sub(1 + back).filter(|at| *at < runs) {
            Some(at) => Ok(folders.swap_remove(at)),
            None => Err(DatasetError::NoSuchRun { name: name.to_owned(), runs }),
        };
    }
    let mut found: Vec<PathBuf> = folders.into_iter().filter(|folder| run_name(folder).starts_with(name)).collect();
    match (found.pop(), found.len()) {
        (Some(one), 0) => Ok(one),
        (None, _) => Err(DatasetError::NoRun { name: name.to_owned() }),
        (Some(_), more) => Err(DatasetError::AmbiguousRun { name: name.to_owned(), runs: more + 1 }),
    }
}

/// `last` is 0, `last-1` the one before.
fn back_from_last(name: &str) -> Option<usize> {
    match name.strip_prefix("last")? {
        "" => Some(0),
        back => back.strip_prefix('-')?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{ErrorKind, UseCaseError};
    use crate::store::RunFolder;

    #[test]
    fn runs_are_found_by_what_people_call_them() {
        let base = tempfile::tempdir().unwrap();
        let place = DatasetPath::of(&base.path().join("a.pcap"), None).unwrap();
        for name in ["20260101T1-0x1", "20260102T1-0x1", "20260102T2-all"] {
            let run = RunFolder::create(&place, name).unwrap();
            run.write(RUN_RESULTS, b"x").unwrap();
            run.publish().unwrap();
        }
        let chosen = |name: &str| choose_run(name, || Ok(place.clone())).map(|run| run_name(&run));
        assert_eq!(chosen("last").unwrap(), "20260102T2-all");
        assert_eq!(chosen("last-2").unwrap(), "20260101T1-0x1");
        assert_eq!(chosen("20260101").unwrap(), "20260101T1-0x1");
        for (name, said) in
            [("last-3", "replayed 3 times"), ("20260102", "fits 2 runs"), ("1999", "no run begins with 1999")]
        {
            let error = chosen(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Request);
            assert!(error.to_string().contains(said), "{error}");
        }
        let folder = place.replays_folder().join("20260102T1-0x1");
        let nowhere = || panic!("a path needs no dataset");
        assert_eq!(choose_run(folder.to_str().unwrap(), nowhere).unwrap(), folder);
    }
}
