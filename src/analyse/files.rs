//! Files: what all opens of each come to.

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::opens::{FailedOpen, FileFate, Open, Point};

/// What happened to a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FileActivity {
    /// `\\server\share`
    pub share: Option<String>,
    /// Path in the share; empty for the root.
    pub path: Option<String>,
    /// Whether it is a directory, as it was told last; null when nothing in the capture tells.
    pub directory: Option<bool>,
    /// Opens that were granted.
    pub opens: u64,
    /// Opens that failed.
    pub failed_opens: u64,
    /// Why, each reason once.
    pub failures: Vec<String>,
    /// READs that were answered with data.
    pub reads: u64,
    /// Their bytes.
    pub bytes_read: u64,
    /// WRITEs that were accepted.
    pub writes: u64,
    /// Their bytes.
    pub bytes_written: u64,
    /// Size, as it was told last.
    pub size: Option<u64>,
    /// Who, each once.
    pub users: Vec<String>,
    /// The first that is seen of it.
    pub first: Option<Point>,
    /// The last that is seen of it.
    pub last: Option<Point>,
    /// Where a CREATE made it.
    pub created: Option<Point>,
    /// Where a CREATE emptied it; the last time.
    pub overwritten: Option<Point>,
    /// Where it was deleted; the last time.
    pub deleted: Option<Point>,
    /// What it was called before.
    pub renamed_from: Option<String>,
    /// What it was called afterwards.
    pub renamed_to: Option<String>,
}

/// The files of some opens, in the order in which they are first seen. Pipes are none.
pub fn files_of(opens: &[Open], failed: &[FailedOpen]) -> Vec<FileActivity> {
    let mut files = Files::default();
    for open in opens.iter().filter(|open| !open.is_pipe()) {
        let file = files.of(open.share.as_deref(), open.path.as_deref());
        file.add(open);
        if let Some(new_path) = &open.renamed_to {
            let renamed = files.of(open.share.as_deref(), Some(new_path));
            renamed.renamed_from.clone_from(&open.path);
            renamed.directory = open.directory.or(renamed.directory);
            renamed.seen(open.ended.or(open.opened), &open.user);
            if open.deletes() {
                renamed.deleted = open.ended;
            }
        }
        if let Some(link) = &open.linked_to {
            files.of(open.share.as_deref(), Some(link)).seen(open.ended.or(open.opened), &open.user);
        }
    }
    for failed in failed.iter().filter(|failed| !failed.share.as_deref().is_some_and(crate::model::path::is_ipc)) {
        let file = files.of(failed.share.as_deref(), failed.path.as_deref());
        file.failed_opens += 1;
        let reason = failed.status.to_string();
        if !file.failures.contains(&reason) {
            file.failures.push(reason);
        }
        file.seen(Some(failed.at), &failed.user);
    }
    let mut files = files.files;
    files.sort_by_key(|file| file.first.map(|point| point.frame));
    files
}

#[derive(Default)]
struct Files {
    numbers: FxHashMap<(Option<String>, Option<String>), usize>,
    files: Vec<FileActivity>,
}

impl Files {
    fn of(&mut self, share: Option<&str>, path: Option<&str>) -> &mut FileActivity {
        let key = (share.map(str::to_owned), path.map(str::to_owned));
        let next = self.files.len();
        let number = *self.numbers.entry(key.clone()).or_insert(next);
        if number == next {
            self.files.push(FileActivity { share: key.0, path: key.1, ..FileActivity::default() });
        }
        &mut self.files[number]
    }
}

impl FileActivity {
    fn add(&mut self, open: &Open) {
        self.opens += 1;
        self.directory = open.directory.or(self.directory);
        self.reads += open.reads;
        self.bytes_read += open.bytes_read;
        self.writes += open.writes;
        self.bytes_written += open.bytes_written;
        self.size = open.size.or(self.size);
        self.seen(open.opened.or(open.ended), &open.user);
        self.seen(open.ended, &open.user);
        match open.fate {
            Some(FileFate::Created) => self.created = open.opened,
            Some(FileFate::Overwritten) => self.overwritten = open.opened,
            None => {}
        }
        if open.deletes() && open.renamed_to.is_none() {
            self.deleted = open.ended;
        }
        if open.renamed_to.is_some() {
            self.renamed_to.clone_from(&open.renamed_to);
        }
    }

    fn seen(&mut self, at: Option<Point>, user: &str) {
        if let Some(at) = at {
            if self.first.is_none_or(|first| at.frame < first.frame) {
                self.first = Some(at);
            }
            if self.last.is_none_or(|last| at.frame > last.frame) {
                self.last = Some(at);
            }
        }
        if !user.is_empty() && !self.users.iter().any(|known| known == user) {
            self.users.push(user.to_owned());
        }
    }
}
