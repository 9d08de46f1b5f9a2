//! Puts the operations of one session in the order of their requests, though they end in another.
//!
//! An operation leaves the window when all before it have ended. One that stays open for long (CHANGE_NOTIFY does for
//! hours) would hold up everything behind it; beyond a limit it is stepped over and comes out late.

use std::collections::VecDeque;

use crate::model::Operation;

/// The place of an operation in the capture: the frame that completed its first PDU, and a running number.
pub(super) type OpKey = (u64, u64);

/// When operations that do not end are stepped over.
#[derive(Clone, Copy, Debug)]
pub struct WindowLimits {
    /// Operations waiting in one session.
    pub operations: usize,
    /// Bytes waiting in one session.
    pub bytes: usize,
    /// Bytes waiting in all sessions together.
    pub bytes_of_all: usize,
}

impl Default for WindowLimits {
    fn default() -> Self {
        Self { operations: 16_384, bytes: 12 << 20, bytes_of_all: 32 << 20 }
    }
}

struct Entry {
    key: OpKey,
    ended: bool,
    operation: Operation,
}

/// The operations of one session that have not left yet.
#[derive(Default)]
pub(super) struct SessionWindow {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// The largest key that has left.
    left: Option<OpKey>,
}

impl SessionWindow {
    /// Adds an operation; usually behind all others.
    pub(super) fn insert(&mut self, key: OpKey, operation: Operation, ended: bool) {
        self.bytes += operation.memory();
        let at = match self.entries.back() {
            Some(last) if last.key > key => self.entries.partition_point(|entry| entry.key < key),
            _ => self.entries.len(),
        };
        self.entries.insert(at, Entry { key, ended, operation });
    }

    /// An operation that has not left, to be completed.
    pub(super) fn get_mut(&mut self, key: OpKey) -> Option<&mut Operation> {
        let at = self.position(key)?;
        Some(&mut self.entries[at].operation)
    }

    /// What the operations in the window cost.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether an operation is in the window.
    pub(super) fn holds(&self, key: OpKey) -> bool {
        self.position(key).is_some()
    }

    /// Notes that an operation has ended; `grown` bytes were added to it.
    pub(super) fn end(&mut self, key: OpKey, grown: usize) {
        self.bytes += grown;
        if let Some(at) = self.position(key) {
            self.entries[at].ended = true;
        }
    }

    /// Takes an operation out, wherever it is.
    pub(super) fn remove(&mut self, key: OpKey) -> Option<(Operation, bool)> {
        let at = self.position(key)?;
        let entry = self.entries.remove(at)?;
        self.bytes = self.bytes.saturating_sub(entry.operation.memory());
        Some((entry.operation, entry.ended))
    }

    /// The keys of the operations that are in the window.
    pub(super) fn keys(&self) -> Vec<OpKey> {
        self.entries.iter().map(|entry| entry.key).collect()
    }

    /// Hands on, in order, what may leave. The flag says that an operation behind it has left before.
    pub(super) fn drain(&mut self, limits: &WindowLimits, take: &mut impl FnMut(Operation, bool)) {
        while self.entries.front().is_some_and(|entry| entry.ended) {
            if let Some(entry) = self.entries.pop_front() {
                self.leave(entry, take);
            }
        }
        if self.entries.len() > limits.operations || self.bytes > limits.bytes {
            self.step_over(take);
        }
    }

    /// Hands on all that has ended, stepping over the rest.
    pub(super) fn step_over(&mut self, take: &mut impl FnMut(Operation, bool)) {
        let entries = std::mem::take(&mut self.entries);
        for entry in entries {
            if entry.ended {
                self.leave(entry, take);
            } else {
                self.entries.push_back(entry);
            }
        }
        self.bytes = 0;
        for entry in &mut self.entries {
            // They stay for long: they shall not keep the chunk that they share with others.
            for part in [&mut entry.operation.request, &mut entry.operation.interim].into_iter().flatten() {
                part.pdu = bytes::Bytes::copy_from_slice(&part.pdu);
            }
            self.bytes += entry.operation.memory();
        }
    }

    fn leave(&mut self, entry: Entry, take: &mut impl FnMut(Operation, bool)) {
        self.bytes = self.bytes.saturating_sub(entry.operation.memory());
        let late = self.left.is_some_and(|left| entry.key < left);
        self.left = self.left.max(Some(entry.key));
        take(entry.operation, late);
    }

    fn position(&self, key: OpKey) -> Option<usize> {
        self.entries.binary_search_by_key(&key, |entry| entry.key).ok()
    }
}
