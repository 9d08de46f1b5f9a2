//! `resource` ordering: a chain waits only for what it truly depends on.
//!
//! Each operation touches resources (a session, a tree, an open, a name, a folder's listing, a file's size, a byte range) in
//! one of three modes. Modes that get along do not wait for each other: reads with reads, updates with updates. All
//! others wait, in captured order, and only for what the client had waited for: what was concurrent in the capture stays so.

use rustc_hash::FxHashMap;

use super::classify::granted_file_id;
use super::picks::Causes;
use super::plan::{PlannedChain, Step, StepKind};
use super::ranges::{Follow, Ranges};
use super::resources::{Mode, Resource, Touches};
use crate::model::{FileId, Operation, Timestamp};

/// How far a chain must have come for an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Unsent,
    Sent,
    Interim,
    Final,
}

/// An edge to a node that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) to: u32,
    pub(super) level: Level,
}

/// Who waits for whom. Nodes are the chains, and after them barriers: a barrier stands for "all of these", so that many
/// that wait for many do not need an edge a pair.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Graph {
    starts: Vec<u32>,
    edges: Vec<Edge>,
}

impl Graph {
    fn new(nodes: usize, mut pairs: Vec<(u32, Edge)>) -> Self {
        pairs.sort_unstable_by_key(|(from, edge)| (*from, edge.to, std::cmp::Reverse(edge.level)));
        pairs.dedup_by_key(|(from, edge)| (*from, edge.to));
        let mut starts = vec![0u32; nodes + 1];
        for (from, _) in &pairs {
            starts[*from as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        Self { starts, edges: pairs.into_iter().map(|(_, edge)| edge).collect() }
    }

    pub(super) fn nodes(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn edges_from(&self, node: u32) -> &[Edge] {
        let range = self.starts.get(node as usize).zip(self.starts.get(node as usize + 1));
        range.and_then(|(start, end)| self.edges.get(*start as usize..*end as usize)).unwrap_or_default()
    }

    pub(super) fn for_each_edge(&self, mut visit: impl FnMut(u32, Edge)) {
        for node in 0..self.nodes() as u32 {
            self.edges_from(node).iter().for_each(|edge| visit(node, *edge));
        }
    }
}

/// The chains that touched a resource in modes that get along, and what they waited for.
#[derive(Default)]
struct Group {
    mode: Option<Mode>,
    members: Vec<u32>,
    /// Of the groups before: a barrier with the captured time at which it was passed, and those that had not ended when
    /// the barrier was made.
    barrier: Option<(u32, Timestamp)>,
    before: Vec<(u32, Mode)>,
}

/// A group of more members gets a barrier.
const WITHOUT_BARRIER: usize = 4;

pub(super) struct Builder<'a> {
    chains: &'a [PlannedChain],
    /// By chain: the frames that completed its interim and its final answers.
    answered: Vec<(Option<u64>, Option<u64>, Timestamp)>,
    edges: Vec<(u32, Edge)>,
    nodes: u32,
    released_at: Vec<Option<Timestamp>>,
}

/// The graph, and by chain the captured time of the last answer that it waits for.
pub(super) fn resource_graph(
    operations: &[Operation],
    steps: &[Step],
    chains: &[PlannedChain],
) -> (Graph, Vec<Option<Timestamp>>) {
    let mut builder = Builder::new(operations, steps, chains);
    let mut groups: FxHashMap<Resource, Group> = FxHashMap::default();
    let mut ranges: FxHashMap<Resource, Ranges> = FxHashMap::default();
    let mut touches = Touches::default();
    let mut connections: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    let causes = Causes::of(operations);
    let open = |create: u32| operations.get(create as usize).and_then(granted_file_id);
    let broken: FxHashMap<u32, FileId> =
        causes.breaks.iter().filter_map(|cause| Some((cause.at, open(cause.create)?))).collect();
    for (at, chain) in (0..).zip(chains) {
        let of_connection = connections.entry(chain.connection).or_default();
        if chain.closing.is_some() {
            // A connection ends when its steps are over. What was open on it is closed then, or waits for a reconnection.
            for before in std::mem::take(of_connection) {
                builder.depend(before, at);
            }
            let index = chain.index;
            touches.end_of(index);
            builder.touch_all(&mut touches, &mut groups, &mut ranges, at);
            continue;
        }
        of_connection.push(at);
        for step_at in chain.steps() {
            let Some((operation, step)) = operations.get(step_at as usize).zip(steps.get(step_at as usize)) else {
                continue;
            };
            match step.kind {
                kind if kind.is_left_out() => continue,
                StepKind::Cancel { target } => {
                    let target = target.and_then(|target| steps.get(target as usize));
                    if let Some(target) = target {
                        builder.depend(target.chain, step.chain);
                    }
                    continue;
                }
                StepKind::Acknowledge { of } => {
                    if let Some(of) = steps.get(of as usize) {
                        builder.depend(of.chain, step.chain);
                    }
                }
                _ => {}
            }
            touches.of(operation, step, broken.get(&step_at).copied());
            builder.touch_all(&mut touches, &mut groups, &mut ranges, at);
        }
    }
    builder.breaks(&causes, steps);
    builder.closings(steps);
    builder.finish()
}

impl<'a> Builder<'a> {
    fn new(operations: &[Operation], steps: &[Step], chains: &'a [PlannedChain]) -> Self {
        let answered = chains
            .iter()
            .map(|chain| {
                let (mut interim, mut last, mut time) = (Some(0), Some(0), Timestamp::default());
                for at in chain.steps() {
                    let Some((operation, step)) = operations.get(at as usize).zip(steps.get(at as usize)) else {
                        continue;
                    };
                    if step.kind.is_left_out() {
                        continue;
                    }
                    let answer = operation.response.as_ref();
                    let first = operation.interim.as_ref().or(answer);
                    interim = interim.zip(first).map(|(latest, part)| latest.max(part.frame));
                    last = last.zip(answer).map(|(latest, part)| latest.max(part.frame));
                    time = time.max(answer.map(|part| part.time).unwrap_or_default());
                }
                (interim, last, time)
            })
            .collect();
        Self {
            chains,
            answered,
            edges: Vec::new(),
            nodes: chains.len() as u32,
            released_at: vec![None; chains.len()],
        }
    }

    /// `after` waits for `before` as far as the captured client did.
    fn depend(&mut self, before: u32, after: u32) {
        if before >= after {
            return;
        }
        let level = self.level(before, after);
        self.edges.push((before, Edge { to: after, level }));
        if level == Level::Final
            && let Some((_, _, time)) = self.answered.get(before as usize)
        {
            self.released_no_earlier(after, *time);
        }
    }

    fn released_no_earlier(&mut self, chain: u32, time: Timestamp) {
        if let Some(released_at) = self.released_at.get_mut(chain as usize) {
            *released_at = (*released_at).max(Some(time));
        }
    }

    /// A node that is passed when all of these chains have ended.
    fn barrier(&mut self, ended: &[(u32, Mode)]) -> (u32, Timestamp) {
        let barrier = self.nodes;
        self.nodes += 1;
        let mut time = Timestamp::default();
        for (before, _) in ended {
            self.edges.push((*before, Edge { to: barrier, level: Level::Final }));
            time = time.max(self.answered.get(*before as usize).map(|(_, _, time)| *time).unwrap_or_default());
        }
        (barrier, time)
    }

    fn level(&self, before: u32, after: u32) -> Level {
        let sent = self.chains.get(after as usize).map_or(0, |chain| chain.frame);
        match self.answered.get(before as usize) {
            Some((_, Some(last), _)) if *last < sent => Level::Final,
            Some((Some(interim), _, _)) if *interim < sent => Level::Interim,
            _ => Level::Sent,
        }
    }

    /// Whether `after` waits for all that will ever come of `before`.
    fn settled(&self, before: u32, after: u32) -> bool {
        let most = match self.answered.get(before as usize) {
            Some((_, Some(_), _)) => Level::Final,
            Some((Some(_), _, _)) => Level::Interim,
            _ => Level::Sent,
        };
        self.level(before, after) == most
    }

    fn touch(&mut self, group: &mut Group, mode: Mode, chain: u32) {
        let joins = group.mode == Some(mode) && mode != Mode::Write;
        if !joins {
            let members = std::mem::take(&mut group.members);
            let of = group.mode.replace(mode).unwrap_or(mode);
            group.barrier = None;
            // A member may have been sent while one before it still waited: who comes next waits for both.
            if let Some(last) = members.last() {
                group.before.retain(|(before, _)| !self.settled(*before, *last));
            }
            group.before.extend(members.into_iter().map(|member| (member, of)));
            if group.before.len() > WITHOUT_BARRIER {
                let (ended, others): (Vec<_>, Vec<_>) = group.before.iter().partition(|(before, before_mode)| {
                    conflict(*before_mode, mode) && self.level(*before, chain) == Level::Final
                });
                group.barrier = (!ended.is_empty()).then(|| self.barrier(&ended));
                group.before = others;
            }
        }
        if let Some((barrier, time)) = group.barrier {
            self.edges.push((barrier, Edge { to: chain, level: Level::Final }));
            self.released_no_earlier(chain, time);
        }
        for (before, before_mode) in &group.before {
            if conflict(*before_mode, mode) {
                self.depend(*before, chain);
            }
        }
        if group.members.last() != Some(&chain) {
            group.members.push(chain);
        }
    }

    /// What one operation, or the end of a connection, touches.
    fn touch_all(
        &mut self,
        touches: &mut Touches,
        groups: &mut FxHashMap<Resource, Group>,
        ranges: &mut FxHashMap<Resource, Ranges>,
        chain: u32,
    ) {
        for (resource, mode) in touches.whole.drain(..) {
            self.touch(groups.entry(resource).or_default(), mode, chain);
        }
        for (resource, range) in touches.ranges.drain(..) {
            ranges.entry(resource).or_default().touch(range, chain, self);
        }
    }

    /// A break is awaited when what breaks has been sent.
    fn breaks(&mut self, causes: &Causes, steps: &[Step]) {
        let chain = |at: u32| steps.get(at as usize).filter(|step| !step.kind.is_left_out()).map(|step| step.chain);
        for cause in &causes.breaks {
            let Some(after) = chain(cause.at) else { continue };
            for before in cause.by.iter().chain([&cause.create]).filter_map(|at| chain(*at)) {
                self.depend(before, after);
            }
        }
    }

    /// New connections come when the one before has ended.
    fn closings(&mut self, steps: &[Step]) {
        let chains = self.chains;
        let connects = |chain: &PlannedChain| {
            steps.get(chain.steps().start as usize).is_some_and(|step| step.kind == StepKind::Connect)
        };
        let mut next: Option<u32> = None;
        for at in (0..chains.len() as u32).rev() {
            let Some(chain) = chains.get(at as usize) else { continue };
            match (chain.closing, next) {
                (Some(_), Some(next)) => self.edges.push((at, Edge { to: next, level: Level::Final })),
                (None, _) if connects(chain) => next = Some(at),
                _ => {}
            }
        }
    }

    fn finish(self) -> (Graph, Vec<Option<Timestamp>>) {
        (Graph::new(self.nodes as usize, self.edges), self.released_at)
    }
}

impl Follow for Builder<'_> {
    fn follow(&mut self, before: u32, after: u32) {
        self.depend(before, after);
    }

    fn settled(&self, before: u32, after: u32) -> bool {
        Builder::settled(self, before, after)
    }
}

/// Whether one must wait for the other.
fn conflict(one: Mode, other: Mode) -> bool {
    one != other || one == Mode::Write
}
