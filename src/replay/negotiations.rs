//! What the connections of a run negotiated, beside the captured ones, and what follows from the differences.

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::negotiated::{NegotiatedDifference, Negotiation};
use super::negotiated_causes::Differences;
use super::outcome::Outcome;
use super::plan::Plan;
use crate::model::Operation;
use crate::wire::Connection;

/// How many connections negotiated a difference.
pub(super) type Counted = Vec<(NegotiatedDifference, usize)>;

/// By place of the connection in the plan.
#[derive(Debug, Default)]
pub(super) struct Negotiations {
    captured: FxHashMap<u32, Negotiation>,
    differences: FxHashMap<u32, Vec<NegotiatedDifference>>,
}

impl Negotiations {
    /// The captured ones.
    pub(super) fn new(plan: &Plan, operations: &[Operation]) -> Self {
        let mut captured = FxHashMap::default();
        for (step, operation) in plan.steps.iter().zip(operations) {
            if let Some(negotiation) = Negotiation::captured(operation) {
                let connection = plan.chains.get(step.chain as usize).map_or(0, |chain| chain.connection);
                captured.insert(connection, negotiation);
            }
        }
        Self { captured, differences: FxHashMap::default() }
    }

    /// A connection of the target is there.
    pub(super) fn connected(&mut self, connection: u32, wire: &Connection) {
        if let Some(captured) = self.captured.get(&connection) {
            self.differences.insert(connection, captured.differences(&Negotiation::live(wire)));
        }
    }

    /// What differs on a connection.
    pub(super) fn on(&self, connection: u32) -> Differences<'_> {
        Differences(self.differences.get(&connection).map(Vec::as_slice).unwrap_or_default())
    }

    /// What differs on any connection, and on how many.
    pub(super) fn counted(&self) -> Counted {
        let mut connections: Vec<_> = self.differences.iter().collect();
        connections.sort_unstable_by_key(|(connection, _)| **connection);
        let mut counted = Counted::new();
        for difference in connections.into_iter().flat_map(|(_, differences)| differences) {
            add(&mut counted, *difference, 1);
        }
        counted
    }
}

/// Counts the connections of a further pass.
pub(super) fn add_all(counted: &mut Counted, more: Counted) {
    more.into_iter().for_each(|(difference, connections)| add(counted, difference, connections));
}

fn add(counted: &mut Counted, difference: NegotiatedDifference, connections: usize) {
    match counted.iter_mut().find(|(known, _)| *known == difference) {
        Some((_, known)) => *known += connections,
        None => counted.push((difference, connections)),
    }
}

/// A difference between the target and the captured server, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TargetDifference {
    /// What was negotiated otherwise.
    #[serde(flatten)]
    pub difference: NegotiatedDifference,
    /// On how many connections.
    pub connections: usize,
    /// Steps that diverged because of it. They are counted as diverged like all others.
    pub divergences: usize,
    /// Further ones, known to be noise.
    pub noise: usize,
    /// Steps skipped because of those.
    pub skipped: usize,
}

impl TargetDifference {
    /// Of each difference, the outcomes that follow from it. `skipped` is how many were skipped for an outcome. What only the
    /// replay had asked for is told when something follows from it.
    pub(super) fn tally(counted: Counted, outcomes: &[Outcome], skipped: impl Fn(&Outcome) -> usize) -> Vec<Self> {
        let mut differences: Vec<Self> = counted
            .into_iter()
            .map(|(difference, connections)| Self { difference, connections, divergences: 0, noise: 0, skipped: 0 })
            .collect();
        for outcome in outcomes {
            let Some(cause) = outcome.cause else { continue };
            let Some(tally) = differences.iter_mut().find(|known| known.difference == cause) else { continue };
            tally.divergences += usize::from(outcome.diverged());
            tally.noise += usize::from(outcome.noise);
            tally.skipped += skipped(outcome);
        }
        differences.retain(|tally| {
            !tally.difference.asked_by_replay_only || tally.divergences + tally.noise + tally.skipped > 0
        });
        differences
    }
}
