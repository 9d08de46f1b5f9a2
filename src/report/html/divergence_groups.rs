//! Divergences put together by what differs, so that ten thousand of one kind are one line.

use std::collections::HashMap;

use serde::Serialize;

use super::ladder::about;
use crate::model::ReplayedStep;

/// Kinds of divergences that are told apart.
const KINDS: usize = 300;
/// Divergences that are listed one by one.
const LISTED: usize = 1_000;

/// What diverged.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Divergences {
    kinds: Vec<DivergenceKind>,
    /// Divergences of kinds beyond those.
    of_other_kinds: u64,
    listed: Vec<DivergenceRow>,
    total: u64,
    #[serde(skip)]
    places: HashMap<Key, usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    command: u16,
    class: String,
    noise: bool,
    statuses: Option<[String; 2]>,
    subjects: Vec<String>,
}

/// Divergences of a kind.
#[derive(Clone, Debug, Serialize)]
struct DivergenceKind {
    count: u64,
    command: String,
    class: String,
    noise: bool,
    /// What differs; numbers in it are those of the first one.
    what: String,
    captured: String,
    observed: String,
    first_frame: u64,
    first_path: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct DivergenceRow {
    session: String,
    copy: u32,
    iteration: u32,
    frame: u64,
    command: String,
    path: Option<String>,
    class: String,
    noise: bool,
    captured_status: Option<String>,
    status: Option<String>,
    /// Subject, captured, observed.
    differences: Vec<[String; 3]>,
    note: Option<String>,
}

/// Classes of what the server answered differently by itself.
const CLASSES: [&str; 7] = ["status", "data", "length", "info", "missing_response", "timeout", "connection_lost"];

impl Divergences {
    pub(super) fn add(&mut self, step: &ReplayedStep) {
        if !CLASSES.contains(&&*step.class) {
            return;
        }
        self.total += 1;
        let path = about(step.command, step.share.as_deref(), step.path.as_deref());
        let [captured, observed] =
            [step.captured_status, step.replayed_status].map(|status| status.map(|status| status.to_string()));
        self.count(step, path.clone(), &captured, &observed);
        if self.listed.len() < LISTED {
            self.listed.push(DivergenceRow {
                session: step.session_id.to_string(),
                copy: step.copy,
                iteration: step.iteration,
                frame: step.frame,
                command: step.command.to_string(),
                path,
                class: step.class.to_string(),
                noise: step.noise,
                captured_status: captured,
                status: observed,
                differences: step
                    .differences
                    .iter()
                    .map(|found| [&found.subject, &found.captured, &found.observed].map(|text| text.to_string()))
                    .collect(),
                note: step.note.as_deref().map(str::to_owned),
            });
        }
    }

    fn count(
        &mut self,
        step: &ReplayedStep,
        path: Option<String>,
        captured: &Option<String>,
        observed: &Option<String>,
    ) {
        let of_status = step.class == "status";
        let statuses = of_status.then(|| [captured, observed].map(|status| status.clone().unwrap_or_default()));
        let key = Key {
            command: step.command.code(),
            class: step.class.to_string(),
            noise: step.noise,
            statuses,
            subjects: step.differences.iter().map(|found| without_numbers(&found.subject)).collect(),
        };
        if let Some(at) = self.places.get(&key) {
            if let Some(kind) = self.kinds.get_mut(*at) {
                kind.count += 1;
            }
            return;
        }
        if self.kinds.len() >= KINDS {
            self.of_other_kinds += 1;
            return;
        }
        let first = step.differences.first();
        let text = |of: fn(&crate::model::Difference) -> &str| first.map(|found| of(found).to_owned());
        self.places.insert(key, self.kinds.len());
        self.kinds.push(DivergenceKind {
            count: 1,
            command: step.command.to_string(),
            class: step.class.to_string(),
            noise: step.noise,
            what: text(|found| &found.subject).unwrap_or_default(),
            captured: text(|found| &found.captured).or_else(|| captured.clone()).unwrap_or_default(),
            observed: text(|found| &found.observed).or_else(|| observed.clone()).unwrap_or_default(),
            first_frame: step.frame,
            first_path: path,
        });
    }

    /// The most frequent kinds first.
    pub(super) fn sorted(mut self) -> Self {
        self.kinds.sort_by_key(|kind| std::cmp::Reverse(kind.count));
        self.places.clear();
        self
    }
}

/// `byte 4711 of the file` and `byte 12 of the file` are of one kind.
fn without_numbers(text: &str) -> String {
    let mut kind = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '0'..='9' if kind.ends_with('#') => {}
            '0'..='9' => kind.push('#'),
            other => kind.push(other),
        }
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Command, Difference, NtStatus, SessionId};

    fn step(class: &'static str, status: NtStatus, subject: &str) -> ReplayedStep {
        ReplayedStep {
            copy: 1,
            iteration: 1,
            session_id: SessionId(5),
            command: Command::Read,
            frame: 9,
            path: Some("a".into()),
            class: class.into(),
            compared: true,
            captured_status: Some(NtStatus::SUCCESS),
            replayed_status: Some(status),
            differences: vec![Difference { subject: subject.into(), captured: "x".into(), observed: "y".into() }],
            ..ReplayedStep::blank()
        }
    }

    #[test]
    fn divergences_of_a_kind_are_one_line_whatever_their_numbers() {
        let mut divergences = Divergences::default();
        for at in 0..50 {
            divergences.add(&step("data", NtStatus::SUCCESS, &format!("byte {} of the file", at * 17)));
            divergences.add(&step("match", NtStatus::SUCCESS, "nothing"));
            divergences.add(&step("skipped", NtStatus::SUCCESS, "nothing"));
        }
        for status in [NtStatus::ACCESS_DENIED, NtStatus(0xC000_0034), NtStatus::ACCESS_DENIED] {
            divergences.add(&step("status", status, "status"));
        }
        let divergences = divergences.sorted();
        let kinds: Vec<_> = divergences.kinds.iter().map(|kind| (kind.count, kind.class.as_str())).collect();
        assert_eq!(kinds, [(50, "data"), (2, "status"), (1, "status")]);
        assert_eq!((divergences.total, divergences.listed.len()), (53, 53));
    }

    #[test]
    fn beyond_its_bounds_everything_is_counted() {
        let mut divergences = Divergences::default();
        for number in 0..2_000u32 {
            divergences.add(&step("status", NtStatus(0xC000_0000 | number), "status"));
        }
        assert_eq!((divergences.kinds.len(), divergences.listed.len()), (KINDS, LISTED));
        assert_eq!(divergences.of_other_kinds + KINDS as u64, divergences.total);
    }
}
