//! The real tshark, over the fixtures: what it prints is read completely, and the PDU feed is understood.

#![allow(clippy::expect_used, reason = "in tests, also outside of the test functions themselves")]

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use smbreplay::dissect::{
    Direction, EkParser, EkRecord, Extracted, Extractor, FeedPdu, FeedWriter, LoginCollector, SetupMessage,
    login_facts, setup_message,
};
use smbreplay::model::message::{SessionSetupRequest, WriteRequest};
use smbreplay::model::{
    CaptureEvent, Command, Connection, ConnectionIndex, FileId, Header, HeaderFlags, MessageId, NtStatus, RawPdu,
    SessionId, Timestamp, TreeId,
};
use smbreplay::tools::{Ending, Input, Keys, Profile, SegmentOrder, Tool, Tshark};
use support::rpc_facts::RpcFacts;
use zeroize::Zeroizing;

fn tshark(password: Option<&str>) -> Tshark {
    let located = Tool::Tshark.locate(None).expect("the tests need tshark: scripts/install-deps.sh");
    let nt_password = password.map(|password| Zeroizing::new(password.to_owned()));
    Tshark::new(located, Profile::new(&Keys { nt_password, ..Keys::default() }).expect("a profile"))
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let cases = std::fs::read_dir(folder).expect("fixtures").map(|entry| entry.expect("an entry").path());
    let mut captures: Vec<_> = cases.map(|case| case.join("capture.pcapng")).filter(|path| path.exists()).collect();
    captures.sort();
    assert!(captures.iter().any(|path| path.ends_with("quickstart/capture.pcapng")));
    captures
}

fn fixture(case: &str) -> PathBuf {
    fixtures().into_iter().find(|path| path.parent().is_some_and(|folder| folder.ends_with(case))).expect(case)
}

/// What tshark prints of a capture, as text.
fn whole_file(tshark: &Tshark, capture: &Path) -> Vec<u8> {
    let mut child =
        tshark.whole_file_command(capture, &[], SegmentOrder::AsCaptured).spawn(Input::Null).expect("tshark starts");
    let mut text = Vec::new();
    child.take_output().expect("stdout").read_to_end(&mut text).expect("output");
    assert_eq!(child.finish().expect("tshark ends well"), Ending::Complete);
    text
}

fn records(text: &[u8]) -> Vec<EkRecord> {
    let mut parser = EkParser::new();
    let mut records = Vec::new();
    for chunk in text.chunks(10_007) {
        parser.push(chunk);
        records.extend(std::iter::from_fn(|| parser.next_record()).map(|record| record.expect("a record")));
    }
    parser.end();
    assert!(parser.next_record().is_none());
    records
}

fn extracted(text: &[u8]) -> Vec<Extracted> {
    let mut extractor = Extractor::new(&[]);
    let mut events = Vec::new();
    records(text).iter().for_each(|record| extractor.push(record, &mut events));
    assert_eq!(extractor.skipped(), 0);
    events
}

fn pdus(events: &[Extracted]) -> (BTreeMap<ConnectionIndex, Connection>, Vec<RawPdu>) {
    let mut connections = BTreeMap::new();
    let mut pdus = Vec::new();
    for Extracted { event, .. } in events {
        match event {
            CaptureEvent::Connected(connection) => {
                connections.insert(connection.index, connection.clone());
            }
            CaptureEvent::Pdu(pdu) => pdus.push(pdu.clone()),
            _ => {}
        }
    }
    (connections, pdus)
}

fn is_response(pdu: &[u8]) -> bool {
    Header::decode(pdu).expect("a header").flags.is_response()
}

fn direction(pdu: &[u8]) -> Direction {
    if is_response(pdu) { Direction::ToClient } else { Direction::ToServer }
}

/// Feeds PDUs to tshark and reads the rows back.
fn dissect_feed(tshark: &Tshark, feed: Vec<u8>) -> Vec<EkRecord> {
    let mut child = tshark.pdu_feed_command(false).spawn(Input::Piped).expect("tshark starts");
    let mut input = child.take_input().expect("stdin");
    let writer = std::thread::spawn(move || input.write_all(&feed));
    let mut text = Vec::new();
    child.take_output().expect("stdout").read_to_end(&mut text).expect("output");
    writer.join().expect("a thread").expect("written");
    assert_eq!(child.finish().expect("tshark ends well"), Ending::Complete);
    records(&text)
}

#[test]
fn every_pdu_that_tshark_prints_is_extracted() {
    for capture in fixtures() {
        let text = whole_file(&tshark(Some("Passw0rd!")), &capture);
        // Independent of the parser: what stands behind each "smb2_raw", a string or a list of strings.
        let lossy = String::from_utf8_lossy(&text);
        let values = lossy.split("\"smb2_raw\":").skip(1).map(|rest| match rest.strip_prefix('[') {
            Some(list) => list.split(']').next().unwrap_or_default(),
            None => rest.split(',').next().unwrap_or_default(),
        });
        let messages = values.flat_map(|value| value.split(',')).map(|value| value.trim_matches('"'));
        let mut printed: Vec<_> = messages.filter(|message| message.starts_with("fe")).collect();
        let (connections, pdus) = pdus(&extracted(&text));
        let mut found: Vec<_> = pdus.iter().map(|pdu| hex::encode(&pdu.bytes)).collect();
        printed.sort_unstable();
        found.sort_unstable();
        assert!(!found.is_empty());
        assert_eq!(found.len(), printed.len(), "{}", capture.display());
        assert!(found.iter().zip(&printed).all(|(a, b)| a == b), "{}", capture.display());
        for connection in connections.values() {
            assert!(matches!(connection.server.port(), 445 | 139), "{connection:?}");
        }
        assert!(pdus.windows(2).all(|pair| pair[0].frame <= pair[1].frame));
    }
}

#[test]
fn chains_are_numbered_and_messages_that_share_a_frame_are_not() {
    let (_, chained) = pdus(&extracted(&whole_file(&tshark(None), &fixture("compound"))));
    let mut longest = 0;
    for pair in chained.windows(2) {
        let goes_on = Header::decode(&pair[0].bytes).expect("a header").next_command != 0;
        let expected = goes_on.then(|| pair[0].chain_index.expect("in a chain") + 1);
        match expected {
            Some(expected) => assert_eq!((pair[1].chain_index, pair[1].frame), (Some(expected), pair[0].frame)),
            None => assert!(matches!(pair[1].chain_index, None | Some(0))),
        }
        longest = longest.max(pair[1].chain_index.unwrap_or(0));
    }
    assert_eq!(longest, 4);
    let (_, pipelined) = pdus(&extracted(&whole_file(&tshark(None), &fixture("async"))));
    let shares_frame = pipelined.windows(2).filter(|pair| pair[0].frame == pair[1].frame).count();
    assert!(shares_frame > 0);
    assert!(pipelined.iter().all(|pdu| pdu.chain_index.is_none() && pdu.anomalies.is_empty()));
}

#[test]
fn sealed_messages_are_opened_with_the_key_and_opaque_without() {
    let capture = fixture("encrypted");
    let opened = extracted(&whole_file(&tshark(Some("Passw0rd!")), &capture));
    let closed = extracted(&whole_file(&tshark(None), &capture));
    let sealed = closed.iter().filter(|item| matches!(item.event, CaptureEvent::Opaque(_))).count();
    assert!(sealed > 50);
    assert!(opened.iter().all(|item| !matches!(item.event, CaptureEvent::Opaque(_))));
    let (_, opened) = pdus(&opened);
    assert!(opened.iter().filter(|pdu| pdu.encrypted).count() >= sealed);
    assert!(pdus(&closed).1.iter().all(|pdu| !pdu.encrypted));
}

#[test]
fn the_feed_of_the_quickstart_capture_shows_who_logged_in() {
    let tshark = tshark(None);
    let events = extracted(&whole_file(&tshark, &fixture("quickstart")));
    let (connections, pdus) = pdus(&events);
    let mut feed = Vec::new();
    let mut writer = FeedWriter::new(&mut feed);
    for (i, pdu) in pdus.iter().enumerate() {
        let connection = &connections[&pdu.connection];
        let row = writer.write(&feed_pdu(pdu, connection), &mut feed).expect("a row");
        assert_eq!(row.0, i as u64 + 1);
    }
    let rows = dissect_feed(&tshark, feed);
    assert_eq!(rows.len(), pdus.len());
    let mut logins = LoginCollector::default();
    for (row, pdu) in rows.iter().zip(&pdus) {
        assert_eq!((row.time, row.messages.len()), (pdu.time, 1), "row {}", row.frame);
        if let Some(facts) = login_facts(&row.messages[0]) {
            logins.add(pdu.connection, facts);
        }
    }
    let facts = logins.into_facts(Default::default());
    assert_eq!(facts.len(), connections.len());
    for login in facts.values() {
        assert_eq!(login.user.as_deref(), Some("testuser"));
        assert_eq!(login.mechanism.as_deref(), Some("NTLM"));
        assert!(login.domain.is_some() && login.workstation.is_some() && login.target_name.is_some());
        assert!(login.server_challenge && !login.guest && !login.anonymous);
    }
    // The whole-file run tells the same.
    assert!(
        events.iter().filter_map(|item| item.login.as_ref()).any(|login| login.user.as_deref() == Some("testuser"))
    );
}

/// An NTLM AUTHENTICATE message with domain, user and workstation at an offset, the flags before it if there is room.
fn authenticate(flags: u32, payload_at: usize, names: [&[u8]; 3]) -> Vec<u8> {
    let mut pointers = [[0; 8]; 6];
    let mut offset = payload_at;
    for (at, bytes) in (2..).zip(names) {
        pointers[at][..2].copy_from_slice(&(bytes.len() as u16).to_le_bytes());
        pointers[at][2..4].copy_from_slice(&(bytes.len() as u16).to_le_bytes());
        pointers[at][4..].copy_from_slice(&(offset as u32).to_le_bytes());
        offset += bytes.len();
    }
    let mut message = [b"NTLMSSP\0\x03\0\0\0", &pointers.concat()[..], &flags.to_le_bytes()].concat();
    message.resize(payload_at, 0);
    [&message, names[0], names[1], names[2]].concat()
}

/// An NTLM CHALLENGE message.
fn challenge(flags: u32, target: &[u8]) -> Vec<u8> {
    let length = (target.len() as u16).to_le_bytes();
    let head = [b"NTLMSSP\0\x02\0\0\0", &length[..], &length, &48u32.to_le_bytes(), &flags.to_le_bytes()].concat();
    [&head, &b"8 bytes."[..], &[0; 16], target].concat()
}

/// A SESSION_SETUP with a security buffer: an answer when that is a CHALLENGE, else a request.
fn setup(number: usize, buffer: &[u8]) -> Vec<u8> {
    let is_response = buffer[8] == 2;
    let header = Header {
        command: Command::SessionSetup,
        message_id: MessageId(number as u64),
        session_id: SessionId(1 + number as u64),
        flags: HeaderFlags(u32::from(is_response)),
        status: if is_response { NtStatus::MORE_PROCESSING_REQUIRED } else { NtStatus::SUCCESS },
        next_command: 0,
        tree_id: Some(TreeId(0)),
        ..related_write_header()
    };
    let mut pdu = Vec::new();
    header.encode(&mut pdu);
    if is_response {
        pdu.extend_from_slice(&[9, 0, 0, 0, 72, 0]);
        pdu.extend_from_slice(&(buffer.len() as u16).to_le_bytes());
        pdu.extend_from_slice(buffer);
    } else {
        let body = SessionSetupRequest {
            flags: 0,
            security_mode: 1,
            capabilities: 0,
            channel: 0,
            previous_session_id: 0,
            security_buffer: buffer,
        };
        body.encode(&mut pdu);
    }
    pdu
}

/// Where tshark reads other than we do it reads less well: texts without a CHALLENGE before them as ASCII, and lone surrogates
/// together with what follows.
#[test]
fn odd_ntlm_messages_are_read_as_tshark_reads_them() {
    let connection = Connection {
        index: ConnectionIndex(0),
        tcp_stream: 0,
        client: "10.0.0.1:50000".parse().expect("an address"),
        server: "10.0.0.2:445".parse().expect("an address"),
    };
    let unicode = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let (flags, oem) = (0xE288_8215, 0xE288_8214);
    let long = unicode(&"ü".repeat(300));
    let messages = [
        authenticate(flags, 72, [&unicode("LAB"), &unicode("alice"), &unicode("PC")]),
        authenticate(flags, 88, [&unicode(""), &unicode("ал\u{1F600}ис\\\"a"), &unicode("P C")]),
        authenticate(flags, 72, [b"", b"", b""]),
        authenticate(flags, 72, [&unicode("LAB\0"), &unicode("al\0ice"), &unicode("\0")]),
        // Control characters are those of the name, though tshark 4.4 writes them as escapes elsewhere.
        authenticate(flags, 72, [&unicode("L\\tB"), &unicode("al\tice\u{1}\u{7F}\u{85}"), &unicode("P\nC\u{1B}")]),
        authenticate(oem, 72, [b"LAB", b"alice", b"PC"]),
        authenticate(oem, 72, [b"LAB", b"al\xEDce\x80", b"PC"]),
        authenticate(flags, 72, [&unicode("LAB"), &long, &unicode("PC")]),
    ];
    let mut feed = Vec::new();
    let mut writer = FeedWriter::new(&mut feed);
    let mut ours = Vec::new();
    for (i, message) in messages.iter().enumerate() {
        // A connection each, and a CHALLENGE before: tshark takes the encoding of texts from there.
        let mut connection = connection.clone();
        connection.client.set_port(50_000 + i as u16);
        let challenge = challenge(oem | u32::from(message[60] & 1), &unicode("SRV"));
        let pdus = [(Direction::ToClient, setup(i, &challenge)), (Direction::ToServer, setup(i, message))];
        for (direction, bytes) in pdus {
            let pdu = FeedPdu::alone(&bytes, &connection, direction, Timestamp(1));
            writer.write(&pdu, &mut feed).expect("a row");
            ours.push(setup_message(&bytes));
        }
    }
    let theirs = dissect_feed(&tshark(None), feed);
    assert_eq!(theirs.len(), ours.len());
    let mut differences = Vec::new();
    for (i, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        let theirs = login_facts(&theirs.messages[0]).map_or(SetupMessage::Silent, SetupMessage::Told);
        if *ours != theirs {
            differences.push(format!("{i}: {ours:?}\n   {theirs:?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn the_feed_shows_the_operations_on_pipes() {
    let tshark = tshark(None);
    let (connections, pdus) = pdus(&extracted(&whole_file(&tshark, &fixture("pipes"))));
    let mut feed = Vec::new();
    let mut writer = FeedWriter::new(&mut feed);
    for pdu in &pdus {
        let whole = FeedPdu { keep_payload: true, ..feed_pdu(pdu, &connections[&pdu.connection]) };
        writer.write(&whole, &mut feed).expect("a row");
    }
    let facts: Vec<_> = dissect_feed(&tshark, feed).iter().filter_map(RpcFacts::of).collect();
    let srvsvc = "4b324fc8-1670-01d3-1278-5a47bf6ee188".to_owned();
    assert!(facts.contains(&RpcFacts::Bind(vec![srvsvc])), "{facts:?}");
    let share_list = RpcFacts::Call { interface: Some("srvsvc".to_owned()), operation: 15 };
    assert!(facts.contains(&share_list), "{facts:?}");
}

#[test]
fn bulk_is_cut_and_related_pdus_stand_alone_in_the_feed() {
    let connection = Connection {
        index: ConnectionIndex(0),
        tcp_stream: 0,
        client: "[fe80::1]:50000".parse::<SocketAddr>().expect("an address"),
        server: "[fe80::2]:1445".parse::<SocketAddr>().expect("an address"),
    };
    let data = vec![0x5A; 8 << 20];
    let mut pdu = Vec::new();
    related_write_header().encode(&mut pdu);
    let body =
        WriteRequest { offset: 0, file_id: FileId::INHERITED, channel: 0, remaining_bytes: 0, flags: 0, data: &data };
    body.encode(&mut pdu);
    let raw = RawPdu {
        bytes: pdu.into(),
        connection: connection.index,
        frame: 1,
        time: Timestamp(1_795_314_733_705_029_001),
        chain_index: Some(1),
        encrypted: false,
        anomalies: Default::default(),
    };
    let mut feed = Vec::new();
    let mut writer = FeedWriter::new(&mut feed);
    let cut = feed_pdu(&raw, &connection);
    writer.write(&cut, &mut feed).expect("a row");
    assert!(feed.len() < 400, "{} bytes", feed.len());
    assert!(!feed.windows(16).any(|bytes| bytes == FileId::INHERITED.0));
    let ids = (Some(SessionId(7)), Some(TreeId(8)), Some(FileId([9; 16])));
    let known = FeedPdu { session_id: ids.0, tree_id: ids.1, file_id: ids.2, keep_payload: true, ..cut };
    writer.write(&known, &mut feed).expect("a row, though the payload is cut to what tshark takes");
    assert!(feed.len() < 400 + 256 * 1024 + 16);
    assert!(feed.windows(16).any(|bytes| bytes == [9; 16]));
    let sealed: Vec<u8> = b"\xFDSMB".iter().copied().chain(std::iter::repeat_n(0, 300 * 1024)).collect();
    let before = feed.len();
    assert!(writer.write(&FeedPdu { bytes: &sealed, ..cut }, &mut feed).is_none());
    assert_eq!(feed.len(), before);
    let rows = dissect_feed(&tshark(None), feed);
    assert_eq!(rows.iter().map(|row| row.frame).collect::<Vec<_>>(), [1, 2]);
    for row in &rows {
        assert_eq!((row.time, row.messages.len()), (raw.time, 1));
    }
}

#[test]
fn rows_come_while_the_feed_goes_on() {
    let tshark = tshark(None);
    let (connections, pdus) = pdus(&extracted(&whole_file(&tshark, &fixture("quickstart"))));
    let mut child = tshark.pdu_feed_command(false).spawn(Input::Piped).expect("tshark starts");
    let (mut input, output) = (child.take_input().expect("stdin"), child.take_output().expect("stdout"));
    let mut lines = output.lines();
    let mut feed = Vec::new();
    let mut writer = FeedWriter::new(&mut feed);
    for pdu in &pdus[..20] {
        writer.write(&feed_pdu(pdu, &connections[&pdu.connection]), &mut feed).expect("a row");
    }
    input.write_all(&feed).expect("written");
    // The input is still open: the first row has to come nevertheless.
    assert!(lines.next().expect("a line").expect("text").starts_with("{\"index\""));
    drop(input);
    assert!(lines.count() > 20);
    child.finish().expect("tshark ends well");
}

fn feed_pdu<'a>(pdu: &'a RawPdu, connection: &'a Connection) -> FeedPdu<'a> {
    FeedPdu::alone(&pdu.bytes, connection, direction(&pdu.bytes), pdu.time)
}

fn related_write_header() -> Header {
    Header {
        credit_charge: 128,
        status: NtStatus::SUCCESS,
        command: Command::Write,
        credits: 1,
        flags: HeaderFlags(HeaderFlags::RELATED_OPERATIONS),
        next_command: 4096,
        message_id: MessageId(5),
        async_id: None,
        tree_id: Some(TreeId(u32::MAX)),
        session_id: SessionId(u64::MAX),
        signature: [0; 16],
    }
}
