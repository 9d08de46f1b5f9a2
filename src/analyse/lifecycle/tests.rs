use super::super::testing::{operation, with};
use super::*;
use crate::model::{TcpFlags, WireEvent, WireEventKind};

fn texts(points: &[StoryPoint]) -> Vec<(u64, &str)> {
    points.iter().map(|point| (point.frame, point.text.as_str())).collect()
}

fn tcp(frame: u64, from_client: bool, flags: u16, retransmission: bool) -> WireEvent {
    let (client, server) = ("192.0.2.1:50000".to_owned(), "192.0.2.2:445".to_owned());
    let (source, destination) = if from_client { (client, server) } else { (server, client) };
    let flags = TcpFlags(flags);
    let kind = WireEventKind::Tcp {
        tcp_stream: 0,
        source,
        destination,
        flags,
        sequence: 7,
        acknowledgement: 8,
        retransmission,
    };
    WireEvent { frame, time: Timestamp(frame as i64 * 1_000_000), kind }
}

#[test]
fn an_open_is_told_with_what_went_through_it() {
    let mut story = Lifecycle::default();
    let create = with(operation(Command::Create, 1, "a", 1), |operation| operation.facts.create_action = Some(2));
    story.add(&create, "");
    for frame in [3, 5] {
        let read = with(operation(Command::Read, frame, "a", 1), |operation| {
            (operation.facts.length, operation.facts.bytes) = (Some(4096), Some(100));
        });
        story.add(&read, "");
    }
    let denied = with(operation(Command::QueryInfo, 7, "a", 1), |operation| {
        operation.status = Some(NtStatus::ACCESS_DENIED);
    });
    story.add(&denied, "");
    story.add(&with(operation(Command::Close, 9, "a", 1), |operation| operation.facts.end_of_file = Some(100)), "");
    story.add(&operation(Command::Create, 11, "", 2), "");
    let points = story.finish();
    assert_eq!(
        texts(&points),
        [
            (2, "a created (FileId 01010101-0101-0101-0101-010101010101)"),
            (6, "a: 2 READs, 8192 bytes asked for, 200 returned"),
            (8, "QUERY_INFO of a failed: STATUS_ACCESS_DENIED"),
            (10, "a closed: STATUS_SUCCESS, 100 bytes long"),
            (12, "\\ opened (FileId 02020202-0202-0202-0202-020202020202)"),
            (12, "\\ is still open when the capture ends, or its connection does"),
        ]
    );
    assert_eq!(
        points[1].display_filter,
        "tcp.stream == 0 && smb2.cmd == 8 && smb2.fid == 01010101-0101-0101-0101-010101010101"
    );
}

#[test]
fn a_login_has_an_end_or_the_story_says_that_it_has_none() {
    let setup = |frame, status| {
        with(operation(Command::SessionSetup, frame, "", 0), |operation| operation.status = Some(status))
    };
    let story = |operations: &[Operation]| {
        let mut story = Lifecycle::default();
        operations.iter().for_each(|operation| story.add(operation, "LAB\\alice"));
        story.finish()
    };
    let begun = [setup(1, NtStatus::MORE_PROCESSING_REQUIRED), setup(3, NtStatus::SUCCESS)];
    let points = story(&begun);
    assert!(points[1].text.starts_with("logged in as LAB\\alice"), "{points:?}");
    assert_eq!(points.last().unwrap().text, "no LOGOFF in the capture");
    let [one, two] = begun;
    let points = story(&[one, two, operation(Command::Logoff, 5, "", 0)]);
    assert_eq!(points.last().unwrap().text, "logged off");
    let points = story(&[setup(1, NtStatus::LOGON_FAILURE)]);
    assert_eq!(texts(&points), [(2, "login as LAB\\alice failed: STATUS_LOGON_FAILURE")]);
}

#[test]
fn connections_begin_with_a_handshake_and_end_somehow() {
    let asked = WireEventKind::ArpRequest { asked: "192.0.2.2".into(), by: "192.0.2.1".into() };
    let other = WireEventKind::ArpRequest { asked: "192.0.2.9".into(), by: "192.0.2.1".into() };
    let arp = |frame, kind| WireEvent { frame, time: Timestamp(0), kind };
    let events = [
        arp(1, asked),
        arp(2, other),
        tcp(3, true, 0x02, false),
        tcp(5, false, 0x12, false),
        tcp(6, true, 0x18, true),
        tcp(7, true, 0x11, false),
        tcp(8, true, 0x18, true),
        tcp(9, false, 0x14, false),
    ];
    let points = wire_points(&events, "192.0.2.2");
    let frames: Vec<_> = points.iter().map(|point| point.frame).collect();
    assert_eq!(
        frames,
        [1, 3, 5, 7, 8, 9],
        "of another host, and a repetition before the end, are no part of the story"
    );
    assert!(points[2].text.contains("2.000 ms after the SYN"), "{}", points[2].text);
    assert!(points[4].text.contains("after a FIN"), "{}", points[4].text);
}
