//! A replay, captured again with tcpdump and ingested, holds what the original client sent: the same steps in the same order
//! with the same bodies, once ids are normalised.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use smbreplay::ingest::{IngestOptions, IngestProgress, ingest};
use smbreplay::model::message::file_id_offset;
use smbreplay::model::{self, CtlCode, Operation};
use smbreplay::store::{Dataset, Projection};
use support::Samba;
use support::process::Command;
use support::recording::Recording;
use support::skips::without_root;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// A capture's sessions, each as its operations.
fn sessions(capture: &Path, output: &Path, port: u16) -> Vec<Vec<Operation>> {
    let options = IngestOptions {
        inputs: vec![capture.to_owned()],
        output: Some(output.to_owned()),
        force: true,
        ports: vec![port],
        ..IngestOptions::default()
    };
    let report = ingest(&options, &IngestProgress::default()).unwrap();
    assert!(!report.manifest.quality.is_partial(), "{:?}", report.manifest.quality);
    let dataset = Dataset::open(report.place).unwrap();
    let read = |entry| dataset.operations(entry, Projection::Everything).unwrap().map(Result::unwrap).collect();
    dataset.sessions().iter().map(read).collect()
}

/// What must be the same: the command, its place in a chain, its flags beside signing, its body without ids and names of
/// server and share. None for what is the engine's own.
fn normalised(operation: &Operation) -> Option<(model::Command, Option<u16>, bool, Vec<u8>)> {
    use model::Command as C;
    let request = operation.request.as_ref()?;
    let validates = operation.facts.ctl_code == Some(CtlCode::VALIDATE_NEGOTIATE_INFO);
    if matches!(operation.command, C::Negotiate | C::SessionSetup | C::Logoff) || validates {
        return None;
    }
    let mut body = request.pdu[64..].to_vec();
    if let Some(at) = file_id_offset(operation.command)
        && let Some(id) = body.get_mut(at - 64..at - 48)
        && *id != [0xFF; 16]
    {
        id.fill(0);
    }
    if operation.command == C::TreeConnect {
        let ipc = operation.share.as_deref().is_some_and(model::path::is_ipc);
        body = if ipc { b"IPC$".to_vec() } else { b"share".to_vec() };
    }
    Some((operation.command, operation.compound_index, operation.related, body))
}

/// Replays a fixture on a share prepared as it was, and returns the requests that were captured and those that were sent.
#[allow(clippy::type_complexity)]
fn round_trip(case: &str, session: usize) -> [Vec<(model::Command, Option<u16>, bool, Vec<u8>)>; 2] {
    let samba = Samba::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    samba.prepare(case, "testshare");
    let capture = root().join("fixtures").join(case).join("capture.pcapng");
    let program = env!("CARGO_BIN_EXE_smbreplay");
    let smbreplay = || {
        let mut command = Command::new(program);
        command
            .env("SMBREPLAY_CONFIG", folder.path().join("config.toml"))
            .env("XDG_STATE_HOME", folder.path())
            .env("SMBREPLAY_PASSWORD", Samba::PASSWORD)
            .stdin(Stdio::null());
        command
    };
    let ingested =
        smbreplay().arg("ingest").arg(&capture).arg("--no-tshark").arg("--output").arg(folder.path()).output();
    let ingested = ingested.unwrap();
    assert!(ingested.status.success(), "{}", String::from_utf8_lossy(&ingested.stderr));
    let recording = Recording::start(folder.path(), samba.address().port());
    let replayed = smbreplay()
        .env("SMBREPLAY_MAX_WAIT", support::PATIENT_SECONDS)
        .args(["replay", &session.to_string(), "--yes", "--server-ip", "127.0.0.1", "--username", Samba::USER])
        .args(["--tree-name", "testshare", "--port", &samba.address().port().to_string(), "--trace"])
        .arg(&capture)
        .arg("--output")
        .arg(folder.path())
        .output()
        .unwrap();
    let recorded = recording.stop();
    let text = String::from_utf8_lossy(&replayed.stdout).into_owned() + &String::from_utf8_lossy(&replayed.stderr);
    assert_eq!(replayed.status.code(), Some(0), "{case}: {text}");
    assert!(text.contains("no divergence"), "{case}: {text}");

    let original = sessions(&capture, &folder.path().join("original"), 445).swap_remove(session - 1);
    let again = sessions(&recorded, &folder.path().join("again"), samba.address().port());
    // The first session of the replay only looks whether the target is there.
    let replay = again.into_iter().max_by_key(Vec::len).unwrap();
    [original, replay].map(|operations| operations.iter().filter_map(normalised).collect())
}

#[test]
fn the_quickstart_replay_sends_what_the_client_sent() {
    if without_root("capture with tcpdump") {
        return;
    }
    let [captured, replayed] = round_trip("quickstart", 1);
    assert!(captured.len() > 70, "{}", captured.len());
    assert_eq!(captured.len(), replayed.len());
    for (i, (captured, replayed)) in captured.iter().zip(&replayed).enumerate() {
        assert_eq!(captured, replayed, "step {i}");
    }
}
