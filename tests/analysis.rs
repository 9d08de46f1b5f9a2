//! What the commands say that tell what happened in a capture: `session`, `stats`, `opens`, `files`, `extract`, `lifecycle`,
//! `auth`, on the committed captures; and that it is what tshark says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in tests, also outside of the test functions")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with the dataset of a capture, and a home of its own.
struct Case {
    folder: TempDir,
}

struct Run {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Run {
    fn of(output: Output) -> Self {
        Self {
            status: output.status.code().expect("an exit status"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn ok(self) -> String {
        assert_eq!(self.status, 0, "{}", self.stderr);
        self.stdout
    }

    /// One line that begins with `error:` and says these things.
    fn fails(self, status: i32, says: &[&str]) {
        assert_eq!(self.status, status, "{}", self.stderr);
        assert!(self.stderr.starts_with("error: ") && self.stderr.lines().count() == 1, "{}", self.stderr);
        says.iter().for_each(|text| assert!(self.stderr.contains(text), "{text}: {}", self.stderr));
    }
}

impl Case {
    fn fixture(name: &str) -> Self {
        Self::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name).join("capture.pcapng"))
    }

    /// Ingested; a capture that can be read only in part is welcome too.
    fn of(capture: &Path) -> Self {
        let case = Self { folder: tempfile::tempdir().unwrap() };
        fs::copy(capture, case.capture()).unwrap();
        let run = case.run(&["ingest", "capture.pcapng"]);
        assert!([0, 3].contains(&run.status), "{}", run.stderr);
        case
    }

    fn capture(&self) -> PathBuf {
        self.folder.path().join("capture.pcapng")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smbreplay"));
        command.args(args).env_clear().stdin(Stdio::null()).current_dir(self.folder.path());
        command.env("HOME", self.folder.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        Run::of(self.command(args).output().unwrap())
    }

    fn json(&self, args: &[&str]) -> Value {
        let text = self.run(&[args, &["--format", "json"]].concat()).ok();
        serde_json::from_str(&text).expect("JSON")
    }

    /// What tshark prints.
    fn tshark(&self, args: &[&str]) -> String {
        let output = Command::new("tshark").args(["-n", "-r"]).arg(self.capture()).args(args).env("LC_ALL", "C.UTF-8");
        let output = output.output().expect("the tests need tshark: scripts/install-deps.sh --test");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Compares with a committed file; `UPDATE_GOLDEN=1` writes it anew.
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == text, "{name} is not as it was; UPDATE_GOLDEN=1 writes it anew\n{text}");
}

fn rows(value: &Value) -> &[Value] {
    value.as_array().expect("an array")
}

#[test]
fn operations_are_chosen_by_path_status_latency_and_time() {
    let case = Case::fixture("quickstart");
    let count = |args: &[&str]| rows(&case.json(&[&["session", "1"], args].concat())).len();
    assert_eq!(count(&[]), 83);
    assert_eq!(count(&["--path", "docs/*"]), count(&["--file-filter", "DOCS\\*"]));
    assert_eq!(count(&["--status", "no_more_files"]), 5);
    assert_eq!(count(&["--status", "0xC0000225,STATUS_NO_MORE_FILES"]), 6);
    let slow = case.json(&["session", "1", "--slow", "1ms"]);
    assert!(rows(&slow).iter().all(|row| row["latency_ns"].as_i64().unwrap() >= 1_000_000));
    assert_eq!(rows(&slow).len(), case.tshark(&["-Y", "smb2.time >= 0.001", "-T", "fields", "-e", "frame.number"]).lines().count());
    let (before, after) = (count(&["--to", "25ms"]), count(&["--from", "0.025"]));
    assert!(before > 0 && after > 0);
    assert_eq!(before + after, 83);
    case.run(&["session", "1", "--status", "lost"]).fails(2, &["--status", "lost"]);
    let run = case.run(&["session", "1", "--from", "yesterday"]);
    assert!(run.status == 2 && run.stderr.contains("02:32:13.5"), "{}", run.stderr);
}

#[test]
fn a_compound_shows_as_one_group() {
    let table = Case::fixture("compound").run(&["session", "1", "--brief"]).ok();
    let lines: Vec<_> = table.lines().collect();
    let follower = lines.iter().position(|line| line.starts_with(' ') && line.trim_start().starts_with("+ "));
    let follower = follower.expect("a line of a compound, without a frame of its own");
    assert!(lines[follower - 1].split_whitespace().next().unwrap().parse::<u64>().is_ok() || lines[follower - 1].contains("+ "));
    golden("session-compound-brief.txt", &table);
}

#[test]
fn a_frame_shows_its_operation_in_full() {
    let case = Case::fixture("quickstart");
    golden("session-1-frame-32.txt", &case.run(&["session", "1", "--frame", "32"]).ok());
    let detail = &case.json(&["session", "1", "--frame", "32"])[0];
    assert_eq!(detail["command"], "CREATE");
    let pdu = detail["request"]["pdu"].as_str().unwrap();
    let raw = case.tshark(&["-Y", "frame.number==32", "-T", "fields", "-e", "tcp.payload"]);
    // Behind the four bytes of the NetBIOS header.
    assert_eq!(pdu, &raw.trim()[8..]);
    let text = case.run(&["session", "1", "--frame", "33", "--dissect"]).ok();
    assert_eq!(text.matches("SMB2 (Server Message Block Protocol version 2)").count(), 2, "{text}");
    case.run(&["session", "1", "--frame", "1"]).fails(2, &["frame 1 completes no message"]);
    case.run(&["session", "1", "--frame", "32", "--format", "csv"]).fails(2, &["--format"]);
    let compound = Case::fixture("compound");
    let frames = compound.tshark(&["-Y", "smb2.flags.chained==1 && smb2.flags.response==0", "-T", "fields", "-e", "frame.number", "-e", "smb2.cmd"]);
    let (frame, commands) = frames.lines().next().unwrap().split_once('\t').unwrap();
    let details = compound.json(&["session", "1", "--frame", frame]);
    assert_eq!(rows(&details).len(), commands.split(',').count());
}

#[test]
fn a_pager_is_for_terminals_only_and_can_be_done_without() {
    let case = Case::fixture("quickstart");
    let paged = |args: &str, terminal: bool| {
        let mut command = if terminal {
            let mut command = case.command(&[]);
            let line = format!("{} {args}", env!("CARGO_BIN_EXE_smbreplay"));
            let mut script = Command::new("script");
            script.args(["-qec", &line, "/dev/null"]).current_dir(case.folder.path()).stdin(Stdio::null());
            script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command = script;
            command
        } else {
            case.command(&args.split(' ').collect::<Vec<_>>())
        };
        command.env("PAGER", "sed s/^/paged:/");
        Run::of(command.output().expect("script of bsdutils")).ok()
    };
    assert!(paged("session 1 --brief", true).contains("paged:frame"));
    assert!(!paged("session 1 --brief --no-pager", true).contains("paged:"));
    assert!(!paged("session 1 --brief", false).contains("paged:"));
}
