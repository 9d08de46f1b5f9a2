//! What is followed within a session: how many requests wait at once, and which transfers go on where one before ended.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::group::Standing;
use crate::model::{Command, FileId, OperationDigest, Timestamp, path};

/// One session.
#[derive(Debug, Default)]
pub(super) struct SessionFlow {
    /// When what was sent will be answered.
    waiting: BinaryHeap<Reverse<Timestamp>>,
    /// Where the last READ and the last WRITE of an open ended.
    opens: FxHashMap<FileId, [Option<u64>; 2]>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    busy_until: Option<Timestamp>,
    busy_ns: i64,
    answered: u64,
    waited_ns: i64,
    quickest: Option<(i64, u64, Command)>,
}

/// Where the time of a session went, as one point of capture can tell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionTime {
    /// The session.
    pub session: String,
    /// From its first request to its last answer.
    pub span_ns: i64,
    /// In so much of it at least one request waited for its answer; in the rest the client did not ask.
    pub busy_ns: i64,
    /// All latencies together.
    pub waited_ns: i64,
    /// The quickest answer: the way from the point of capture to the server and back takes no longer than this.
    pub round_trip_at_most_ns: Option<i64>,
    /// The frame of the request that it answered.
    pub round_trip_frame: Option<u64>,
    /// The command of that request.
    pub round_trip_command: Option<String>,
    /// What the latencies have beyond that round trip: the time of the server, and of moving payloads.
    pub beyond_round_trip_ns: i64,
}

impl SessionFlow {
    pub(super) fn add(&mut self, operation: &OperationDigest<'_>) -> Standing {
        Standing { depth: self.depth(operation), sequential: self.sequential(operation) }
    }

    /// CHANGE_NOTIFY is answered when something happens, and a CANCEL never.
    fn depth(&mut self, operation: &OperationDigest<'_>) -> Option<u32> {
        let (frame, sent) = operation.request?;
        if matches!(operation.command, Command::ChangeNotify | Command::Cancel | Command::OplockBreak) {
            return None;
        }
        self.first = Some(self.first.map_or(sent, |first| first.min(sent)));
        self.last = Some(self.last.map_or(sent, |last| last.max(sent)));
        while self.waiting.peek().is_some_and(|Reverse(answered)| *answered <= sent) {
            self.waiting.pop();
        }
        let depth = self.waiting.len() as u32 + 1;
        let (_, answered) = operation.response?;
        self.waiting.push(Reverse(answered));
        self.last = self.last.max(Some(answered));
        let busy_from = self.busy_until.map_or(sent, |until| until.max(sent));
        self.busy_ns += answered.since(busy_from).max(0);
        self.busy_until = self.busy_until.max(Some(answered));
        let latency = answered.since(sent).max(0);
        self.answered += 1;
        self.waited_ns = self.waited_ns.saturating_add(latency);
        if self.quickest.is_none_or(|(quickest, ..)| latency < quickest) {
            self.quickest = Some((latency, frame, operation.command));
        }
        Some(depth)
    }

    fn sequential(&mut self, operation: &OperationDigest<'_>) -> Option<bool> {
        let kind = match operation.command {
            Command::Read => 0,
            Command::Write => 1,
            Command::Close => {
                self.opens.remove(&operation.file_id?);
                return None;
            }
            _ => return None,
        };
        // A pipe has no places.
        if operation.share.is_some_and(path::is_ipc) {
            return None;
        }
        let offset = operation.offset?;
        let length = operation.bytes.or(operation.length).unwrap_or_default();
        let end = &mut self.opens.entry(operation.file_id?).or_default()[kind];
        let before = end.replace(offset.saturating_add(length));
        before.map(|before| before == offset)
    }

    pub(super) fn time(&self, session: String) -> SessionTime {
        let quickest = self.quickest;
        let round_trip = quickest.map_or(0, |(latency, ..)| latency);
        let on_the_way = round_trip.saturating_mul(i64::try_from(self.answered).unwrap_or(i64::MAX));
        SessionTime {
            session,
            span_ns: self.first.zip(self.last).map_or(0, |(first, last)| last.since(first)),
            busy_ns: self.busy_ns,
            waited_ns: self.waited_ns,
            round_trip_at_most_ns: quickest.map(|(latency, ..)| latency),
            round_trip_frame: quickest.map(|(_, frame, _)| frame),
            round_trip_command: quickest.map(|(_, _, command)| command.to_string()),
            beyond_round_trip_ns: self.waited_ns.saturating_sub(on_the_way),
        }
    }
}
