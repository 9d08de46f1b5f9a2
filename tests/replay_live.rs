//! Replays of the fixtures against a real smbd: nothing diverges on a share in its captured state, and what does differ is
//! found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "replay_live/accounts.rs"]
mod accounts;
#[path = "replay_live/options.rs"]
mod options;
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use smbreplay::ingest::{IngestOptions, IngestProgress, ingest};
use smbreplay::model::{ConnectionIndex, Operation, Timestamp};
use smbreplay::replay::{
    Class, Closing, Options, Ordering, Outcome, Pacing, Run, RunReport, Target, Verdict, Workload,
};
use smbreplay::store::{Dataset, Projection};
use smbreplay::wire::Credentials;
use support::process::Command;
use support::recording::Recording;
use support::skips::{skipped, without_root};
use support::{Samba, runtime};
use tokio::sync::watch;

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The sessions of a fixture, by our reader alone.
fn sessions(case: &str) -> Vec<Vec<Operation>> {
    sessions_of(repository().join("fixtures").join(case).join("capture.pcapng"), 445)
}

fn sessions_of(capture: PathBuf, port: u16) -> Vec<Vec<Operation>> {
    let output = tempfile::tempdir().unwrap();
    let options = IngestOptions {
        output: Some(output.path().to_owned()),
        ports: vec![port],
        inputs: vec![capture],
        ..IngestOptions::default()
    };
    let report = ingest(&options, &IngestProgress::default()).unwrap();
    let dataset = Dataset::open(report.place.clone()).unwrap();
    let read = |entry| dataset.operations(entry, Projection::Everything).unwrap().map(Result::unwrap).collect();
    dataset.sessions().iter().map(read).collect()
}

/// When the connections of a fixture ended, by tshark.
fn closings(case: &str) -> Vec<Closing> {
    let output = Command::new("tshark")
        .arg("-r")
        .arg(repository().join("fixtures").join(case).join("capture.pcapng"))
        .args(["-n", "-Y", "tcp.flags.fin == 1 || tcp.flags.reset == 1", "-T", "fields"])
        .args(["-e", "tcp.stream", "-e", "frame.number", "-e", "frame.time_epoch"])
        .output()
        .expect("the tests need tshark: scripts/install-deps.sh --test");
    let mut closings: Vec<Closing> = Vec::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let fields: Vec<_> = line.split('\t').collect();
        let connection = ConnectionIndex(fields[0].parse().unwrap());
        let time = Timestamp((fields[2].parse::<f64>().unwrap() * 1e9) as i64);
        if !closings.iter().any(|closing| closing.connection == connection) {
            closings.push(Closing { frame: fields[1].parse().unwrap(), time, connection });
        }
    }
    closings
}

/// A fixture as a whole.
fn workload(case: &str) -> Workload {
    Workload { sessions: sessions(case), closings: closings(case), ..Workload::default() }
}

fn target(samba: &Samba, share: Option<&str>) -> Target {
    let mut target = samba.target();
    target.names.share = share.map(Into::into);
    target
}

fn replay(workload: impl Into<Workload>, target: Target, options: Options) -> RunReport {
    let prepared = Run::prepare(workload, target, options).unwrap();
    let (_stop, stopped) = watch::channel(false);
    runtime().block_on(prepared.execute(|_| {}, stopped)).unwrap()
}

/// What a report says beside matches, for the message of a failed test.
fn told(report: &RunReport) -> String {
    let mut text = format!("{:#?}\n", report.summary.classes);
    for row in &report.divergences {
        text.push_str(&format!(
            "step {} frame {} {} {:?}: {} {:?} {:?}\n",
            row.step,
            row.frame,
            row.command,
            row.path,
            row.class.name(),
            row.findings,
            row.note
        ));
    }
    for cause in &report.summary.root_causes {
        text.push_str(&format!("{} skipped for step {} ({})\n", cause.skipped, cause.row.step, cause.row.command));
    }
    text.push_str(&format!("not replayable: {:?}\n", report.summary.not_replayable));
    for outcome in report.outcomes.iter().filter(|outcome| outcome.note.is_some()) {
        text.push_str(&format!("note of step {}: {:?}\n", outcome.step, outcome.note));
    }
    text
}

/// sha256 of every file below a folder, as share.sha256 of a fixture has them.
fn hashes(folder: &Path) -> BTreeMap<String, String> {
    let output = Command::new("sh")
        .arg("-c")
        .arg("find . -type f -print0 | sort -z | xargs -0r sha256sum")
        .current_dir(folder)
        .output()
        .unwrap();
    hash_lines(&String::from_utf8(output.stdout).unwrap())
}

fn hash_lines(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(hash, name)| (name.trim_start_matches("./").to_owned(), hash.to_owned()))
        .collect()
}

#[test]
fn the_quickstart_replay_writes_what_the_original_client_wrote() {
    let samba = Samba::start(&[]);
    samba.prepare("quickstart", "testshare");
    let report = replay(sessions("quickstart"), target(&samba, Some("testshare")), Options::default());
    assert_eq!(report.verdict(), Verdict::Agreed, "{}", told(&report));
    assert_eq!(report.summary.diverged() + report.summary.skipped() + report.summary.not_replayed(), 0);
    let expected = std::fs::read_to_string(repository().join("fixtures/quickstart/share.sha256")).unwrap();
    assert_eq!(hashes(&samba.share_dir("testshare")), hash_lines(&expected));
}

/// Everything at once: chains, breaks, durable reconnects, cancels, pipes, sealing, several users, wrong ids.
#[test]
fn no_fixture_diverges_on_a_share_in_its_captured_state() {
    let samba = Samba::start(&[("SMBD_EXTRA_USERS", "testuser2")]);
    let mut cases = 0;
    for entry in std::fs::read_dir(repository().join("fixtures")).unwrap() {
        let case = entry.unwrap().file_name().into_string().unwrap();
        for share in ["testshare", "guestshare", "encshare"] {
            samba.prepare(&case, share);
        }
        let report = replay(workload(&case), target(&samba, None), Options::default());
        assert_eq!(report.verdict(), Verdict::Agreed, "{case}: {}", told(&report));
        // A wrong password is part of that capture, and no part of a replay with the lab's own.
        let expected: BTreeMap<&str, usize> =
            if case == "errors" { [("refused_login", 2)].into() } else { [].into() };
        assert_eq!(report.summary.not_replayable, expected, "{case}");
        let expected =
            std::fs::read_to_string(repository().join("fixtures").join(&case).join("share.sha256")).unwrap();
        // A server removes what was to be deleted on close a moment after the connection has ended.
        let begun = std::time::Instant::now();
        let as_expected = || hashes(&samba.share_dir("testshare")) == hash_lines(&expected);
        while !as_expected() && begun.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(hashes(&samba.share_dir("testshare")), hash_lines(&expected), "{case}");
        cases += 1;
    }
    assert!(cases >= 12, "the fixtures are missing");
}

#[test]
fn every_ordering_does_the_same_work() {
    let samba = Samba::start(&[]);
    let cases = [
        "quickstart",
        "compound",
        "setinfo",
        "big-transfer",
        "async",
        "unicode-names",
        "errors",
        "pipes",
        "leases-oplocks",
        "durable",
    ];
    for ordering in [Ordering::Resource, Ordering::Serial] {
        for case in cases {
            samba.prepare(case, "testshare");
            let options = Options { ordering, ..Options::default() };
            let report = replay(workload(case), target(&samba, None), options);
            assert_eq!(report.verdict(), Verdict::Agreed, "{ordering:?} {case}: {}", told(&report));
        }
    }
}

#[test]
fn the_captured_pace_is_kept() {
    let samba = Samba::start(&[]);
    samba.prepare("async", "testshare");
    let options = Options { pacing: Pacing::Captured, ..Options::default() };
    let report = replay(workload("async"), target(&samba, None), options);
    assert_eq!(report.verdict(), Verdict::Agreed, "{}", told(&report));
    let (is, was) = (report.summary.elapsed.as_secs_f64(), report.summary.captured_elapsed.as_secs_f64());
    assert!(is > 0.95 * was && is < 3.0 * was + 10.0, "{is} s for {was} s");
    // The logins are part of the timeline and were made before their time, so that the rest is on time.
    let noted = |outcome: &&Outcome| outcome.note.as_deref() == Some("made ahead of its time");
    assert_eq!(
        report.outcomes.iter().filter(noted).count(),
        14,
        "seven connections and their logins: {}",
        told(&report)
    );
    assert_eq!(report.summary.logins_ahead, 7);
    let (late, behind) = (report.summary.lateness.unwrap(), report.summary.behind.unwrap());
    assert!(late.count > 100 && late.p50_ns <= behind.p50_ns && late.max_ns <= behind.max_ns);

    samba.prepare("async", "testshare");
    let options = Options { pacing: Pacing::Scaled(4.0), ..Options::default() };
    let report = replay(workload("async"), target(&samba, None), options);
    let faster = report.summary.elapsed.as_secs_f64();
    assert!(faster > 0.2 * was && faster < 3.0 * was + 10.0, "{faster} s for {was} s at x4");
}

fn find(report: &RunReport, class: Class) -> &smbreplay::replay::Row {
    report.divergences.iter().find(|row| row.class == class).unwrap_or_else(|| panic!("{class:?}: {}", told(report)))
}

#[test]
fn a_wrong_byte_in_a_file_is_found() {
    let samba = Samba::start(&[]);
    samba.prepare("big-transfer", "testshare");
    let path = samba.share_dir("testshare").join("fetch.bin");
    let mut content = std::fs::read(&path).unwrap();
    content[1_234_567] ^= 1;
    std::fs::write(&path, content).unwrap();
    let report = replay(workload("big-transfer"), target(&samba, None), Options::default());
    assert_eq!(report.verdict(), Verdict::Diverged);
    assert_eq!(report.divergences.len(), 1, "{}", told(&report));
    let row = find(&report, Class::Data);
    assert_eq!(row.findings[0].subject, "byte 1234567 of the file");
    assert_eq!(row.path.as_deref(), Some("fetch.bin"));
}

#[test]
fn a_missing_file_is_the_root_of_what_is_skipped() {
    let samba = Samba::start(&[]);
    samba.prepare("big-transfer", "testshare");
    std::fs::remove_file(samba.share_dir("testshare").join("fetch.bin")).unwrap();
    let report = replay(workload("big-transfer"), target(&samba, None), Options::default());
    let row = find(&report, Class::Status);
    assert_eq!((row.command.as_str(), row.status.as_deref()), ("CREATE", Some("STATUS_OBJECT_NAME_NOT_FOUND")));
    let cause = report.summary.root_causes.iter().find(|cause| cause.row.step == row.step).unwrap();
    assert!(cause.skipped > 30, "the READs and the CLOSE: {}", told(&report));
    assert!(report.divergences.iter().all(|row| row.command != "READ"), "{}", told(&report));
}

#[test]
fn an_extra_directory_entry_and_another_size_are_found() {
    let samba = Samba::start(&[]);
    samba.prepare("quickstart", "testshare");
    samba.put("testshare", "stranger.txt", "x");
    let report = replay(workload("quickstart"), target(&samba, None), Options::default());
    let row = find(&report, Class::Info);
    assert_eq!(row.command, "QUERY_DIRECTORY");
    assert_eq!(row.findings[0].observed, "stranger.txt");

    samba.prepare("big-transfer", "testshare");
    let file = std::fs::File::options().write(true).open(samba.share_dir("testshare").join("fetch.bin")).unwrap();
    file.set_len(2_400_000).unwrap();
    let report = replay(workload("big-transfer"), target(&samba, None), Options::default());
    let row = find(&report, Class::Info);
    assert_eq!(row.findings[0].subject, "end_of_file");
    assert_eq!((row.findings[0].expected.as_str(), row.findings[0].observed.as_str()), ("2500000", "2400000"));
}

#[test]
fn a_read_only_share_is_found() {
    let samba = Samba::start(&[]);
    let report = replay(workload("quickstart"), target(&samba, Some("roshare")), Options::default());
    assert_eq!(report.verdict(), Verdict::Diverged);
    assert_eq!(find(&report, Class::Status).status.as_deref(), Some("STATUS_ACCESS_DENIED"), "{}", told(&report));
    assert!(report.summary.skipped() > 0);
}

/// A file system of a size, mounted over a folder; gone when dropped.
struct Mounted(PathBuf);

impl Mounted {
    /// None where nothing can be mounted.
    fn over(folder: &Path, size: &str) -> Option<Self> {
        let options = format!("size={size},mode=0777");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(folder).output().unwrap();
        mount.status.success().then(|| Self(folder.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["--lazy"]).arg(&self.0).status();
    }
}

#[test]
fn a_smaller_quota_is_found() {
    if without_root("mount a small file system") {
        return;
    }
    let samba = Samba::start(&[]);
    let share = samba.share_dir("testshare");
    let Some(_mounted) = Mounted::over(&share, "64k") else {
        skipped("no file system can be mounted here, so that no share can be small");
        return;
    };
    samba.prepare("quickstart", "testshare");
    let report = replay(workload("quickstart"), target(&samba, None), Options::default());
    let writes: Vec<_> = report.divergences.iter().filter(|row| row.command == "WRITE").collect();
    assert!(!writes.is_empty(), "{}", told(&report));
    // A server may take the part of a WRITE that has room.
    for row in &writes {
        let full = row.class == Class::Status && row.status.as_deref() == Some("STATUS_DISK_FULL");
        assert!(full || row.class == Class::Length, "{}", told(&report));
    }
    assert!(writes.iter().any(|row| row.class == Class::Status), "{}", told(&report));
}

#[test]
fn a_server_that_dies_is_told_of_and_the_run_ends() {
    let samba = Samba::start(&[]);
    samba.prepare("quickstart", "testshare");
    // Slow enough that the server is gone long before the end.
    let options =
        Options { pacing: Pacing::Scaled(0.01), max_gap: Some(Duration::from_millis(50)), ..Options::default() };
    let prepared = Run::prepare(workload("quickstart"), target(&samba, None), options).unwrap();
    let (_stop, stopped) = watch::channel(false);
    let mut alive = true;
    let report = runtime().block_on(prepared.execute(
        |progress| {
            if alive && progress.done > 20 {
                samba.stop();
                alive = false;
            }
        },
        stopped,
    ));
    let report = report.unwrap();
    assert!(!alive, "the server was to be stopped on the way: {}", told(&report));
    assert_eq!(report.verdict(), Verdict::Diverged);
    let rest = report.summary.classes["connection_lost"] + report.summary.skipped();
    assert!(rest > 10 && report.summary.not_reached() == 0, "{}", told(&report));
}

#[test]
fn a_run_can_be_stopped_and_reports_what_was_done() {
    let samba = Samba::start(&[]);
    samba.prepare("quickstart", "testshare");
    let options = Options { pacing: Pacing::Scaled(0.01), ..Options::default() };
    let prepared = Run::prepare(workload("quickstart"), target(&samba, None), options).unwrap();
    let (stop, stopped) = watch::channel(false);
    let report = runtime()
        .block_on(prepared.execute(
            |progress| {
                if progress.done > 3 {
                    let _ = stop.send(true);
                }
            },
            stopped,
        ))
        .unwrap();
    assert_eq!(report.verdict(), Verdict::Interrupted);
    assert!(report.summary.matching() > 0 && report.summary.not_reached() > 10, "{}", told(&report));
}

#[test]
fn everything_stays_below_the_base_folder() {
    let samba = Samba::start(&[]);
    samba.prepare("quickstart", "testshare");
    let base = samba.make_folder("testshare", "base");
    let mut target = target(&samba, None);
    target.names.base_dir = Some("base".into());
    let report = replay(workload("quickstart"), target, Options::default());
    assert_eq!(report.verdict(), Verdict::Agreed, "{}", told(&report));
    let expected = std::fs::read_to_string(repository().join("fixtures/quickstart/share.sha256")).unwrap();
    assert_eq!(hashes(&base), hash_lines(&expected));
    assert_eq!(std::fs::read_dir(samba.share_dir("testshare")).unwrap().count(), 1, "nothing beside it");
}

#[test]
fn a_read_only_run_leaves_the_share_as_it_was() {
    let samba = Samba::start(&[]);
    samba.prepare("setinfo", "testshare");
    let before = hashes(&samba.share_dir("testshare"));
    let options = Options { read_only: true, ..Options::default() };
    let prepared = Run::prepare(workload("setinfo"), target(&samba, None), options).unwrap();
    assert!(prepared.changes().is_empty(), "{:?}", prepared.changes());
    let (_stop, stopped) = watch::channel(false);
    let report = runtime().block_on(prepared.execute(|_| {}, stopped)).unwrap();
    assert!(report.summary.not_replayable["read_only"] > 10, "{}", told(&report));
    assert_eq!(hashes(&samba.share_dir("testshare")), before);
}

#[test]
fn a_target_that_cannot_be_used_is_an_error_and_not_a_report() {
    let samba = Samba::start(&[]);
    let attempt = |target: Target| {
        let prepared = Run::prepare(workload("quickstart"), target, Options::default()).unwrap();
        let (_stop, stopped) = watch::channel(false);
        runtime().block_on(prepared.execute(|_| {}, stopped)).unwrap_err().to_string()
    };
    let mut wrong = target(&samba, None);
    wrong.credentials = Credentials::ntlm(Samba::USER, "", "wrong");
    let text = attempt(wrong);
    assert!(text.contains(Samba::USER) && text.contains("STATUS_LOGON_FAILURE") && !text.contains("wrong"), "{text}");
    let text = attempt(target(&samba, Some("nowhere")));
    assert!(text.contains("nowhere") && text.contains("STATUS_BAD_NETWORK_NAME"), "{text}");
    let mut closed = target(&samba, None);
    closed.connect.address.set_port(support::free_port());
    assert!(attempt(closed).contains("cannot connect"));
}

#[test]
fn a_captured_server_is_refused() {
    let samba = Samba::start(&[]);
    let workload = workload("quickstart");
    let captured = workload.sessions[0][0].connection.server;
    let mut target = target(&samba, None);
    let prepared = Run::prepare(workload.clone(), target.clone(), Options::default()).unwrap();
    prepared.refuse_captured_server().unwrap();
    target.connect.address = captured;
    let prepared = Run::prepare(workload, target, Options::default()).unwrap();
    assert!(prepared.refuse_captured_server().unwrap_err().to_string().contains("--allow-captured-server"));
}

/// A request without what a replay may change: the FileId, the tree path, ids inside RPC.
fn normalised(operation: &Operation) -> (String, Option<u16>, bool, Vec<u8>) {
    let mut pdu = operation.request.as_ref().unwrap().pdu.to_vec();
    match operation.command {
        smbreplay::model::Command::TreeConnect => pdu.truncate(68),
        command => {
            if let Some(at) = smbreplay::model::message::file_id_offset(command) {
                let id = &mut pdu[at..at + 16];
                if *id != [0xFF; 16] && *id != [0; 16] {
                    id.fill(0xAA);
                }
            }
        }
    }
    (operation.command.to_string(), operation.compound_index, operation.related, pdu[64..].to_vec())
}

#[test]
fn a_replay_captured_again_has_the_same_requests() {
    if without_root("capture with tcpdump") {
        return;
    }
    let samba = Samba::start(&[]);
    for case in ["quickstart", "compound", "unicode-names", "big-transfer"] {
        for share in ["testshare", "guestshare"] {
            samba.prepare(case, share);
        }
        let folder = tempfile::tempdir().unwrap();
        let recording = Recording::start(folder.path(), samba.port());
        let workload = workload(case);
        let originals = workload.sessions.clone();
        let report = replay(workload, target(&samba, None), Options::default());
        assert_eq!(report.verdict(), Verdict::Agreed, "{case}: {}", told(&report));
        let again = sessions_of(recording.stop(), samba.port());
        let requests = |sessions: &[Vec<Operation>]| {
            let own = |operation: &Operation| {
                use smbreplay::model::Command as C;
                let is_probe = operation.share.is_none() && operation.command == C::Logoff;
                matches!(operation.command, C::Negotiate | C::SessionSetup)
                    || is_probe
                    || operation.facts.ctl_code == Some(smbreplay::model::CtlCode::VALIDATE_NEGOTIATE_INFO)
                    || operation.request.is_none()
            };
            let merged = smbreplay::replay::merge(sessions.to_vec());
            merged.iter().filter(|operation| !own(operation)).map(normalised).collect::<Vec<_>>()
        };
        let (was, mut is) = (requests(&originals), requests(&again));
        assert!(was.len() > 30, "{case}");
        // The probe before the run connects each share once and leaves it again.
        let probe = is.len() - was.len();
        assert!(probe <= 2 * prepared_shares(&originals), "{case}: {probe} requests more");
        is.drain(..probe);
        if case == "quickstart" {
            assert_eq!(is, was, "{case}: one client at a time, so the same order");
        }
        let (mut was, mut is) = (was, is);
        was.sort();
        is.sort();
        assert!(was == is, "{case}: the requests differ");
    }
}

fn prepared_shares(sessions: &[Vec<Operation>]) -> usize {
    let shares: std::collections::BTreeSet<_> =
        sessions.iter().flatten().filter_map(|operation| operation.share.clone()).collect();
    shares.len()
}
