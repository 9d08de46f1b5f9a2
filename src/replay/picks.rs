//! From what is selected to what is sent: a selected operation needs its connection, session, tree and open, and these need
//! more in turn. All that is drawn in; what is left then is not sent.

use rustc_hash::FxHashMap;

use super::classify::BreakSubject;
use super::needs::Needs;
use super::selection::Selection;
use super::users::KnownUsers;
use crate::model::{Command, Operation, Timestamp};

/// What becomes of an operation before it is planned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pick {
    /// It is not sent.
    Left,
    /// It was not selected, but is needed by one that was.
    Drawn,
    /// It was selected.
    #[default]
    Taken,
}

/// What becomes of all operations.
#[derive(Clone, Debug, Default)]
pub struct Picked {
    /// By operation; empty when everything is selected.
    picks: Vec<Pick>,
    from: Option<Timestamp>,
}

impl Picked {
    /// Of operations that are in the order in which they were sent.
    pub(super) fn new(operations: &[Operation], selection: &Selection, known: &KnownUsers) -> Self {
        if selection.is_everything() {
            return Self::default();
        }
        Self { picks: picks(operations, selection, known), from: selection.from }
    }

    /// What becomes of one.
    pub(super) fn of(&self, at: u32) -> Pick {
        self.picks.get(at as usize).copied().unwrap_or_default()
    }

    /// When something is due that was captured at a time: what is drawn in from before the selection is due at its beginning.
    pub(super) fn no_earlier(&self, time: Timestamp) -> Timestamp {
        self.from.map_or(time, |from| time.max(from))
    }
}

fn picks(operations: &[Operation], selection: &Selection, known: &KnownUsers) -> Vec<Pick> {
    let needs = Needs::of(operations);
    let taken = |operation: &Operation| if selection.takes(operation, known) { Pick::Taken } else { Pick::Left };
    let mut picks: Vec<Pick> = operations.iter().map(taken).collect();
    let mut work: Vec<u32> = Vec::new();
    for (at, pick) in picks.iter().enumerate() {
        if *pick == Pick::Taken {
            work.extend_from_slice(needs.before(at as u32));
        }
    }
    let causes = Causes::of(operations);
    loop {
        while let Some(at) = work.pop() {
            if let Some(pick) = picks.get_mut(at as usize).filter(|pick| **pick == Pick::Left) {
                *pick = Pick::Drawn;
                work.extend_from_slice(needs.before(at));
            }
        }
        let is_in = |at: u32| picks.get(at as usize).is_some_and(|pick| *pick != Pick::Left);
        // What was opened is closed again, if the captured client did so in time.
        let in_time = |at: u32| {
            let time = operations.get(at as usize).and_then(Operation::first_time);
            selection.to.is_none_or(|to| time.is_some_and(|time| time < to))
        };
        let closes = needs.closes.iter().filter(|(create, close)| is_in(*create) && in_time(*close));
        let breaks = causes.breaks.iter().filter(|cause| {
            is_in(cause.create) && !cause.by.is_empty() && cause.by.iter().all(|by| is_in(*by)) && in_time(cause.at)
        });
        let breaks = breaks.flat_map(|cause| [Some(cause.at), cause.acknowledged].into_iter().flatten());
        work.extend(closes.map(|(_, close)| *close).chain(breaks).filter(|at| !is_in(*at)));
        if work.is_empty() {
            return picks;
        }
    }
}

/// A break: whose open it is about, and what other clients were about to do.
#[derive(Debug)]
pub(super) struct Cause {
    /// The break.
    pub(super) at: u32,
    /// The CREATE of the open that it is about.
    pub(super) create: u32,
    /// What broke it.
    pub(super) by: Vec<u32>,
    acknowledged: Option<u32>,
}

/// The breaks of a capture, as far as their opens are known.
#[derive(Debug, Default)]
pub(super) struct Causes {
    pub(super) breaks: Vec<Cause>,
}

impl Causes {
    pub(super) fn of(operations: &[Operation]) -> Self {
        let mut causes = Self::default();
        let mut creates: FxHashMap<BreakSubject, u32> = FxHashMap::default();
        let mut last: FxHashMap<BreakSubject, usize> = FxHashMap::default();
        let mut in_flight: Vec<u32> = Vec::new();
        let mut on_path: FxHashMap<(Option<&str>, String), Vec<u32>> = FxHashMap::default();
        for (at, operation) in (0..).zip(operations) {
            let Some(request) = &operation.request else {
                if operation.command == Command::OplockBreak
                    && let Some(part) = &operation.response
                    && let Some(subject) = BreakSubject::of(&part.pdu)
                    && let Some(create) = creates.get(&subject).copied()
                {
                    let open = operations.get(create as usize);
                    in_flight.retain(|other| is_in_flight(operations, *other, part.frame));
                    let others = |other: &&u32| {
                        operations
                            .get(**other as usize)
                            .zip(open)
                            .is_some_and(|(other, open)| file(other) == file(open) && other.file_id != open.file_id)
                    };
                    let mut by: Vec<u32> = in_flight.iter().filter(others).copied().collect();
                    if by.is_empty() {
                        // Answered before the break went out: then it was the last one to touch the file.
                        let known = open.and_then(|open| on_path.get(&file(open)));
                        by.extend(known.and_then(|known| known.iter().rev().find(|other| others(other))));
                    }
                    last.insert(subject, causes.breaks.len());
                    causes.breaks.push(Cause { at, create, by, acknowledged: None });
                }
                continue;
            };
            match operation.command {
                Command::OplockBreak => {
                    let subject = BreakSubject::of(&request.pdu);
                    let cause = subject.and_then(|subject| last.remove(&subject));
                    if let Some(cause) = cause.and_then(|cause| causes.breaks.get_mut(cause)) {
                        cause.acknowledged = Some(at);
                    }
                    continue;
                }
                Command::Create => {
                    for subject in super::needs::break_subjects(operation) {
                        creates.insert(subject, at);
                    }
                }
                Command::Write | Command::SetInfo | Command::Lock | Command::Ioctl | Command::Read => {}
                _ => continue,
            }
            if operation.path.is_some() {
                in_flight.retain(|other| is_in_flight(operations, *other, request.frame));
                in_flight.push(at);
                let known = on_path.entry(file(operation)).or_default();
                if known.len() > REMEMBERED {
                    known.drain(..REMEMBERED / 2);
                }
                known.push(at);
            }
        }
        causes
    }
}

/// How many operations on a file are looked at for the one that may have broken an oplock.
const REMEMBERED: usize = 32;

fn is_in_flight(operations: &[Operation], at: u32, frame: u64) -> bool {
    let operation = operations.get(at as usize);
    operation.is_some_and(|operation| operation.response.as_ref().is_none_or(|part| part.frame >= frame))
}

/// Share and path without a stream, to compare.
fn file(operation: &Operation) -> (Option<&str>, String) {
    let path = operation.path.as_deref().unwrap_or_default();
    (operation.share.as_deref(), path.split(':').next().unwrap_or(path).to_lowercase())
}
