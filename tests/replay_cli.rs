//! `smbreplay replay` and what is done with its results, as a user does it: the program itself against a real smbd.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "replay_cli/silent_server.rs"]
mod silent_server;
mod support;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use smbreplay::model::Command as Smb2;
use smbreplay::store::{RUN_RESULTS, ResultsReader};
use support::PATIENT_SECONDS;
use support::Samba;
use support::process::Command;
use support::program::Run;
use tempfile::TempDir;

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A server, a home of its own, and the quickstart fixture ingested there.
struct Lab {
    samba: Samba,
    home: TempDir,
}

impl Lab {
    fn new() -> Self {
        let lab = Self { samba: Samba::start(&[]), home: tempfile::tempdir().unwrap() };
        lab.samba.prepare("quickstart", "testshare");
        lab.ingest("quickstart");
        lab
    }

    fn ingest(&self, case: &str) {
        let output = self.command(&["ingest", "--no-tshark"]).arg(self.capture(case)).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A copy of a fixture, so that its dataset lies in the home.
    fn capture(&self, case: &str) -> PathBuf {
        let copy = self.home.path().join(format!("{case}.pcapng"));
        if !copy.exists() {
            std::fs::copy(repository().join("fixtures").join(case).join("capture.pcapng"), &copy).unwrap();
        }
        copy
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smbreplay"));
        command.args(args).env_clear().stdin(Stdio::null());
        command.env("HOME", self.home.path()).env("PATH", std::env::var_os("PATH").unwrap());
        command.env("SMBREPLAY_PASSWORD", Samba::PASSWORD).env("SMBREPLAY_CONFIG", self.home.path().join("c.toml"));
        command.env("SMBREPLAY_MAX_WAIT", PATIENT_SECONDS);
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        Run::of(self.command(args).output().unwrap())
    }

    /// The arguments of a replay onto the lab's share.
    fn replaying<'a>(&'a self, port: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let target =
            ["--server-ip", "127.0.0.1", "--port", port, "--username", Samba::USER, "--tree-name", "testshare"];
        ["replay", "1", "--yes"].into_iter().chain(target).chain(more.iter().copied()).collect()
    }

    /// Replays onto the share in its captured state.
    fn replay(&self, more: &[&str]) -> Run {
        self.samba.prepare("quickstart", "testshare");
        self.replay_as_it_is(more)
    }

    fn replay_as_it_is(&self, more: &[&str]) -> Run {
        self.run(&self.replaying(&self.samba.port().to_string(), more))
    }

    fn replays(&self) -> PathBuf {
        self.home.path().join(".tracer/quickstart.pcapng/replays")
    }

    fn runs(&self) -> Vec<Value> {
        serde_json::from_str(&self.run(&["list", "runs", "--format", "json"]).ends_with(0).stdout).unwrap()
    }
}

#[test]
fn a_replay_leaves_a_row_a_step_that_can_be_read_back_listed_and_compared() {
    let lab = Lab::new();
    lab.replay(&[]).ends_with(0);
    let runs = lab.runs();
    let run = &runs[0];
    assert_eq!((runs.len(), &run["verdict"], &run["diverged"]), (1, &"agreed".into(), &0.into()), "{run}");
    let folder = lab.replays().join(run["run"].as_str().unwrap());
    for file in ["results.parquet", "report.json", "report.txt", "junit.xml"] {
        assert!(folder.join(file).is_file(), "{file}");
    }
    let reader = ResultsReader::open(&folder.join(RUN_RESULTS)).unwrap();
    let steps: Vec<_> = reader.map(Result::unwrap).collect();
    assert_eq!(steps.len() as u64, run["steps"].as_u64().unwrap());
    assert!(steps.iter().zip(0..).all(|(step, at)| step.step == at && step.op_index == at && step.class == "match"));
    let reads: Vec<_> = steps.iter().filter(|step| step.command == Smb2::Read).collect();
    assert!(!reads.is_empty());
    for read in reads {
        assert!(read.captured_hash.is_some() && read.captured_hash == read.replayed_hash);
        assert_eq!(read.captured_bytes, read.replayed_bytes);
        assert!(read.replayed_latency_ns.unwrap() > 0 && read.sent_ns.unwrap() < read.answered_ns.unwrap());
    }

    // The same again, and the same with a stranger in the folder.
    lab.replay(&[]).ends_with(0);
    let equal = lab.run(&["diff", "last-1", "last"]).ends_with(0).stdout;
    assert!(equal.contains("no difference: 0 of 83 steps differ"), "{equal}");
    lab.samba.prepare("quickstart", "testshare");
    lab.samba.put("testshare", "stranger.txt", "x");
    lab.replay_as_it_is(&[]).ends_with(1);
    let differ = lab.run(&["diff", "last-1", "last"]).ends_with(1).stdout;
    assert!(differ.contains("DIFFERENT: ") && differ.contains("stranger.txt"), "{differ}");
    let json = lab.run(&["diff", "last-1", "last", "--format", "json"]).ends_with(1).json();
    assert_eq!((&json["differs"], &json["summary"]["steps"]), (&true.into(), &83.into()));
    let rows = lab.run(&["diff", "last-1", "last", "--format", "ndjson"]).ends_with(1).stdout;
    let first: Value = serde_json::from_str(rows.lines().next().unwrap()).unwrap();
    assert_eq!((&first["field"], &first["a"], &first["b"]), (&"class".into(), &"match".into(), &"info".into()));

    // Another capture is another workload.
    lab.samba.prepare("compound", "testshare");
    lab.ingest("compound");
    lab.replay_as_it_is(&[]).ends_with(0);
    let other = lab.run(&["diff", folder.to_str().unwrap(), "last"]).ends_with(2);
    assert!(
        other.stderr.contains("different captures") && other.stderr.contains("--allow-different"),
        "{}",
        other.stderr
    );
    lab.run(&["diff", folder.to_str().unwrap(), "last", "--allow-different"]).ends_with(1);
}

#[test]
fn results_are_parquet_for_others_too() {
    let lab = Lab::new();
    lab.replay(&[]).ends_with(0);
    let venv = Command::new(repository().join("scripts/install-deps.sh")).arg("--venv").output().unwrap();
    let python = Path::new(String::from_utf8(venv.stdout).unwrap().trim()).join("bin/python");
    assert!(python.exists(), "the tests need pyarrow: scripts/install-deps.sh --test");
    let program = "import sys, json, pyarrow.parquet as pq\n\
                   table = pq.read_table(sys.argv[1])\n\
                   run = json.loads(pq.read_metadata(sys.argv[1]).metadata[b'smbreplay.run'])\n\
                   row = table.filter(__import__('pyarrow').compute.field('command') == 'READ').to_pylist()[0]\n\
                   print(table.num_rows, run['verdict'], row['class'], row['replayed_status_name'], row['differences'])";
    let name = lab.runs()[0]["run"].as_str().unwrap().to_owned();
    let output =
        Command::new(python).args(["-c", program]).arg(lab.replays().join(name).join(RUN_RESULTS)).output().unwrap();
    let ran = Run::of(output).ends_with(0);
    assert_eq!(ran.stdout.trim(), "83 agreed match STATUS_SUCCESS None");
}

#[test]
fn thresholds_decide_the_exit_status_and_are_told_everywhere() {
    let lab = Lab::new();
    let junit = lab.home.path().join("junit.xml");
    let path = junit.to_str().unwrap();
    let failed =
        lab.replay(&["--fail-on", "match<100%", "--fail-on", "p99(CREATE)>1ns", "--junit", path]).ends_with(1);
    assert!(failed.stdout.contains("no divergence") && failed.stdout.contains("FAILED"), "{}", failed.stdout);
    let xml = std::fs::read_to_string(&junit).unwrap();
    assert!(xml.contains("failures=\"1\"") && xml.contains("name=\"p99(CREATE)&gt;1ns\""), "{xml}");

    lab.samba.put("testshare", "stranger.txt", "x");
    lab.replay_as_it_is(&[]).ends_with(1);
    let passed = lab.replay_as_it_is(&["--fail-on", "match<1%", "--fail-on", "p99(LOCK)>1ns", "--format", "json"]);
    let report = passed.ends_with(0).json();
    assert_eq!((&report["verdict"], &report["failed"]), (&"diverged".into(), &false.into()));
    assert_eq!(report["thresholds"][1]["judgement"], "nothing_to_judge");
    assert_eq!(lab.runs().len(), 3);

    let wrong = lab.run(&["replay", "1", "--fail-on", "p99(REED)>1ms"]).ends_with(2);
    assert!(wrong.stderr.contains("column 5") && wrong.stderr.contains("\n      ^"), "{}", wrong.stderr);
}

/// The noise is a file of another name in each run, in the folder that the capture lists.
#[test]
fn what_differs_between_two_runs_is_noise_and_does_not_count_later() {
    let lab = Lab::new();
    let refused = lab.replay(&["--calibrate"]).ends_with(2);
    assert!(refused.stderr.contains("--reset-command"), "{}", refused.stderr);
    let refused = lab.replay(&["--calibrate", "--reset-command", "true", "--clones", "2"]).ends_with(2);
    assert!(refused.stderr.contains("cannot be used with '--clones"), "{}", refused.stderr);
    assert!(lab.runs().is_empty(), "nothing was sent");

    let preparing = lab.samba.preparing("quickstart", "testshare");
    let script: Vec<_> = std::iter::once(preparing.get_program()).chain(preparing.get_args()).collect();
    let script: Vec<_> = script.into_iter().map(|word| word.to_str().unwrap()).collect();
    let share = lab.samba.share_dir("testshare");
    let reset = format!("SMBD_USER={} {} && mktemp {}/noise.XXXXXX", Samba::USER, script.join(" "), share.display());
    let learnt = lab.replay_as_it_is(&["--calibrate", "--reset-command", &reset, "--format", "json"]).ends_with(0);
    let entries = learnt.json();
    assert!(entries.as_array().is_some_and(|entries| !entries.is_empty()), "{}", learnt.stderr);
    assert!(entries.as_array().unwrap().iter().all(|entry| entry["field"] == "directory entries"), "{entries}");

    assert!(Command::new("sh").arg("-c").arg(&reset).status().unwrap().success());
    let with = lab.replay_as_it_is(&["--noise", "--format", "json"]).ends_with(0).json();
    assert_eq!((&with["verdict"], &with["summary"]["classes"]["info"]), (&"agreed".into(), &0.into()));
    assert_eq!(with["summary"]["noise"], entries.as_array().unwrap().len());
    assert!(Command::new("sh").arg("-c").arg(&reset).status().unwrap().success());
    lab.replay_as_it_is(&[]).ends_with(1);
    // What is no noise counts beside it.
    assert!(Command::new("sh").arg("-c").arg(&reset).status().unwrap().success());
    lab.samba.put("testshare", "docs", "in the way of a folder");
    let both = lab.replay_as_it_is(&["--noise"]).ends_with(1);
    assert!(both.stdout.contains("DIVERGED"), "{}", both.stdout);
}

/// Runs the program on a terminal of its own, and presses ^C once it says how many requests are in flight.
const ON_A_TERMINAL: &str = "
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 160, 0, 0))
    os.execv(sys.argv[1], sys.argv[1:])
seen, pressed = b'', False
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    seen += data
    if not pressed and b'in flight' in seen:
        os.write(fd, b'\\x03')
        pressed = True
status = os.waitpid(pid, 0)[1]
sys.stdout.write(seen.decode('utf-8', 'replace'))
sys.exit(os.waitstatus_to_exitcode(status))
";

#[test]
fn a_terminal_shows_how_far_a_run_is_and_control_c_ends_it_with_a_report() {
    let lab = Lab::new();
    let port = lab.samba.port().to_string();
    let mut command = lab.command(&[]);
    let environment: Vec<_> =
        command.get_envs().map(|(name, value)| (name.to_owned(), value.unwrap().to_owned())).collect();
    command = Command::new("python3");
    command.args(["-c", ON_A_TERMINAL, env!("CARGO_BIN_EXE_smbreplay")]);
    command.args(lab.replaying(&port, &["--pacing", "x0.001"])).env_clear().envs(environment).env("TERM", "xterm");
    let ran = Run::of(command.output().unwrap()).ends_with(130);
    for shown in ["ops/s", "in flight", "late", "diverged", "INTERRUPTED", "not reached"] {
        assert!(ran.stdout.contains(shown), "{shown}: {}", ran.stdout);
    }
    assert_eq!(lab.runs()[0]["verdict"], "interrupted");

    // Without a terminal there is no bar.
    let plain = lab.replay(&[]).ends_with(0);
    assert!(!plain.stderr.contains("in flight"), "{}", plain.stderr);
}
