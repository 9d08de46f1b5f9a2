//! Operations, bytes and troubles by the time at which they happened.

use std::collections::BTreeMap;

use serde::Serialize;

use super::time_buckets::{Counted, TimeBuckets};
use super::{COMMANDS, TimedOperation, place, place_name};

/// Names of troubles that are told apart; a damaged capture can hold any number of statuses.
const TROUBLES: usize = 60;
const OTHER_TROUBLES: &str = "others";

/// Counts over time.
#[derive(Clone, Debug)]
pub struct TimeSeries {
    buckets: TimeBuckets<Bucket>,
    troubles: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct Bucket {
    operations: [u64; COMMANDS],
    bytes_read: u64,
    bytes_written: u64,
    /// By their place in the list of names.
    troubles: BTreeMap<usize, u64>,
}

/// Counts over time. All lists have one entry for each stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TimeSeriesReport {
    /// Where the first stretch begins, nanoseconds.
    pub begin_ns: i64,
    /// How long each is.
    pub width_ns: i64,
    /// Operations of each command that there are any of, in the order of their codes.
    pub commands: Vec<NamedCounts>,
    /// Payload bytes of READ responses.
    pub bytes_read: Vec<u64>,
    /// Payload bytes that WRITE responses accepted.
    pub bytes_written: Vec<u64>,
    /// Errors by status, divergences by class; the most frequent first.
    pub troubles: Vec<NamedCounts>,
}

/// Counts of what has a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamedCounts {
    /// The name.
    pub name: String,
    /// One for each stretch of time.
    pub counts: Vec<u64>,
}

impl TimeSeries {
    /// With at most so many stretches of time.
    pub fn new(most: u16) -> Self {
        Self { buckets: TimeBuckets::new(most), troubles: Vec::new() }
    }

    /// Counts an operation at the time it was sent.
    pub fn add(&mut self, operation: &TimedOperation<'_>) {
        let trouble = operation.trouble.as_deref().map(|name| self.trouble(name));
        let bucket = self.buckets.at(operation.time_ns);
        bucket.operations[place(operation.command)] += 1;
        bucket.bytes_read += operation.bytes_read;
        bucket.bytes_written += operation.bytes_written;
        if let Some(trouble) = trouble {
            *bucket.troubles.entry(trouble).or_default() += 1;
        }
    }

    fn trouble(&mut self, name: &str) -> usize {
        if let Some(at) = self.troubles.iter().position(|known| known == name) {
            return at;
        }
        let name = if self.troubles.len() < TROUBLES { name } else { OTHER_TROUBLES };
        if self.troubles.len() <= TROUBLES {
            self.troubles.push(name.to_owned());
        }
        self.troubles.len() - 1
    }

    /// What it comes to.
    pub fn report(&self) -> TimeSeriesReport {
        let of = |count: &dyn Fn(&Bucket) -> u64| self.buckets.iter().map(count).collect::<Vec<_>>();
        let named = |name: String, counts: Vec<u64>| {
            counts.iter().any(|count| *count > 0).then_some(NamedCounts { name, counts })
        };
        let commands = (0..COMMANDS).filter_map(|at| named(place_name(at), of(&|bucket| bucket.operations[at])));
        let trouble = |(at, name): (usize, &String)| {
            named(name.clone(), of(&|bucket| bucket.troubles.get(&at).copied().unwrap_or(0)))
        };
        let mut troubles: Vec<_> = self.troubles.iter().enumerate().filter_map(trouble).collect();
        troubles.sort_by_key(|trouble| std::cmp::Reverse(trouble.counts.iter().sum::<u64>()));
        TimeSeriesReport {
            begin_ns: self.buckets.begin_ns(),
            width_ns: self.buckets.width_ns(),
            commands: commands.collect(),
            bytes_read: of(&|bucket| bucket.bytes_read),
            bytes_written: of(&|bucket| bucket.bytes_written),
            troubles,
        }
    }
}

impl Counted for Bucket {
    fn absorb(&mut self, other: Self) {
        for (count, more) in self.operations.iter_mut().zip(other.operations) {
            *count += more;
        }
        self.bytes_read += other.bytes_read;
        self.bytes_written += other.bytes_written;
        for (trouble, count) in other.troubles {
            *self.troubles.entry(trouble).or_default() += count;
        }
    }
}
