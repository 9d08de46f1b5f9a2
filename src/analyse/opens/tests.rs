use super::super::files::files_of;
use super::super::testing::{operation, pdu, with};
use super::*;

fn opens_of(operations: &[Operation]) -> (Vec<Open>, Vec<FailedOpen>) {
    let mut opens = Opens::default();
    opens.begin_session("0x07", "alice");
    operations.iter().for_each(|operation| opens.add(operation));
    opens.finish()
}

fn set_disposition(frame: u64, delete: u8) -> Operation {
    let mut body = Vec::new();
    let buffer = [delete];
    SetInfoRequest {
        info_type: SetInfoRequest::INFO_FILE,
        file_info_class: SetInfoRequest::CLASS_DISPOSITION,
        additional_information: 0,
        file_id: FileId([1; 16]),
        buffer: &buffer,
    }
    .encode(&mut body);
    with(operation(Command::SetInfo, frame, "a", 1), |operation| {
        operation.facts.info_class = Some(SetInfoRequest::CLASS_DISPOSITION);
        if let Some(request) = &mut operation.request {
            request.pdu = pdu(Command::SetInfo, false, &body);
        }
    })
}

#[test]
fn an_open_lives_from_its_create_to_its_close() {
    let create = with(operation(Command::Create, 1, "a", 1), |operation| {
        operation.facts.create_action = Some(ACTION_CREATED);
        operation.facts.create_options = Some(0x40);
    });
    let write = with(operation(Command::Write, 3, "a", 1), |operation| operation.facts.bytes = Some(10));
    let refused = with(operation(Command::Write, 5, "a", 1), |operation| {
        operation.status = Some(NtStatus::ACCESS_DENIED);
        operation.facts.bytes = Some(99);
    });
    let close = with(operation(Command::Close, 7, "a", 1), |operation| operation.facts.end_of_file = Some(10));
    let (opens, _) = opens_of(&[create, write, refused, close]);
    let [open] = &opens[..] else { panic!("{opens:?}") };
    assert_eq!((open.writes, open.bytes_written, open.size), (1, 10, Some(10)));
    assert_eq!((open.end, open.fate), (OpenEnd::Closed, Some(FileFate::Created)));
    assert_eq!((open.opened.unwrap().frame, open.ended.unwrap().frame), (2, 8));
    let alive = [1, 2, 7, 8].map(|ms| open.is_alive_at(Timestamp(ms * 1_000_000)));
    assert_eq!(alive, [false, true, true, false]);
}

#[test]
fn opens_end_with_their_tree_session_or_connection() {
    let create = |frame, open| operation(Command::Create, frame, "a", open);
    let other_tree = with(create(3, 2), |operation| operation.tree_id = TreeId(6));
    let disconnect = operation(Command::TreeDisconnect, 5, "", 0);
    let (opens, _) = opens_of(&[create(1, 1), other_tree.clone(), disconnect]);
    assert_eq!([opens[0].end, opens[1].end], [OpenEnd::TreeDisconnected, OpenEnd::StillOpen]);
    let (opens, _) = opens_of(&[create(1, 1), other_tree, operation(Command::Logoff, 5, "", 0)]);
    assert!(opens.iter().all(|open| open.end == OpenEnd::LoggedOff));
    let mut opens = Opens::default();
    opens.add(&create(1, 1));
    opens.connection_ended(4, Point { frame: 8, time: Timestamp(8) });
    opens.connection_ended(0, Point { frame: 9, time: Timestamp(9) });
    let (opens, _) = opens.finish();
    assert_eq!((opens[0].end, opens[0].ended.unwrap().frame), (OpenEnd::ConnectionEnded, 9));
}

#[test]
fn an_open_from_before_the_capture_has_no_beginning() {
    let read = with(operation(Command::Read, 1, "a", 1), |operation| operation.facts.bytes = Some(5));
    let stray = with(operation(Command::Read, 3, "b", 9), |operation| operation.status = Some(NtStatus::FILE_CLOSED));
    let (opens, _) = opens_of(&[read, stray]);
    let [open] = &opens[..] else { panic!("{opens:?}") };
    assert_eq!((open.opened, open.bytes_read, open.end), (None, 5, OpenEnd::StillOpen));
    assert!(open.is_alive_at(Timestamp(0)));
}

#[test]
fn a_file_is_deleted_when_its_disposition_said_so_last() {
    let create = operation(Command::Create, 1, "a", 1);
    let close = operation(Command::Close, 7, "a", 1);
    let (opens, _) = opens_of(&[create.clone(), set_disposition(3, 1), set_disposition(5, 0), close.clone()]);
    assert!(!opens[0].deletes());
    let (opens, failed) = opens_of(&[create, set_disposition(3, 1), close]);
    assert!(opens[0].deletes());
    assert_eq!(files_of(&opens, &failed)[0].deleted.unwrap().frame, 8);
}

#[test]
fn files_sum_up_their_opens() {
    let rename = with(operation(Command::SetInfo, 3, "a", 1), |operation| {
        operation.new_path = Some("b".into());
        operation.facts.info_class = Some(SetInfoRequest::CLASS_RENAME);
    });
    let read = with(operation(Command::Read, 9, "b", 2), |operation| operation.facts.bytes = Some(7));
    let missing = with(operation(Command::Create, 11, "a", 0), |operation| {
        (operation.status, operation.file_id) = (Some(NtStatus::OBJECT_NAME_NOT_FOUND), None);
    });
    let (opens, failed) = opens_of(&[
        operation(Command::Create, 1, "a", 1),
        rename,
        operation(Command::Close, 5, "a", 1),
        operation(Command::Create, 7, "b", 2),
        read,
        missing,
    ]);
    let files = files_of(&opens, &failed);
    let [a, b] = &files[..] else { panic!("{files:?}") };
    assert_eq!((a.path.as_deref(), a.opens, a.failed_opens, a.renamed_to.as_deref()), (Some("a"), 1, 1, Some("b")));
    assert_eq!((a.first.unwrap().frame, a.last.unwrap().frame), (2, 12));
    assert_eq!(a.failures, ["STATUS_OBJECT_NAME_NOT_FOUND"]);
    assert_eq!((b.opens, b.bytes_read, b.renamed_from.as_deref()), (1, 7, Some("a")));
    assert_eq!(b.users, ["alice"]);
}
