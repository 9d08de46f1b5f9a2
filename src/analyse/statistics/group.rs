//! Totals of the operations that have something in common.

use serde::Serialize;

use super::super::latency_sketch::{LatencySketch, LatencySummary};
use crate::model::{Command, NtStatus, OperationDigest};

/// Powers of two that sizes are counted by: up to 2^63.
const SIZES: usize = 65;

/// Running totals.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    operations: u64,
    answered: u64,
    errors: u64,
    latency: LatencySketch,
    depths: u64,
    depth_sum: u64,
    depth_most: u32,
    reads: Transfers,
    writes: Transfers,
}

/// READs or WRITEs.
#[derive(Clone, Debug, Default)]
struct Transfers {
    operations: u64,
    bytes: u64,
    sequential: u64,
    random: u64,
    /// By the least power of two that is no smaller; empty until there is one.
    sizes: Vec<u64>,
}

/// How an operation stands among the others of its session.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    /// Requests that waited for their answer when this one was sent, itself included; None for what waits for an event.
    pub depth: Option<u32>,
    /// READ, WRITE: whether it begins where the one before it on the same open ended; None for the first.
    pub sequential: Option<bool>,
}

/// The totals of a group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupSummary {
    /// What its operations have in common: a command, a user, a path …
    pub key: String,
    /// All.
    pub operations: u64,
    /// Those with request and final response in the capture.
    pub answered: u64,
    /// Those that failed.
    pub errors: u64,
    /// Payload bytes of READ responses.
    pub bytes_read: u64,
    /// Payload bytes that WRITE responses accepted.
    pub bytes_written: u64,
    /// From request to final response; null when nothing was answered.
    pub latency: Option<LatencySummary>,
    /// Requests of its session that waited for an answer when one of these was sent, itself included.
    pub queue_depth: Option<QueueDepth>,
    /// READs.
    pub reads: TransferSummary,
    /// WRITEs.
    pub writes: TransferSummary,
}

/// How many requests waited at once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct QueueDepth {
    /// On average over the requests.
    pub mean: f64,
    /// At most.
    pub max: u32,
}

/// READs or WRITEs of a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TransferSummary {
    /// How many.
    pub operations: u64,
    /// Payload bytes that went through.
    pub bytes: u64,
    /// Those that begin where the one before on the same open ended.
    pub sequential: u64,
    /// Those that begin elsewhere. The first of an open is neither.
    pub random: u64,
    /// Bytes asked for.
    pub sizes: Vec<SizeCount>,
}

/// Transfers of a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SizeCount {
    /// At most so many bytes, and more than the half of it.
    pub up_to: u64,
    /// How many.
    pub operations: u64,
}

impl Group {
    pub(super) fn add(&mut self, operation: &OperationDigest<'_>, standing: Standing) {
        self.operations += 1;
        self.errors += u64::from(operation.status.is_some_and(NtStatus::is_error));
        if let Some(latency) = operation.latency_ns() {
            self.answered += 1;
            self.latency.add(latency);
        }
        if let Some(depth) = standing.depth {
            self.depths += 1;
            self.depth_sum += u64::from(depth);
            self.depth_most = self.depth_most.max(depth);
        }
        match operation.command {
            Command::Read => self.reads.add(operation, standing),
            Command::Write => self.writes.add(operation, standing),
            _ => {}
        }
    }

    /// Bytes moved, then operations: what the greatest groups have most of.
    pub(super) fn weight(&self) -> (u64, u64) {
        (self.reads.bytes + self.writes.bytes, self.operations)
    }

    pub(super) fn summary(&self, key: String) -> GroupSummary {
        let mean = self.depth_sum as f64 / self.depths as f64;
        GroupSummary {
            key,
            operations: self.operations,
            answered: self.answered,
            errors: self.errors,
            bytes_read: self.reads.bytes,
            bytes_written: self.writes.bytes,
            latency: self.latency.summary(),
            queue_depth: (self.depths > 0).then_some(QueueDepth { mean, max: self.depth_most }),
            reads: self.reads.summary(),
            writes: self.writes.summary(),
        }
    }
}

impl Transfers {
    fn add(&mut self, operation: &OperationDigest<'_>, standing: Standing) {
        self.operations += 1;
        self.bytes += operation.bytes.unwrap_or_default();
        match standing.sequential {
            Some(true) => self.sequential += 1,
            Some(false) => self.random += 1,
            None => {}
        }
        if let Some(length) = operation.length {
            self.sizes.resize(SIZES, 0);
            let power = length.max(1).checked_next_power_of_two().map_or(SIZES - 1, |power| power.ilog2() as usize);
            self.sizes[power] += 1;
        }
    }

    fn summary(&self) -> TransferSummary {
        let sizes = self.sizes.iter().enumerate().filter(|(_, count)| **count > 0);
        let up_to = |power: usize| 1u64.checked_shl(power as u32).unwrap_or(u64::MAX);
        TransferSummary {
            operations: self.operations,
            bytes: self.bytes,
            sequential: self.sequential,
            random: self.random,
            sizes: sizes.map(|(power, count)| SizeCount { up_to: up_to(power), operations: *count }).collect(),
        }
    }
}
