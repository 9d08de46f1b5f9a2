//! `--extractor tshark` on captures whose segments are not in order: tshark is asked in two ways, neither of which finds all
//! messages of all of them, and what is taken of both is what our own reader finds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests, also outside of the test functions"
)]
#![allow(dead_code, reason = "not every test binary uses all of support")]

mod support;

use std::io::Read;
use std::path::{Path, PathBuf};

use smbreplay::dissect::EkParser;
use smbreplay::ingest::{Extractor, IngestOptions, IngestProgress, IngestReport, ingest};
use smbreplay::model::Operation;
use smbreplay::store::{Dataset, Projection};
use smbreplay::tools::{Input, Keys, Profile, SegmentOrder, Tool, Tshark};
use support::packets::{Link, Segment, ip, pcap, pcap_of, segments_of};

fn fixture(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(case).join("capture.pcapng")
}

fn tshark() -> Tshark {
    let located = Tool::Tshark.locate(None).expect("the tests need tshark: scripts/install-deps.sh");
    Tshark::new(located, Profile::new(&Keys::default()).unwrap())
}

/// How many SMB2 messages tshark finds, with segments in order and as they were captured.
fn found(capture: &Path) -> [usize; 2] {
    [SegmentOrder::BySequence, SegmentOrder::AsCaptured].map(|order| {
        let mut child = tshark().whole_file_command(capture, &[], order).spawn(Input::Null).unwrap();
        let mut text = Vec::new();
        child.take_output().unwrap().read_to_end(&mut text).unwrap();
        child.finish().unwrap();
        let mut parser = EkParser::new();
        parser.push(&text);
        parser.end();
        std::iter::from_fn(|| parser.next_record()).map(|record| record.unwrap().messages.len()).sum()
    })
}

/// The dataset of a capture, and its operations.
fn ingested(capture: &Path, extractor: Extractor) -> (IngestReport, Vec<Vec<Operation>>) {
    let output = tempfile::tempdir().unwrap();
    let options = IngestOptions {
        inputs: vec![capture.to_owned()],
        output: Some(output.path().to_owned()),
        jobs: 1,
        extractor,
        tshark: Some(tshark()),
        tshark_version: Some("test".to_owned()),
        ..IngestOptions::default()
    };
    let report = ingest(&options, &IngestProgress::default()).unwrap();
    let dataset = Dataset::open(report.place.clone()).unwrap();
    let read = |entry| dataset.operations(entry, Projection::Everything).unwrap().map(Result::unwrap).collect();
    let operations = dataset.sessions().iter().map(read).collect();
    (report, operations)
}

/// Both extractors give the same; returns what was said of tshark's, and the number of messages.
fn both_agree(capture: &Path, what: &str) -> (String, usize) {
    let (_, native) = ingested(capture, Extractor::Native);
    let (report, by_tshark) = ingested(capture, Extractor::Tshark);
    assert!(!native.is_empty() && native == by_tshark, "{what}: {:?}", report.manifest.quality.notes);
    let messages = native.iter().flatten().map(|operation| operation.parts().count()).sum();
    (report.manifest.quality.notes.join("\n"), messages)
}

/// What the note of two readings says, or nothing when they agree.
fn says(notes: &str, [in_order, as_captured]: [usize; 2], taken: usize) {
    let preference = "tcp.reassemble_out_of_order";
    if (in_order, as_captured) == (taken, taken) {
        assert_eq!(notes, "");
    } else {
        let expected = format!(
            "tshark found {in_order} messages with {preference}:TRUE and {as_captured} with {preference}:FALSE; {taken} were taken"
        );
        assert!(notes.starts_with(&expected), "{expected}\n{notes}");
    }
}

/// The first segment of the first message from a place on that has several comes behind the two after it.
fn with_late_beginning(segments: &[Segment], from: usize) -> Vec<Segment> {
    let mut out: Vec<Segment> = segments.to_vec();
    let full = |segment: &Segment| segment.payload().len() > 1200;
    let begins = |segment: &Segment| segment.payload().get(4..8) == Some(b"\xFESMB");
    let at = (from..out.len() - 2)
        .find(|at| full(&out[*at]) && begins(&out[*at]) && full(&out[at + 1]) && full(&out[at + 2]));
    let at = at.expect("a message of several segments");
    let times: Vec<_> = out[at..at + 3].iter().map(|segment| segment.time).collect();
    out[at..at + 3].rotate_left(1);
    out[at..at + 3].iter_mut().zip(times).for_each(|(segment, time)| segment.time = time);
    out
}

/// Which segments of the fixture repeat one before.
fn repeats(segments: &[Segment]) -> Vec<bool> {
    let mut known = std::collections::BTreeSet::new();
    let sequence = |segment: &Segment| (segment.source, segment.tcp[4..8].to_vec());
    segments.iter().map(|segment| !segment.payload().is_empty() && !known.insert(sequence(segment))).collect()
}

/// The fixture without its repeats, and with one message out of order.
fn reordered() -> Vec<Segment> {
    let segments = segments_of(&fixture("repeated-segments"));
    let once =
        segments.iter().zip(repeats(&segments)).filter(|(_, repeats)| !repeats).map(|(segment, _)| segment.clone());
    with_late_beginning(&once.collect::<Vec<_>>(), 0)
}

/// The same conversations between other ends.
fn elsewhere(segments: &[Segment]) -> Vec<Segment> {
    let rename = |address| match address {
        std::net::IpAddr::V4(address) => std::net::Ipv4Addr::from(u32::from(address) ^ 0x0000_4000).into(),
        other => other,
    };
    let mut out = segments.to_vec();
    out.iter_mut().for_each(|segment| segment.rename_addresses(rename));
    out
}

fn write(folder: &Path, segments: &[Segment]) -> PathBuf {
    let capture = folder.join("x.pcap");
    std::fs::write(&capture, pcap_of(Link::Ethernet, segments)).unwrap();
    capture
}

#[test]
fn segments_that_were_repeated_needlessly_cost_nothing() {
    let capture = fixture("repeated-segments");
    let found = found(&capture);
    let (notes, messages) = both_agree(&capture, "repeated");
    assert!(found[0] <= messages && found[1] == messages, "{found:?} of {messages}");
    says(&notes, found, messages);
}

#[test]
fn each_direction_is_taken_from_the_reading_that_finds_more_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let repeated = segments_of(&fixture("repeated-segments"));
    let reordered = elsewhere(&reordered());
    // Side by side: neither reading finds all of both where repeats cost the one that puts segments in order.
    let mut both = repeated.clone();
    both.splice(20..20, reordered);
    let capture = write(folder.path(), &both);
    let counts = found(&capture);
    let (notes, messages) = both_agree(&capture, "side by side");
    assert!(counts[1] < messages, "a segment out of order costs the other reading: {counts:?} of {messages}");
    says(&notes, counts, messages);

    // In one direction: what either alone has is taken of both.
    let capture = write(folder.path(), &with_late_beginning(&repeated, 0));
    let counts = found(&capture);
    let (notes, messages) = both_agree(&capture, "before the repeats");
    assert!(counts[1] < messages, "{counts:?} of {messages}");
    says(&notes, counts, messages);
}

#[test]
fn what_neither_reading_finds_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let repeated = segments_of(&fixture("repeated-segments"));
    let last = repeats(&repeated).iter().rposition(|repeats| *repeats).unwrap();
    let capture = write(folder.path(), &with_late_beginning(&repeated, last + 1));
    let [in_order, as_captured] = found(&capture);
    let (_, native) = ingested(&capture, Extractor::Native);
    let (report, by_tshark) = ingested(&capture, Extractor::Tshark);
    let messages = |operations: &[Vec<Operation>]| -> usize {
        operations.iter().flatten().map(|operation| operation.parts().count()).sum()
    };
    let (all, taken) = (messages(&native), messages(&by_tshark));
    assert!(as_captured < all);
    let notes = report.manifest.quality.notes.join("\n");
    if in_order == all {
        assert!(native == by_tshark);
        says(&notes, [in_order, as_captured], all);
    } else {
        // This tshark stops at the repeats, behind which it loses one more when it does not put segments in order.
        assert_eq!(taken, as_captured);
        says(&notes, [in_order, as_captured], taken);
        assert!(notes.contains(&format!("tshark found {taken} of the {all} plain SMB2 messages")), "{notes}");
    }
}

#[test]
fn a_hole_in_one_conversation_costs_nothing_of_another_whose_segments_are_out_of_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut with_hole = segments_of(&fixture("repeated-segments"));
    let at = with_hole.iter().position(|segment| segment.payload().len() > 1200).unwrap();
    with_hole.remove(at + 1);
    let reordered = elsewhere(&reordered());
    let (_, expected) = ingested(&write(folder.path(), &reordered), Extractor::Native);
    with_hole.splice(20..20, reordered);
    let capture = write(folder.path(), &with_hole);
    let (report, operations) = ingested(&capture, Extractor::Tshark);
    assert!(report.manifest.quality.gaps > 0);
    let messages = |operations: &[Operation]| -> Vec<Vec<u8>> {
        operations
            .iter()
            .flat_map(|operation| operation.parts().map(|part| part.pdu.to_vec()).collect::<Vec<_>>())
            .collect()
    };
    assert!(operations.iter().any(|session| messages(session) == messages(&expected[0])));
    // What the hole took is told.
    let notes = &report.manifest.quality.notes;
    assert!(notes.iter().any(|note| note.contains("were taken")), "{notes:?}");
}

#[test]
fn a_capture_in_order_is_read_once_and_nothing_is_said() {
    let (notes, _) = both_agree(&fixture("quickstart"), "in order");
    assert_eq!(notes, "");
}

#[test]
fn segments_out_of_order_in_a_tunnel_cost_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let segments = reordered();
    let (_, expected) = ingested(&write(folder.path(), &segments), Extractor::Native);
    let ends = ("198.51.100.1".parse().unwrap(), "198.51.100.2".parse().unwrap());
    let tunnelled = segments.iter().map(|segment| {
        let packet = ip(ends.0, ends.1, 47, &[&[0, 0, 8, 0][..], &segment.ip()].concat());
        (segment.time, Link::Ethernet.around(0x0800, &packet))
    });
    let capture = folder.path().join("tunnel.pcap");
    std::fs::write(&capture, pcap(Link::Ethernet, tunnelled)).unwrap();
    for extractor in [Extractor::Native, Extractor::Tshark] {
        let (report, operations) = ingested(&capture, extractor);
        assert!(operations == expected, "{extractor:?}");
        assert!(report.manifest.quality.notes.iter().any(|note| note.contains("were taken")), "{extractor:?}");
    }
}
