//! A run's report for programs.

use serde::Serialize;

use crate::replay::{Judged, PassTally, Row, RunReport, RunSummary, UserUse, Verdict};

/// The version of the format; it grows when fields change their meaning or go.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    smbreplay: &'static str,
    verdict: Verdict,
    failed: bool,
    started: String,
    target: String,
    user: &'a str,
    users: &'a [UserUse],
    selection: Option<&'a str>,
    ordering: &'static str,
    pacing: String,
    read_only: bool,
    interrupted: bool,
    thresholds: &'a [Judged],
    ops_per_second: f64,
    clones: u32,
    iterations: u32,
    passes: &'a [PassTally],
    summary: &'a RunSummary,
    divergences: &'a [Row],
}

/// `report.json`: the verdict, the summary, and every divergence. No password, no key.
pub fn replay_json(report: &RunReport) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Document {
        version: VERSION,
        smbreplay: env!("CARGO_PKG_VERSION"),
        verdict: report.verdict(),
        failed: report.failed(),
        started: report.started.to_string(),
        target: report.target.to_string(),
        user: &report.user,
        users: &report.users,
        selection: report.selection.as_deref(),
        ordering: report.options.ordering.name(),
        pacing: report.options.pacing.to_string(),
        read_only: report.options.read_only,
        interrupted: report.interrupted,
        thresholds: &report.thresholds,
        ops_per_second: report.summary.ops_per_second(),
        clones: report.options.clones,
        iterations: report.options.iterations,
        passes: &report.passes,
        summary: &report.summary,
        divergences: &report.divergences,
    })
}
