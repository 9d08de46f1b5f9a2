//! `smb1`: what a client does over SMB1 on a real server is told with its logins, files, reads, writes and closes, and as not
//! replayable.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests, also outside of the test functions"
)]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::Samba;
use support::process::Command;
use support::program::Run;
use support::recording::Recording;
use support::skips::without_root;

fn smb1(capture: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smbreplay"));
    Run::of(command.arg("smb1").arg(capture).args(arguments).output().unwrap())
}

#[test]
fn what_a_client_does_over_smb1_is_told_and_none_of_it_is_replayable() {
    if without_root("capture with tcpdump") {
        return;
    }
    let samba = Samba::start(&[("SMBD_GLOBAL", "server min protocol = NT1")]);
    let folder = tempfile::tempdir().unwrap();
    let (file, login) = (folder.path().join("file"), folder.path().join("login"));
    std::fs::write(&file, vec![b'x'; 20_000]).unwrap();
    std::fs::write(&login, format!("username={}\npassword={}\n", Samba::USER, Samba::PASSWORD)).unwrap();
    let recording = Recording::start(folder.path(), samba.port());
    let fetched = folder.path().join("fetched");
    let script = format!(
        "mkdir d; put {} d\\up.bin; get d\\up.bin {}; rename d\\up.bin d\\b.bin; get absent.txt {}; del d\\b.bin",
        file.display(),
        fetched.display(),
        fetched.display()
    );
    let output = Command::new("smbclient")
        .args(["//127.0.0.1/testshare", "-m", "NT1", "--option=client min protocol=NT1", "--authentication-file"])
        .arg(&login)
        .args(["--port", &samba.port().to_string(), "--command", &script])
        .output()
        .expect("the tests need smbclient: scripts/install-deps.sh --test");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("NT_STATUS_OBJECT_NAME_NOT_FOUND"), "{said}");
    let capture = recording.stop();
    let port = samba.port().to_string();

    let activity = smb1(&capture, &["--port", &port, "--format", "json"]).json();
    let logins = activity["logins"].as_array().unwrap();
    assert_eq!(logins.len(), 1, "{logins:?}");
    assert_eq!((&logins[0]["user"], &logins[0]["status"]), (&json!(Samba::USER), &json!("STATUS_SUCCESS")));

    let files = activity["files"].as_array().unwrap();
    let named = |path: &str| files.iter().find(|file| file["path"] == path).unwrap_or(&Value::Null);
    let figures = ["opens", "failed", "reads", "bytes_read", "writes", "bytes_written", "closes"];
    let of = |path: &str| figures.map(|figure| named(path)[figure].as_u64().unwrap_or(u64::MAX));
    assert_eq!(of("d\\up.bin"), [2, 0, 1, 20_000, 1, 20_000, 2]);
    assert_eq!(named("d\\up.bin")["renamed_to"], "d\\b.bin");
    assert_eq!(named("d\\b.bin")["deleted"], true);
    assert!(files.iter().all(|file| file["path"] != "."), "what a search finds was not touched: {files:?}");
    assert_eq!(of("absent.txt"), [0, 1, 0, 0, 0, 0, 0]);
    let user = named("d\\up.bin")["users"][0].as_str().unwrap();
    assert!(user.ends_with(&format!("\\{}", Samba::USER)), "{user}");

    let operations = activity["operations"].as_array().unwrap();
    assert!(operations.iter().all(|operation| operation["replayable"] == false && !operation["status"].is_null()));
    let commands: Vec<_> = operations.iter().filter_map(|operation| operation["command"].as_str()).collect();
    for command in ["NEGOTIATE", "SESSION_SETUP_ANDX", "TREE_CONNECT_ANDX", "CREATE_DIRECTORY", "RENAME", "DELETE"] {
        assert!(commands.contains(&command), "{command} in {commands:?}");
    }

    let table = smb1(&capture, &["--port", &port]).ok();
    assert!(table.contains("d\\up.bin") && table.contains("none replayable"), "{table}");
    let csv = smb1(&capture, &["--port", &port, "--format", "csv"]).ok();
    assert_eq!(csv.lines().count(), operations.len() + 1);
}

#[test]
fn a_capture_without_smb1_says_so() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pipes/capture.pcapng");
    smb1(&fixture, &[]).fails(3, &["no SMB1 in it"]);
    smb1(Path::new("/nowhere.pcap"), &[]).fails(3, &["/nowhere.pcap", "no such file"]);
}
