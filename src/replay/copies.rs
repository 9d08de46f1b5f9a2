//! Several copies of a workload at once, and the workload several times one after another.
//!
//! A copy has connections and sessions of its own, and a folder: what it opens there is not what others open. Ids by which a
//! server knows clients and opens across connections (client GUIDs, lease keys, create GUIDs) differ from pass to pass.

use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashSet;
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use super::engine::Engine;
use super::name_map::NameMap;
use super::outcome::{Class, Outcome};
use super::probe::Probed;
use super::run::{Aside, Finished, Prepared, Progress, ReplayError, Target};
use crate::wire::{Connection, CreateSpec, access, disposition};

/// Where a timeline is kept, a login begins so many times what one took before it has to be there; all copies log in at once.
const LOGINS_AHEAD: u32 = 4;
/// And at least so long before.
const LEAST_LEAD: Duration = Duration::from_millis(250);
/// And at most.
const MOST_LEAD: Duration = Duration::from_secs(5);

/// The folder of a copy, counted from 1: in the base folder, or in the share's root.
pub fn clone_folder(base_dir: Option<&str>, copy: u32) -> String {
    match base_dir {
        Some(base) => format!("{base}\\clone-{copy}"),
        None => format!("clone-{copy}"),
    }
}

/// Which copy of the captured workload this is, when there are several: their client GUIDs, lease keys and create GUIDs must
/// differ. 0 leaves them as captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyNumber(pub u32);

impl CopyNumber {
    /// Makes a key or GUID this copy's own; twice, and it is as it was. Zeros stand for none and stay.
    pub(super) fn separate(self, id: &mut [u8]) {
        if id.iter().all(|byte| *byte == 0) {
            return;
        }
        for (byte, flip) in id.iter_mut().skip(12).take(4).zip(self.0.to_le_bytes()) {
            *byte ^= flip;
        }
    }

    /// The same for one that is at hand.
    pub(super) fn separated(self, mut id: [u8; 16]) -> [u8; 16] {
        self.separate(&mut id);
        id
    }
}

/// One execution of a plan: which copy of how many, and which time. Both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Pass {
    /// The copy.
    pub copy: u32,
    /// The time.
    pub iteration: u32,
}

impl Default for Pass {
    fn default() -> Self {
        Self { copy: 1, iteration: 1 }
    }
}

impl Pass {
    /// The first copy's first time is as captured.
    fn number(self) -> CopyNumber {
        CopyNumber((self.copy - 1) | (self.iteration - 1) << 16)
    }
}

/// What one pass came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PassTally {
    /// Which.
    #[serde(flatten)]
    pub pass: Pass,
    /// The folder of the copy; None when there is one copy only.
    pub folder: Option<String>,
    /// Steps that agree with the capture, those of the engine's own among them.
    pub matching: usize,
    /// Steps that diverged by themselves.
    pub diverged: usize,
    /// Steps left out because one that they depend on failed.
    pub skipped: usize,
    /// Steps that the run did not come to.
    pub not_reached: usize,
    /// From the first request to the last answer, in seconds.
    pub elapsed: f64,
}

impl PassTally {
    fn of(pass: Pass, folder: Option<String>, finished: &Finished) -> Self {
        let count = |fits: fn(Class) -> bool| finished.outcomes.iter().filter(|outcome| fits(outcome.class)).count();
        Self {
            pass,
            folder,
            matching: count(|class| class == Class::Match),
            diverged: finished.outcomes.iter().filter(|outcome| outcome.diverged()).count(),
            skipped: count(|class| matches!(class, Class::Skipped { .. })),
            not_reached: count(|class| class == Class::NotReached),
            elapsed: finished.elapsed.as_secs_f64(),
        }
    }
}

/// All passes of a run.
#[derive(Debug, Default)]
pub(super) struct Passes {
    /// The outcomes, one pass behind the other, each in the order of the steps.
    pub(super) outcomes: Vec<Outcome>,
    pub(super) tallies: Vec<PassTally>,
    pub(super) elapsed: Duration,
    pub(super) aside: Aside,
    pub(super) interrupted: bool,
}

impl NameMap {
    /// Where names go for each of so many copies: into their folders, when there are several.
    pub fn of_copies(&self, copies: u32) -> Vec<Self> {
        match copies {
            0 | 1 => vec![self.clone()],
            _ => (1..=copies)
                .map(|copy| Self { base_dir: Some(clone_folder(self.base_dir.as_deref(), copy)), ..self.clone() })
                .collect(),
        }
    }
}

impl Prepared {
    /// The folder of a copy on the target's shares; None when there is one copy only.
    pub fn folder_of(&self, copy: u32) -> Option<String> {
        let several = self.options.clones > 1;
        several.then(|| clone_folder(self.target.names.base_dir.as_deref(), copy))
    }

    /// Makes the folders of the copies on each share, where they are not there yet. A run that may change nothing makes none.
    pub(super) async fn make_folders(&self) -> Result<(), ReplayError> {
        if self.options.clones < 2 || self.options.read_only {
            return Ok(());
        }
        let logs_in = self.sessions_that_log_in();
        let mut made = FxHashSet::default();
        for (credentials, sessions) in self.users.distinct(|session| logs_in.contains(&session)) {
            let shares = self.shares_of(|session| sessions.contains(&session));
            let shares: Vec<String> = shares.into_iter().filter(|share| made.insert(share.clone())).collect();
            if shares.is_empty() {
                continue;
            }
            let connection = Connection::connect(self.target.connect.clone()).await?;
            let session = connection.login(credentials).await?;
            for share in shares {
                let tree = connection.tree_connect(&session, &share).await?;
                for folder in (1..=self.options.clones).filter_map(|copy| self.folder_of(copy)) {
                    let spec = CreateSpec::directory(folder, access::READ_ATTRIBUTES, disposition::OPEN_IF);
                    let open = connection.create(&tree, &spec).await?;
                    connection.close_file(&open).await?;
                }
                connection.tree_disconnect(&tree).await?;
            }
            connection.logoff(&session).await?;
        }
        Ok(())
    }

    /// All copies at once, as many times as asked for.
    pub(super) async fn run_passes(
        &self,
        probed: Probed,
        mut progress: impl FnMut(Progress) + Send,
        stop: watch::Receiver<bool>,
    ) -> Result<Passes, ReplayError> {
        let lead = (LOGINS_AHEAD * probed.login * self.options.clones).clamp(LEAST_LEAD, MOST_LEAD);
        let mut passes = Passes::default();
        let mut before = Progress::default();
        for iteration in 1..=self.options.iterations {
            let left = (self.options.iterations - iteration) as usize;
            let copies = self.iteration(iteration, left, before, (probed, lead), &mut progress, stop.clone()).await?;
            let longest = copies.iter().map(|(_, finished)| finished.elapsed).max();
            passes.elapsed += longest.unwrap_or_default();
            for (pass, finished) in copies {
                passes.tallies.push(PassTally::of(pass, self.folder_of(pass.copy), &finished));
                passes.aside += finished.aside;
                passes.interrupted |= finished.interrupted;
                before = before.and(finished.progress);
                passes.outcomes.extend(finished.outcomes.into_iter().map(|outcome| Outcome { pass, ..outcome }));
            }
            if passes.interrupted {
                break;
            }
        }
        Ok(passes)
    }

    async fn iteration(
        &self,
        iteration: u32,
        left: usize,
        before: Progress,
        (probed, lead): (Probed, Duration),
        progress: &mut (impl FnMut(Progress) + Send),
        stop: watch::Receiver<bool>,
    ) -> Result<Vec<(Pass, Finished)>, ReplayError> {
        let (tell, mut told) = mpsc::unbounded_channel();
        let mut running = Vec::new();
        for (at, copy) in (1..=self.options.clones).enumerate() {
            let pass = Pass { copy, iteration };
            let engine = Engine::new(
                Arc::clone(&self.plan),
                Arc::clone(&self.operations),
                self.target_of(copy, probed),
                Arc::clone(&self.users),
                self.options.clone(),
                pass.number(),
                lead,
            );
            let tell = tell.clone();
            let told = move |progress| {
                let _ = tell.send((at, progress));
            };
            running.push((pass, tokio::spawn(engine.run(told, stop.clone()))));
        }
        drop(tell);
        let mut latest = vec![Progress::default(); running.len()];
        while let Some((copy, reached)) = told.recv().await {
            if let Some(place) = latest.get_mut(copy) {
                *place = reached;
            }
            let all = latest.iter().fold(before, |sum, copy| sum.and(*copy));
            let total = all.total + left * latest.iter().map(|copy| copy.total).sum::<usize>();
            progress(Progress { total, in_flight: all.in_flight, ..all });
        }
        let mut finished = Vec::with_capacity(running.len());
        for (pass, copy) in running {
            let ended =
                copy.await.map_err(|error| ReplayError::CopyEnded { copy: pass.copy, reason: error.to_string() })?;
            finished.push((pass, ended));
        }
        Ok(finished)
    }

    /// The target of a copy: names go into its folder, and no dialect is offered that the target does not speak.
    fn target_of(&self, copy: u32, probed: Probed) -> Arc<Target> {
        let mut target = Target::clone(&self.target);
        if let Some(folder) = self.folder_of(copy) {
            target.names.base_dir = Some(folder);
        }
        if let Some(best) = probed.dialect {
            target.connect.dialects.retain(|dialect| *dialect <= best);
        }
        Arc::new(target)
    }
}

impl Progress {
    /// Of two that count for one.
    fn and(self, other: Self) -> Self {
        Self {
            done: self.done + other.done,
            total: self.total + other.total,
            in_flight: self.in_flight + other.in_flight,
            divergences: self.divergences + other.divergences,
            late: self.late + other.late,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pass_has_ids_of_its_own_and_the_first_those_of_the_capture() {
        let mut seen = FxHashSet::default();
        for copy in 1..=40 {
            for iteration in 1..=40 {
                let number = Pass { copy, iteration }.number();
                let id = number.separated([7; 16]);
                assert!(seen.insert(id), "{copy} {iteration}");
                assert_eq!(number.separated(id), [7; 16]);
                assert_eq!(id == [7; 16], (copy, iteration) == (1, 1));
            }
        }
    }

    #[test]
    fn no_guid_stays_none() {
        assert_eq!(CopyNumber(3).separated([0; 16]), [0; 16]);
    }

    #[test]
    fn folders_of_copies_lie_in_the_base_folder() {
        assert_eq!(clone_folder(None, 1), "clone-1");
        assert_eq!(clone_folder(Some("runs\\x"), 12), "runs\\x\\clone-12");
    }
}
