//! The page about a capture.

use std::cmp::Reverse;

use serde::Serialize;

use super::facts::PageFacts;
use super::ladder::Ladder;
use super::page::page;
use crate::analyse::{
    Distribution, Distributions, GroupBy, HeatMap, HeatMapReport, OperationPoints, PointsReport, SessionTime,
    Statistics, StatisticsReport, TimeSeries, TimeSeriesReport, TimedOperation,
};
use crate::model::{OperationDigest, SessionEntry, Timestamp};

/// Stretches of time that charts over time have at most.
pub(super) const STRETCHES: u16 = 400;
/// Stretches of time that heat maps have at most.
pub(super) const HEAT_STRETCHES: u16 = 300;
/// Operations drawn as points; of more, every second, fourth … is.
pub(super) const POINTS: usize = 100_000;
/// Files, and slow operations, that are listed.
const LISTED: usize = 50;
/// Sessions that are listed.
const SESSIONS: usize = 500;
/// Kinds of errors that are listed.
const ERRORS: usize = 500;

/// Gathers what the page shows. Operations come session by session, each in the order of its requests, as for
/// [`Statistics`]; what is kept has the bounds that those have.
pub struct CapturePage {
    beginning_ns: i64,
    statistics: Statistics,
    series: TimeSeries,
    heat: HeatMap,
    distributions: Distributions,
    points: OperationPoints,
    ladder: Ladder,
    sessions: Vec<SessionRow>,
}

#[derive(Debug, Serialize)]
struct SessionRow {
    #[serde(flatten)]
    entry: SessionEntry,
    who: String,
    failed: u64,
    time: Option<SessionTime>,
}

#[derive(Serialize)]
struct Data<'a> {
    kind: &'static str,
    smbreplay: &'static str,
    #[serde(flatten)]
    facts: &'a PageFacts,
    statistics: &'a StatisticsReport,
    error_kinds: usize,
    sessions: &'a [SessionRow],
    session_count: usize,
    series: TimeSeriesReport,
    heat: HeatMapReport,
    distributions: Vec<Distribution>,
    points: PointsReport,
    ladder: &'a Ladder,
}

impl CapturePage {
    /// An empty page. Times count from the beginning: the time of the capture's first packet.
    pub fn new(beginning: Timestamp) -> Self {
        Self {
            beginning_ns: beginning.0,
            statistics: Statistics::new(GroupBy::Command, LISTED),
            series: TimeSeries::new(STRETCHES),
            heat: HeatMap::new(HEAT_STRETCHES),
            distributions: Distributions::default(),
            points: OperationPoints::new(POINTS),
            ladder: Ladder::default(),
            sessions: Vec::new(),
        }
    }

    /// The operations that follow are of this session, and of this user.
    pub fn begin_session(&mut self, session: &SessionEntry, user: &str) {
        self.statistics.begin_session(&session.id, user);
        self.points.begin_session();
        self.ladder.begin_session(&session.id, &session.client, &session.server);
        self.sessions.push(SessionRow {
            entry: session.clone(),
            who: user.to_owned(),
            failed: session.errors.values().sum(),
            time: None,
        });
    }

    /// Counts an operation.
    pub fn add(&mut self, operation: &OperationDigest<'_>) {
        self.statistics.add(operation);
        self.ladder.captured(operation, self.beginning_ns);
        if let Some(timed) = TimedOperation::captured(operation, self.beginning_ns) {
            self.series.add(&timed);
            self.heat.add(&timed);
            self.distributions.add(&timed);
            self.points.add(&timed);
        }
    }

    /// The page.
    pub fn finish(mut self, facts: &PageFacts) -> serde_json::Result<String> {
        let mut statistics = self.statistics.finish(LISTED);
        // One time for each session that was begun, in the same order.
        for (row, time) in self.sessions.iter_mut().zip(std::mem::take(&mut statistics.sessions)) {
            row.time = Some(time);
        }
        let session_count = self.sessions.len();
        if session_count > SESSIONS {
            self.sessions.sort_by_key(|row| Reverse(row.entry.operations));
            self.sessions.truncate(SESSIONS);
        }
        let error_kinds = statistics.errors.len();
        statistics.errors.truncate(ERRORS);
        let data = Data {
            kind: "capture",
            smbreplay: env!("CARGO_PKG_VERSION"),
            facts,
            statistics: &statistics,
            error_kinds,
            sessions: &self.sessions,
            session_count,
            series: self.series.report(),
            heat: self.heat.report(),
            distributions: self.distributions.report(),
            points: self.points.report(),
            ladder: &self.ladder,
        };
        page(&format!("{} · smbreplay", facts.title), &data)
    }
}
