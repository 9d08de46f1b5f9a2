//! Captures as they come: every link layer and file format, tunnels, fragments, lost and repeated segments, sessions that
//! move, meet and begin before the capture does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use smbreplay::ingest::{Extractor, IngestError, IngestOptions, IngestProgress, IngestReport, Outcome, ingest};
use smbreplay::model::{Anomaly, Command, Operation, SessionEntry};
use smbreplay::store::{Dataset, Projection, fingerprint};
use smbreplay::tools::{Keys, Profile, Tool, Tshark};
use support::messages::{Messages, smb1_negotiate, wildcard_answer};
use support::packets::{Conversation, Link, Segment, ip, pcap, pcap_cut, pcap_of, segments_of};
use tempfile::TempDir;

const CLIENT: &str = "192.0.2.1:50000";
const SERVER: &str = "192.0.2.9:445";
const GUID: [u8; 16] = [7; 16];

fn fixture(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(case).join("capture.pcapng")
}

fn tshark() -> Tshark {
    let located = Tool::Tshark.locate(None).expect("the tests need tshark: scripts/install-deps.sh --test");
    Tshark::new(located, Profile::new(&Keys::default()).unwrap())
}

/// A capture on disk and what an ingest of it came to.
struct Ingested {
    folder: TempDir,
    report: IngestReport,
}

impl Ingested {
    fn sessions(&self) -> &[SessionEntry] {
        &self.report.manifest.sessions
    }

    fn operations(&self) -> Vec<Vec<Operation>> {
        let dataset = Dataset::open(self.report.place.clone()).unwrap();
        let read = |entry| dataset.operations(entry, Projection::Everything).unwrap().map(Result::unwrap).collect();
        dataset.sessions().iter().map(read).collect()
    }

    fn notes(&self) -> String {
        self.report.manifest.quality.notes.join("\n")
    }
}

fn try_ingest(name: &str, bytes: &[u8], change: impl FnOnce(&mut IngestOptions)) -> Result<Ingested, IngestError> {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join(name);
    std::fs::write(&capture, bytes).unwrap();
    let mut options = IngestOptions { inputs: vec![capture], ..IngestOptions::default() };
    change(&mut options);
    let report = ingest(&options, &IngestProgress::default())?;
    Ok(Ingested { folder, report })
}

fn ingest_bytes(bytes: &[u8]) -> Ingested {
    try_ingest("capture.pcap", bytes, |_| {}).unwrap()
}

fn ingest_segments(segments: &[Segment]) -> Ingested {
    ingest_bytes(&pcap_of(Link::Ethernet, segments))
}

fn with_tshark(options: &mut IngestOptions) {
    options.tshark = Some(tshark());
    options.tshark_version = Some("test".to_owned());
}

fn quickstart() -> Vec<Segment> {
    segments_of(&fixture("quickstart"))
}

/// PDUs of all operations, and how often each is there.
fn pdus(operations: &[Vec<Operation>]) -> BTreeMap<Vec<u8>, usize> {
    let mut counts = BTreeMap::new();
    for part in operations.iter().flatten().flat_map(Operation::parts) {
        *counts.entry(part.pdu.to_vec()).or_default() += 1;
    }
    counts
}

#[test]
fn every_link_layer_gives_the_same_operations() {
    let segments = quickstart();
    let expected = ingest_bytes(&std::fs::read(fixture("quickstart")).unwrap()).operations();
    assert!(expected[0].len() > 80);
    for link in Link::KNOWN {
        let ingested = ingest_bytes(&pcap_of(link, &segments));
        assert!(ingested.operations() == expected, "{link:?}");
        assert!(ingested.report.manifest.capture.link_types.contains_key(&(link.number() as i32)), "{link:?}");
    }
}

#[test]
fn every_link_layer_carries_ipv6() {
    let mut segments = quickstart();
    for segment in &mut segments {
        segment.rename_addresses(|_| IpAddr::V6(Ipv6Addr::LOCALHOST));
    }
    let expected = pdus(&ingest_segments(&quickstart()).operations());
    for link in Link::KNOWN {
        let ingested = ingest_bytes(&pcap_of(link, &segments));
        assert_eq!(ingested.sessions()[0].server, "[::1]:445", "{link:?}");
        assert!(pdus(&ingested.operations()) == expected, "{link:?}");
    }
}

#[test]
fn every_file_format_gives_the_same_operations() {
    let plain = std::fs::read(fixture("quickstart")).unwrap();
    let expected = ingest_bytes(&plain).operations();
    let pcap = pcap_of(Link::Ethernet, &quickstart());
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    // Two members, as `cat a.gz b.gz` makes them.
    let in_members = [gzip(&plain[..90_000]), gzip(&plain[90_000..])].concat();
    let files = [gzip(&plain), zstd(&plain), gzip(&pcap), zstd(&pcap), pcap, in_members];
    for (number, file) in files.iter().enumerate() {
        let ingested = ingest_bytes(file);
        assert!(ingested.operations() == expected, "format {number}");
        let hash = fingerprint(&[ingested.report.place.capture()]).unwrap();
        assert_eq!(ingested.report.manifest.capture.hash, hash, "format {number}");
    }
}

#[test]
fn netbios_on_port_139_and_other_ports_are_read() {
    let mut segments = Vec::new();
    let mut conversation = Conversation::open(CLIENT, "192.0.2.9:139", &mut segments);
    // Session request and positive answer, [RFC1002] 4.3.2; then keep-alives among the messages.
    let name = [&[32][..], &[b'A'; 32], &[0]].concat();
    conversation.bytes(true, &[&[0x81, 0, 0, 68][..], &name, &name].concat(), &mut segments);
    conversation.bytes(false, &[0x82, 0, 0, 0], &mut segments);
    session(&mut conversation, &mut Messages::default(), 5, &mut segments);
    conversation.bytes(true, &[0x85, 0, 0, 0], &mut segments);
    let ingested = ingest_segments(&segments);
    assert_eq!(ingested.sessions()[0].operations, 5);
    assert!(!ingested.report.manifest.quality.is_partial());

    let mut moved = quickstart();
    moved.iter_mut().for_each(|segment| segment.rename_port(445, 1445));
    let bytes = pcap_of(Link::Ethernet, &moved);
    let error = try_ingest("x.pcap", &bytes, |_| {}).err().unwrap().to_string();
    assert!(error.contains("TCP port 1445") && error.contains("--port"), "{error}");
    let ingested = try_ingest("x.pcap", &bytes, |options| options.ports = vec![1445]).unwrap();
    assert!(pdus(&ingested.operations()) == pdus(&ingest_segments(&quickstart()).operations()));
    let by_tshark = |options: &mut IngestOptions| {
        with_tshark(options);
        options.ports = vec![1445];
        options.extractor = Extractor::Tshark;
    };
    assert!(try_ingest("x.pcap", &bytes, by_tshark).unwrap().operations() == ingested.operations());
}

#[test]
fn repeated_and_reordered_segments_change_nothing() {
    let segments = quickstart();
    let expected = pdus(&ingest_segments(&segments).operations());
    let repeated: Vec<_> = segments.iter().flat_map(|segment| [segment.clone(), segment.clone()]).collect();
    let late: Vec<_> = segments.iter().cloned().chain(segments.iter().skip(20).cloned()).collect();
    let mut swapped = segments.clone();
    for at in (4..swapped.len() - 1).step_by(3) {
        swapped.swap(at, at + 1);
    }
    for (what, segments) in [("repeated", repeated), ("late repeats", late), ("swapped", swapped)] {
        let ingested = ingest_segments(&segments);
        assert!(pdus(&ingested.operations()) == expected, "{what}");
        assert!(!ingested.report.manifest.quality.is_partial(), "{what}");
        assert_eq!(ingested.sessions()[0].unpaired, 0, "{what}");
    }
}

#[test]
fn a_segment_lost_inside_a_pdu_costs_that_pdu_alone() {
    let segments = segments_of(&fixture("big-transfer"));
    let whole = ingest_segments(&segments);
    let all = pdus(&whole.operations());
    // From the middle of a large WRITE: its neighbours are full segments of the same direction.
    let full = |segment: &Segment| segment.payload().len() > 1200 && segment.ports().1 == 445;
    let lost = (segments.len() / 4..).find(|at| segments[at - 2..at + 3].iter().all(full)).unwrap();
    let mut with_hole = segments.clone();
    with_hole.remove(lost);
    let ingested = ingest_segments(&with_hole);
    let quality = &ingested.report.manifest.quality;
    assert_eq!((quality.gaps, quality.gap_bytes), (1, segments[lost].payload().len() as u64));
    assert_eq!(quality.anomalies.get("truncated"), Some(&1), "{:?}", quality.anomalies);
    assert!(quality.is_partial());
    let kept = pdus(&ingested.operations());
    let missing: Vec<_> = all.iter().filter(|(pdu, count)| kept.get(*pdu) != Some(count)).collect();
    assert_eq!(missing.len(), 1);
    let truncated: Vec<_> = ingested
        .operations()
        .into_iter()
        .flatten()
        .filter(|operation| operation.anomalies.contains(Anomaly::Truncated))
        .collect();
    assert_eq!((truncated.len(), truncated[0].command), (1, Command::Write));
    let part = truncated[0].request.as_ref().unwrap();
    assert!(missing[0].0.starts_with(&part.pdu) && part.pdu.len() < missing[0].0.len());
    assert!(truncated[0].response.is_some());
}

#[test]
fn packets_cut_by_the_snapshot_length_keep_their_operations() {
    let segments = quickstart();
    let whole = ingest_segments(&segments).operations();
    let packets = segments.iter().map(|segment| (segment.time, segment.packet(Link::Ethernet)));
    let ingested = ingest_bytes(&pcap_cut(Link::Ethernet, packets, 180));
    let quality = &ingested.report.manifest.quality;
    assert!(quality.cut_packets > 50 && quality.is_partial());
    assert!(quality.anomalies["truncated"] > 20, "{:?}", quality.anomalies);
    let cut = ingested.operations();
    let key = |operation: &Operation| (operation.message_id, operation.command);
    let before: Vec<_> = whole[0].iter().map(key).collect();
    let kept: Vec<_> = cut[0].iter().map(key).collect();
    assert!(kept.len() * 10 > before.len() * 9, "{} of {}", kept.len(), before.len());
    assert!(kept.iter().all(|key| before.contains(key)));
}

#[test]
fn what_a_cut_packet_still_holds_is_read() {
    let key = |operation: &Operation| (operation.connection.tcp_stream, operation.message_id, operation.command);
    let (mut opens, mut writes, mut reads) = (0, 0, 0);
    for case in ["quickstart", "leases-oplocks"] {
        let segments = segments_of(&fixture(case));
        let whole: Vec<_> = ingest_segments(&segments).operations().into_iter().flatten().collect();
        let packets = segments.iter().map(|segment| (segment.time, segment.packet(Link::Ethernet)));
        let cut = ingest_bytes(&pcap_cut(Link::Ethernet, packets, 224)).operations();
        // Ids and sizes stand before names, contexts and data.
        for operation in cut.iter().flatten().filter(|op| op.anomalies.contains(Anomaly::Malformed)) {
            let full = whole.iter().find(|op| key(op) == key(operation)).unwrap();
            match operation.command {
                Command::Create => {
                    assert_eq!(operation.facts.desired_access, full.facts.desired_access);
                    assert!(operation.path.is_none() || operation.path == full.path);
                    assert_eq!(operation.file_id, full.file_id);
                    opens += usize::from(operation.file_id.is_some());
                }
                Command::Write => {
                    assert_eq!(
                        (operation.facts.offset, operation.facts.length),
                        (full.facts.offset, full.facts.length)
                    );
                    assert_eq!((operation.file_id, operation.facts.data_hash), (full.file_id, None));
                    writes += 1;
                }
                Command::Read => {
                    assert_eq!((operation.facts.bytes, operation.facts.data_hash), (full.facts.bytes, None));
                    reads += 1;
                }
                _ => {}
            }
        }
    }
    assert!(opens > 0 && writes > 0 && reads > 0, "{opens} {writes} {reads}");
}

/// Segments swap places, as captures on several processors hold them.
#[test]
fn a_response_captured_behind_the_end_of_its_connection_answers_its_request() {
    for reset in [false, true] {
        let mut segments = Vec::new();
        let mut conversation = Conversation::open(CLIENT, SERVER, &mut segments);
        session(&mut conversation, &mut Messages::default(), 0x51, &mut segments);
        conversation.close(&mut segments);
        let count = segments.len();
        if reset {
            segments.pop();
            segments.last_mut().unwrap().tcp[13] = 4 | 16;
        }
        let last_response = segments.remove(count - 3);
        assert!(!last_response.payload().is_empty());
        segments.push(last_response);
        let ingested = ingest_segments(&segments);
        let sessions = ingested.sessions();
        assert_eq!((sessions.len(), sessions[0].operations, sessions[0].unpaired), (1, 5, 0), "reset: {reset}");
        assert!(ingested.operations()[0].iter().all(|operation| operation.anomalies.is_empty()));
    }
}

#[test]
fn a_packet_whose_ip_length_is_below_its_header_is_none_and_length_0_is_the_network_cards() {
    let mut segments = Vec::new();
    let mut conversation = Conversation::open(CLIENT, SERVER, &mut segments);
    session(&mut conversation, &mut Messages::default(), 0x61, &mut segments);
    let last = segments.len() - 1;
    let with_length = |length: u16| {
        let packets = segments.iter().enumerate().map(|(at, segment)| {
            let mut packet = segment.packet(Link::RawIp);
            if at == last {
                packet[2..4].copy_from_slice(&length.to_be_bytes());
            }
            (segment.time, packet)
        });
        ingest_bytes(&pcap(Link::RawIp, packets))
    };
    for (length, unpaired) in [(0, 0), (10, 1), (19, 1)] {
        assert_eq!(with_length(length).sessions()[0].unpaired, unpaired, "length {length}");
    }
}

#[test]
fn one_sided_captures_keep_every_request_or_every_response() {
    let segments = quickstart();
    let whole = ingest_segments(&segments).operations();
    let requests = whole[0].iter().filter(|operation| operation.request.is_some()).count();
    for to_server in [true, false] {
        let one_side: Vec<_> =
            segments.iter().filter(|segment| (segment.ports().1 == 445) == to_server).cloned().collect();
        let ingested = ingest_segments(&one_side);
        let operations: Vec<_> = ingested.operations().into_iter().flatten().collect();
        let (anomaly, count) = if to_server {
            (Anomaly::NoResponse, operations.iter().filter(|operation| operation.request.is_some()).count())
        } else {
            (Anomaly::NoRequest, operations.iter().filter(|operation| operation.response.is_some()).count())
        };
        assert_eq!(count, requests, "to the server: {to_server}");
        assert!(operations.iter().all(|operation| operation.anomalies.contains(anomaly)));
        assert!(ingested.sessions().iter().any(|session| session.id != "0x0000000000000000"));
    }
}

#[test]
fn a_capture_that_begins_in_the_middle_keeps_operations_without_share_and_path() {
    let segments = quickstart();
    let whole = ingest_segments(&segments);
    let half: Vec<_> = segments[segments.len() / 2..].to_vec();
    let ingested = ingest_segments(&half);
    assert_eq!(ingested.sessions().len(), 1);
    assert_eq!(ingested.sessions()[0].id, whole.sessions()[0].id);
    assert_eq!(ingested.sessions()[0].dialect, None);
    let operations = &ingested.operations()[0];
    assert!(operations.len() > 30);
    assert!(operations[..10].iter().all(|operation| operation.share.is_none()));
    assert!(operations.iter().any(|operation| operation.command == Command::Create && operation.path.is_some()));
    let expected = pdus(&whole.operations());
    assert!(pdus(&ingested.operations()).keys().all(|pdu| expected.contains_key(pdu)));
}

/// NEGOTIATE, login, TREE_CONNECT and an ECHO.
fn session(conversation: &mut Conversation, messages: &mut Messages, id: u64, segments: &mut Vec<Segment>) {
    let mut pairs = vec![messages.negotiate(0x0302, GUID)];
    pairs.push(messages.session_setup(false, true, id));
    pairs.push(messages.session_setup(false, false, id));
    pairs.push(messages.tree_connect(r"\\server\share", 1));
    pairs.push(messages.echo());
    exchange(conversation, pairs, segments);
}

fn exchange(conversation: &mut Conversation, pairs: Vec<[Vec<u8>; 2]>, segments: &mut Vec<Segment>) {
    for [request, response] in pairs {
        conversation.message(true, &request, segments);
        conversation.message(false, &response, segments);
    }
}

#[test]
fn several_servers_with_equal_session_ids_are_several_sessions() {
    let mut segments = Vec::new();
    for server in [SERVER, "192.0.2.10:445", "[2001:db8::1]:445"] {
        let client = if server.starts_with('[') { "[2001:db8::2]:50000" } else { CLIENT };
        let mut conversation = Conversation::open(client, server, &mut segments);
        session(&mut conversation, &mut Messages::default(), 0x11, &mut segments);
    }
    let ingested = ingest_segments(&segments);
    let files: Vec<_> = ingested.sessions().iter().map(|session| session.file.as_str()).collect();
    assert_eq!(ingested.sessions().len(), 3);
    assert_eq!(
        files[..2],
        [
            "smb2_session_0x0000000000000011-192.0.2.9_445.parquet",
            "smb2_session_0x0000000000000011-192.0.2.10_445.parquet"
        ]
    );
    assert!(files[2].starts_with("smb2_session_0x0000000000000011-2001"), "{files:?}");
    assert!(ingested.sessions().iter().all(|session| session.operations == 5 && session.unpaired == 0));
    assert_eq!(ingested.operations().iter().map(Vec::len).sum::<usize>(), 15);
}

#[test]
fn several_sessions_on_one_connection_are_kept_apart_and_share_its_dialect() {
    let mut segments = Vec::new();
    let mut conversation = Conversation::open(CLIENT, SERVER, &mut segments);
    let mut first = Messages::default();
    session(&mut conversation, &mut first, 0x21, &mut segments);
    let mut second = Messages { message_id: first.message_id, ..Messages::default() };
    let mut pairs = vec![second.session_setup(false, true, 0x22), second.session_setup(false, false, 0x22)];
    pairs.push(second.tree_connect(r"\\server\other", 1));
    first.message_id = second.message_id;
    pairs.push(first.echo());
    exchange(&mut conversation, pairs, &mut segments);
    let ingested = ingest_segments(&segments);
    let sessions = ingested.sessions();
    assert_eq!(sessions.iter().map(|session| session.operations).collect::<Vec<_>>(), [6, 3]);
    assert!(sessions.iter().all(|session| session.dialect.is_some_and(|dialect| dialect.to_string() == "3.0.2")));
    let operations = ingested.operations();
    assert_eq!(operations[0][5].share.as_deref(), Some(r"\\server\share"));
    assert_eq!(sessions[1].shares, [r"\\server\other"]);
    // The committed capture in which this was noticed.
    let ingested = ingest_bytes(&std::fs::read(fixture("many-sessions")).unwrap());
    assert!(ingested.sessions().iter().all(|session| session.dialect.is_some()));
}

#[test]
fn a_session_set_up_again_after_a_reconnect_stays_one_file() {
    let mut segments = Vec::new();
    for client in [CLIENT, "192.0.2.1:50001"] {
        let mut conversation = Conversation::open(client, SERVER, &mut segments);
        session(&mut conversation, &mut Messages::default(), 0x31, &mut segments);
        conversation.close(&mut segments);
    }
    let ingested = ingest_segments(&segments);
    assert_eq!(ingested.sessions().len(), 1);
    let session = &ingested.sessions()[0];
    assert_eq!((session.operations, session.tcp_streams.as_slice()), (10, &[0, 1][..]));
    let streams: Vec<_> = ingested.operations()[0].iter().map(|operation| operation.connection.tcp_stream).collect();
    assert_eq!(streams, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
}

#[test]
fn reclaimed_opens_are_named_and_logins_belong_to_the_session_they_lead_to() {
    let ingested = ingest_bytes(&std::fs::read(fixture("durable")).unwrap());
    let operations = ingested.operations();
    let mut used_after = 0;
    for session in &operations {
        let reclaims = |operation: &Operation| {
            let tags = operation.facts.create_contexts.as_deref().unwrap_or_default();
            tags.iter().any(|tag| matches!(&**tag, "DHnC" | "DH2C")) && operation.file_id.is_some()
        };
        for (at, reclaim) in session.iter().enumerate().filter(|(_, operation)| reclaims(operation)) {
            let later = session[at + 1..].iter().take_while(|operation| operation.command != Command::Create);
            for operation in later.filter(|operation| operation.file_id == reclaim.file_id) {
                assert_eq!(operation.path, reclaim.path, "{operation:?}");
                used_after += 1;
            }
        }
        // Each of these sessions has one connection, whose NEGOTIATE and first SESSION_SETUP name no session themselves.
        let commands: Vec<_> = session.iter().map(|operation| operation.command).take(3).collect();
        assert_eq!(commands, [Command::Negotiate, Command::SessionSetup, Command::SessionSetup]);
    }
    assert!(used_after > 5, "{used_after}");
    assert!(ingested.sessions().iter().all(|session| session.id != "0x0000000000000000"));
}

#[test]
fn multichannel_is_one_session_also_over_another_address_of_the_server() {
    for second in [SERVER, "192.0.2.10:445"] {
        let mut segments = Vec::new();
        let mut one = Conversation::open(CLIENT, SERVER, &mut segments);
        let mut messages = Messages::default();
        session(&mut one, &mut messages, 0x41, &mut segments);
        let mut two = Conversation::open("192.0.2.1:50001", second, &mut segments);
        let mut bound = Messages { session_id: 0, ..Messages::default() };
        let mut pairs = vec![bound.negotiate(0x0302, GUID)];
        bound.session_id = 0x41;
        pairs.push(bound.session_setup(true, true, 0x41));
        pairs.push(bound.session_setup(true, false, 0x41));
        bound.tree_id = 1;
        pairs.push(bound.echo());
        exchange(&mut two, pairs, &mut segments);
        exchange(&mut one, vec![messages.echo()], &mut segments);
        let ingested = ingest_segments(&segments);
        assert_eq!(ingested.sessions().len(), 1, "{second}");
        let session = &ingested.sessions()[0];
        assert_eq!((session.operations, session.unpaired), (10, 0), "{second}");
        assert_eq!(session.tcp_streams, [0, 1], "{second}");
        let operations = &ingested.operations()[0];
        // In the order of the requests, over both connections.
        let streams: Vec<_> = operations.iter().map(|operation| operation.connection.tcp_stream).collect();
        assert_eq!(streams, [0, 0, 0, 0, 0, 1, 1, 1, 1, 0], "{second}");
        assert_eq!(operations[8].share.as_deref(), Some(r"\\server\share"), "{second}");
    }
}

#[test]
fn an_smb1_negotiate_leads_to_an_smb2_session() {
    let mut segments = Vec::new();
    let mut conversation = Conversation::open(CLIENT, SERVER, &mut segments);
    conversation.message(true, &smb1_negotiate(), &mut segments);
    conversation.message(false, &wildcard_answer(), &mut segments);
    session(&mut conversation, &mut Messages { message_id: 1, ..Messages::default() }, 0x51, &mut segments);
    let ingested = ingest_segments(&segments);
    let manifest = &ingested.report.manifest;
    assert_eq!((manifest.sessions.len(), manifest.quality.smb1_messages), (1, 1));
    assert!(manifest.sessions[0].dialect.is_some_and(|dialect| dialect.to_string() == "3.0.2"));
    assert_eq!((manifest.sessions[0].operations, manifest.sessions[0].unpaired), (6, 0));
    let first = &ingested.operations()[0][0];
    assert!(first.request.is_none() && first.anomalies.contains(Anomaly::Smb1Negotiate));
    // A real one by others, where it is at hand.
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures/smb2.pcap");
    if shared.exists() {
        let ingested = ingest_bytes(&std::fs::read(shared).unwrap());
        assert!(ingested.report.manifest.quality.smb1_messages > 0);
        assert!(ingested.operations()[0][0].anomalies.contains(Anomaly::Smb1Negotiate));
        assert!(ingested.sessions()[0].dialect.is_some());
    }
}

#[test]
fn ip_fragments_are_put_together_as_tshark_does() {
    for address in ["127.0.0.1", "::1"] {
        let mut segments = quickstart();
        for segment in &mut segments {
            segment.rename_addresses(|_| address.parse().unwrap());
        }
        let expected = pdus(&ingest_segments(&segments).operations());
        let ether = if address == "::1" { 0x86DD } else { 0x0800 };
        let mut packets = Vec::new();
        for (number, segment) in segments.iter().enumerate() {
            if segment.tcp.len() > 600 {
                let mut pieces = segment.fragments(number as u16 + 1, 576);
                if number % 2 == 0 {
                    pieces.reverse();
                }
                packets.extend(pieces.into_iter().map(|piece| (segment.time, Link::Ethernet.around(ether, &piece))));
            } else {
                packets.push((segment.time, segment.packet(Link::Ethernet)));
            }
        }
        assert!(packets.len() > segments.len() + 100);
        let bytes = pcap(Link::Ethernet, packets);
        let ingested = try_ingest("x.pcap", &bytes, with_tshark).unwrap();
        assert!(pdus(&ingested.operations()) == expected, "{address}");
        assert!(!ingested.report.manifest.quality.is_partial());
        let by_tshark = |options: &mut IngestOptions| {
            with_tshark(options);
            options.extractor = Extractor::Tshark;
        };
        assert!(try_ingest("x.pcap", &bytes, by_tshark).unwrap().operations() == ingested.operations(), "{address}");
    }
}

/// A segment in a tunnel, on Ethernet.
fn tunnelled(kind: &str, segment: &Segment) -> Vec<u8> {
    let (near, far) = ("198.51.100.1".parse().unwrap(), "198.51.100.2".parse().unwrap());
    let inner = segment.ip();
    let outer = match kind {
        "GRE" => ip(near, far, 47, &[&[0, 0, 8, 0][..], &inner].concat()),
        "IP in IP" => ip(near, far, 4, &inner),
        "VXLAN" => {
            let frame = segment.packet(Link::Ethernet);
            let length = ((frame.len() + 16) as u16).to_be_bytes();
            let udp = [&[0x04, 0x00, 0x12, 0xB5][..], &length, &[0, 0, 8, 0, 0, 0, 0, 0, 42, 0], &frame].concat();
            ip(near, far, 17, &udp)
        }
        other => panic!("{other}"),
    };
    Link::Ethernet.around(0x0800, &outer)
}

#[test]
fn what_travels_in_tunnels_and_on_unknown_links_goes_through_tshark() {
    let segments = quickstart();
    let expected = ingest_segments(&segments).operations();
    let captures = ["GRE", "IP in IP", "VXLAN"].map(|kind| {
        (kind, pcap(Link::Ethernet, segments.iter().map(|segment| (segment.time, tunnelled(kind, segment)))))
    });
    for (kind, bytes) in captures.into_iter().chain([("link type 9", pcap_of(Link::Ppp, &segments))]) {
        let ingested = try_ingest("x.pcap", &bytes, with_tshark).unwrap();
        assert!(ingested.operations() == expected, "{kind}");
        assert!(
            ingested.notes().contains(kind) && ingested.notes().contains("167 SMB2 PDUs"),
            "{}",
            ingested.notes()
        );
        // By the whole file through tshark it is the same.
        let by_tshark = |options: &mut IngestOptions| {
            with_tshark(options);
            options.extractor = Extractor::Tshark;
        };
        assert!(try_ingest("x.pcap", &bytes, by_tshark).unwrap().operations() == expected, "{kind}");
        let error = try_ingest("x.pcap", &bytes, |_| {}).err().unwrap().to_string();
        assert!(error.contains(kind) && error.contains("tshark, which was not used"), "{error}");
    }
}

#[test]
fn a_connection_seen_in_a_tunnel_and_outside_of_it_is_taken_once() {
    let segments = quickstart();
    let expected = ingest_segments(&segments).operations();
    let mut other = Vec::new();
    let mut conversation = Conversation::open(CLIENT, SERVER, &mut other);
    session(&mut conversation, &mut Messages::default(), 0x61, &mut other);
    let mut packets = Vec::new();
    for segment in &segments {
        packets.push((segment.time, segment.packet(Link::Ethernet)));
        packets.push((segment.time, tunnelled("VXLAN", segment)));
    }
    let last = segments[segments.len() - 1].time;
    packets.extend(other.iter().map(|segment| (last, tunnelled("GRE", segment))));
    let ingested = try_ingest("x.pcap", &pcap(Link::Ethernet, packets), with_tshark).unwrap();
    assert_eq!(ingested.sessions().len(), 2);
    let operations = ingested.operations();
    assert!(pdus(&operations[..1]) == pdus(&expected));
    assert_eq!((operations[1].len(), ingested.sessions()[1].id.as_str()), (5, "0x0000000000000061"));
    assert_ne!(ingested.sessions()[0].tcp_streams, ingested.sessions()[1].tcp_streams);
    // Frames are those of the whole capture.
    let first = operations[1][0].request.as_ref().unwrap().frame;
    assert_eq!(first, 2 * segments.len() as u64 + 4);
    assert!(ingested.notes().contains("10 SMB2 PDUs of 1 connection"), "{}", ingested.notes());
}

#[test]
fn several_files_are_one_capture_in_the_order_of_time() {
    let segments = quickstart();
    let expected = ingest_segments(&segments).operations();
    let folder = tempfile::tempdir().unwrap();
    let (early, late) = (folder.path().join("ring.pcap1"), folder.path().join("ring.pcap0"));
    let (first, second) = segments.split_at(segments.len() / 2);
    std::fs::write(&early, pcap_of(Link::Ethernet, first)).unwrap();
    let gzipped = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&pcap_of(Link::LinuxCooked, second)).unwrap();
        encoder.finish().unwrap()
    };
    std::fs::write(&late, gzipped).unwrap();
    for extractor in [Extractor::Native, Extractor::Tshark] {
        let mut options =
            IngestOptions { inputs: vec![late.clone(), early.clone()], extractor, ..IngestOptions::default() };
        with_tshark(&mut options);
        let report = ingest(&options, &IngestProgress::default()).unwrap();
        assert_eq!(report.place.capture(), early);
        assert_eq!(report.manifest.capture.paths, [early.display().to_string(), late.display().to_string()]);
        assert_eq!(report.manifest.capture.packets, segments.len() as u64);
        assert_eq!(report.manifest.capture.hash, fingerprint(&[&early, &late]).unwrap());
        let again = ingest(&options, &IngestProgress::default()).unwrap();
        assert_eq!((report.outcome, again.outcome), (Outcome::Written, Outcome::Unchanged));
        options.inputs.reverse();
        assert_eq!(ingest(&options, &IngestProgress::default()).unwrap().outcome, Outcome::Unchanged);
        options.inputs.pop();
        let half = ingest(&options, &IngestProgress::default()).unwrap();
        assert_eq!((half.outcome, half.manifest.capture.packets), (Outcome::Written, first.len() as u64));
        options.inputs.push(late.clone());
        let whole = ingest(&options, &IngestProgress::default()).unwrap();
        let ingested = Ingested { folder: tempfile::tempdir().unwrap(), report: whole };
        assert!(ingested.operations() == expected, "{extractor:?}");
    }
}

#[test]
fn damage_is_repaired_into_a_copy_when_asked_for() {
    let whole = pcap_of(Link::Ethernet, &quickstart());
    let cut = &whole[..100_000];
    let pcapfix = || Some(Tool::Pcapfix.locate(None).expect("the tests need pcapfix"));
    let as_it_is = try_ingest("cut.pcap", cut, |_| {}).unwrap();
    let damage = &as_it_is.report.manifest.quality.damage;
    assert!(damage.len() == 1 && damage[0].contains("cut off in the middle of packet"), "{damage:?}");
    let repaired = try_ingest("cut.pcap", cut, |options| options.pcapfix = pcapfix()).unwrap();
    let quality = &repaired.report.manifest.quality;
    assert_eq!(quality.damage, Vec::<String>::new());
    assert!(repaired.notes().contains("pcapfix repaired") && repaired.notes().contains("SUCCESS"), "{quality:?}");
    assert_eq!(quality.packets, as_it_is.report.manifest.quality.packets + 1);
    assert_eq!(std::fs::read_dir(repaired.folder.path()).unwrap().count(), 2, "the capture and .tracer");
    let hash = fingerprint(&[repaired.report.place.capture()]).unwrap();
    assert_eq!(repaired.report.manifest.capture.hash, hash, "that of what was given");
    assert_eq!(as_it_is.report.manifest.capture.hash, hash, "of the whole file, though not all of it can be read");
    // Done again, it is the original that has to be unchanged.
    let inputs = vec![repaired.folder.path().join("cut.pcap")];
    let options = IngestOptions { inputs, pcapfix: pcapfix(), ..IngestOptions::default() };
    assert_eq!(ingest(&options, &IngestProgress::default()).unwrap().outcome, Outcome::Unchanged);
    // What is sound stays as it is, and what is compressed cannot be repaired.
    let sound = try_ingest("x.pcap", &whole, |options| options.pcapfix = pcapfix()).unwrap();
    assert_eq!(sound.notes(), as_it_is.notes());
    let compressed = zstd::encode_all(cut, 1).unwrap();
    let error = try_ingest("x.pcap.zst", &compressed, |options| options.pcapfix = pcapfix()).err().unwrap();
    assert!(error.to_string().contains("x.pcap.zst") && error.to_string().contains("decompress it first"), "{error}");
    // A header that is no more. pcapfix takes such a capture for one with microseconds.
    let mut headless = whole;
    headless[..8].fill(0);
    let mut at = 24;
    while at < headless.len() {
        let number = |at: usize| u32::from_le_bytes(headless[at..at + 4].try_into().unwrap());
        let (nanoseconds, length) = (number(at + 4), number(at + 8));
        headless[at + 4..at + 8].copy_from_slice(&(nanoseconds / 1000).to_le_bytes());
        at += 16 + length as usize;
    }
    assert!(try_ingest("x.pcap", &headless, |_| {}).is_err());
    let repaired = try_ingest("x.pcap", &headless, |options| options.pcapfix = pcapfix()).unwrap();
    assert_eq!(repaired.sessions().len(), 1);
    assert!(pdus(&repaired.operations()) == pdus(&ingest_segments(&quickstart()).operations()));
}
