//! The dataset against tshark, PDU by PDU and column by column (docs/witness.md): on every fixture, and on captures damaged on
//! purpose. A full run is `scripts/witness.sh` by hand; this one is sized for CI.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod support;

use std::path::{Path, PathBuf};

use support::process::Command;
use support::skips::skipped;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs the script; gives whether it found no unexplained difference, and what it printed.
fn witness(arguments: &[&str]) -> (bool, String) {
    let script = root().join("scripts/witness.sh");
    let output = Command::new(script)
        .args(arguments)
        .env("SMBREPLAY", env!("CARGO_BIN_EXE_smbreplay"))
        .output()
        .expect("scripts/witness.sh runs");
    let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.success(), printed.into_owned())
}

/// Whether tshark is there to be asked. CI has it (scripts/install-deps.sh --test); who has not is told, not failed.
fn can_ask() -> bool {
    let found = Command::new("tshark").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        skipped("tshark is not installed, nothing was compared: scripts/install-deps.sh --test");
    }
    found
}

#[test]
fn every_fixture_is_what_tshark_says_it_is() {
    if !can_ask() {
        return;
    }
    let mut fixtures: Vec<PathBuf> = std::fs::read_dir(root().join("fixtures"))
        .unwrap()
        .map(|entry| entry.unwrap().path().join("capture.pcapng"))
        .filter(|capture| capture.exists())
        .collect();
    fixtures.sort();
    assert!(fixtures.len() >= 12, "{fixtures:?}");
    let names: Vec<&str> = fixtures.iter().map(|path| path.to_str().unwrap()).collect();
    let (sound, printed) = witness(&names);
    assert!(sound, "{printed}");
    for name in names {
        let line = printed.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {printed}"));
        assert!(line.contains(" 0 differences") && !line.contains(": 0 PDUs"), "{line}");
    }
}

#[test]
fn damaged_captures_differ_from_tshark_only_where_it_is_explained() {
    if !can_ask() {
        return;
    }
    let (sound, printed) =
        witness(&["--mutants", "--count", "6", "--seed", "7", "--fixtures-only", "--largest", "60000"]);
    assert!(sound && printed.contains("6 mutants, 0 with unexplained differences"), "{printed}");
}
