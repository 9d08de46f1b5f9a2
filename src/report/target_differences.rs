//! What the target negotiated otherwise than the captured server: at the head of a report, and with what follows from it.

use super::figures::count;
use crate::replay::{Row, RunReport, TargetDifference};

/// The first line of a report; None when the target negotiates as the captured server did.
pub(super) fn headline(report: &RunReport) -> Option<String> {
    let differences = &report.summary.target_differences;
    let texts: Vec<_> = differences.iter().map(|tally| tally.difference.to_string()).collect();
    (!texts.is_empty()).then(|| format!("target differs: {}", texts.join("; ")))
}

/// What follows from a difference, in one line; None when nothing does.
pub(super) fn consequence(tally: &TargetDifference) -> Option<String> {
    let mut parts = Vec::new();
    let mut add = |number: usize, text: &str| {
        if number > 0 {
            parts.push(format!("{number} {text}"));
        }
    };
    add(tally.divergences, "diverged");
    add(tally.noise, "diverged as noise does");
    add(tally.skipped, "skipped");
    let steps = tally.divergences + tally.noise + tally.skipped;
    let of = format!("{} because of this: {}", count(steps, "step"), tally.difference);
    (steps > 0).then(|| format!("{of} ({}; they count like all others)", parts.join(", ")))
}

/// The divergences that follow from a difference, noise aside.
pub(super) fn following<'a>(report: &'a RunReport, tally: &TargetDifference) -> Vec<&'a Row> {
    let follows = |row: &&Row| row.cause == Some(tally.difference) && !row.noise;
    report.divergences.iter().filter(follows).collect()
}
