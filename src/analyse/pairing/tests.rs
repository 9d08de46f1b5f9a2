//! Pairing over made-up traffic: whatever is sent, and in whatever order it was captured, nothing is lost.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::message::{CloseRequest, CreateContexts, CreateRequest, ReadRequest, encode_bodyless};
use crate::model::{AsyncId, FileId, HeaderFlags, MessageId, NtStatus, Timestamp, TreeId, Utf16};

const SESSION: SessionId = SessionId(0x1234);

fn connection(index: u32) -> CaptureEvent {
    CaptureEvent::Connected(Connection {
        index: ConnectionIndex(index),
        tcp_stream: index,
        client: ([127, 0, 0, 1], 50_000 + index as u16).into(),
        server: ([127, 0, 0, 1], 445).into(),
    })
}

fn pdu(frame: u64, header: Header, body: impl FnOnce(&mut Vec<u8>)) -> RawPdu {
    let mut bytes = Vec::new();
    header.encode(&mut bytes);
    body(&mut bytes);
    RawPdu {
        bytes: bytes.into(),
        connection: ConnectionIndex(0),
        frame,
        time: Timestamp(frame as i64),
        chain_index: None,
        encrypted: false,
        anomalies: Default::default(),
    }
}

fn header(command: Command, id: u64, flags: u32, status: NtStatus) -> Header {
    Header {
        credit_charge: 1,
        status,
        command,
        credits: 1,
        flags: HeaderFlags(flags),
        next_command: 0,
        message_id: MessageId(id),
        async_id: (flags & HeaderFlags::ASYNC_COMMAND != 0).then_some(AsyncId(id + 1000)),
        tree_id: (flags & HeaderFlags::ASYNC_COMMAND == 0).then_some(TreeId(5)),
        session_id: SESSION,
        signature: [0; 16],
    }
}

fn request(frame: u64, id: u64) -> RawPdu {
    pdu(frame, header(Command::Echo, id, 0, NtStatus::SUCCESS), encode_bodyless)
}

fn response(frame: u64, id: u64) -> RawPdu {
    pdu(frame, header(Command::Echo, id, HeaderFlags::SERVER_TO_REDIR, NtStatus::SUCCESS), encode_bodyless)
}

fn interim(frame: u64, id: u64) -> RawPdu {
    let flags = HeaderFlags::SERVER_TO_REDIR | HeaderFlags::ASYNC_COMMAND;
    pdu(frame, header(Command::Echo, id, flags, NtStatus::PENDING), |out| {
        out.extend_from_slice(&[9, 0, 0, 0, 0, 0, 0, 0, 0]);
    })
}

fn pair(pdus: impl IntoIterator<Item = RawPdu>, limits: WindowLimits) -> Vec<PairedOperation> {
    let (mut pairing, mut operations) = (Pairing::new(limits), Vec::new());
    let mut take = |operation| operations.push(operation);
    pairing.push(connection(0), &mut take);
    for pdu in pdus {
        pairing.push(CaptureEvent::Pdu(pdu), &mut take);
    }
    pairing.finish(&mut take);
    operations
}

fn frames(operations: &[PairedOperation]) -> Vec<u64> {
    let mut frames: Vec<_> =
        operations.iter().flat_map(|paired| paired.operation.parts().map(|part| part.frame)).collect();
    frames.sort_unstable();
    frames
}

#[test]
fn a_response_captured_before_its_request_still_answers_it() {
    let operations = pair([request(1, 1), response(2, 1), response(3, 2), request(4, 2)], WindowLimits::default());
    assert_eq!(operations.len(), 2);
    assert!(operations.iter().all(|paired| paired.operation.anomalies.is_empty()), "{operations:?}");
}

#[test]
fn a_second_interim_response_is_a_row_of_its_own() {
    let pdus = [request(1, 1), interim(2, 1), interim(3, 1), response(4, 1)];
    let operations = pair(pdus, WindowLimits::default());
    assert_eq!(operations.len(), 2);
    let first = &operations[0].operation;
    let parts: Vec<_> = first.parts().map(|part| part.frame).collect();
    assert_eq!(parts, [1, 2, 4]);
    assert!(operations[1].operation.anomalies.contains(Anomaly::ExtraInterim));
}

#[test]
fn an_unanswered_request_and_an_unasked_response_are_rows_too() {
    let operations = pair([response(1, 7), request(2, 8)], WindowLimits::default());
    let anomalies: Vec<_> = operations.iter().map(|paired| paired.operation.anomalies.iter().next()).collect();
    assert_eq!(anomalies, [Some(Anomaly::NoRequest), Some(Anomaly::NoResponse)]);
}

#[test]
fn an_operation_that_stays_open_is_stepped_over_and_comes_late() {
    let limits = WindowLimits { operations: 4, ..WindowLimits::default() };
    let mut pdus = vec![request(1, 1)];
    for id in 2..20 {
        pdus.extend([request(id * 2, id), response(id * 2 + 1, id)]);
    }
    pdus.push(response(1000, 1));
    let operations = pair(pdus, limits);
    let late: Vec<_> =
        operations.iter().filter(|paired| paired.late).map(|paired| paired.operation.message_id.0).collect();
    assert_eq!(late, [1]);
    assert_eq!(operations.len(), 19);
}

#[test]
fn a_related_request_learns_its_open_from_the_create_before_it() {
    let read = |frame, id, file_id| {
        let body = ReadRequest {
            padding: 0,
            flags: 0,
            length: 10,
            offset: 0,
            file_id,
            minimum_count: 0,
            channel: 0,
            remaining_bytes: 0,
        };
        let mut pdu =
            pdu(frame, header(Command::Read, id, HeaderFlags::RELATED_OPERATIONS, NtStatus::SUCCESS), |out| {
                body.encode(out)
            });
        pdu.chain_index = Some(1);
        pdu
    };
    let close = pdu(1, header(Command::Close, 1, 0, NtStatus::SUCCESS), |out| {
        CloseRequest { flags: 0, file_id: FileId([7; 16]) }.encode(out);
    });
    let close = RawPdu { chain_index: Some(0), ..close };
    let operations = pair([close, read(1, 2, FileId::INHERITED)], WindowLimits::default());
    assert_eq!(operations[1].operation.file_id, Some(FileId([7; 16])));
    let alone = pair([read(1, 2, FileId::INHERITED)], WindowLimits::default());
    assert_eq!(alone[0].operation.file_id, None, "nothing to inherit from");
}

/// A PDU of a chain, by its place in it; all of a chain have the same frame.
fn chained(place: u16, pdu: RawPdu) -> RawPdu {
    RawPdu { chain_index: Some(place), ..pdu }
}

fn create(frame: u64, id: u64, name: &str, flags: u32) -> RawPdu {
    let name = Utf16::encode(name);
    pdu(frame, header(Command::Create, id, flags, NtStatus::SUCCESS), |out| {
        let body = CreateRequest {
            requested_oplock_level: 0,
            impersonation_level: 2,
            desired_access: 1,
            file_attributes: 0,
            share_access: 7,
            create_disposition: 1,
            create_options: 0,
            name: Utf16(&name),
            contexts: CreateContexts::default(),
        };
        body.encode(&[], out);
    })
}

/// [MS-SMB2] 2.2.14
fn opened(frame: u64, id: u64, file: u8) -> RawPdu {
    pdu(frame, header(Command::Create, id, HeaderFlags::SERVER_TO_REDIR, NtStatus::SUCCESS), |out| {
        let mut body = vec![0; 88];
        body[0] = 89;
        body[64..80].fill(file);
        out.extend(body);
    })
}

fn refused(command: Command, frame: u64, id: u64, flags: u32) -> RawPdu {
    let status = NtStatus(0xC000_0034);
    pdu(frame, header(command, id, HeaderFlags::SERVER_TO_REDIR | flags, status), |out| {
        out.extend_from_slice(&[9, 0, 0, 0, 0, 0, 0, 0, 0]);
    })
}

fn close(frame: u64, id: u64, file: FileId, flags: u32) -> RawPdu {
    pdu(frame, header(Command::Close, id, flags, NtStatus::SUCCESS), |out| {
        CloseRequest { flags: 0, file_id: file }.encode(out);
    })
}

fn closed(frame: u64, id: u64) -> RawPdu {
    pdu(frame, header(Command::Close, id, HeaderFlags::SERVER_TO_REDIR, NtStatus::SUCCESS), |out| {
        out.extend_from_slice(&[60, 0]);
        out.extend_from_slice(&[0; 58]);
    })
}

fn paths(operations: &[PairedOperation]) -> Vec<Option<&str>> {
    operations.iter().map(|paired| paired.operation.path.as_deref()).collect()
}

#[test]
fn what_is_chained_to_a_failed_create_has_its_path_and_no_open() {
    let related = HeaderFlags::RELATED_OPERATIONS;
    let operations = pair(
        [
            chained(0, create(1, 1, "absent.txt", 0)),
            chained(1, close(1, 2, FileId::INHERITED, related)),
            chained(0, refused(Command::Create, 2, 1, 0)),
            chained(1, refused(Command::Close, 2, 2, related)),
        ],
        WindowLimits::default(),
    );
    assert_eq!(paths(&operations), [Some("absent.txt"), Some("absent.txt")]);
    assert!(operations.iter().all(|paired| paired.operation.file_id.is_none()));
    assert!(operations.iter().all(|paired| paired.operation.anomalies.is_empty()), "{operations:?}");
}

#[test]
fn a_file_id_means_what_it_was_last_granted_for_and_nothing_after_its_close() {
    let file = FileId([7; 16]);
    let operations = pair(
        [
            create(1, 1, "first", 0),
            opened(2, 1, 7),
            close(3, 2, file, 0),
            closed(4, 2),
            close(5, 3, file, 0),
            refused(Command::Close, 6, 3, 0),
            create(7, 4, "dir\\second:stream", 0),
            opened(8, 4, 7),
            close(9, 5, file, 0),
            closed(10, 5),
        ],
        WindowLimits::default(),
    );
    let stream = Some("dir\\second:stream");
    assert_eq!(paths(&operations), [Some("first"), Some("first"), None, stream, stream]);
}

#[test]
fn what_is_done_with_the_open_of_a_directory_is_marked_so() {
    let directory = |frame, id, file| {
        let mut answer = opened(frame, id, file).bytes.to_vec();
        answer[120] = 0x10;
        RawPdu { bytes: answer.into(), ..opened(frame, id, file) }
    };
    let related = HeaderFlags::RELATED_OPERATIONS;
    let operations = pair(
        [
            create(1, 1, "folder", 0),
            directory(2, 1, 7),
            create(3, 2, "file", 0),
            opened(4, 2, 8),
            close(5, 3, FileId([7; 16]), 0),
            closed(6, 3),
            close(7, 4, FileId([8; 16]), 0),
            closed(8, 4),
            // The id means nothing any more.
            close(9, 5, FileId([7; 16]), 0),
            refused(Command::Close, 10, 5, 0),
            chained(0, create(11, 6, "folder", 0)),
            chained(1, close(11, 7, FileId::INHERITED, related)),
            chained(0, directory(12, 6, 7)),
            chained(1, closed(12, 7)),
            create(13, 8, "absent", 0),
            refused(Command::Create, 14, 8, 0),
        ],
        WindowLimits::default(),
    );
    let marks: Vec<_> = operations.iter().map(|paired| paired.operation.directory).collect();
    let (yes, no) = (Some(true), Some(false));
    assert_eq!(marks, [yes, no, yes, no, None, yes, yes, None]);
}

#[test]
fn an_open_of_unknown_name_ends_the_one_that_had_its_id() {
    let nameless = |frame, id| {
        pdu(frame, header(Command::Create, id, 0, NtStatus::SUCCESS), |out| {
            let mut body = vec![0; 56];
            // A name of 40 bytes at 120, which the PDU does not hold.
            (body[0], body[44], body[46]) = (57, 120, 40);
            out.extend(body);
        })
    };
    let file = FileId([7; 16]);
    let operations = pair(
        [
            create(1, 1, "first", 0),
            opened(2, 1, 7),
            nameless(3, 2),
            opened(4, 2, 7),
            close(5, 3, file, 0),
            closed(6, 3),
        ],
        WindowLimits::default(),
    );
    assert_eq!(paths(&operations), [Some("first"), None, None]);
    assert_eq!(operations[1].operation.directory, Some(false), "its answer says so, whatever its name");
    assert!(operations.iter().skip(1).all(|paired| paired.operation.file_id == Some(file)));
}

#[test]
fn a_dfs_name_is_reduced_to_the_path_in_the_share() {
    let dfs = HeaderFlags::DFS_OPERATIONS;
    let operations = pair(
        [create(1, 1, "srv\\root\\dir\\file", dfs), opened(2, 1, 7), close(3, 2, FileId([7; 16]), 0), closed(4, 2)],
        WindowLimits::default(),
    );
    assert_eq!(paths(&operations), [Some("dir\\file"); 2]);
    let plain = pair([create(1, 1, "srv\\root\\dir\\file", 0)], WindowLimits::default());
    assert_eq!(paths(&plain), [Some("srv\\root\\dir\\file")]);
}

#[test]
fn a_cancel_has_the_tree_and_path_of_what_it_cancels() {
    let file = FileId([7; 16]);
    let cancel = |frame, id, flags, async_id: Option<u64>| {
        let async_id = async_id.map(AsyncId);
        let header = Header { async_id, ..header(Command::Cancel, id, flags, NtStatus::SUCCESS) };
        pdu(frame, header, encode_bodyless)
    };
    let pending = |frame, id| {
        let flags = HeaderFlags::SERVER_TO_REDIR | HeaderFlags::ASYNC_COMMAND;
        pdu(frame, header(Command::Close, id, flags, NtStatus::PENDING), |out| {
            out.extend_from_slice(&[9, 0, 0, 0, 0, 0, 0, 0, 0]);
        })
    };
    let operations = pair(
        [
            create(1, 1, "slow", 0),
            opened(2, 1, 7),
            close(3, 2, file, 0),
            pending(4, 2),
            // By its AsyncId (which `header` makes 1000 more than the id), with the message id left at 0.
            cancel(5, 0, HeaderFlags::ASYNC_COMMAND, Some(1002)),
            create(6, 3, "other", 0),
            // By its message id, as nothing told an AsyncId.
            cancel(7, 3, 0, None),
            cancel(8, 99, 0, None),
        ],
        WindowLimits::default(),
    );
    assert_eq!(paths(&operations), [Some("slow"), Some("slow"), Some("slow"), Some("other"), Some("other"), None]);
    assert_eq!((operations[2].operation.tree_id, operations[2].operation.file_id), (TreeId(5), Some(file)));
    assert!(operations[2].operation.anomalies.is_empty());
}

proptest! {
    /// Requests, interim and final responses with ids that collide, in any order, repeated and missing.
    #[test]
    fn no_pdu_is_lost_or_repeated(
        kinds in proptest::collection::vec((0u8..3, 0u64..12), 0..120),
        operations_limit in 1usize..40,
    ) {
        let pdus: Vec<_> = kinds.iter().enumerate().map(|(i, (kind, id))| {
            let frame = i as u64 + 1;
            match kind {
                0 => request(frame, *id),
                1 => response(frame, *id),
                _ => interim(frame, *id),
            }
        }).collect();
        let limits = WindowLimits { operations: operations_limit, ..WindowLimits::default() };
        let operations = pair(pdus.clone(), limits);
        prop_assert_eq!(frames(&operations), (1..=pdus.len() as u64).collect::<Vec<_>>());

        // What is not late comes in the order of the requests.
        let in_order: Vec<_> = operations.iter().filter(|paired| !paired.late)
            .map(|paired| paired.operation.parts().map(|part| part.frame).next().unwrap_or(0)).collect();
        prop_assert!(in_order.windows(2).all(|pair| pair[0] < pair[1]), "{in_order:?}");

        // A final response belongs to a request with its id.
        let mut by_id: BTreeMap<u64, usize> = BTreeMap::new();
        for paired in &operations {
            if paired.operation.request.is_some() {
                *by_id.entry(paired.operation.message_id.0).or_default() += 1;
            }
        }
        for paired in &operations {
            if paired.operation.response.is_some() && paired.operation.request.is_some() {
                prop_assert!(by_id.contains_key(&paired.operation.message_id.0));
            }
        }
    }

    /// Logins, ordinary requests and breaks with session ids that come and go (also none, and inherited ones), two
    /// connections, chains: whatever the bits of a damaged capture say.
    #[test]
    fn no_pdu_is_lost_whatever_session_it_names(
        pdus in proptest::collection::vec((0u8..6, 0u64..6, 0usize..4, 0u8..3, 0u32..2, 0u8..4), 0..80),
        close_at in 0usize..80,
    ) {
        let sessions = [0, 7, 8, u64::MAX];
        let commands = [Command::Negotiate, Command::SessionSetup, Command::Create, Command::Read, Command::OplockBreak, Command::Echo];
        let (mut pairing, mut operations) = (Pairing::new(WindowLimits::default()), Vec::new());
        let mut take = |operation| operations.push(operation);
        pairing.push(connection(0), &mut take);
        pairing.push(connection(1), &mut take);
        for (i, (command, id, session, kind, on, chained)) in pdus.iter().enumerate() {
            if i == close_at {
                pairing.push(CaptureEvent::Closed(ConnectionIndex(0)), &mut take);
            }
            let mut flags = if *kind > 0 { HeaderFlags::SERVER_TO_REDIR } else { 0 };
            flags |= if *kind == 2 { HeaderFlags::ASYNC_COMMAND } else { 0 };
            flags |= if *chained > 1 { HeaderFlags::RELATED_OPERATIONS } else { 0 };
            let status = if *kind == 2 { NtStatus::PENDING } else { NtStatus::SUCCESS };
            let header = Header { session_id: SessionId(sessions[*session]), ..header(commands[*command as usize], *id, flags, status) };
            let mut pdu = pdu(i as u64 / 2 + 1, header, |body| body.extend_from_slice(&[0xFF; 60]));
            pdu.connection = ConnectionIndex(*on);
            pdu.chain_index = u16::from(*chained).checked_sub(1);
            pairing.push(CaptureEvent::Pdu(pdu), &mut take);
        }
        pairing.finish(&mut take);
        let expected: Vec<_> = (0..pdus.len() as u64).map(|i| i / 2 + 1).collect();
        prop_assert_eq!(frames(&operations), expected);
    }
}
