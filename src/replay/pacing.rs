//! When chains are due.

use std::time::Duration;

use super::options::{Options, Pacing};
use super::plan::{Plan, PlannedChain, StepKind};
use crate::model::Timestamp;

/// The due times of a plan's chains.
#[derive(Debug)]
pub(super) struct Schedule<'a> {
    plan: &'a Plan,
    pacing: Pacing,
    max_gap: Option<Duration>,
    /// When the first chain that goes out was sent in the capture.
    start: Option<Timestamp>,
    /// By chain, for the timeline pacings: when it is due from the start of the run.
    timeline: Vec<Duration>,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(plan: &'a Plan, options: &Options) -> Self {
        let speed = match options.pacing {
            Pacing::Captured => Some(1.0),
            Pacing::Scaled(factor) => Some(factor),
            Pacing::Asap | Pacing::Think => None,
        };
        let timeline = speed.map(|speed| timeline(plan, options.max_gap, speed)).unwrap_or_default();
        let start = plan.chains.iter().find(|chain| goes_out(plan, chain)).map(|chain| chain.captured_at);
        Self { plan, pacing: options.pacing, max_gap: options.max_gap, start, timeline }
    }

    /// Whether chains have a time of their own, whatever they wait for.
    pub(super) fn is_timeline(&self) -> bool {
        matches!(self.pacing, Pacing::Captured | Pacing::Scaled(_))
    }

    /// When a chain that became ready at `ready` is due; both from the start of the run.
    pub(super) fn due(&self, chain: u32, ready: Duration) -> Duration {
        let at = chain as usize;
        match self.pacing {
            Pacing::Asap => ready,
            Pacing::Captured | Pacing::Scaled(_) => self.timeline.get(at).copied().unwrap_or(ready),
            Pacing::Think => ready + self.thought(at),
        }
    }

    /// How long the captured client took after the last answer that the chain waits for; for a chain that waits for
    /// nothing, after the start of the capture.
    fn thought(&self, chain: usize) -> Duration {
        let Some(sent) = self.plan.chains.get(chain).map(|chain| chain.captured_at) else { return Duration::ZERO };
        let start = self.start;
        let released = self.plan.order.released_at.get(chain).copied().flatten().or(start).unwrap_or(sent);
        let gap = between(released, sent);
        self.max_gap.map_or(gap, |most| gap.min(most))
    }
}

/// Whether anything of a chain was selected: what is left out takes no time.
fn goes_out(plan: &Plan, chain: &PlannedChain) -> bool {
    let steps = plan.steps.get(chain.steps().start as usize..chain.steps().end as usize);
    steps.is_some_and(|steps| steps.iter().any(|step| step.kind != StepKind::NotSelected))
}

fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::from_nanos(u64::try_from(later.since(earlier)).unwrap_or(0))
}

/// The captured times from the first one, pauses cut to `max_gap`, then made faster.
fn timeline(plan: &Plan, max_gap: Option<Duration>, speed: f64) -> Vec<Duration> {
    let mut by_time: Vec<usize> = (0..plan.chains.len()).collect();
    by_time.retain(|chain| plan.chains.get(*chain).is_some_and(|chain| goes_out(plan, chain)));
    by_time.sort_by_key(|chain| plan.chains.get(*chain).map(|chain| chain.captured_at));
    let mut due = vec![Duration::ZERO; plan.chains.len()];
    let mut reached = Duration::ZERO;
    let mut previous: Option<Timestamp> = None;
    for chain in by_time {
        let Some(sent) = plan.chains.get(chain).map(|chain| chain.captured_at) else { continue };
        let gap = previous.map_or(Duration::ZERO, |previous| between(previous, sent));
        reached += max_gap.map_or(gap, |most| gap.min(most));
        previous = Some(sent);
        if let Some(due) = due.get_mut(chain) {
            *due = reached.div_f64(speed);
        }
    }
    due
}
