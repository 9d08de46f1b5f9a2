//! Where captures are looked for, and what was ingested last.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::store::AtomicFile;

/// What holds for all requests of a user, unless a request says otherwise.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    /// The folder with the folders of cases.
    pub traces_folder: PathBuf,
    /// The case whose folder captures are looked up in.
    pub case: Option<String>,
    /// The capture that requests are about.
    pub trace: Option<PathBuf>,
    /// The folder for what smbreplay remembers from one use to the next; without it nothing is remembered.
    pub state_folder: Option<PathBuf>,
}

/// The folder for what smbreplay remembers for this user: `$XDG_STATE_HOME/smbreplay`, else `~/.local/state/smbreplay`.
pub fn user_state_folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_STATE_HOME").or_else(|| Some(std::env::home_dir()?.join(".local/state")))?;
    Some(folder.join("smbreplay"))
}

/// The capture ingested last.
#[derive(Serialize, Deserialize)]
pub(super) struct LastIngest {
    pub(super) capture: PathBuf,
    pub(super) output: Option<PathBuf>,
}

const LAST_INGEST: &str = "last_ingest.json";

impl Workspace {
    /// The folder of a case; without one, that of all cases.
    pub(crate) fn case_folder(&self, case: Option<&str>) -> PathBuf {
        match case.or(self.case.as_deref()) {
            Some(case) => self.traces_folder.join(case),
            None => self.traces_folder.clone(),
        }
    }

    /// A capture file that was named: as it stands, else in the folder of its case.
    pub(super) fn find_capture(&self, name: &Path, case: Option<&str>) -> PathBuf {
        if name == Path::new("-") || (name.exists() && case.is_none()) {
            return name.to_owned();
        }
        let in_case = self.case_folder(case).join(name);
        if in_case.exists() { in_case } else { name.to_owned() }
    }

    /// Remembers a capture as the one ingested last. Not being able to is no reason to fail.
    pub(super) fn remember(&self, capture: &Path, output: Option<&Path>) {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let last = LastIngest { capture: absolute(capture), output: output.map(absolute) };
        if self.state_folder.is_some() && self.write_state(LAST_INGEST, &last).is_none() {
            tracing::debug!("the last ingested capture could not be remembered");
        }
    }

    pub(super) fn last_ingest(&self) -> Option<LastIngest> {
        self.read_state(LAST_INGEST)
    }

    /// What a file of the state folder holds.
    pub(super) fn read_state<T: for<'a> Deserialize<'a>>(&self, name: &str) -> Option<T> {
        serde_json::from_slice(&fs::read(self.state_folder.as_ref()?.join(name)).ok()?).ok()
    }

    /// Writes a file of the state folder.
    pub(super) fn write_state(&self, name: &str, state: &impl Serialize) -> Option<()> {
        let folder = self.state_folder.as_ref()?;
        fs::create_dir_all(folder).ok()?;
        AtomicFile::write(&folder.join(name), &serde_json::to_vec(state).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_are_found_as_they_stand_or_in_their_case() {
        let base = tempfile::tempdir().unwrap();
        let capture = base.path().join("17/a.pcap");
        fs::create_dir_all(base.path().join("17")).unwrap();
        fs::write(&capture, b"").unwrap();
        let workspace = Workspace { traces_folder: base.path().to_owned(), ..Workspace::default() };
        let name = Path::new("a.pcap");
        assert_eq!(workspace.find_capture(name, Some("17")), capture);
        assert_eq!(workspace.find_capture(name, None), name, "it is not there without its case");
        assert_eq!(workspace.find_capture(&capture, None), capture);
        let in_case = Workspace { case: Some("17".to_owned()), ..workspace };
        assert_eq!(in_case.find_capture(name, None), capture);
    }

    #[test]
    fn the_last_ingest_is_remembered_where_there_is_a_folder_for_it() {
        let base = tempfile::tempdir().unwrap();
        let workspace = Workspace { state_folder: Some(base.path().join("state")), ..Workspace::default() };
        assert!(workspace.last_ingest().is_none());
        workspace.remember(Path::new("/cases/a.pcap"), Some(Path::new("/out")));
        let last = workspace.last_ingest().unwrap();
        assert_eq!((last.capture, last.output), ("/cases/a.pcap".into(), Some("/out".into())));
        Workspace::default().remember(Path::new("/cases/b.pcap"), None);
        assert!(Workspace::default().last_ingest().is_none());
    }
}
