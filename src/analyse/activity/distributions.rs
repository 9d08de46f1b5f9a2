//! How long operations took, command by command.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::latency_sketch::LatencySketch;
use super::{TimedOperation, place, place_name};

/// Latencies of each command, and of all.
#[derive(Clone, Debug, Default)]
pub struct Distributions {
    all: LatencySketch,
    commands: BTreeMap<usize, LatencySketch>,
}

/// The latencies of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Distribution {
    /// The command; `all` for all of them.
    pub name: String,
    /// Answered operations.
    pub count: u64,
    /// Points as of [`LatencySketch::distribution`].
    pub points: Vec<(u64, u64)>,
}

impl Distributions {
    /// Counts an operation, if it was answered.
    pub fn add(&mut self, operation: &TimedOperation<'_>) {
        if let Some(latency) = operation.latency_ns {
            self.all.add(latency);
            self.commands.entry(place(operation.command)).or_default().add(latency);
        }
    }

    /// What it comes to: all of them first, then commands in the order of their codes. Empty when nothing was answered.
    pub fn report(&self) -> Vec<Distribution> {
        let all = std::iter::once(("all".to_owned(), &self.all));
        let commands = self.commands.iter().map(|(command, sketch)| (place_name(*command), sketch));
        let of = |(name, sketch): (String, &LatencySketch)| {
            let points = sketch.distribution();
            Some(Distribution { name, count: points.last()?.1, points })
        };
        all.chain(commands).filter_map(of).collect()
    }
}
