//! Which chains may go, as answers come in.

use super::order::{Order, Prefix, Rule};
use super::order_resource::{Graph, Level};
use super::plan::{Plan, StepIndex};

/// The state of a run's waiting. Chains that become ready are pushed onto `ready`, each once.
#[derive(Debug)]
pub(super) struct Readiness<'a> {
    plan: &'a Plan,
    rule: RuleState<'a>,
    /// Chains that may go and were not taken yet.
    pub(super) ready: Vec<u32>,
}

#[derive(Debug)]
enum RuleState<'a> {
    Prefix(PrefixState<'a>),
    Graph(GraphState<'a>),
}

impl<'a> Readiness<'a> {
    /// At the start: what waits for nothing is ready.
    pub(super) fn new(plan: &'a Plan) -> Self {
        let Order { rule, .. } = &plan.order;
        let mut ready = Vec::new();
        let rule = match rule {
            Rule::Prefix(prefix) => {
                RuleState::Prefix(PrefixState::new(prefix, plan.steps.len() + plan.closings as usize, &mut ready))
            }
            Rule::Graph(graph) => RuleState::Graph(GraphState::new(graph, plan, &mut ready)),
        };
        Self { plan, rule, ready }
    }

    /// A chain went out (or was left out).
    pub(super) fn sent(&mut self, chain: u32) {
        if let RuleState::Graph(state) = &mut self.rule {
            state.reach(chain, Level::Sent, &mut self.ready);
        }
    }

    /// A step's interim answer came.
    pub(super) fn interim(&mut self, step: StepIndex) {
        match &mut self.rule {
            RuleState::Prefix(state) => state.answered(step, true, &mut self.ready),
            RuleState::Graph(state) => state.answered(self.plan, step, true, &mut self.ready),
        }
    }

    /// A step is over, in whatever way.
    pub(super) fn done(&mut self, step: StepIndex) {
        match &mut self.rule {
            RuleState::Prefix(state) => state.answered(step, false, &mut self.ready),
            RuleState::Graph(state) => state.answered(self.plan, step, false, &mut self.ready),
        }
    }
}

const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct PrefixState<'a> {
    prefix: &'a Prefix,
    /// By step: the places of its interim and final answer in the sequence.
    places: Vec<(u32, u32)>,
    /// By place.
    came: Vec<bool>,
    /// How long a prefix has come.
    length: u32,
    /// Chains in the order in which they become ready.
    order: Vec<u32>,
    released: usize,
}

impl<'a> PrefixState<'a> {
    fn new(prefix: &'a Prefix, steps: usize, ready: &mut Vec<u32>) -> Self {
        let mut places = vec![(NONE, NONE); steps];
        for (place, answer) in prefix.answers.iter().enumerate() {
            if let Some((interim, last)) = places.get_mut(answer.step as usize) {
                *(if answer.interim { interim } else { last }) = place as u32;
            }
        }
        let mut order: Vec<u32> = (0..prefix.waits_for.len() as u32).collect();
        order.sort_by_key(|chain| prefix.waits_for.get(*chain as usize).copied());
        let came = vec![false; prefix.answers.len()];
        let mut state = Self { prefix, places, came, length: 0, order, released: 0 };
        state.release(ready);
        state
    }

    fn answered(&mut self, step: StepIndex, interim_only: bool, ready: &mut Vec<u32>) {
        let (interim, last) = self.places.get(step as usize).copied().unwrap_or((NONE, NONE));
        for place in if interim_only { [interim, NONE] } else { [interim, last] } {
            if let Some(came) = self.came.get_mut(place as usize) {
                *came = true;
            }
        }
        while self.came.get(self.length as usize) == Some(&true) {
            self.length += 1;
        }
        self.release(ready);
    }

    fn release(&mut self, ready: &mut Vec<u32>) {
        while let Some(chain) = self.order.get(self.released)
            && self.prefix.waits_for.get(*chain as usize).is_some_and(|count| *count <= self.length)
        {
            ready.push(*chain);
            self.released += 1;
        }
    }
}

#[derive(Debug)]
struct GraphState<'a> {
    graph: &'a Graph,
    /// By node: edges into it that have not fired.
    waiting: Vec<u32>,
    /// By node: the level reached, whose edges have fired.
    reached: Vec<Level>,
    /// By chain: steps whose interim or final answer, and whose final answer, has not come.
    open: Vec<(u32, u32)>,
    /// By step: whether its interim or final answer has been counted.
    interim_counted: Vec<bool>,
    chains: u32,
}

impl<'a> GraphState<'a> {
    fn new(graph: &'a Graph, plan: &Plan, ready: &mut Vec<u32>) -> Self {
        let mut waiting = vec![0; graph.nodes()];
        graph.for_each_edge(|_, edge| {
            if let Some(count) = waiting.get_mut(edge.to as usize) {
                *count += 1;
            }
        });
        let open = plan.chains.iter().map(|chain| (chain.steps().len() as u32, chain.steps().len() as u32)).collect();
        let chains = plan.chains.len() as u32;
        let idle = (0..chains).filter(|chain| waiting.get(*chain as usize) == Some(&0));
        ready.extend(idle);
        let reached = vec![Level::Unsent; graph.nodes()];
        Self { graph, waiting, reached, open, interim_counted: vec![false; plan.steps.len()], chains }
    }

    fn answered(&mut self, plan: &Plan, step: StepIndex, interim_only: bool, ready: &mut Vec<u32>) {
        let Some(chain) = plan.chain_of(step) else { return };
        let Some((no_interim, no_final)) = self.open.get_mut(chain as usize) else { return };
        if let Some(counted) = self.interim_counted.get_mut(step as usize)
            && !std::mem::replace(counted, true)
        {
            *no_interim -= 1;
        }
        if !interim_only {
            *no_final = no_final.saturating_sub(1);
        }
        let level = match (*no_interim, *no_final) {
            (_, 0) => Level::Final,
            (0, _) => Level::Interim,
            _ => return,
        };
        self.reach(chain, level, ready);
    }

    fn reach(&mut self, node: u32, level: Level, ready: &mut Vec<u32>) {
        let mut work = vec![(node, level)];
        while let Some((node, level)) = work.pop() {
            let Some(reached) = self.reached.get_mut(node as usize) else { continue };
            let before = *reached;
            if level <= before {
                continue;
            }
            *reached = level;
            for edge in self.graph.edges_from(node) {
                if edge.level <= before || edge.level > level {
                    continue;
                }
                let Some(count) = self.waiting.get_mut(edge.to as usize) else { continue };
                *count -= 1;
                if *count == 0 && edge.to < self.chains {
                    ready.push(edge.to);
                } else if *count == 0 {
                    // A barrier has nothing to do: it is done when all before it are.
                    work.push((edge.to, Level::Final));
                }
            }
        }
    }
}
