//! A made-up session whose figures can be worked out by hand.

use super::*;
use crate::model::FileId;

const SHARE: &str = r"\\srv\data";

/// An operation sent at one millisecond and answered at another; frames are the milliseconds.
fn operation(command: Command, sent: u64, answered: u64, path: &str) -> OperationDigest<'_> {
    let at = |ms: u64| Some((ms, Timestamp(ms as i64 * 1_000_000)));
    OperationDigest {
        command,
        client: "192.0.2.1".parse().unwrap(),
        request: at(sent),
        response: at(answered),
        status: Some(NtStatus::SUCCESS),
        share: Some(SHARE),
        path: Some(path),
        file_id: Some(FileId([1; 16])),
        offset: None,
        length: None,
        bytes: None,
    }
}

fn transfer(command: Command, sent: u64, path: &str, offset: u64, bytes: u64) -> OperationDigest<'_> {
    let of = operation(command, sent, sent + 2, path);
    OperationDigest { offset: Some(offset), length: Some(4096), bytes: Some(bytes), ..of }
}

fn report(by: GroupBy, operations: &[OperationDigest<'_>]) -> StatisticsReport {
    let mut statistics = Statistics::new(by, 2);
    statistics.begin_session("0x01", "alice");
    operations.iter().for_each(|operation| statistics.add(operation));
    statistics.finish(10)
}

#[test]
fn transfers_are_sequential_where_the_one_before_on_the_same_open_ended() {
    let mut other = transfer(Command::Read, 5, "b", 4096, 4096);
    other.file_id = Some(FileId([2; 16]));
    let report = report(
        GroupBy::File,
        &[
            transfer(Command::Read, 1, "a", 0, 4096),
            transfer(Command::Read, 3, "a", 4096, 4096),
            other,
            transfer(Command::Read, 7, "a", 0, 100),
            transfer(Command::Read, 9, "a", 100, 4096),
            transfer(Command::Write, 11, "a", 5000, 4096),
        ],
    );
    let [a, b] = &report.groups[..] else { panic!("{:?}", report.groups) };
    assert_eq!((a.key.as_str(), b.key.as_str()), (r"\\srv\data\a", r"\\srv\data\b"));
    assert_eq!((a.reads.sequential, a.reads.random), (2, 1));
    assert_eq!((a.writes.operations, a.writes.sequential, a.writes.random), (1, 0, 0));
    assert_eq!((b.reads.sequential, b.reads.random), (0, 0), "the first of an open is neither");
    assert_eq!(a.reads.sizes, [SizeCount { up_to: 4096, operations: 4 }]);
    let expected = WorkingSet { files: 2, bytes_read: 8192 + 4096, bytes_written: 4096, bytes: 9096 + 4096 };
    assert_eq!(report.working_set, expected);
}

#[test]
fn the_depth_counts_what_waits_when_a_request_is_sent() {
    let operations = [
        operation(Command::Create, 1, 10, "a"),
        operation(Command::QueryInfo, 2, 4, "a"),
        operation(Command::ChangeNotify, 3, 1000, "a"),
        operation(Command::QueryInfo, 3, 5, "a"),
        operation(Command::Close, 10, 12, "a"),
    ];
    let report = report(GroupBy::Command, &operations);
    assert_eq!(report.total.queue_depth, Some(QueueDepth { mean: 7.0 / 4.0, max: 3 }));
    let keys: Vec<_> = report.groups.iter().map(|group| group.key.as_str()).collect();
    assert_eq!(keys, ["CREATE", "CLOSE", "CHANGE_NOTIFY", "QUERY_INFO"]);
    let slow: Vec<_> = report.slowest.iter().map(|slow| (slow.command.as_str(), slow.frame)).collect();
    assert_eq!(slow, [("CREATE", 1), ("QUERY_INFO", 2)], "a change is waited for, the server is not slow");
    let time = &report.sessions[0];
    assert_eq!((time.span_ns, time.busy_ns), (11_000_000, 11_000_000));
    assert_eq!((time.waited_ns, time.round_trip_at_most_ns), (15_000_000, Some(2_000_000)));
    assert_eq!(time.beyond_round_trip_ns, 15_000_000 - 4 * 2_000_000);
}

#[test]
fn errors_and_what_is_not_answered_are_counted() {
    let mut failed = operation(Command::Create, 1, 2, "a");
    failed.status = Some(NtStatus::ACCESS_DENIED);
    let mut open = operation(Command::Create, 3, 4, "a");
    (open.response, open.status) = (None, None);
    let report = report(GroupBy::User, &[failed, open, failed]);
    let group = &report.groups[0];
    assert_eq!((group.key.as_str(), group.operations, group.answered, group.errors), ("alice", 3, 2, 2));
    assert_eq!((report.errors[0].count, report.errors[0].first_frame), (2, Some(2)));
    assert_eq!(report.errors[0].status, "STATUS_ACCESS_DENIED");
}

#[test]
fn nothing_gives_a_report_too() {
    let report = Statistics::new(GroupBy::Share, 5).finish(5);
    assert_eq!((report.total.operations, report.total.latency, report.span_ns), (0, None, 0));
    assert!(report.groups.is_empty() && report.sessions.is_empty());
}
