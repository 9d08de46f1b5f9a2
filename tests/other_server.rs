//! Replays of fixtures onto a server that is not Samba: impacket's smbserver speaks SMB 2.0.2 only, grants no oplock and no lease,
//! and answers much in another way. All of that is told, class by class, and nothing is waited for that cannot come.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::case::{Case, rows};
use support::free_port;
use support::process::{Child, Command};
use support::program::{Run, golden};
use tempfile::TempDir;

const USER: &str = "testuser";
const PASSWORD: &str = "Passw0rd!";
/// Far above what a replay takes here, and far below what it took to wait for breaks that could not come: a generous bound, since
/// machines may be busy.
const AT_MOST: Duration = Duration::from_secs(30);

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A running impacket with one share.
struct Impacket {
    server: Child,
    port: u16,
    folder: TempDir,
}

impl Impacket {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("shares/testshare")).unwrap();
        // What scripts/prepare-share.sh wants to see before it empties a folder.
        std::fs::write(folder.path().join(".smbreplay-smbd"), "").unwrap();
        let venv = Command::new(repository().join("scripts/install-deps.sh")).arg("--venv").output().unwrap();
        let python = Path::new(String::from_utf8(venv.stdout).unwrap().trim()).join("bin/python");
        let port = free_port();
        let mut server = Command::new(python)
            .arg(repository().join("tests/other_server/impacket_server.py"))
            .args([&port.to_string(), USER, PASSWORD])
            .arg(format!("TESTSHARE={}", folder.path().join("shares/testshare").display()))
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the tests need a Python environment: scripts/install-deps.sh --test");
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let impacket = Self { server, port, folder };
        assert_eq!(line, "ready\n", "impacket does not start: scripts/install-deps.sh --test");
        impacket
    }

    fn prepare(&self, case: &str) {
        let script = repository().join("scripts/prepare-share.sh");
        let output =
            Command::new(script).arg(case).arg(self.folder.path().join("shares/testshare")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn replay(&self, case: &Case, more: &[&str]) -> Run {
        let mut command = case.command(&["replay", "--all", "--yes", "--trace", "capture.pcapng"]);
        command.args(["--server-ip", "127.0.0.1", "--port", &self.port.to_string(), "--username", USER]);
        command.args(more).env("SMBREPLAY_PASSWORD", PASSWORD);
        Run::of(command.output().unwrap())
    }
}

impl Drop for Impacket {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// What a report says, without times and values that a machine has a part in.
fn told(report: &Value) -> String {
    let summary = &report["summary"];
    let mut text = String::new();
    for difference in rows(&summary["target_differences"]) {
        let [diverged, skipped] = ["divergences", "skipped"].map(|of| difference[of].as_u64().unwrap());
        writeln!(text, "{}: {diverged} diverged, {skipped} skipped", difference["text"].as_str().unwrap()).unwrap();
    }
    for (class, count) in summary["classes"].as_object().unwrap() {
        if count.as_u64().unwrap() > 0 {
            writeln!(text, "{class} {count}").unwrap();
        }
    }
    for row in rows(&report["divergences"]) {
        let word = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let path = word("path");
        write!(text, "frame {} {} {path} {}", row["frame"], word("command"), word("class")).unwrap();
        match row["class"] == "status" {
            true => write!(text, " {} {}", word("captured_status"), word("status")).unwrap(),
            false => {
                for finding in rows(&row["findings"]) {
                    write!(text, "; {}", finding["subject"].as_str().unwrap()).unwrap();
                }
            }
        }
        if let Some(cause) = row["cause"]["text"].as_str() {
            write!(text, "; because of {cause}").unwrap();
        }
        text.push('\n');
    }
    for cause in rows(&summary["root_causes"]) {
        writeln!(text, "{} skipped for frame {} {}", cause["skipped"], cause["frame"], cause["command"]).unwrap();
    }
    text
}

#[test]
fn six_fixtures_are_replayed_in_time_and_all_that_differs_is_told() {
    let impacket = Impacket::start();
    for name in ["quickstart", "compound", "setinfo", "leases-oplocks", "big-transfer", "async"] {
        let case = Case::fixture(name);
        impacket.prepare(name);
        let begun = Instant::now();
        let report = impacket.replay(&case, &["--format", "json"]).ends_with(1).json();
        assert!(begun.elapsed() < AT_MOST, "{name}: {:?}", begun.elapsed());
        golden(&format!("other-server-{name}.txt"), &told(&report));
        // Each step is in one class or was done by the engine, and each divergence is listed.
        let summary = &report["summary"];
        let classes = summary["classes"].as_object().unwrap();
        let sum = |of: fn(&str) -> bool| -> u64 {
            classes.iter().filter(|(name, _)| of(name)).map(|(_, count)| count.as_u64().unwrap()).sum()
        };
        assert_eq!(sum(|_| true) + summary["own"].as_u64().unwrap(), summary["steps"].as_u64().unwrap(), "{name}");
        let diverged = sum(|class| !["match", "skipped", "not_replayable", "not_reached"].contains(&class));
        assert_eq!(rows(&report["divergences"]).len() as u64, diverged, "{name}");
    }
}

#[test]
fn the_report_says_at_its_head_what_the_target_negotiates_otherwise_and_ties_to_it_what_follows() {
    let impacket = Impacket::start();
    let case = Case::fixture("quickstart");
    impacket.prepare("quickstart");
    let text = impacket.replay(&case, &[]).ends_with(1).stdout;
    let first = text.lines().next().unwrap();
    assert!(first.starts_with("target differs: dialect 2.0.2, was 3.1.1; DFS not offered, was; "), "{text}");
    assert!(text.contains("\n1 step because of this: DFS not offered, was (1 diverged; "), "{text}");
    assert!(text.contains("of 80 operations") && text.contains(", 68 as captured, 12 diverged\n"), "{text}");
}

#[test]
fn a_dialect_that_the_server_does_not_speak_ends_the_run_before_it_begins_and_names_the_option() {
    let impacket = Impacket::start();
    let case = Case::fixture("quickstart");
    let run = impacket.replay(&case, &["--dialect", "3.1.1"]);
    run.fails(4, &["answers in dialect 2.0.2, which was not offered (offered: 3.1.1)", "--dialect"]);
}

#[test]
fn breaks_of_opens_that_were_granted_nothing_are_given_up_at_once_and_say_so_in_full() {
    let impacket = Impacket::start();
    let case = Case::fixture("leases-oplocks");
    impacket.prepare("leases-oplocks");
    let begun = Instant::now();
    let text = impacket.replay(&case, &[]).ends_with(1).stdout;
    assert!(begun.elapsed() < AT_MOST, "{:?}", begun.elapsed());
    assert!(text.contains("none; the CREATE of frame 31 was granted no oplock and no lease\n"), "{text}");
}

/// The server dies while a step is under way.
#[test]
fn nothing_is_waited_for_on_a_connection_that_is_gone() {
    let mut impacket = Impacket::start();
    let case = Case::fixture("leases-oplocks");
    impacket.prepare("leases-oplocks");
    let mut command =
        case.command(&["replay", "--all", "--yes", "--trace", "capture.pcapng", "--pacing", "captured"]);
    command.args(["--server-ip", "127.0.0.1", "--port", &impacket.port.to_string(), "--username", USER]);
    command
        .args(["--format", "json"])
        .env("SMBREPLAY_PASSWORD", PASSWORD)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let begun = Instant::now();
    let replay = command.spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    impacket.server.kill().unwrap();
    impacket.server.wait().unwrap();
    let run = Run::of(replay.wait_with_output().unwrap()).ends_with(1);
    // The captured pace takes 10.7 s; nine breaks at 5 s each would take 45 s more.
    assert!(begun.elapsed() < AT_MOST, "{:?}", begun.elapsed());
    let report = run.json();
    let classes = &report["summary"]["classes"];
    let number = |class: &str| classes[class].as_u64().unwrap();
    assert!(number("connection_lost") > 0 && number("skipped") > 0 && number("timeout") == 0, "{classes}");
}
