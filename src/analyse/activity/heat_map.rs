//! How many operations took how long, over time.

use std::collections::BTreeMap;

use serde::Serialize;

use super::time_buckets::{Counted, TimeBuckets};
use super::{TimedOperation, place, place_name};

/// Where classes of latencies begin within a power of ten, in tenths. Below 1 µs is one class.
const STEPS: [u64; 6] = [10, 15, 20, 30, 50, 70];
/// Powers of ten from 1 µs on: up to 1000 s, and beyond.
const DECADES: u32 = 9;

/// Counts by time and latency.
#[derive(Clone, Debug)]
pub struct HeatMap {
    buckets: TimeBuckets<Column>,
}

/// Counts by place of the command and class of the latency.
#[derive(Clone, Debug, Default)]
struct Column(BTreeMap<(usize, usize), u64>);

/// Counts by time and latency.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeatMapReport {
    /// Where the first stretch of time begins, nanoseconds.
    pub begin_ns: i64,
    /// How long each is.
    pub width_ns: i64,
    /// Class 0 is what took less than the first of these nanoseconds, class 1 what took less than the second …
    pub bounds_ns: Vec<u64>,
    /// Each command with answered operations, in the order of their codes.
    pub commands: Vec<CommandHeat>,
}

/// The operations of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommandHeat {
    /// The command.
    pub name: String,
    /// Number of the stretch of time, class of the latency, operations.
    pub cells: Vec<(usize, usize, u64)>,
}

impl HeatMap {
    /// With at most so many stretches of time.
    pub fn new(most: u16) -> Self {
        Self { buckets: TimeBuckets::new(most) }
    }

    /// Counts an operation, if it was answered, at the time it was sent.
    pub fn add(&mut self, operation: &TimedOperation<'_>) {
        let Some(latency) = operation.latency_ns else { return };
        let latency = latency.max(0).unsigned_abs();
        let class = bounds().take_while(|bound| *bound <= latency).count();
        *self.buckets.at(operation.time_ns).0.entry((place(operation.command), class)).or_default() += 1;
    }

    /// What it comes to.
    pub fn report(&self) -> HeatMapReport {
        let mut commands: BTreeMap<usize, Vec<(usize, usize, u64)>> = BTreeMap::new();
        for (at, Column(counts)) in self.buckets.iter().enumerate() {
            for ((command, class), count) in counts {
                commands.entry(*command).or_default().push((at, *class, *count));
            }
        }
        HeatMapReport {
            begin_ns: self.buckets.begin_ns(),
            width_ns: self.buckets.width_ns(),
            bounds_ns: bounds().collect(),
            commands: commands
                .into_iter()
                .map(|(command, cells)| CommandHeat { name: place_name(command), cells })
                .collect(),
        }
    }
}

/// Where classes begin, in nanoseconds.
fn bounds() -> impl Iterator<Item = u64> {
    (0..DECADES).flat_map(|decade| STEPS.into_iter().map(move |step| step * 100 * 10u64.pow(decade)))
}

impl Counted for Column {
    fn absorb(&mut self, other: Self) {
        for (key, count) in other.0 {
            *self.0.entry(key).or_default() += count;
        }
    }
}
