//! Operations one by one, or every second, fourth … of them when there are many.

use serde::Serialize;

use super::{COMMANDS, TimedOperation, place, place_name};

/// Operations to be drawn as points.
#[derive(Clone, Debug)]
pub struct OperationPoints {
    most: usize,
    every: u64,
    seen: u64,
    /// The numbers of the operations that sessions begin with, among all.
    sessions: Vec<u64>,
    points: Vec<Point>,
}

#[derive(Clone, Copy, Debug)]
struct Point {
    number: u64,
    time_ns: i64,
    latency_ns: i64,
    frame: u64,
    command: u8,
    trouble: bool,
}

/// Points by columns; each has an entry for each point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PointsReport {
    /// Operations that there are.
    pub total: u64,
    /// One of so many is a point: 1 when all are.
    pub every: u64,
    /// Commands, by the numbers that `kind` has.
    pub commands: Vec<String>,
    /// Where each session begins among the points.
    pub sessions: Vec<usize>,
    /// When, as nanoseconds since the point before; the first since the beginning.
    pub time: Vec<i64>,
    /// From request to final response in nanoseconds; -1 when it was not answered.
    pub latency: Vec<i64>,
    /// The frame that it began with, as the difference to the point before.
    pub frame: Vec<i64>,
    /// Twice the number of the command, and 1 more when there was trouble.
    pub kind: Vec<usize>,
}

impl OperationPoints {
    /// At most so many.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), every: 1, seen: 0, sessions: Vec::new(), points: Vec::new() }
    }

    /// The operations that follow are of the next session.
    pub fn begin_session(&mut self) {
        self.sessions.push(self.seen);
    }

    /// Takes an operation, or leaves it out.
    pub fn add(&mut self, operation: &TimedOperation<'_>) {
        let number = self.seen;
        self.seen += 1;
        if !number.is_multiple_of(self.every) {
            return;
        }
        self.points.push(Point {
            number,
            time_ns: operation.time_ns,
            latency_ns: operation.latency_ns.map_or(-1, |latency| latency.max(0)),
            frame: operation.frame,
            command: place(operation.command) as u8,
            trouble: operation.trouble.is_some(),
        });
        if self.points.len() > self.most {
            self.every *= 2;
            let every = self.every;
            self.points.retain(|point| point.number.is_multiple_of(every));
        }
    }

    /// What it comes to.
    pub fn report(&self) -> PointsReport {
        let points = &self.points;
        PointsReport {
            total: self.seen,
            every: self.every,
            commands: (0..COMMANDS).map(place_name).collect(),
            sessions: self
                .sessions
                .iter()
                .map(|begin| points.partition_point(|point| point.number < *begin))
                .collect(),
            time: differences(points.iter().map(|point| point.time_ns)),
            latency: points.iter().map(|point| point.latency_ns).collect(),
            frame: differences(points.iter().map(|point| i64::try_from(point.frame).unwrap_or(i64::MAX))),
            kind: points.iter().map(|point| usize::from(point.command) * 2 + usize::from(point.trouble)).collect(),
        }
    }
}

fn differences(values: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut before = 0i64;
    values.map(|value| value.wrapping_sub(std::mem::replace(&mut before, value))).collect()
}
