//! Replays whose names, users, steps or copies are chosen.

use std::os::unix::fs::MetadataExt;

use smbreplay::replay::{ReplayError, UserRule};
use smbreplay::store::Manifest;
use smbreplay::tools::{Keys, Profile, Tool, Tshark};

use super::*;

/// A fixture with its logins, and what is sealed in it opened with its keys.
fn opened(case: &str) -> (Workload, Manifest) {
    let keys = std::fs::read_to_string(repository().join("fixtures").join(case).join("keys.txt")).unwrap_or_default();
    let keys = Keys { session_keys: keys.lines().map(|line| line.parse().unwrap()).collect(), ..Keys::default() };
    let located = Tool::Tshark.locate(None).expect("the tests need tshark: scripts/install-deps.sh --test");
    let output = tempfile::tempdir().unwrap();
    let options = IngestOptions {
        output: Some(output.path().to_owned()),
        inputs: vec![repository().join("fixtures").join(case).join("capture.pcapng")],
        tshark: Some(Tshark::new(located, Profile::new(&keys).unwrap())),
        has_keys: !keys.is_empty(),
        ..IngestOptions::default()
    };
    let report = ingest(&options, &IngestProgress::default()).unwrap();
    let dataset = Dataset::open(report.place.clone()).unwrap();
    let read = |entry| dataset.operations(entry, Projection::Everything).unwrap().map(Result::unwrap).collect();
    let workload = Workload {
        sessions: dataset.sessions().iter().map(read).collect(),
        closings: closings(case),
        logins: dataset.sessions().iter().map(|session| session.login.clone()).collect(),
        ..Workload::default()
    };
    (workload, dataset.manifest().clone())
}

#[test]
fn sealed_traffic_is_replayed_sealed_once_it_was_opened() {
    let samba = Samba::start(&[]);
    samba.prepare("encrypted", "encshare");
    let (workload, manifest) = opened("encrypted");
    assert_eq!(manifest.quality.undecrypted_messages, 0);
    let report = replay(workload, target(&samba, None), Options::default());
    assert_eq!(report.verdict(), Verdict::Agreed, "{}", told(&report));
    assert_eq!(report.summary.not_replayed(), 0, "{}", told(&report));
    assert!(report.summary.sent > 150 && report.summary.bytes_written > 0, "{}", told(&report));
    // One folder for each cipher, with the same two files in each.
    let files = hashes(&samba.share_dir("encshare"));
    assert_eq!(files.len(), 10, "{files:?}");
    for name in ["secret.bin", "renamed.txt"] {
        let copies: BTreeMap<_, _> =
            files.iter().filter(|(path, _)| path.ends_with(name)).map(|(path, hash)| (hash, path)).collect();
        assert_eq!(copies.len(), 1, "{files:?}");
    }
}

/// As in the capture, but on another share, in another folder, under other names.
#[test]
fn shares_and_paths_go_where_they_are_mapped() {
    let samba = Samba::start(&[]);
    samba.prepare("quickstart", "encshare");
    let folder = samba.make_folder("encshare", "runs");
    let mut target = target(&samba, Some("nowhere"));
    target.names.shares = vec!["TESTSHARE=encshare".parse().unwrap()];
    target.names.paths = vec!["^docs\\\\notes=papers\\remarks".parse().unwrap(), "^DOCS=papers".parse().unwrap()];
    target.names.base_dir = Some("runs".into());
    let report = replay(workload("quickstart"), target, Options::default());
    assert_eq!(report.verdict(), Verdict::Agreed, "{}", told(&report));
    let expected = std::fs::read_to_string(repository().join("fixtures/quickstart/share.sha256")).unwrap();
    let renamed = expected.replace("docs/notes", "papers/remarks").replace("docs/", "papers/");
    assert_ne!(renamed, expected);
    assert_eq!(hashes(&folder), hash_lines(&renamed));
}

#[test]
fn a_mapping_that_makes_two_files_one_is_refused() {
    let samba = Samba::shared();
    let mut target = target(&samba, None);
    target.names.paths = vec!["^(draft|hello)\\.txt$=same.txt".parse().unwrap()];
    let error = Run::prepare(workload("quickstart"), target, Options::default()).unwrap_err();
    assert!(matches!(error, ReplayError::MergedPaths(_)));
    let text = error.to_string();
    for part in ["testshare\\hello.txt", "testshare\\draft.txt", "testshare\\same.txt", "--map-path"] {
        assert!(text.contains(part), "{text}");
    }
}

/// The owner of a file says who was logged in when it was made.
#[test]
fn captured_users_log_in_as_those_they_are_mapped_to() {
    if without_root("make further users") {
        return;
    }
    let samba = Samba::start(&[("SMBD_EXTRA_USERS", "testuser2")]);
    let prepared = || {
        for share in ["testshare", "guestshare"] {
            samba.prepare("many-sessions", share);
        }
    };
    prepared();
    let uid = |user: &str| {
        let output = Command::new("id").args(["-u", user]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse::<u32>().unwrap()
    };
    let owner = |share: &str, file: &str| {
        let path = samba.share_dir(share).join(file);
        std::fs::metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).uid()
    };
    let (workload, _) = opened("many-sessions");

    // Nothing is mapped: all are the same user.
    let report = replay(workload.clone(), target(&samba, None), Options::default());
    assert_eq!(report.verdict(), Verdict::Agreed, "{}", told(&report));
    assert_eq!(owner("testshare", "by-testuser2.txt"), uid("testuser"));
    assert!(report.users.len() >= 4 && report.users.iter().all(|user| user.target == "testuser" && !user.mapped));

    // Everybody as themselves, guests and null sessions too.
    prepared();
    let mut mapped = target(&samba, None);
    let rule = |captured: &str, user: &str| UserRule {
        captured: captured.into(),
        credentials: Credentials::ntlm(user, "", Samba::PASSWORD),
    };
    mapped.users = vec![rule("TestUser2", "testuser2"), rule("testuser", "testuser")];
    let report = replay(workload.clone(), mapped.clone(), Options::default());
    assert_eq!(report.verdict(), Verdict::Agreed, "{}", told(&report));
    assert_eq!(owner("testshare", "by-testuser2.txt"), uid("testuser2"));
    assert_eq!(owner("testshare", "SMB3_11.txt"), uid("testuser"));
    assert_eq!(owner("guestshare", "by-guest.txt"), uid("nobody"));
    let used: Vec<_> = report.users.iter().map(|user| user.target.as_str()).collect();
    assert!(["testuser", "testuser2", "guest", "anonymous"].iter().all(|user| used.contains(user)), "{used:?}");

    // Exchanged.
    prepared();
    mapped.users = vec![rule("testuser2", "testuser"), rule("testuser", "testuser2"), rule("*", "testuser")];
    let report = replay(workload.clone(), mapped.clone(), Options::default());
    assert_eq!(owner("testshare", "by-testuser2.txt"), uid("testuser"), "{}", told(&report));
    assert_eq!(owner("testshare", "SMB3_11.txt"), uid("testuser2"));
    assert_eq!(owner("guestshare", "by-guest.txt"), uid("testuser"));

    // Who cannot log in is found before anything is sent.
    mapped.users =
        vec![UserRule { credentials: Credentials::ntlm("testuser2", "", "wrong"), ..rule("testuser2", "") }];
    let prepared = Run::prepare(workload, mapped, Options::default()).unwrap();
    let (_stop, stopped) = watch::channel(false);
    let error = runtime().block_on(prepared.execute(|_| {}, stopped)).unwrap_err().to_string();
    assert!(error.contains("testuser2") && error.contains("STATUS_LOGON_FAILURE"), "{error}");
}

#[test]
fn a_selection_is_replayed_with_what_it_needs_and_nothing_else() {
    let samba = Samba::start(&[]);
    samba.prepare("quickstart", "testshare");
    let (mut workload, _) = opened("quickstart");
    let all = workload.sessions.iter().map(Vec::len).sum::<usize>();
    workload.selection.commands = vec![smbreplay::model::Command::Write];
    let prepared = Run::prepare(workload.clone(), target(&samba, None), Options::default()).unwrap();
    let counts = prepared.plan().counts();
    assert!(counts.not_selected > 40 && counts.drawn_in > 8, "{counts:?}");
    let report = replay(workload.clone(), target(&samba, None), Options::default());
    assert_eq!(report.summary.classes["not_selected"], counts.not_selected);
    assert_eq!(report.summary.bytes_written, 71 + 18 + 38 + 100_000, "{}", told(&report));
    assert_eq!(report.summary.steps, all);
    let told_of: usize = report.summary.commands.iter().map(|command| command.steps).sum();
    assert!(told_of < counts.drawn_in + 5, "what was not selected is in no command's figures");
    let commands: Vec<_> = report.summary.commands.iter().map(|command| command.command.as_str()).collect();
    assert!(!commands.contains(&"QUERY_DIRECTORY") && commands.contains(&"CLOSE"), "{commands:?}");
    assert_eq!(report.verdict(), Verdict::Agreed, "{}", told(&report));

    let glob = globset::GlobBuilder::new("hello*").case_insensitive(true).build().unwrap();
    workload.selection = smbreplay::replay::Selection {
        paths: vec![glob.compile_matcher()],
        ..smbreplay::replay::Selection::default()
    };
    samba.prepare("quickstart", "testshare");
    let report = replay(workload, target(&samba, None), Options::default());
    assert_eq!(report.verdict(), Verdict::Agreed, "{}", told(&report));
    let files = hashes(&samba.share_dir("testshare"));
    assert_eq!(files.keys().collect::<Vec<_>>(), ["hello.txt"]);
}

#[test]
fn selected_users_and_durable_opens_bring_what_they_rely_on() {
    let samba = Samba::start(&[("SMBD_EXTRA_USERS", "testuser2")]);
    samba.prepare("many-sessions", "testshare");
    samba.prepare("many-sessions", "guestshare");
    let (mut workload, _) = opened("many-sessions");
    workload.selection.users = vec!["testuser2".into()];
    let report = replay(workload, target(&samba, None), Options::default());
    // What others had put there is missing in the one listing.
    let listings = report.divergences.iter().filter(|row| row.command == "QUERY_DIRECTORY").count();
    assert!(listings == report.divergences.len() && report.summary.skipped() == 0, "{}", told(&report));
    assert!(hashes(&samba.share_dir("testshare")).contains_key("by-testuser2.txt"));
    assert!(!hashes(&samba.share_dir("testshare")).contains_key("SMB3_11.txt"));

    // Only the second half of it: what was opened and locked before is drawn in.
    samba.prepare("durable", "testshare");
    let (mut workload, _) = opened("durable");
    let merged = smbreplay::replay::merge(workload.sessions.clone());
    let reconnect = merged.iter().position(|operation| {
        let contexts = operation.facts.create_contexts.as_deref().unwrap_or_default();
        contexts.iter().any(|tag| **tag == *"DHnC") && operation.status == Some(smbreplay::model::NtStatus::SUCCESS)
    });
    let reconnect = &merged[reconnect.unwrap()];
    workload.selection.from = reconnect.first_time();
    workload.selection.to = reconnect.first_time().map(|time| Timestamp(time.0 + 1));
    let report = replay(workload, target(&samba, None), Options::default());
    assert_eq!(report.verdict(), Verdict::Agreed, "{}", told(&report));
    assert_eq!(report.summary.commands.iter().find(|command| command.command == "CREATE").unwrap().matching, 2);
    assert!(report.summary.drawn_in >= 4, "two trees, the logins, and the open before: {}", told(&report));
}

/// A capture that begins when everything was connected already.
#[test]
fn a_capture_from_the_middle_gets_its_tree_from_the_named_share() {
    let samba = Samba::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("midstream.pcapng");
    let status = Command::new("tshark")
        .args(["-n", "-Y", "frame.number > 30", "-w"])
        .arg(&cut)
        .arg("-r")
        .arg(repository().join("fixtures/quickstart/capture.pcapng"))
        .stderr(std::process::Stdio::null())
        .status()
        .expect("the tests need tshark: scripts/install-deps.sh --test");
    assert!(status.success());
    let sessions = sessions_of(cut, 445);
    samba.prepare("quickstart", "testshare");
    samba.make_folder("testshare", "docs");
    let mut hello = vec![b'x'; 71];
    hello[70] = b'\n';
    samba.put("testshare", "hello.txt", hello);

    let without = Run::prepare(sessions.clone(), target(&samba, None), Options::default());
    let text = without.unwrap_err().to_string();
    assert!(text.contains("TREE_CONNECT is not in the capture"), "{text}");

    let prepared = Run::prepare(sessions.clone(), target(&samba, Some("testshare")), Options::default()).unwrap();
    assert_eq!(prepared.shares(), ["\\\\127.0.0.1\\testshare"]);
    assert_eq!(prepared.plan().implicit_trees.len(), 1);
    let report = replay(sessions, target(&samba, Some("testshare")), Options::default());
    assert!(report.summary.sent > 50 && report.summary.bytes_written > 100_000, "{}", told(&report));
    assert_eq!(report.summary.skipped(), 0, "{}", told(&report));
    assert!(report.divergences.iter().all(|row| row.class != Class::Status), "{}", told(&report));
}

/// Leases, oplocks and durable opens included: no copy's keys are another's.
#[test]
fn copies_at_once_do_not_disturb_each_other() {
    let samba = Samba::start(&[]);
    for case in ["quickstart", "leases-oplocks", "durable"] {
        samba.prepare(case, "testshare");
        let options = Options { clones: 3, ..Options::default() };
        let report = replay(workload(case), target(&samba, None), options);
        assert_eq!(report.verdict(), Verdict::Agreed, "{case}: {}", told(&report));
        let folders: Vec<_> = report.passes.iter().map(|tally| tally.folder.as_deref().unwrap()).collect();
        assert_eq!(folders, ["clone-1", "clone-2", "clone-3"]);
        assert!(report.passes.iter().all(|tally| tally.matching == report.passes[0].matching && tally.diverged == 0));
        assert_eq!(report.outcomes.len(), report.summary.steps);
        let steps: usize = workload(case).sessions.iter().map(Vec::len).sum();
        assert_eq!(report.summary.steps, 3 * steps);
        let expected =
            std::fs::read_to_string(repository().join("fixtures").join(case).join("share.sha256")).unwrap();
        for folder in folders {
            assert_eq!(hashes(&samba.share_dir("testshare").join(folder)), hash_lines(&expected), "{case} {folder}");
        }
        let outside = std::fs::read_dir(samba.share_dir("testshare")).unwrap().count();
        assert_eq!(outside, 3, "{case}: nothing beside the folders");
    }
}

#[test]
fn a_loop_tells_which_time_diverged() {
    let samba = Samba::start(&[]);
    samba.prepare("quickstart", "testshare");
    samba.make_folder("testshare", "base");
    let mut target = target(&samba, None);
    target.names.base_dir = Some("base".into());
    let options = Options { iterations: 2, clones: 2, ..Options::default() };
    let report = replay(workload("quickstart"), target, options);
    // The second time it finds what the first one left behind.
    let diverged: Vec<_> = report
        .passes
        .iter()
        .map(|tally| (tally.pass.iteration, tally.pass.copy, tally.diverged > 0, tally.folder.as_deref().unwrap()))
        .collect();
    assert_eq!(
        diverged,
        [
            (1, 1, false, "base\\clone-1"),
            (1, 2, false, "base\\clone-2"),
            (2, 1, true, "base\\clone-1"),
            (2, 2, true, "base\\clone-2")
        ],
        "{}",
        told(&report)
    );
    assert!(report.divergences.iter().all(|row| row.pass.iteration == 2));
    for copy in 1..=2 {
        let status =
            report.divergences.iter().find(|row| row.pass.copy == copy && row.class == Class::Status).unwrap();
        assert_eq!(status.status.as_deref(), Some("STATUS_OBJECT_NAME_COLLISION"));
        let root = report.summary.root_causes.iter().find(|cause| cause.row.pass == status.pass).unwrap();
        assert_eq!((root.row.step, root.skipped), (status.step, 1));
    }
    assert_eq!(report.verdict(), Verdict::Diverged);
}
