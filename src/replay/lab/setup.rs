//! What a setup will make, in which order, and what stands in its way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;
use tokio::sync::watch;

use super::in_flight;
use super::layout::{Layout, Placed};
use super::make::{Job, finish, make_directory, make_file};
use super::reach::Lab;
use super::survey::{Survey, depth};
use crate::model::{Before, Fill, MadeName};
use crate::wire::WireError;

/// How often progress is told of.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Something on the target that a setup leaves alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The target's share.
    pub share: String,
    /// The path.
    pub path: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// What a setup will do to the target.
#[derive(Clone, Debug, Default)]
pub struct SetupPlan {
    /// Folders to be made, by depth.
    directories: BTreeMap<usize, Vec<Job>>,
    files: Vec<Job>,
    /// What is not ours and stays as it is.
    pub conflicts: Vec<Conflict>,
    /// Names to be written down before anything is made.
    pub names: Vec<MadeName>,
}

/// How far a setup is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetupProgress {
    /// Files and folders made.
    pub done: u64,
    /// Those to be made.
    pub total: u64,
    /// Bytes sent.
    pub bytes: u64,
}

/// What could not be made as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The target's share.
    pub share: String,
    /// The path.
    pub path: String,
    /// What went wrong.
    pub reason: String,
}

/// What a setup came to.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// Folders made.
    pub directories: u64,
    /// Files made.
    pub files: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// What could not be made, or not as it should be.
    pub troubles: Vec<Trouble>,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
}

impl SetupPlan {
    /// Plans a setup. `surveys` tell what is on each share of the layout, in its order; `ours` are the names that earlier
    /// setups and replays wrote down; `run` is whose the new ones are.
    pub fn new(layout: &Layout, surveys: &[Survey], ours: &[MadeName], run: &str) -> Self {
        let ours: FxHashSet<(String, String)> = ours
            .iter()
            .filter(|name| name.before == Before::Absent)
            .map(|name| (name.share.to_lowercase(), name.path.to_lowercase()))
            .collect();
        let mut plan = Self::default();
        for (share, survey) in layout.shares.iter().zip(surveys) {
            let is_ours = |path: &str| ours.contains(&(share.share.to_lowercase(), path.to_lowercase()));
            let mut blocked: Vec<String> = Vec::new();
            for placed in &share.entries {
                let folded = placed.path.to_lowercase();
                if blocked.iter().any(|folder| folded.starts_with(folder)) {
                    continue;
                }
                let found = survey.get(&placed.path);
                let is_ours = is_ours(&placed.path);
                let directory = placed.entry.directory;
                let conflict = match found {
                    Some(found) if found.directory != directory && directory => {
                        Some("a file is where a folder should be")
                    }
                    Some(found) if found.directory != directory => Some("a folder is where a file should be"),
                    Some(_) if !directory && !is_ours => Some("it exists and was not made by smbreplay"),
                    _ => None,
                };
                if let Some(reason) = conflict {
                    blocked.push(format!("{folded}\\"));
                    plan.conflicts.push(Conflict { share: share.share.clone(), path: placed.path.clone(), reason });
                    continue;
                }
                if found.is_none() && !is_ours {
                    plan.names.push(MadeName {
                        run: run.to_owned(),
                        share: share.share.clone(),
                        path: placed.path.clone(),
                        before: Before::Absent,
                        file_id: 0,
                    });
                }
                plan.add(&share.share, placed, found.is_some(), is_ours);
            }
            for path in share.absent.iter().filter(|path| survey.get(path).is_some()) {
                let reason = if is_ours(path) {
                    "it must not exist; an earlier replay may have made it: smbreplay cleanup"
                } else {
                    "it must not exist"
                };
                plan.conflicts.push(Conflict { share: share.share.clone(), path: path.clone(), reason });
            }
        }
        plan
    }

    fn add(&mut self, share: &str, placed: &Placed, exists: bool, is_ours: bool) {
        let job = Job { share: share.to_owned(), placed: placed.clone(), exists, is_ours };
        if !placed.entry.directory {
            self.files.push(job);
        } else if !exists || is_ours {
            self.directories.entry(depth(&placed.path)).or_default().push(job);
        }
    }

    /// Files and folders that will be made.
    pub fn total(&self) -> u64 {
        self.directories.values().map(Vec::len).sum::<usize>() as u64 + self.files.len() as u64
    }

    /// Makes it all. `stop` turning true ends it with what was made so far.
    pub async fn execute(
        &self,
        lab: &Lab,
        fill: Fill,
        mut progress: impl FnMut(SetupProgress),
        stop: &watch::Receiver<bool>,
    ) -> Result<Made, WireError> {
        let started = Instant::now();
        let sent = Arc::new(AtomicU64::new(0));
        let mut made = Made::default();
        let mut now = SetupProgress { total: self.total(), ..SetupProgress::default() };
        let mut told = Instant::now();
        let mut tell = |now: &mut SetupProgress, sent: &AtomicU64| {
            now.bytes = sent.load(Ordering::Relaxed);
            if told.elapsed() >= PROGRESS_EVERY || now.done == now.total {
                told = Instant::now();
                progress(*now);
            }
        };
        let mut lost = None;
        for jobs in self.directories.values() {
            in_flight::each(
                jobs.clone(),
                stop,
                |job| make_directory(lab.clone(), job),
                |outcome| {
                    now.done += 1;
                    made.take(outcome, true, &mut lost);
                    tell(&mut now, &sent);
                },
            )
            .await;
        }
        in_flight::each(
            self.files.clone(),
            stop,
            |job| make_file(lab.clone(), job, fill, Arc::clone(&sent)),
            |outcome| {
                now.done += 1;
                made.take(outcome, false, &mut lost);
                tell(&mut now, &sent);
            },
        )
        .await;
        // Rights come last, those of files before those of the folders that lead to them.
        let shut: Vec<Job> = self.files.iter().filter(|job| job.placed.entry.refused != 0).cloned().collect();
        in_flight::each(shut, stop, |job| finish(lab.clone(), job), |outcome| made.finish(outcome, &mut lost)).await;
        // What is put into a folder changes its times: the inner ones first.
        for jobs in self.directories.values().rev() {
            in_flight::each(
                jobs.clone(),
                stop,
                |job| finish(lab.clone(), job),
                |outcome| made.finish(outcome, &mut lost),
            )
            .await;
        }
        if let Some(error) = lost {
            return Err(error);
        }
        made.bytes = sent.load(Ordering::Relaxed);
        made.elapsed = started.elapsed();
        made.interrupted = *stop.borrow();
        Ok(made)
    }
}

/// What became of one job.
pub(super) type JobOutcome = (Job, Result<(), WireError>);

impl Made {
    fn take(&mut self, (job, outcome): JobOutcome, directory: bool, lost: &mut Option<WireError>) {
        match outcome {
            Ok(()) => *if directory { &mut self.directories } else { &mut self.files } += 1,
            Err(error) => self.failed(job, error, lost),
        }
    }

    fn finish(&mut self, (job, outcome): JobOutcome, lost: &mut Option<WireError>) {
        if let Err(error) = outcome {
            self.failed(job, error, lost);
        }
    }

    fn failed(&mut self, job: Job, error: WireError, lost: &mut Option<WireError>) {
        if error.status().is_none() && error.is_connection_lost() {
            lost.get_or_insert(error);
            return;
        }
        let reason = match error.status() {
            Some(status) => format!("refused: {status}"),
            None => error.to_string(),
        };
        self.troubles.push(Trouble { share: job.share, path: job.placed.path.clone(), reason });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Evidence, Image, ImageData, ImageEntry, ImageShare, ImageTimes};
    use crate::replay::NameMap;

    fn entry(path: &str, directory: bool) -> ImageEntry {
        ImageEntry {
            path: path.into(),
            directory,
            evidence: Evidence::Opened,
            attributes: None,
            times: ImageTimes::default(),
            eas: Vec::new(),
            data: ImageData::default(),
            streams: Vec::new(),
            listed: false,
            refused: 0,
        }
    }

    fn plan(found: &[(&str, bool)], ours: &[&str]) -> SetupPlan {
        let entries = vec![entry("d", true), entry("d\\f", false), entry("g", false)];
        let (name, captured) = ("data".to_owned(), "\\\\s\\data".to_owned());
        let share = ImageShare { name, captured, entries, absent: vec!["none".into()] };
        let layout = Layout::new(&Image { shares: vec![share], ..Image::default() }, &NameMap::default());
        let ours: Vec<MadeName> = ours
            .iter()
            .map(|path| MadeName {
                run: "another".into(),
                share: "DATA".into(),
                path: (*path).into(),
                before: Before::Absent,
                file_id: 0,
            })
            .collect();
        SetupPlan::new(&layout, &[Survey::of(found)], &ours, "run")
    }

    fn names(plan: &SetupPlan) -> Vec<&str> {
        plan.names.iter().map(|name| name.path.as_str()).collect()
    }

    #[test]
    fn on_an_empty_share_everything_is_made_and_written_down() {
        let plan = plan(&[], &[]);
        assert_eq!((plan.total(), plan.conflicts.len()), (3, 0));
        assert_eq!(names(&plan), ["d", "d\\f", "g"]);
        assert!(plan.names.iter().all(|name| name.run == "run" && name.before == Before::Absent));
    }

    #[test]
    fn folders_that_exist_are_used_and_files_that_exist_are_left_alone() {
        let plan = plan(&[("D", true), ("d\\F", false), ("NONE", false)], &[]);
        assert_eq!((plan.total(), names(&plan)), (1, vec!["g"]));
        let conflicts: Vec<_> = plan.conflicts.iter().map(|conflict| conflict.path.as_str()).collect();
        assert_eq!(conflicts, ["d\\f", "none"]);
    }

    #[test]
    fn a_file_where_a_folder_should_be_keeps_what_is_below_from_being_made() {
        let plan = plan(&[("d", false)], &[]);
        assert_eq!((names(&plan), plan.conflicts.len()), (vec!["g"], 1));
    }

    #[test]
    fn what_an_earlier_setup_made_is_made_anew_and_not_written_down_again() {
        let plan = plan(&[("d", true), ("d\\f", false)], &["d", "d\\f", "g"]);
        assert_eq!((plan.total(), names(&plan), plan.conflicts.len()), (3, vec![], 0));
    }
}
