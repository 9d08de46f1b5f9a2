//! How much of what, how fast and how often it failed: totals over the operations of a capture.
//!
//! Operations go by once, session by session, each in the order of its requests. What is kept grows with the number of
//! groups, files and touched stretches of files, and not with that of the operations.

mod group;
mod names;
mod session;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use rustc_hash::FxHashMap;
use serde::Serialize;

use self::group::Group;
pub use self::group::{GroupSummary, QueueDepth, SizeCount, TransferSummary};
use self::names::FileNames;
use self::session::SessionFlow;
pub use self::session::SessionTime;
use super::byte_ranges::ByteRanges;
use crate::model::{Command, NtStatus, OperationDigest, Timestamp, path};

/// What operations are put together by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum GroupBy {
    Session,
    Client,
    User,
    Share,
    File,
    #[default]
    Command,
}

/// The totals so far.
#[derive(Debug)]
pub struct Statistics {
    by: GroupBy,
    slowest_kept: usize,
    total: Group,
    groups: Groups,
    commands: BTreeMap<u16, Group>,
    files: FileNames,
    by_file: Vec<FileTotals>,
    errors: BTreeMap<(NtStatus, u16), ErrorCount>,
    slowest: BinaryHeap<Reverse<SlowOperation>>,
    first_time: Option<Timestamp>,
    last_time: Option<Timestamp>,
    session: Option<(String, String, SessionFlow)>,
    sessions: Vec<SessionTime>,
}

#[derive(Debug, Default)]
struct FileTotals {
    group: Group,
    read: ByteRanges,
    written: ByteRanges,
}

/// Everything that is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatisticsReport {
    /// Time of the first PDU, RFC 3339.
    pub first_time: Option<String>,
    /// Time of the last PDU, RFC 3339.
    pub last_time: Option<String>,
    /// Nanoseconds between them.
    pub span_ns: i64,
    /// All operations.
    pub total: GroupSummary,
    /// What the groups are made by.
    pub by: GroupBy,
    /// The groups, those that moved most bytes first; commands in the order of their codes.
    pub groups: Vec<GroupSummary>,
    /// Final statuses that are errors, the most frequent first.
    pub errors: Vec<ErrorCount>,
    /// The operations with the greatest latencies, without CHANGE_NOTIFY, which waits for a change.
    pub slowest: Vec<SlowOperation>,
    /// Where the time of each session went.
    pub sessions: Vec<SessionTime>,
    /// The files with most bytes moved, then most operations.
    pub top_files: Vec<GroupSummary>,
    /// What was touched of files.
    pub working_set: WorkingSet,
}

/// Failures of a command with a status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorCount {
    /// The status.
    pub status: String,
    /// The command.
    pub command: String,
    /// How often.
    pub count: u64,
    /// The frame of the first of these responses.
    pub first_frame: Option<u64>,
}

/// An operation that took long.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SlowOperation {
    /// From request to final response.
    pub latency: i64,
    /// The frame of its request.
    pub frame: u64,
    /// Its session.
    pub session: String,
    /// Its command.
    pub command: String,
    /// Its path.
    pub path: Option<String>,
}

/// Distinct bytes of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WorkingSet {
    /// Files with a READ or WRITE that moved bytes.
    pub files: u64,
    /// Distinct bytes that were read.
    pub bytes_read: u64,
    /// Distinct bytes that were written.
    pub bytes_written: u64,
    /// Distinct bytes that were read or written.
    pub bytes: u64,
}

impl Statistics {
    /// Empty totals, which keep so many of the slowest operations.
    pub fn new(by: GroupBy, slowest: usize) -> Self {
        Self {
            by,
            slowest_kept: slowest,
            total: Group::default(),
            groups: Groups::default(),
            commands: BTreeMap::new(),
            files: FileNames::default(),
            by_file: Vec::new(),
            errors: BTreeMap::new(),
            slowest: BinaryHeap::new(),
            first_time: None,
            last_time: None,
            session: None,
            sessions: Vec::new(),
        }
    }

    /// The operations that follow are of this session, and of this user.
    pub fn begin_session(&mut self, session: &str, user: &str) {
        self.end_session();
        self.session = Some((session.to_owned(), user.to_owned(), SessionFlow::default()));
    }

    /// Counts an operation.
    pub fn add(&mut self, operation: &OperationDigest<'_>) {
        let (session, user, flow) = self.session.get_or_insert_default();
        let standing = flow.add(operation);
        self.total.add(operation, standing);
        let code = operation.command.code();
        match self.by {
            GroupBy::Command => self.commands.entry(code).or_default().add(operation, standing),
            GroupBy::Session => self.groups.of(session).add(operation, standing),
            GroupBy::User => self.groups.of(user).add(operation, standing),
            GroupBy::Share => self.groups.of(operation.share.unwrap_or_default()).add(operation, standing),
            GroupBy::Client => self.groups.of(&operation.client.to_string()).add(operation, standing),
            GroupBy::File => {}
        }
        if let (Some(share), Some(path)) = (operation.share, operation.path) {
            let number = self.files.number(share, path);
            if number >= self.by_file.len() {
                self.by_file.resize_with(number + 1, FileTotals::default);
            }
            self.by_file[number].add(operation, share, standing);
        }
        if let Some(status) = operation.status.filter(|status| status.is_error()) {
            let error = self.errors.entry((status, code)).or_insert_with(|| ErrorCount {
                status: status.to_string(),
                command: operation.command.to_string(),
                count: 0,
                first_frame: operation.response.map(|(frame, _)| frame),
            });
            error.count += 1;
        }
        if let (Some(latency), Some((frame, _))) = (operation.latency_ns(), operation.request)
            && operation.command != Command::ChangeNotify
            && (self.slowest.len() < self.slowest_kept
                || self.slowest.peek().is_some_and(|Reverse(least)| least.latency < latency))
        {
            self.slowest.push(Reverse(SlowOperation {
                latency,
                frame,
                session: session.clone(),
                command: operation.command.to_string(),
                path: operation.path.map(str::to_owned),
            }));
            if self.slowest.len() > self.slowest_kept {
                self.slowest.pop();
            }
        }
        for (_, time) in [operation.request, operation.response].into_iter().flatten() {
            self.first_time = Some(self.first_time.map_or(time, |first| first.min(time)));
            self.last_time = Some(self.last_time.map_or(time, |last| last.max(time)));
        }
    }

    /// What it comes to, with at most so many files.
    pub fn finish(mut self, top_files: usize) -> StatisticsReport {
        self.end_session();
        let working_set = working_set(&self.by_file);
        let texts = self.files.into_texts();
        let mut files: Vec<(&String, &Group)> =
            texts.iter().zip(self.by_file.iter().map(|file| &file.group)).collect();
        files.sort_by(|(a_name, a), (b_name, b)| b.weight().cmp(&a.weight()).then_with(|| a_name.cmp(b_name)));
        let summary = |(key, group): &(&String, &Group)| group.summary((*key).clone());
        let groups = match self.by {
            GroupBy::File => files.iter().map(summary).collect(),
            GroupBy::Command => {
                let name = |code: u16| Command::from_code(code).to_string();
                self.commands.iter().map(|(code, group)| group.summary(name(*code))).collect()
            }
            _ => {
                let Groups { numbers, groups, .. } = &self.groups;
                let mut groups: Vec<_> = numbers.iter().map(|(key, number)| (key, &groups[*number])).collect();
                groups
                    .sort_by(|(a_name, a), (b_name, b)| b.weight().cmp(&a.weight()).then_with(|| a_name.cmp(b_name)));
                groups.iter().map(summary).collect()
            }
        };
        let mut errors: Vec<_> = self.errors.into_values().collect();
        errors.sort_by_key(|error| Reverse(error.count));
        StatisticsReport {
            first_time: self.first_time.map(|time| time.to_string()),
            last_time: self.last_time.map(|time| time.to_string()),
            span_ns: self.first_time.zip(self.last_time).map_or(0, |(first, last)| last.since(first)),
            total: self.total.summary("all".to_owned()),
            by: self.by,
            groups,
            errors,
            // Those of the greatest latency come first, as the order is reversed.
            slowest: self.slowest.into_sorted_vec().into_iter().map(|Reverse(slow)| slow).collect(),
            sessions: self.sessions,
            top_files: files.iter().take(top_files).map(summary).collect(),
            working_set,
        }
    }

    fn end_session(&mut self) {
        if let Some((session, _, flow)) = self.session.take() {
            self.sessions.push(flow.time(session));
        }
    }
}

/// The number of a group that is found by text; the last one is found at once.
#[derive(Debug, Default)]
struct Groups {
    numbers: FxHashMap<String, usize>,
    groups: Vec<Group>,
    last: Option<(String, usize)>,
}

impl Groups {
    fn of(&mut self, key: &str) -> &mut Group {
        let number = match &self.last {
            Some((last, number)) if last == key => *number,
            _ => {
                let next = self.groups.len();
                let number = *self.numbers.entry(key.to_owned()).or_insert(next);
                self.last = Some((key.to_owned(), number));
                number
            }
        };
        if number >= self.groups.len() {
            self.groups.resize_with(number + 1, Group::default);
        }
        &mut self.groups[number]
    }
}

impl FileTotals {
    fn add(&mut self, operation: &OperationDigest<'_>, share: &str, standing: group::Standing) {
        self.group.add(operation, standing);
        if let (Some(offset), Some(bytes)) = (operation.offset, operation.bytes)
            && !path::is_ipc(share)
        {
            match operation.command {
                Command::Read => self.read.insert(offset..offset.saturating_add(bytes)),
                Command::Write => self.written.insert(offset..offset.saturating_add(bytes)),
                _ => {}
            }
        }
    }
}

fn working_set(files: &[FileTotals]) -> WorkingSet {
    let mut set = WorkingSet::default();
    for FileTotals { read, written, .. } in files {
        let mut touched = read.clone();
        written.iter().for_each(|range| touched.insert(range));
        set.files += u64::from(touched.bytes() > 0);
        set.bytes_read += read.bytes();
        set.bytes_written += written.bytes();
        set.bytes += touched.bytes();
    }
    set
}

#[cfg(test)]
mod tests;
