//! Ingest on real captures: nothing lost, nothing changed, both extractors alike.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::path::{Path, PathBuf};

use smbreplay::dissect::EkParser;
use smbreplay::ingest::{Extractor, IngestOptions, IngestProgress, IngestReport, Outcome, ingest};
use smbreplay::model::{Operation, header};
use smbreplay::store::{Dataset, Projection};
use smbreplay::tools::{Input, Keys, Profile, SegmentOrder, Tool, Tshark};

fn tshark() -> Tshark {
    tshark_with(&Keys::default())
}

fn tshark_with(keys: &Keys) -> Tshark {
    let located = Tool::Tshark.locate(None).expect("the tests need tshark: scripts/install-deps.sh --test");
    Tshark::new(located, Profile::new(keys).expect("a private folder"))
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let cases = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().join("capture.pcapng"));
    let mut cases: Vec<_> = cases.filter(|path| path.exists()).collect();
    cases.sort();
    assert!(cases.len() >= 10, "the fixtures are missing");
    cases
}

/// Captures by others, where they are at hand.
fn shared_captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("SKIPPED: {} is not there; only the project's own fixtures are tried", folder.display());
        return Vec::new();
    };
    let mut captures: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    captures.retain(|path| path.extension().is_some_and(|ext| ext == "pcap" || ext == "pcapng"));
    captures.retain(|path| !path.ends_with("smb1_transaction_request.pcap"));
    captures.sort();
    captures
}

fn run(capture: &Path, output: &Path, extractor: Extractor) -> IngestReport {
    run_with(capture, output, extractor, &Keys::default())
}

fn run_with(capture: &Path, output: &Path, extractor: Extractor, keys: &Keys) -> IngestReport {
    let options = IngestOptions {
        inputs: vec![capture.to_owned()],
        output: Some(output.to_owned()),
        force: false,
        ports: Vec::new(),
        jobs: 2,
        extractor,
        tshark: Some(tshark_with(keys)),
        has_keys: !keys.is_empty(),
        tshark_version: Some("test".to_owned()),
        ..IngestOptions::default()
    };
    ingest(&options, &IngestProgress::default()).unwrap_or_else(|error| panic!("{}: {error}", capture.display()))
}

fn operations(report: &IngestReport) -> BTreeMap<String, Vec<Operation>> {
    let dataset = Dataset::open(report.place.clone()).unwrap();
    let read = |entry| dataset.operations(entry, Projection::Everything).unwrap().map(Result::unwrap).collect();
    dataset.sessions().iter().map(|entry| (entry.file.clone(), read(entry))).collect()
}

/// Where two operations differ, with a bit of what is around.
fn difference(ours: &Operation, theirs: &Operation) -> String {
    let (ours, theirs) = (format!("{ours:?}"), format!("{theirs:?}"));
    let at = ours.bytes().zip(theirs.bytes()).position(|(a, b)| a != b).unwrap_or(0);
    let around = |text: &str| {
        String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(120)..text.len().min(at + 80)]).into_owned()
    };
    format!("\n{}\n{}", around(&ours), around(&theirs))
}

fn count(pdus: impl Iterator<Item = Vec<u8>>) -> BTreeMap<Vec<u8>, usize> {
    let mut counts = BTreeMap::new();
    pdus.for_each(|pdu| *counts.entry(pdu).or_default() += 1);
    counts
}

/// Each `smb2_raw` of tshark, cut at its NextCommand; sealed ones are left out, as they are not opened here.
fn by_tshark(capture: &Path) -> BTreeMap<Vec<u8>, usize> {
    let mut child = tshark().whole_file_command(capture, &[], SegmentOrder::AsCaptured).spawn(Input::Null).unwrap();
    let (mut parser, mut output) = (EkParser::new(), child.take_output().unwrap());
    let mut pdus = Vec::new();
    loop {
        let length = {
            let bytes = output.fill_buf().unwrap();
            parser.push(bytes);
            bytes.len()
        };
        output.consume(length);
        if length == 0 {
            parser.end();
        }
        while let Some(record) = parser.next_record() {
            for message in record.unwrap().messages {
                let next = match message.bytes.get(header::offset::NEXT_COMMAND..) {
                    Some(bytes) => u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize,
                    None => 0,
                };
                let end = if next == 0 { message.bytes.len() } else { next.min(message.bytes.len()) };
                if message.bytes.starts_with(b"\xFESMB") {
                    pdus.push(message.bytes[..end].to_vec());
                }
            }
        }
        if length == 0 {
            break;
        }
    }
    child.finish().unwrap();
    count(pdus.into_iter())
}

fn by_dataset(operations: &BTreeMap<String, Vec<Operation>>) -> BTreeMap<Vec<u8>, usize> {
    count(
        operations
            .values()
            .flatten()
            .flat_map(|operation| operation.parts().map(|part| part.pdu.to_vec()).collect::<Vec<_>>()),
    )
}

#[test]
fn every_pdu_is_in_the_dataset_once_with_its_exact_bytes() {
    for capture in fixtures().into_iter().chain(shared_captures()) {
        let output = tempfile::tempdir().unwrap();
        let ours = by_dataset(&operations(&run(&capture, output.path(), Extractor::Native)));
        let theirs = by_tshark(&capture);
        let missing: Vec<_> = theirs.iter().filter(|(pdu, n)| ours.get(*pdu) != Some(n)).collect();
        let extra: Vec<_> = ours.iter().filter(|(pdu, n)| theirs.get(*pdu) != Some(n)).collect();
        let show = |pdus: &[(&Vec<u8>, &usize)]| {
            let of = |(pdu, n): &(&Vec<u8>, &usize)| {
                format!("{n} x {} bytes {}", pdu.len(), hex::encode(&pdu[..pdu.len().min(64)]))
            };
            pdus.iter().take(5).map(of).collect::<Vec<_>>().join("\n")
        };
        assert!(
            missing.is_empty() && extra.is_empty(),
            "{}: {} PDUs of tshark are missing, {} are too many\n{}\n--\n{}",
            capture.display(),
            missing.len(),
            extra.len(),
            show(&missing),
            show(&extra),
        );
    }
}

#[test]
fn both_extractors_give_equal_datasets() {
    for capture in fixtures().into_iter().chain(shared_captures()) {
        let (native, witness) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let native = operations(&run(&capture, native.path(), Extractor::Native));
        let witness = operations(&run(&capture, witness.path(), Extractor::Tshark));
        let names = |sessions: &BTreeMap<String, Vec<Operation>>| sessions.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&native), names(&witness), "{}", capture.display());
        for (name, rows) in &native {
            assert_eq!(rows.len(), witness[name].len(), "{} {name}", capture.display());
            for (ours, theirs) in rows.iter().zip(&witness[name]) {
                assert!(ours == theirs, "{} {name}: {}", capture.display(), difference(ours, theirs));
            }
        }
    }
}

#[test]
fn who_logged_in_is_read_as_tshark_reads_it() {
    let mut mechanisms = BTreeSet::new();
    for capture in fixtures().into_iter().chain(shared_captures()) {
        let output = tempfile::tempdir().unwrap();
        let logins = |extractor| {
            let sessions = run(&capture, output.path(), extractor).manifest.sessions;
            let logins = sessions.into_iter().map(|session| (session.id, session.login));
            logins.collect::<Vec<_>>()
        };
        let ours = logins(Extractor::Native);
        assert_eq!(ours, logins(Extractor::Tshark), "{}", capture.display());
        mechanisms.extend(ours.into_iter().filter_map(|(_, login)| login.mechanism));
    }
    assert!(mechanisms.contains("NTLM"));
    if !shared_captures().is_empty() {
        assert!(mechanisms.contains("Kerberos"));
    }
}

#[test]
fn an_unchanged_capture_is_not_ingested_again_and_a_changed_one_is() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.pcapng");
    std::fs::copy(&fixtures()[0], &capture).unwrap();
    assert_eq!(run(&capture, folder.path(), Extractor::Native).outcome, Outcome::Written);
    assert_eq!(run(&capture, folder.path(), Extractor::Native).outcome, Outcome::Unchanged);
    assert_eq!(run(&capture, folder.path(), Extractor::Tshark).outcome, Outcome::Written);
    std::fs::copy(&fixtures()[1], &capture).unwrap();
    assert_eq!(run(&capture, folder.path(), Extractor::Tshark).outcome, Outcome::Written);
}

#[test]
fn two_ingests_of_one_capture_are_byte_identical_whatever_the_number_of_threads() {
    for capture in fixtures() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let files = [1, 3].map(|jobs| {
            let output = folders[usize::from(jobs == 3)].path();
            let options = IngestOptions {
                inputs: vec![capture.clone()],
                output: Some(output.to_owned()),
                force: false,
                ports: Vec::new(),
                jobs,
                extractor: Extractor::Native,
                ..IngestOptions::default()
            };
            let report = ingest(&options, &IngestProgress::default()).unwrap();
            let mut files = BTreeMap::new();
            for entry in std::fs::read_dir(report.place.sessions_folder()).unwrap() {
                let entry = entry.unwrap();
                files.insert(entry.file_name(), std::fs::read(entry.path()).unwrap());
            }
            files
        });
        assert!(files[0] == files[1], "{}", capture.display());
    }
}

fn password(text: &str) -> Keys {
    Keys { nt_password: Some(text.to_owned().into()), ..Keys::default() }
}

fn session_keys() -> Keys {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/encrypted/keys.txt");
    let lines = std::fs::read_to_string(path).unwrap();
    let session_keys =
        lines.lines().filter(|line| !line.starts_with('#')).map(|line| line.parse().unwrap()).collect();
    Keys { session_keys, ..Keys::default() }
}

#[test]
fn sealed_messages_are_opened_with_the_password_or_the_keys_and_counted_without() {
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/encrypted/capture.pcapng");
    let closed = |keys: &Keys, extractor| {
        let output = tempfile::tempdir().unwrap();
        let report = run_with(&capture, output.path(), extractor, keys);
        let quality = report.manifest.quality.clone();
        (quality.undecrypted_messages, quality.is_partial(), operations(&report))
    };
    let (sealed, partial, without) = closed(&Keys::default(), Extractor::Native);
    assert!(sealed > 100 && partial);
    let (still_sealed, partial, _) = closed(&password("wrong"), Extractor::Native);
    assert_eq!((still_sealed, partial), (sealed, true), "a wrong password opens nothing");
    let (_, _, witness) = closed(&session_keys(), Extractor::Tshark);
    for keys in [password("Passw0rd!"), session_keys()] {
        let (left, partial, operations) = closed(&keys, Extractor::Native);
        assert_eq!((left, partial), (0, false));
        assert!(operations.values().flatten().any(|operation| operation.encrypted && operation.path.is_some()));
        assert!(operations.values().map(Vec::len).sum::<usize>() > without.values().map(Vec::len).sum::<usize>());
        assert_eq!(operations.keys().collect::<Vec<_>>(), witness.keys().collect::<Vec<_>>());
        for (name, rows) in &operations {
            for (ours, theirs) in rows.iter().zip(&witness[name]) {
                assert!(ours == theirs, "{name}: {}", difference(ours, theirs));
            }
            assert_eq!(rows.len(), witness[name].len());
        }
    }
}

#[test]
fn a_tshark_that_does_nothing_any_more_is_an_error_whatever_it_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("tshark");
    // What it starts holds its pipes when the script itself is ended.
    std::fs::write(&script, "#!/bin/sh\nsleep 120\nexit 0\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/encrypted/capture.pcapng");
    for extractor in [Extractor::Native, Extractor::Tshark] {
        let begun = std::time::Instant::now();
        let keys = session_keys();
        let tshark = Tshark::new(Tool::Tshark.locate(Some(&script)).unwrap(), Profile::new(&keys).unwrap());
        let options = IngestOptions {
            inputs: vec![capture.clone()],
            output: Some(folder.path().join("out")),
            extractor,
            tshark: Some(tshark.with_patience(std::time::Duration::from_secs(1))),
            has_keys: true,
            ..IngestOptions::default()
        };
        let error = ingest(&options, &IngestProgress::default()).unwrap_err();
        assert!(error.to_string().contains("tshark did nothing for 1 s"), "{extractor:?}: {error}");
        assert!(begun.elapsed() < std::time::Duration::from_secs(100), "{extractor:?}: {:?}", begun.elapsed());
    }
}
