//! `ingest` as it is run, mostly on what should not be given to it; and `session` on what it made of a committed capture.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::packets::{Conversation, Link, pcap_cut, pcap_of, segments_of};
use support::process::{Child, Command};
use support::program::{Run, golden};
use tempfile::TempDir;

/// A home and a working folder of its own.
struct Home {
    folder: TempDir,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a file into the working folder.
    fn with(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(name), bytes).unwrap();
        self
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smbreplay"));
        command.args(args).env_clear().stdin(Stdio::null()).current_dir(self.folder.path());
        command.env("HOME", self.folder.path()).env("SMBREPLAY_CONFIG", self.path("config.toml"));
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        Run::of(self.command(args).output().unwrap())
    }

    /// With a PATH that holds these programs and no other.
    fn run_with_path(&self, programs: &[&str], args: &[&str]) -> Run {
        let folder = tempfile::tempdir().unwrap();
        let path = std::env::var_os("PATH").unwrap();
        for program in programs {
            let found = std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.exists());
            let found = found.expect("the tests need all tools: scripts/install-deps.sh --test");
            std::os::unix::fs::symlink(found, folder.path().join(program)).unwrap();
        }
        Run::of(self.command(args).env("PATH", folder.path()).output().unwrap())
    }

    /// The files of a dataset with their bytes.
    fn dataset(&self, name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let folder = self.path(".tracer").join(name).join("sessions");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    }

    /// What lies beside the dataset and was not there for good.
    fn leftovers(&self, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(".tracer").join(name)).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with(".staging")).collect()
    }
}

fn fixture(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(case).join("capture.pcapng")
}

fn quickstart() -> Vec<u8> {
    fs::read(fixture("quickstart")).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn what_is_no_capture_is_told_in_one_line() {
    let home =
        Home::new().with("empty", "").with("notes.txt", "just text, more than a header would take\n".repeat(9));
    let home = home.with("short", [0x0A, 0x0D]).with("random", [7, 200, 3, 0].repeat(100));
    fs::create_dir(home.path("folder")).unwrap();
    home.run(&["ingest", "nothing.pcap"]).fails(3, &["nothing.pcap", "No such file"]);
    home.run(&["ingest", "empty"]).fails(3, &["empty: the file is empty"]);
    home.run(&["ingest", "notes.txt"]).fails(3, &["notes.txt: this is a text file, not a packet capture"]);
    home.run(&["ingest", "folder"]).fails(3, &["folder: it is a folder"]);
    home.run(&["ingest", "short"]).fails(3, &["too short for a capture's header"]);
    home.run(&["ingest", "random"]).fails(3, &["random: this is something else, not a packet capture"]);
    home.run(&["ingest"]).fails(2, &["no capture was named", "smbreplay ingest FILE"]);
    // Opening it would wait for a writer who never comes.
    assert!(Command::new("mkfifo").arg(home.path("pipe")).status().unwrap().success());
    home.run(&["ingest", "pipe"]).fails(3, &["pipe: it is a pipe", "standard input"]);
    assert!(!home.path(".tracer").exists(), "nothing was written");
}

#[test]
fn a_capture_without_smb2_says_what_it_holds() {
    let mut segments = Vec::new();
    let mut web = Conversation::open("192.0.2.1:50000", "192.0.2.2:80", &mut segments);
    web.bytes(true, b"GET / HTTP/1.0\r\n\r\n", &mut segments);
    let home = Home::new().with("web.pcap", pcap_of(Link::Ethernet, &segments));
    home.run(&["ingest", "web.pcap"])
        .fails(3, &["web.pcap: no SMB2 traffic in its 4 packets; it holds TCP port 80 (4 packets)", "--port"]);
    let home = home.with("none.pcap", pcap_of(Link::Ethernet, &[]));
    home.run(&["ingest", "none.pcap"]).fails(3, &["no SMB2 traffic in its 0 packets; it holds nothing else"]);
    assert!(home.leftovers("web.pcap").is_empty());
    home.run(&["session", "--list", "--trace", "web.pcap"]).fails(3, &["web.pcap"]);
}

#[test]
fn a_capture_cut_short_is_ingested_as_far_as_it_is_whole() {
    let home = Home::new().with("cut.pcapng", &quickstart()[..100_000]);
    let run = home.run(&["ingest", "cut.pcapng"]);
    assert_eq!(run.status, 3);
    assert!(run.stderr.contains("66 packets, 58 SMB2 PDUs, 29 operations in 1 session"), "{}", run.stderr);
    assert!(run.stderr.contains("cut off in the middle of packet 67; what is whole was ingested"), "{}", run.stderr);
    assert!(!run.stderr.contains("MB/s"), "{}", run.stderr);
    let list = home.run(&["session", "--list", "--format", "json"]).ok();
    let sessions: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
    assert_eq!(sessions[0]["operations"], 29);
    // The second time nothing is done, and it is still not all there is.
    let run = home.run(&["ingest", "cut.pcapng"]);
    assert_eq!(run.status, 3);
    assert!(run.stderr.contains("unchanged since it was ingested"), "{}", run.stderr);
}

#[test]
fn a_repair_says_what_pcapfix_did_and_needs_pcapfix() {
    let home =
        Home::new().with("cut.pcapng", &quickstart()[..100_000]).with("cut.gz", gzip(&quickstart()[..100_000]));
    let run = home.run(&["ingest", "--repair", "cut.pcapng"]);
    assert!(run.stderr.contains("pcapfix repaired: Invalid Block size => CORRECTED."), "{}", run.stderr);
    assert!(run.stderr.contains("SUCCESS: 3 Corruption(s) fixed!"), "{}", run.stderr);
    assert!(run.stderr.contains("1 packet was captured only in part"), "{}", run.stderr);
    assert!(!run.stderr.contains("lets pcapfix try"), "{}", run.stderr);
    let manifest = fs::read(home.path(".tracer/cut.pcapng/sessions/session_metadata.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert!(manifest["quality"]["notes"][0].as_str().unwrap().contains("SUCCESS"), "{manifest}");
    assert_eq!(manifest["options"]["repair"], "by pcapfix");
    home.run(&["ingest", "--repair", "cut.gz"]).fails(3, &["cut.gz is compressed", "decompress it first"]);
    home.run_with_path(&["tshark", "capinfos"], &["ingest", "--repair", "cut.pcapng"])
        .fails(5, &["pcapfix is not installed", "apt-get install pcapfix"]);
}

#[test]
fn a_damaged_gzip_file_is_ingested_up_to_its_damage() {
    let whole = gzip(&quickstart());
    let mut bent = whole.clone();
    let middle = bent.len() / 2;
    bent[middle..middle + 200].fill(0xA5);
    let home = Home::new().with("cut.pcapng.gz", &whole[..whole.len() / 2]).with("bent.pcapng.gz", bent);
    for name in ["cut.pcapng.gz", "bent.pcapng.gz"] {
        let run = home.run(&["ingest", name]);
        assert_eq!(run.status, 3, "{name}: {}", run.stderr);
        assert!(run.stderr.contains("damaged: "), "{name}: {}", run.stderr);
        let list = home.run(&["session", "--list", "--trace", name, "--format", "json"]).ok();
        let sessions: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
        assert!(sessions[0]["operations"].as_u64().unwrap() > 10, "{name}: {list}");
    }
    let home = home.with("no.gz", [0x1F, 0x8B, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    home.run(&["ingest", "no.gz"]).fails(3, &["no.gz"]);
}

#[test]
fn without_tshark_the_way_to_get_it_and_the_way_on_are_told() {
    let home = Home::new().with("capture.pcapng", quickstart());
    home.run_with_path(&[], &["ingest", "capture.pcapng"])
        .fails(5, &["tshark is not installed", "apt-get install tshark", "`--no-tshark` goes on without it"]);
    let run = home.run_with_path(&[], &["ingest", "--no-tshark", "capture.pcapng"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.stderr.contains("83 operations in 1 session"), "{}", run.stderr);
    let list = home.run(&["session", "--list", "--trace", "capture.pcapng"]).ok();
    assert!(list.contains("testuser"), "{list}");
    home.run(&["ingest", "--tshark", "/nowhere/tshark", "capture.pcapng"]).fails(5, &["/nowhere/tshark"]);
}

#[test]
fn what_is_missing_and_odd_is_told_with_its_numbers() {
    let segments = segments_of(&fixture("quickstart"));
    let packets = segments.iter().map(|segment| (segment.time, segment.packet(Link::Ethernet)));
    let home = Home::new().with("cut.pcap", pcap_cut(Link::Ethernet, packets, 30_000));
    let run = home.run(&["ingest", "cut.pcap"]);
    assert_eq!(run.status, 3, "{}", run.stderr);
    let expected = [
        "cut.pcap: 184 packets, 167 SMB2 PDUs, 83 operations in 1 session, ",
        "cut.pcap: written to ./.tracer/cut.pcap/sessions",
        "warning: cut.pcap: 6 packets were captured only in part (snapshot length); what was cut off is missing",
        "warning: cut.pcap: 6 stretches of SMB connections are not in the capture (20.1 KiB)",
        "warning: cut.pcap: 132 KiB on ports of SMB could not be read as messages",
        "warning: cut.pcap: 4 anomalies in operations: 2 malformed, 2 truncated",
    ];
    let lines: Vec<_> = run.stderr.lines().collect();
    assert!(
        lines.len() >= expected.len() && lines.iter().zip(expected).all(|(line, text)| line.starts_with(text)),
        "{}",
        run.stderr
    );
    let manifest = fs::read(home.path(".tracer/cut.pcap/sessions/session_metadata.json")).unwrap();
    let quality = &serde_json::from_slice::<serde_json::Value>(&manifest).unwrap()["quality"];
    assert_eq!((&quality["packets"], &quality["cut_packets"]), (&184.into(), &6.into()));
    assert_eq!(quality["anomalies"]["truncated"], 2);
}

#[test]
fn standard_input_is_a_capture_like_any_other() {
    let home = Home::new().with("capture.pcapng", quickstart());
    let ingest = |args: &[&str]| {
        let input = File::open(home.path("capture.pcapng")).unwrap();
        Run::of(home.command(args).stdin(input).output().unwrap())
    };
    let run = ingest(&["ingest", "-"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.stderr.contains("stdin: written to ./.tracer/stdin/sessions"), "{}", run.stderr);
    assert!(ingest(&["ingest", "-"]).stderr.contains("unchanged"));
    assert!(!ingest(&["ingest", "--force", "-"]).stderr.contains("unchanged"));
    let of_stdin = home.run(&["session", "1", "--trace", "-", "--format", "csv"]).ok();
    assert_eq!(home.run(&["session", "1", "--format", "csv"]).ok(), of_stdin, "the last ingested");
    home.run(&["ingest", "capture.pcapng"]).ok();
    assert_eq!(home.run(&["session", "1", "--format", "csv"]).ok(), of_stdin);
    // Through a pipe, compressed, under another folder, and sealed messages, for which it is read twice.
    let sealed = gzip(&fs::read(fixture("encrypted")).unwrap());
    let home = home.with("password", "Passw0rd!\n");
    let args = ["ingest", "-", "--output", "elsewhere", "--nt-password-file", "password"];
    let mut child = home.command(&args).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&sealed).unwrap();
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.stderr.contains("stdin: written to elsewhere/.tracer/stdin/sessions"), "{}", run.stderr);
    // What is wrong with it, too.
    home.run(&["ingest", "-"]).fails(3, &["stdin: the file is empty"]);
    home.run(&["ingest", "-", "-"]).fails(2, &["- is named twice"]);
}

#[test]
fn several_files_are_told_as_one_capture() {
    let segments = segments_of(&fixture("quickstart"));
    let (first, second) = segments.split_at(90);
    let home = Home::new().with("a.pcap", pcap_of(Link::Ethernet, first));
    let home = home.with("b.pcap", pcap_of(Link::Ethernet, second)).with("c.pcap", pcap_of(Link::Ethernet, second));
    let run = home.run(&["ingest", "b.pcap", "a.pcap"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.stderr.starts_with("a.pcap: 2 files, 184 packets, 167 SMB2 PDUs"), "{}", run.stderr);
    assert!(home.run(&["ingest", "a.pcap", "b.pcap"]).stderr.contains("unchanged"));
    home.run(&["ingest", "a.pcap", "./a.pcap"]).fails(2, &["./a.pcap is named twice"]);
    home.run(&["ingest", "a.pcap", "nothing.pcap"]).fails(3, &["nothing.pcap", "No such file"]);
    // The list knows that both are in one dataset, and the third in none.
    let list = |home: &Home| -> BTreeMap<String, String> {
        let folder = home.folder.path().to_str().unwrap().to_owned();
        let output = home.command(&["list", "traces", "--format", "json"]).env("TRACES_FOLDER", folder).output();
        let rows: Vec<serde_json::Value> = serde_json::from_str(&Run::of(output.unwrap()).ok()).unwrap();
        let text = |row: &serde_json::Value, key| row[key].as_str().unwrap().to_owned();
        rows.iter().map(|row| (text(row, "trace"), text(row, "ingested"))).collect()
    };
    let states = |a: &str, b: &str, c: &str| -> BTreeMap<String, String> {
        [("a.pcap", a), ("b.pcap", b), ("c.pcap", c)].map(|(name, state)| (name.to_owned(), state.to_owned())).into()
    };
    assert_eq!(list(&home), states("yes", "with a.pcap", "no"));
    let home = home.with("b.pcap", pcap_of(Link::Ethernet, &second[1..]));
    assert_eq!(list(&home), states("stale", "stale", "no"));
}

/// A capture of small operations of this many bytes.
fn make_capture(path: &Path, megabytes: u32) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/make-capture.py");
    let size = megabytes.to_string();
    let mut command = Command::new("python3");
    command.arg(script).args(["small-ops", "--size", &size]).arg(path).stdout(Stdio::null());
    let status = command.status();
    assert!(status.unwrap().success());
}

/// Starts an ingest and waits until it is in the midst of it.
fn start_ingest(home: &Home, args: &[&str]) -> Child {
    let child = home.command(args).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    let under_way = || {
        let staging = home.path(".tracer/capture.pcap");
        let folders = home.leftovers("capture.pcap");
        let files = folders.iter().flat_map(|folder| fs::read_dir(staging.join(folder)).into_iter().flatten());
        files.flatten().any(|file| file.metadata().is_ok_and(|file| file.len() > 0))
    };
    while !under_way() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the ingest does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").arg(name).arg(child.id().to_string()).status();
    assert!(status.unwrap().success());
}

#[test]
fn an_interrupted_ingest_leaves_the_earlier_dataset_untouched() {
    let home = Home::new().with("capture.pcap", pcap_of(Link::Ethernet, &segments_of(&fixture("quickstart"))));
    home.run(&["ingest", "capture.pcap"]).ok();
    let before = home.dataset("capture.pcap");
    make_capture(&home.path("capture.pcap"), 40);
    for args in [&["ingest", "capture.pcap"][..], &["ingest", "--extractor", "tshark", "capture.pcap"]] {
        for name in ["-INT", "-TERM"] {
            let child = if args.len() == 2 { start_ingest(&home, args) } else { start_soon(&home, args) };
            let asked = Instant::now();
            signal(&child, name);
            let run = Run::of(child.wait_with_output().unwrap());
            assert!(asked.elapsed() < Duration::from_secs(60), "{args:?} {name}: {:?}", asked.elapsed());
            run.fails(130, &["interrupted"]);
            assert_eq!(home.leftovers("capture.pcap"), Vec::<String>::new(), "{args:?} {name}");
            assert!(home.dataset("capture.pcap") == before, "{args:?} {name}");
        }
    }
    // Killed it cannot clean up; the next one does.
    let mut child = start_ingest(&home, &["ingest", "capture.pcap"]);
    signal(&child, "-KILL");
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    assert_eq!(home.leftovers("capture.pcap").len(), 1);
    assert!(home.dataset("capture.pcap") == before);
    let list = home.run(&["session", "--list", "--trace", "capture.pcap", "--format", "json"]).ok();
    assert!(list.contains("\"operations\": 83"), "{list}");
    fs::copy(fixture("many-sessions"), home.path("capture.pcap")).unwrap();
    home.run(&["ingest", "capture.pcap"]).ok();
    assert_eq!(home.leftovers("capture.pcap"), Vec::<String>::new());
    assert!(home.dataset("capture.pcap") != before);
}

/// Starts an ingest by tshark, which writes nothing for a while.
fn start_soon(home: &Home, args: &[&str]) -> Child {
    let child = home.command(args).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while home.leftovers("capture.pcap").is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the ingest does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn an_ingest_that_waits_for_standard_input_can_be_interrupted() {
    let home = Home::new();
    let temporary = home.path("temporary");
    fs::create_dir(&temporary).unwrap();
    let files = || -> Vec<_> {
        fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let mut command = home.command(&["ingest", "-"]);
    let mut child = command.env("TMPDIR", &temporary).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&quickstart()[..1000]).unwrap();
    let begun = Instant::now();
    while !files().iter().any(|name| name.starts_with("smbreplay-stdin-")) {
        assert!(begun.elapsed() < Duration::from_secs(60), "the ingest does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&child, "-INT");
    let asked = Instant::now();
    Run::of(child.wait_with_output().unwrap()).fails(130, &["interrupted"]);
    assert!(asked.elapsed() < Duration::from_secs(60));
    assert_eq!(files(), Vec::<String>::new());
    drop(input);
}

#[test]
fn the_sessions_and_operations_of_the_quickstart_capture_are_printed_as_ever() {
    let home = Home::new().with("capture.pcapng", quickstart());
    home.run(&["ingest", "capture.pcapng"]).ok();
    for (format, ending) in [("table", "txt"), ("json", "json"), ("csv", "csv")] {
        golden(&format!("session-list.{ending}"), &home.run(&["session", "--list", "--format", format]).ok());
        let writes = ["session", "1", "--command", "WRITE", "--format", format];
        golden(&format!("session-1-writes.{ending}"), &home.run(&writes).ok());
    }
    golden("session-1.txt", &home.run(&["session", "1"]).ok());
    golden("session-1.csv", &home.run(&["session", "1", "--format", "csv"]).ok());
    golden("session-1-brief.txt", &home.run(&["session", "1", "--brief"]).ok());
}
