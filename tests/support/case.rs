//! A folder with the dataset of a capture, and a home of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use super::process::Command;
use super::program::Run;

pub(crate) struct Case {
    pub(crate) folder: TempDir,
}

impl Case {
    pub(crate) fn fixture(name: &str) -> Self {
        Self::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name).join("capture.pcapng"))
    }

    /// Ingested; a capture that can be read only in part is welcome too.
    pub(crate) fn of(capture: &Path) -> Self {
        let case = Self { folder: tempfile::tempdir().expect("a folder") };
        fs::copy(capture, case.capture()).expect("the capture is copied");
        let run = case.run(&["ingest", "capture.pcapng"]);
        assert!([0, 3].contains(&run.status), "{}", run.stderr);
        case
    }

    pub(crate) fn capture(&self) -> PathBuf {
        self.folder.path().join("capture.pcapng")
    }

    /// Another fixture in the same folder, ingested unless it is to lie there only.
    pub(crate) fn add(&self, fixture: &str, name: &str, ingested: bool) {
        let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture).join("capture.pcapng");
        let place = self.folder.path().join(name);
        fs::create_dir_all(place.parent().expect("a parent")).expect("its folder is made");
        fs::copy(capture, place).expect("the capture is copied");
        if ingested {
            self.run(&["ingest", name]).ok();
        }
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smbreplay"));
        command.args(args).env_clear().stdin(Stdio::null()).current_dir(self.folder.path());
        command.env("HOME", self.folder.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        Run::of(self.command(args).output().expect("smbreplay runs"))
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let text = self.run(&[args, &["--format", "json"]].concat()).ok();
        serde_json::from_str(&text).expect("JSON")
    }

    /// What tshark prints.
    pub(crate) fn tshark(&self, args: &[&str]) -> String {
        let mut command = Command::new("tshark");
        command.args(["-n", "-r"]).arg(self.capture()).args(args).env("LC_ALL", "C.UTF-8");
        let output = command.output().expect("the tests need tshark: scripts/install-deps.sh --test");
        String::from_utf8(output.stdout).expect("text")
    }
}

/// The rows of an array.
pub(crate) fn rows(value: &Value) -> &[Value] {
    value.as_array().expect("an array")
}
