//! Noise: what differs between runs of one replay against one server in one state, and so says nothing about the server.
//!
//! It is learnt step by step and field by field, never in general: a size that differs by itself in one CREATE excuses
//! no other. A lost connection is never noise, and neither is a step that was skipped: nobody looked at it.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::outcome::{Class, Finding, Outcome};
use crate::model::{Operation, SessionId};

/// The field whose values are few, so that only those seen count as noise.
const STATUS: &str = "status";

/// One field of one step that differed between runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoiseEntry {
    /// Captured session id, as `0x…`.
    pub session_id: String,
    /// The operation's place in its session.
    pub op_index: u32,
    /// The frame of the captured request.
    pub frame: u64,
    /// The command.
    pub command: String,
    /// Share-relative path.
    pub path: Option<String>,
    /// What differed: `status`, `data`, `end_of_file` …
    pub field: String,
    /// In the capture.
    pub captured: String,
    /// By run what was observed; null where the run agreed with the capture.
    pub observed: Vec<Option<String>>,
}

/// What is noise, by step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoiseModel {
    fields: FxHashMap<(SessionId, u32), Vec<Field>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    name: String,
    seen: Vec<String>,
}

impl NoiseModel {
    /// The model of some entries.
    pub fn new(entries: &[NoiseEntry]) -> Self {
        let mut fields: FxHashMap<_, Vec<Field>> = FxHashMap::default();
        for entry in entries {
            let digits = entry.session_id.trim_start_matches("0x");
            let Ok(session) = u64::from_str_radix(digits, 16) else { continue };
            let seen = entry.observed.iter().flatten().cloned().collect();
            let field = Field { name: entry.field.clone(), seen };
            fields.entry((SessionId(session), entry.op_index)).or_default().push(field);
        }
        Self { fields }
    }

    /// What differs between runs of one plan. The outcomes of each run are in the order of the steps.
    pub fn learn(operations: &[Operation], runs: &[&[Outcome]]) -> Vec<NoiseEntry> {
        let mut entries = Vec::new();
        for (at, operation) in operations.iter().enumerate() {
            let outcomes: Vec<&Outcome> = runs.iter().filter_map(|run| run.get(at)).collect();
            let looked_at = |outcome: &&Outcome| outcome.class == Class::Match || can_be_noise(outcome.class);
            if outcomes.len() < runs.len() || !outcomes.iter().all(looked_at) {
                continue;
            }
            let mut names: Vec<&str> = outcomes.iter().flat_map(|outcome| &outcome.findings).map(field).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let of_run = |outcome: &&Outcome| {
                    let mut found = outcome.findings.iter().filter(|finding| field(finding) == name).peekable();
                    found.peek()?;
                    Some(found.map(|finding| finding.observed.as_str()).collect::<Vec<_>>().join("; "))
                };
                let observed: Vec<Option<String>> = outcomes.iter().map(of_run).collect();
                if observed.windows(2).all(|two| two[0] == two[1]) {
                    continue;
                }
                let all = outcomes.iter().flat_map(|outcome| &outcome.findings);
                let captured = all.into_iter().find(|finding| field(finding) == name);
                entries.push(NoiseEntry {
                    session_id: operation.session_id.to_string(),
                    op_index: operation.op_index,
                    frame: operation.parts().next().map_or(0, |part| part.frame),
                    command: operation.command.to_string(),
                    path: operation.path.as_deref().map(str::to_owned),
                    field: name.to_owned(),
                    captured: captured.map(|finding| finding.expected.clone()).unwrap_or_default(),
                    observed,
                });
            }
        }
        entries
    }

    /// Whether all that diverged in a step is known to be noise there.
    pub fn covers(&self, operation: &Operation, outcome: &Outcome) -> bool {
        let Some(known) = self.fields.get(&(operation.session_id, operation.op_index)) else { return false };
        let covered = |finding: &Finding| {
            let name = field(finding);
            known.iter().any(|known| known.name == name && (name != STATUS || known.seen.contains(&finding.observed)))
        };
        can_be_noise(outcome.class) && !outcome.findings.is_empty() && outcome.findings.iter().all(covered)
    }
}

fn can_be_noise(class: Class) -> bool {
    class.is_divergence() && class != Class::ConnectionLost
}

/// What a finding is about, without the place at which it showed.
fn field(finding: &Finding) -> &str {
    if finding.subject.starts_with("byte ") { "data" } else { &finding.subject }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{create, read};
    use super::*;
    use crate::model::FileId;

    fn outcome(step: u32, class: Class, findings: &[(&str, &str)]) -> Outcome {
        let findings = findings.iter().map(|(subject, observed)| Finding::new(*subject, "as captured", observed));
        Outcome { findings: findings.collect(), ..Outcome::unanswered(step, class) }
    }

    fn operations() -> Vec<Operation> {
        let id = FileId([1; 16]);
        let mut operations = vec![
            create("a", id, 1, 1, 2),
            read("a", id, 0, 10, 3, 4),
            create("b", id, 1, 5, 6),
            create("c", id, 1, 7, 8),
        ];
        operations.iter_mut().zip(0..).for_each(|(operation, at)| operation.op_index = at);
        operations
    }

    #[test]
    fn what_differs_between_runs_is_noise_and_what_is_equal_in_them_is_not() {
        let operations = operations();
        let first = [
            outcome(0, Class::Info, &[("end_of_file", "5")]),
            outcome(1, Class::Data, &[("byte 3 of the file", "00")]),
            outcome(2, Class::Status, &[("status", "STATUS_ACCESS_DENIED")]),
            outcome(3, Class::Match, &[]),
        ];
        let second = [
            outcome(0, Class::Info, &[("end_of_file", "6")]),
            outcome(1, Class::Data, &[("byte 4 of the file", "01")]),
            outcome(2, Class::Status, &[("status", "STATUS_ACCESS_DENIED")]),
            outcome(3, Class::Status, &[("status", "STATUS_SHARING_VIOLATION")]),
        ];
        let entries = NoiseModel::learn(&operations, &[&first, &second]);
        let told: Vec<_> = entries.iter().map(|entry| (entry.op_index, entry.field.as_str())).collect();
        assert_eq!(told, [(0, "end_of_file"), (1, "data"), (3, "status")]);
        assert_eq!(entries[2].observed, [None, Some("STATUS_SHARING_VIOLATION".to_owned())]);

        let model = NoiseModel::new(&entries);
        let covers = |at: usize, class, findings: &[(&str, &str)]| {
            model.covers(&operations[at], &outcome(at as u32, class, findings))
        };
        assert!(covers(0, Class::Info, &[("end_of_file", "7")]), "another value of the same field");
        assert!(!covers(0, Class::Info, &[("end_of_file", "7"), ("create_action", "2")]), "one more field");
        assert!(!covers(2, Class::Status, &[("status", "STATUS_ACCESS_DENIED")]), "equal in both runs");
        assert!(covers(3, Class::Status, &[("status", "STATUS_SHARING_VIOLATION")]));
        assert!(!covers(3, Class::Status, &[("status", "STATUS_DISK_FULL")]), "a status that was not seen");
        assert!(!covers(0, Class::ConnectionLost, &[("end_of_file", "7")]));
    }

    #[test]
    fn what_nobody_looked_at_is_no_noise() {
        let operations = operations();
        let first: Vec<_> = (0..4).map(|at| outcome(at, Class::Match, &[])).collect();
        let mut second = first.clone();
        second[1] = outcome(1, Class::Skipped { root: 0 }, &[]);
        second[2] = outcome(2, Class::ConnectionLost, &[("connection", "lost")]);
        assert!(NoiseModel::learn(&operations, &[&first, &second]).is_empty());
    }
}
