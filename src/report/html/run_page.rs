//! The page about a replay run.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::capture_page::{HEAT_STRETCHES, POINTS, STRETCHES};
use super::divergence_groups::Divergences;
use super::facts::PageFacts;
use super::ladder::Ladder;
use super::page::page;
use super::step_files::{StepFile, StepFiles};
use crate::analyse::{
    Distribution, Distributions, HeatMap, HeatMapReport, OperationPoints, PointsReport, TimeSeries, TimeSeriesReport,
    TimedOperation,
};
use crate::model::{ReplayedStep, RunEntry, SessionId};

/// Gathers what the page shows: the figures of the run's `report.json` as they stand there, and what is drawn of its steps.
pub struct RunPage<'a> {
    run: &'a RunEntry,
    report: Figures<'a>,
    series: TimeSeries,
    replayed: Lane,
    captured: Lane,
    points: OperationPoints,
    divergences: Divergences,
    files: StepFiles,
    ladder: Ladder,
    last_session: Option<SessionId>,
}

/// Latencies of one side.
struct Lane {
    heat: HeatMap,
    distributions: Distributions,
}

/// What is shown of `report.json`; its divergences are not, since `results.parquet` has them too and can be read in part.
#[derive(Deserialize, Serialize)]
struct Figures<'a> {
    #[serde(borrow)]
    summary: &'a RawValue,
    #[serde(borrow, default)]
    thresholds: Option<&'a RawValue>,
    #[serde(borrow, default)]
    passes: Option<&'a RawValue>,
    #[serde(borrow, default)]
    users: Option<&'a RawValue>,
    #[serde(borrow, default)]
    ops_per_second: Option<&'a RawValue>,
    #[serde(default)]
    interrupted: bool,
}

#[derive(Serialize)]
struct Side {
    heat: HeatMapReport,
    distributions: Vec<Distribution>,
}

#[derive(Serialize)]
struct Data<'a> {
    kind: &'static str,
    smbreplay: &'static str,
    #[serde(flatten)]
    facts: &'a PageFacts,
    run: &'a RunEntry,
    report: &'a Figures<'a>,
    series: TimeSeriesReport,
    replayed: Side,
    captured: Side,
    points: PointsReport,
    divergences: Divergences,
    files: Vec<StepFile>,
    file_count: usize,
    ladder: &'a Ladder,
}

impl Lane {
    fn new() -> Self {
        Self { heat: HeatMap::new(HEAT_STRETCHES), distributions: Distributions::default() }
    }

    fn add(&mut self, step: &TimedOperation<'_>) {
        self.heat.add(step);
        self.distributions.add(step);
    }

    fn side(&self) -> Side {
        Side { heat: self.heat.report(), distributions: self.distributions.report() }
    }
}

impl<'a> RunPage<'a> {
    /// An empty page about a run, with the text of its `report.json`. An error says that this is no such report.
    pub fn new(run: &'a RunEntry, report_json: &'a str) -> serde_json::Result<Self> {
        Ok(Self {
            run,
            report: serde_json::from_str(report_json)?,
            series: TimeSeries::new(STRETCHES),
            replayed: Lane::new(),
            captured: Lane::new(),
            points: OperationPoints::new(POINTS),
            divergences: Divergences::default(),
            files: StepFiles::default(),
            ladder: Ladder::default(),
            last_session: None,
        })
    }

    /// Counts a step.
    pub fn add(&mut self, step: &ReplayedStep) {
        self.divergences.add(step);
        self.files.add(step);
        let first_pass = step.copy == 1 && step.iteration == 1;
        if first_pass && step.class != "not_selected" {
            self.ladder.replayed(step, &self.run.target);
        }
        if self.last_session.replace(step.session_id) != Some(step.session_id) {
            self.points.begin_session();
        }
        let Some(timed) = TimedOperation::replayed(step) else { return };
        self.series.add(&timed);
        self.points.add(&timed);
        // Only what both sides answered is compared, as in the summary.
        if step.replayed_latency_ns.is_some() && step.captured_latency_ns.is_some() {
            self.replayed.add(&timed);
            self.captured.add(&timed.with_latency(step.captured_latency_ns));
        }
    }

    /// The page.
    pub fn finish(self, facts: &PageFacts) -> serde_json::Result<String> {
        let (files, file_count) = self.files.listed();
        let data = Data {
            kind: "run",
            smbreplay: env!("CARGO_PKG_VERSION"),
            facts,
            run: self.run,
            report: &self.report,
            series: self.series.report(),
            replayed: self.replayed.side(),
            captured: self.captured.side(),
            points: self.points.report(),
            divergences: self.divergences.sorted(),
            files,
            file_count,
            ladder: &self.ladder,
        };
        page(&format!("{} · smbreplay", facts.title), &data)
    }
}
