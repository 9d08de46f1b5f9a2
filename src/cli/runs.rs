//! Replay runs: those of a dataset, and the one that a name means.

use std::path::{Path, PathBuf};

use super::exit_status::ExitStatus;
use super::failure::Failure;
use crate::model::RunEntry;
use crate::store::{DatasetPath, RUN_RESULTS, StoreError, read_run, run_folders};

/// A run of a dataset.
pub(super) struct Listed {
    /// The name of its folder.
    pub(super) name: String,
    /// What its results say of it.
    pub(super) entry: RunEntry,
}

fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The runs of a dataset, the oldest first. One that cannot be read is told of and left out.
pub(super) fn listed(place: &DatasetPath) -> Result<Vec<Listed>, StoreError> {
    let mut runs = Vec::new();
    for folder in run_folders(place)? {
        match read_run(&folder.join(RUN_RESULTS)) {
            Ok(entry) => runs.push(Listed { name: name_of(&folder), entry }),
            Err(error) => tracing::warn!("{error}"),
        }
    }
    Ok(runs)
}

/// The folder of a run: a path to it, `last`, `last-1`, or the beginning of its name. `place` tells where names are looked up.
pub(super) fn choose_run(
    name: &str,
    place: impl FnOnce() -> Result<DatasetPath, Failure>,
) -> Result<PathBuf, Failure> {
    let path = Path::new(name);
    if path.join(RUN_RESULTS).is_file() {
        return Ok(path.to_owned());
    }
    if path.is_file() && path.file_name().is_some_and(|file| file == RUN_RESULTS) {
        return Ok(path.parent().map(Path::to_owned).unwrap_or_default());
    }
    let place = place()?;
    let mut folders = run_folders(&place)?;
    let usage =
        |text: String| Failure::message(ExitStatus::Usage, text).remedy("`smbreplay list runs` shows the runs");
    if let Some(back) = back_from_last(name) {
        let count = folders.len();
        let at = count.checked_sub(1 + back).filter(|at| *at < count);
        return match at {
            Some(at) => Ok(folders.swap_remove(at)),
            None => Err(usage(format!("there is no run {name}: the capture has been replayed {count} times"))),
        };
    }
    let mut found: Vec<PathBuf> = folders.into_iter().filter(|folder| name_of(folder).starts_with(name)).collect();
    match (found.pop(), found.len()) {
        (Some(one), 0) => Ok(one),
        (None, _) => Err(usage(format!("no run begins with {name}"))),
        (Some(_), more) => Err(usage(format!("{name} fits {} runs", more + 1))),
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
        let chosen = |name: &str| choose_run(name, || Ok(place.clone())).map(|folder| name_of(&folder));
        assert_eq!(chosen("last").unwrap(), "20260102T2-all");
        assert_eq!(chosen("last-2").unwrap(), "20260101T1-0x1");
        assert_eq!(chosen("20260101").unwrap(), "20260101T1-0x1");
        for (name, said) in
            [("last-3", "replayed 3 times"), ("20260102", "fits 2 runs"), ("1999", "no run begins with 1999")]
        {
            let failure = chosen(name).unwrap_err();
            assert_eq!(failure.status(), ExitStatus::Usage);
            assert!(failure.to_string().contains(said), "{failure}");
        }
        let folder = place.replays_folder().join("20260102T1-0x1");
        let nowhere = || panic!("a path needs no dataset");
        assert_eq!(choose_run(folder.to_str().unwrap(), nowhere).unwrap(), folder);
    }
}
