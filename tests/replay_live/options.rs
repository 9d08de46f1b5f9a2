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
    };
    (workload, dataset.manifest().clone())
}

#[test]
fn sealed_traffic_is_replayed_sealed_once_it_was_opened() {
    let samba = Samba::start(&[]);
    prepare(&samba, "encrypted", "encshare");
    let (workload, manifest) = opened("encrypted");
    assert_eq!(manifest.quality.undecrypted_messages, 0);
    let report = replay(workload, target(&samba, None), Options::default());
    assert_eq!(report.verdict(), Verdict::Agreed, "{}", told(&report));
    assert_eq!(report.summary.not_replayed(), 0, "{}", told(&report));
    assert!(report.summary.sent > 150 && report.summary.bytes_written > 0, "{}", told(&report));
    let expected = std::fs::read_to_string(repository().join("fixtures/encrypted/share.sha256")).unwrap();
    let files = hashes(&samba.share_dir("encshare"));
    assert!(!files.is_empty());
    assert_eq!(files, hash_lines(&expected));
}

/// As in the capture, but on another share, in another folder, under other names.
#[test]
fn shares_and_paths_go_where_they_are_mapped() {
    let samba = Samba::start(&[]);
    prepare(&samba, "quickstart", "encshare");
    let folder = samba.share_dir("encshare").join("runs");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
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
    let samba = Samba::start(&[("SMBD_EXTRA_USERS", "testuser2")]);
    let prepared = || {
        for share in ["testshare", "guestshare"] {
            prepare(&samba, "many-sessions", share);
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
