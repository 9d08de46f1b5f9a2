//! How two runs differ, for programs.

use serde::Serialize;

use crate::model::RunEntry;
use crate::replay::{RunDiff, StepDiff};

#[derive(Serialize)]
struct Document<'a> {
    a: Side<'a>,
    b: Side<'a>,
    differs: bool,
    summary: &'a RunDiff,
    differences: &'a [StepDiff],
}

#[derive(Serialize)]
struct Side<'a> {
    run: &'a str,
    #[serde(flatten)]
    entry: &'a RunEntry,
}

/// Both runs (name and entry), what differs in numbers, and every difference.
pub fn diff_json(
    runs: [(&str, &RunEntry); 2],
    summary: &RunDiff,
    differences: &[StepDiff],
) -> serde_json::Result<String> {
    let [a, b] = runs.map(|(run, entry)| Side { run, entry });
    serde_json::to_string_pretty(&Document { a, b, differs: summary.differs(), summary, differences })
}
