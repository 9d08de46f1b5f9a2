//! The lab server as it was, on a real smbd: what a setup makes is enough for a replay, and a cleanup leaves nothing of either.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use sha2::{Digest, Sha256};
use smbreplay::ingest::{IngestOptions, IngestProgress, ingest};
use smbreplay::model::{ConnectionIndex, Fill, Image, MadeName, Timestamp};
use smbreplay::replay::{
    Closing, Lab, Layout, Made, Options, PlanNames, Row, Run, RunReport, SetupPlan, Target, Verdict, Workload,
    cleanup, infer, merge, record, survey,
};
use smbreplay::store::{Dataset, Projection};
use support::PATIENT_SECONDS;
use support::process::Command;
use support::{Samba, runtime};
use tokio::sync::watch;

const SHARES: [&str; 4] = ["testshare", "guestshare", "encshare", "roshare"];

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn fixture(case: &str) -> PathBuf {
    repository().join("fixtures").join(case).join("capture.pcapng")
}

fn workload(case: &str) -> Workload {
    let output = tempfile::tempdir().unwrap();
    let options = IngestOptions {
        output: Some(output.path().to_owned()),
        inputs: vec![fixture(case)],
        ..IngestOptions::default()
    };
    let report = ingest(&options, &IngestProgress::default()).unwrap();
    let dataset = Dataset::open(report.place.clone()).unwrap();
    let read = |entry| dataset.operations(entry, Projection::Everything).unwrap().map(Result::unwrap).collect();
    let closing = |end: &smbreplay::store::ConnectionEndEntry| Closing {
        frame: end.frame,
        time: Timestamp(end.time_ns),
        connection: ConnectionIndex(end.tcp_stream),
    };
    Workload {
        sessions: dataset.sessions().iter().map(read).collect(),
        closings: dataset.manifest().connection_ends.iter().map(closing).collect(),
        ..Workload::default()
    }
}

fn image(workload: &Workload) -> Image {
    infer(merge(workload.sessions.clone()), workload.closings.clone(), |_| true)
}

fn target(samba: &Samba, base_dir: Option<&str>) -> Target {
    let mut target = samba.target();
    target.names.base_dir = base_dir.map(Into::into);
    target
}

/// Every file and folder below a folder: kind, mode, size, time of the last change, and what is in it.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(here) = folders.pop() {
        for entry in std::fs::read_dir(&here).unwrap() {
            let path = entry.unwrap().path();
            let meta = std::fs::symlink_metadata(&path).unwrap();
            let about = if meta.is_dir() {
                folders.push(path.clone());
                format!("folder {:o} {}", meta.mode(), meta.uid())
            } else {
                let hash = Sha256::digest(std::fs::read(&path).unwrap());
                let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("file {:o} {} {}.{} {hash}", meta.mode(), meta.uid(), meta.mtime(), meta.mtime_nsec())
            };
            found.insert(path.strip_prefix(folder).unwrap().to_owned(), about);
        }
    }
    found
}

fn snapshots(samba: &Samba) -> Vec<BTreeMap<PathBuf, String>> {
    SHARES.iter().map(|share| snapshot(&samba.share_dir(share))).collect()
}

/// A setup as the command does it; the names it wrote down are added to `journal`.
async fn set_up(target: &Target, image: &Image, journal: &mut Vec<MadeName>) -> (Made, SetupPlan) {
    let layout = Layout::new(image, &target.names);
    let shares = layout.shares.iter().filter(|share| !share.entries.is_empty() || !share.absent.is_empty());
    let lab = Lab::reach(target, shares.map(|share| share.share.as_str())).await.unwrap();
    let mut surveys = Vec::new();
    for share in &layout.shares {
        let paths = share.entries.iter().map(|placed| placed.path.as_str());
        surveys.push(survey(&lab, &share.share, paths.chain(share.absent.iter().map(String::as_str))).await.unwrap());
    }
    let plan = SetupPlan::new(&layout, &surveys, journal, "test");
    journal.extend(plan.names.clone());
    let (_stop, stopped) = watch::channel(false);
    let made = plan.execute(&lab, Fill::Zero, |_| {}, &stopped).await.unwrap();
    lab.leave().await;
    (made, plan)
}

/// A replay as the command does it.
async fn replay(workload: Workload, target: Target, journal: &mut Vec<MadeName>) -> RunReport {
    let prepared = Run::prepare(workload, target, Options::default()).unwrap();
    let names = PlanNames::of(&prepared);
    let lab = Lab::reach_what_there_is(prepared.target(), names.shares()).await.unwrap();
    journal.extend(record(&lab, &names, journal, "test").await.unwrap());
    lab.leave().await;
    let (_stop, stopped) = watch::channel(false);
    prepared.execute(|_| {}, stopped).await.unwrap()
}

async fn clean_up(target: &Target, journal: &[MadeName]) -> smbreplay::replay::Cleaned {
    let lab = Lab::reach(target, journal.iter().map(|name| name.share.as_str())).await.unwrap();
    let (_stop, stopped) = watch::channel(false);
    let cleaned = cleanup(&lab, journal, journal, |_, _| {}, &stopped).await.unwrap();
    lab.leave().await;
    cleaned
}

fn told(report: &RunReport) -> String {
    report
        .divergences
        .iter()
        .map(|row| {
            format!(
                "frame {} {} {:?}: {} {:?} {:?}\n",
                row.frame,
                row.command,
                row.path,
                row.class.name(),
                row.findings,
                row.note
            )
        })
        .collect()
}

/// A server with the rights of Windows, which can refuse them to the owner of a file too.
fn with_rights_of_windows() -> Samba {
    Samba::start(&[(
        "SMBD_TESTSHARE",
        "vfs objects = acl_xattr streams_xattr xattr_tdb\n    acl_xattr:ignore system acls = yes",
    )])
}

/// On an empty share, with a stranger's files on it: setup, replay, cleanup. Nothing diverges, nothing is left.
#[test]
fn every_fixture_agrees_on_what_a_setup_made_and_a_cleanup_leaves_nothing_of_it() {
    let (plain, with_rights) = (Samba::start(&[("SMBD_EXTRA_USERS", "testuser2")]), with_rights_of_windows());
    for samba in [&plain, &with_rights] {
        for share in ["testshare", "guestshare"] {
            samba.put(share, "theirs/notes.txt", "not ours");
        }
    }
    let runtime = runtime();
    let mut cases = 0;
    for entry in std::fs::read_dir(repository().join("fixtures")).unwrap() {
        let case = entry.unwrap().file_name().into_string().unwrap();
        let workload = workload(&case);
        let image = image(&workload);
        assert_eq!(image.contradictions, [], "{case}");
        // Rights were refused to the owner of a file there.
        let samba = if case == "errors" { &with_rights } else { &plain };
        let before = snapshots(samba);
        // Below a folder, and where the fixture was: there the stranger's files would show up in its listings.
        for base in [Some("run 7\\here"), None] {
            // The folder cannot be made on the share that nobody may write to, which is a part of this fixture.
            let fits =
                if base.is_some() { case != "errors" } else { ["errors", "big-transfer", "pipes"].contains(&&*case) };
            if !fits {
                continue;
            }
            let target = target(samba, base);
            let mut journal = Vec::new();
            runtime.block_on(async {
                let (made, plan) = set_up(&target, &image, &mut journal).await;
                assert_eq!((plan.conflicts, made.troubles), (vec![], vec![]), "{case}");
                let report = replay(workload.clone(), target.clone(), &mut journal).await;
                assert_eq!(report.verdict(), Verdict::Agreed, "{case}: {}", told(&report));
                let cleaned = clean_up(&target, &journal).await;
                assert_eq!(cleaned.left, [], "{case}");
                let again = clean_up(&target, &journal).await;
                assert_eq!((again.removed, again.left), (0, vec![]), "{case}: the second time there is nothing");
            });
            assert_eq!(snapshots(samba), before, "{case}");
        }
        cases += 1;
    }
    assert!(cases >= 12, "the fixtures are missing");
}

/// On a file system with POSIX rights Samba never refuses its owner anything. The setup says so, and nothing else diverges.
#[test]
fn a_server_that_cannot_refuse_rights_is_told_of() {
    let samba = Samba::start(&[]);
    let workload = workload("errors");
    let image = image(&workload);
    let target = target(&samba, None);
    let mut journal = Vec::new();
    runtime().block_on(async {
        let (made, _) = set_up(&target, &image, &mut journal).await;
        let of_rights = made.troubles.iter().filter(|trouble| trouble.reason.contains("refusing rights")).count();
        assert_eq!((made.troubles.len(), of_rights), (2, 2), "{:?}", made.troubles);
        let report = replay(workload, target.clone(), &mut journal).await;
        let forbidden = |row: &&Row| row.path.as_deref().is_some_and(|path| path.starts_with("forbidden"));
        assert_eq!(report.divergences.len(), 2, "{}", told(&report));
        assert_eq!(report.divergences.iter().filter(forbidden).count(), 2, "{}", told(&report));
        assert_eq!(clean_up(&target, &journal).await.left, []);
    });
    assert!(snapshot(&samba.share_dir("testshare")).is_empty());
}

/// A replay without a setup may move what was there before. It stays, under whatever name.
#[test]
fn what_was_there_before_is_never_removed() {
    let samba = Samba::start(&[]);
    let share = samba.share_dir("testshare");
    // The fixture renames and deletes draft.txt, which it makes itself; here there is one already, and a folder with more in it.
    for (path, text) in [("docs/mine.txt", "mine"), ("hello.txt", "before"), ("docs/notes.txt", "older notes")] {
        samba.put("testshare", path, text);
    }
    let target = target(&samba, None);
    let mut journal = Vec::new();
    let cleaned = runtime().block_on(async {
        replay(workload("quickstart"), target.clone(), &mut journal).await;
        clean_up(&target, &journal).await
    });
    let after = snapshot(&share);
    // notes.txt was overwritten and renamed by the replay: it is still somebody's file.
    for path in ["docs/mine.txt", "hello.txt", "docs/readme.txt"] {
        assert!(after.contains_key(Path::new(path)), "{path} is gone: {after:#?}");
    }
    assert_eq!(std::fs::read_to_string(share.join("docs/mine.txt")).unwrap(), "mine");
    assert_eq!(after.len(), 4, "what the replay made is gone: {after:#?}");
    assert_eq!(cleaned.left.len(), 1, "{:?}", cleaned.left);
    assert!(cleaned.left[0].name.path.ends_with("readme.txt") && cleaned.left[0].reason.contains("before"));
}

/// What is in the way stays, and is told.
#[test]
fn a_setup_overwrites_nothing() {
    let samba = Samba::start(&[]);
    let fetch = samba.put("testshare", "fetch.bin", "theirs");
    let image = image(&workload("big-transfer"));
    let mut journal = Vec::new();
    let (made, plan) = runtime().block_on(set_up(&target(&samba, None), &image, &mut journal));
    assert_eq!((made.files, plan.conflicts.len(), journal.len()), (0, 1, 0));
    assert!(plan.conflicts[0].reason.contains("was not made by smbreplay"));
    assert_eq!(std::fs::read_to_string(fetch).unwrap(), "theirs");
}

/// The program, with a home of its own.
struct Program {
    folder: tempfile::TempDir,
}

impl Program {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pw"), format!("{}\n", Samba::PASSWORD)).unwrap();
        Self { folder }
    }

    fn command(&self, samba: &Samba, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smbreplay"));
        command.args(args).env_clear().stdin(Stdio::null());
        command.env("HOME", self.folder.path()).env("PATH", std::env::var_os("PATH").unwrap());
        command.env("SMBREPLAY_SERVER_IP", "127.0.0.1").env("SMBREPLAY_PORT", samba.port().to_string());
        command.env("SMBREPLAY_USERNAME", Samba::USER).env("SMBREPLAY_PASSWORD", Samba::PASSWORD);
        command.env("SMBREPLAY_MAX_WAIT", PATIENT_SECONDS);
        command
    }

    fn run(&self, samba: &Samba, args: &[&str]) -> Output {
        self.command(samba, args).output().unwrap()
    }

    #[track_caller]
    fn expect(&self, samba: &Samba, status: i32, args: &[&str]) -> (String, String) {
        let output = self.run(samba, args);
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{args:?}\n{stdout}\n{stderr}");
        (stdout, stderr)
    }

    fn dataset(&self) -> String {
        self.folder.path().join("out").to_str().unwrap().to_owned()
    }
}

#[test]
fn the_whole_way_by_command_is_undone_by_cleanup() {
    let samba = Samba::start(&[]);
    samba.put("testshare", "theirs", "x");
    let before = snapshots(&samba);
    let program = Program::new();
    let capture = fixture("big-transfer");
    let (capture, out) = (capture.to_str().unwrap(), program.dataset());
    program.expect(&samba, 0, &["ingest", capture, "--output", &out]);

    let (tree, stderr) = program.expect(&samba, 0, &["setup", "--all", "--dry-run", "--format", "csv"]);
    assert!(tree.contains("fetch.bin,file,2500000,2500000"), "{tree}");
    assert!(stderr.contains("1 file"), "{stderr}");
    let folder = program.folder.path().join("before");
    let image_file = program.folder.path().join("image.json");
    let (folder, image_file) = (folder.to_str().unwrap(), image_file.to_str().unwrap());
    program.expect(&samba, 0, &["setup", "--all", "--export", folder, "--image", image_file]);
    let (_, stderr) = program.expect(&samba, 0, &["setup", "--all", "--dry-run", "--image", image_file]);
    assert!(stderr.contains("read from"), "{stderr}");
    assert_eq!(std::fs::metadata(Path::new(folder).join("testshare/fetch.bin")).unwrap().len(), 2_500_000);
    assert_eq!(snapshots(&samba), before, "so far nothing was made on the server");

    let base = ["--all", "--base-dir", "lab"];
    fn with<'a>(command: &[&'a str], base: &[&'a str]) -> Vec<&'a str> {
        [command, base].concat()
    }
    // Nothing goes on without a word.
    let (_, stderr) = program.expect(&samba, 2, &with(&["setup"], &base));
    assert!(stderr.contains("--yes"), "{stderr}");
    assert_eq!(snapshots(&samba), before);
    let (checks, _) = program.expect(&samba, 1, &with(&["validate", "--format", "csv"], &base));
    assert!(checks.contains("path lab\\fetch.bin,failed,missing"), "{checks}");
    program.expect(&samba, 0, &with(&["setup", "--yes", "--image", image_file], &base));
    let (checks, _) = program.expect(&samba, 0, &with(&["validate", "--format", "csv"], &base));
    assert!(checks.contains("write permission,ok") && checks.contains("free space,ok"), "{checks}");
    program.expect(&samba, 0, &with(&["setup", "--yes"], &base));
    program.expect(&samba, 0, &with(&["replay", "--yes"], &base));
    let (names, _) = program.expect(&samba, 0, &with(&["cleanup", "--dry-run", "--format", "csv"], &base));
    assert!(names.contains("testshare,lab\\fetch.bin") && names.contains("testshare,lab\\store.bin"), "{names}");
    assert_ne!(snapshots(&samba), before);
    program.expect(&samba, 0, &with(&["cleanup", "--yes"], &base));
    assert_eq!(snapshots(&samba), before);
    let (_, stderr) = program.expect(&samba, 0, &with(&["cleanup", "--yes"], &base));
    assert!(stderr.contains("nothing to remove"), "{stderr}");

    program.expect(&samba, 0, &["run", capture, "--output", &out, "--yes", "--base-dir", "lab"]);
    assert_eq!(snapshots(&samba), before, "a run cleans up behind itself");
    program.expect(&samba, 0, &["run", capture, "--output", &out, "--yes", "--base-dir", "lab", "--clones", "2"]);
    assert_eq!(snapshots(&samba), before, "and so do its copies");
    program.expect(&samba, 0, &with(&["setup", "--yes", "--clones", "2"], &base));
    program.expect(&samba, 0, &with(&["validate", "--clones", "2"], &base));
    let (checks, _) = program.expect(&samba, 1, &with(&["validate", "--clones", "3", "--format", "csv"], &base));
    assert!(checks.contains("path lab\\clone-3\\fetch.bin,failed,missing"), "{checks}");
    program.expect(&samba, 0, &with(&["replay", "--yes", "--clones", "2"], &base));
    program.expect(&samba, 0, &with(&["cleanup", "--yes"], &base));
    assert_eq!(snapshots(&samba), before, "what copies were given is known by its names");
    program.expect(&samba, 0, &["run", capture, "--output", &out, "--yes", "--base-dir", "lab", "--keep"]);
    assert!(samba.share_dir("testshare").join("lab/store.bin").exists());
    program.expect(&samba, 0, &with(&["cleanup", "--yes"], &base));
    assert_eq!(snapshots(&samba), before);
}

#[test]
fn a_replay_killed_half_way_is_cleaned_up() {
    let samba = Samba::start(&[]);
    let before = snapshots(&samba);
    let program = Program::new();
    let capture = fixture("quickstart");
    program.expect(&samba, 0, &["ingest", capture.to_str().unwrap(), "--output", &program.dataset()]);
    program.expect(&samba, 0, &["setup", "--all", "--yes"]);
    let args = ["replay", "--all", "--yes", "--pacing", "x0.01"];
    let mut child = program.command(&samba, &args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = std::time::Instant::now();
    while !samba.share_dir("testshare").join("hello.txt").exists() {
        assert!(begun.elapsed().as_secs() < 120, "the replay makes nothing");
        assert!(child.try_wait().unwrap().is_none(), "the replay has ended already");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_ne!(snapshots(&samba), before);
    program.expect(&samba, 0, &["cleanup", "--all", "--yes"]);
    assert_eq!(snapshots(&samba), before);
}

#[test]
fn a_server_of_the_capture_is_refused_by_every_command_that_changes_it() {
    let samba = Samba::start(&[]);
    let program = Program::new();
    let capture = fixture("quickstart");
    program.expect(&samba, 0, &["ingest", capture.to_str().unwrap(), "--output", &program.dataset()]);
    for command in ["setup", "cleanup"] {
        let args = [command, "--all", "--yes", "--server-ip", "127.0.0.1", "--port", "445"];
        let (_, stderr) = program.expect(&samba, 2, &args);
        assert!(stderr.contains("--allow-captured-server"), "{command}: {stderr}");
    }
}

/// By hand: `cargo test --test image_live -- --ignored --nocapture`. A setup of 10,000 small files beside a bare loop of the same
/// creates, writes and closes at the same number in flight.
#[test]
#[ignore = "a measurement, for docs/performance.md"]
#[allow(clippy::print_stderr)]
fn measure_a_setup_beside_a_bare_loop() {
    use smbreplay::model::{Evidence, ImageData, ImageEntry, ImageShare, ImageTimes};
    use smbreplay::wire::{CreateSpec, access, disposition};
    const FILES: usize = 10_000;
    let content = bytes::Bytes::from(vec![7u8; 1000]);
    let samba = Samba::start(&[]);
    let file = |i: usize| ImageEntry {
        path: format!("d{:02}\\file-{i:05}.txt", i % 100),
        directory: false,
        evidence: Evidence::Opened,
        attributes: Some(0x20),
        times: ImageTimes { last_write: 125_911_584_000_000_000, ..ImageTimes::default() },
        eas: Vec::new(),
        data: ImageData {
            size: 1000,
            size_known: true,
            known: 1000,
            contradictory: 0,
            extents: vec![(0, content.clone())],
        },
        streams: Vec::new(),
        listed: false,
        refused: 0,
    };
    let share = ImageShare {
        name: "testshare".into(),
        captured: "\\\\s\\testshare".into(),
        entries: (0..FILES).map(file).collect(),
        absent: Vec::new(),
    };
    let image = Image { shares: vec![share], ..Image::default() };
    let bare = async |base: String| {
        let target = target(&samba, None);
        let lab = Lab::reach(&target, ["testshare"]).await.unwrap();
        for folder in [base.clone()].into_iter().chain((0..100).map(|i| format!("{base}\\d{i:02}"))) {
            let spec = CreateSpec::directory(folder, access::READ_ATTRIBUTES, disposition::CREATE);
            let folder = lab.connection.create(lab.tree("testshare").unwrap(), &spec).await.unwrap();
            lab.connection.close_file(&folder).await.unwrap();
        }
        let begun = std::time::Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for i in 0..FILES {
            if tasks.len() >= 64 {
                tasks.join_next().await.unwrap().unwrap();
            }
            let (lab, content, path) =
                (lab.clone(), content.clone(), format!("{base}\\d{:02}\\file-{i:05}.txt", i % 100));
            tasks.spawn(async move {
                let wanted = access::WRITE_DATA | access::READ_ATTRIBUTES;
                let spec = CreateSpec::file(path, wanted, disposition::CREATE);
                let file = lab.connection.create(lab.tree("testshare").unwrap(), &spec).await.unwrap();
                lab.connection.write(&file, 0, &content).await.unwrap();
                lab.connection.close_file(&file).await.unwrap();
            });
        }
        while tasks.join_next().await.is_some() {}
        begun.elapsed().as_secs_f64()
    };
    let runtime = runtime();
    for round in 0..3 {
        let bare = runtime.block_on(bare(format!("bare{round}")));
        let (base, mut journal) = (format!("setup{round}"), Vec::new());
        let target = target(&samba, Some(&base));
        let begun = std::time::Instant::now();
        let (made, _) = runtime.block_on(set_up(&target, &image, &mut journal));
        let whole = begun.elapsed().as_secs_f64();
        assert_eq!((made.files as usize, made.troubles), (FILES, vec![]));
        let begun = std::time::Instant::now();
        assert_eq!(runtime.block_on(clean_up(&target, &journal)).left, []);
        let removed = begun.elapsed().as_secs_f64();
        eprintln!("bare loop {bare:.2} s, setup {whole:.2} s ({:.2} times), cleanup {removed:.2} s", whole / bare);
    }
}
