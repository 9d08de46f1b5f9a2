//! How the steps of a replay fared, file by file.

use std::cmp::Reverse;
use std::collections::HashMap;

use serde::Serialize;

use crate::model::ReplayedStep;

/// Files that are listed.
const LISTED: usize = 50;

/// Counts by share and path.
#[derive(Clone, Debug, Default)]
pub(super) struct StepFiles {
    files: HashMap<Box<str>, StepFile>,
}

/// A file.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct StepFile {
    name: String,
    steps: u64,
    matching: u64,
    diverged: u64,
    noise: u64,
    skipped: u64,
}

impl StepFiles {
    pub(super) fn add(&mut self, step: &ReplayedStep) {
        let (Some(share), Some(path)) = (&step.share, &step.path) else { return };
        if step.class == "not_selected" {
            return;
        }
        let name = format!("{share}\\{path}");
        let file = self.files.entry(name.into_boxed_str()).or_default();
        file.steps += 1;
        match &*step.class {
            "match" => file.matching += 1,
            "skipped" | "not_replayable" | "not_reached" => file.skipped += 1,
            _ if step.noise => file.noise += 1,
            _ => file.diverged += 1,
        }
    }

    /// Those with most divergences, then those with most steps, and how many there are.
    pub(super) fn listed(self) -> (Vec<StepFile>, usize) {
        let count = self.files.len();
        let named = |(name, file): (Box<str>, StepFile)| StepFile { name: name.into_string(), ..file };
        let mut files: Vec<_> = self.files.into_iter().map(named).collect();
        files.sort_by(|a, b| {
            let weight = |file: &StepFile| Reverse((file.diverged, file.skipped, file.steps));
            weight(a).cmp(&weight(b)).then_with(|| a.name.cmp(&b.name))
        });
        files.truncate(LISTED);
        (files, count)
    }
}
