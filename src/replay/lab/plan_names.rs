//! The names that a replay may make or move, known before it begins.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use super::reach::Lab;
use super::survey::{Found, ask, survey};
use crate::model::message::{CreateRequest, Request, SetInfoRequest};
use crate::model::path::is_ipc;
use crate::model::{Before, MadeName, Operation};
use crate::replay::{NameMap, Plan, Prepared, StepKind};
use crate::wire::WireError;

/// FILE_OPEN and FILE_OVERWRITE: the dispositions that make nothing new, [MS-SMB2] 2.2.13.
const MAKES_NOTHING: [u32; 2] = [1, 4];
/// FileRenameInformationEx and FileLinkInformationEx, [MS-FSCC] 2.4.38 and 2.4.28.
const RENAME_EX: u8 = 65;
const LINK_EX: u8 = 72;

/// Names on the target, by share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanNames {
    /// Those under which something may be made: share, path; a stream as `file:stream`.
    pub made: BTreeSet<(String, String)>,
    /// Those that may be moved away.
    pub moved: BTreeSet<(String, String)>,
}

impl PlanNames {
    /// The names of a run, in the folders of all its copies.
    pub fn of(prepared: &Prepared) -> Self {
        let mut all = Self::default();
        let several = prepared.folder_of(1).is_some();
        for map in name_maps(prepared) {
            let found = Self::new(prepared.plan(), prepared.operations(), &map);
            all.made.extend(found.made);
            all.moved.extend(found.moved);
            if let Some(folder) = map.base_dir.filter(|_| several) {
                let shares = prepared.shares();
                let shares = shares.iter().filter_map(|share| share.rsplit('\\').next());
                all.made.extend(shares.map(|share| (share.to_owned(), folder.clone())));
            }
        }
        all
    }

    /// The names in what a plan sends, whatever the captured server had answered.
    pub fn new(plan: &Plan, operations: &[Operation], names: &NameMap) -> Self {
        let mut found = Self::default();
        for (step, operation) in plan.steps.iter().zip(operations) {
            if step.kind == StepKind::Send {
                found.add(operation, names);
            }
        }
        found
    }

    fn add(&mut self, operation: &Operation, names: &NameMap) {
        let Some(share) = operation.share.as_deref().filter(|share| !is_ipc(share)) else { return };
        let Some(request) = &operation.request else { return };
        let target = |path: &str| {
            let path = path.trim_matches('\\');
            let stream = path.strip_suffix("::$DATA").or_else(|| path.strip_suffix(":$DATA")).unwrap_or(path);
            (names.target_share(share).to_owned(), names.target_name(stream))
        };
        match Request::decode(operation.command, &request.pdu) {
            Ok(Request::Create(create))
                if !MAKES_NOTHING.contains(&create.create_disposition)
                    && create.create_options & CreateRequest::OPTION_OPEN_BY_FILE_ID == 0 =>
            {
                self.made.extend(operation.path.as_deref().filter(|path| !path.is_empty()).map(target));
            }
            Ok(Request::SetInfo(set)) if set.info_type == SetInfoRequest::INFO_FILE => {
                let renames = matches!(set.file_info_class, SetInfoRequest::CLASS_RENAME | RENAME_EX);
                if !renames && !matches!(set.file_info_class, SetInfoRequest::CLASS_LINK | LINK_EX) {
                    return;
                }
                let new = operation.new_path.as_deref().filter(|path| !path.is_empty());
                self.made.extend(new.map(target));
                if renames {
                    self.moved.extend(operation.path.as_deref().filter(|path| !path.is_empty()).map(target));
                }
            }
            _ => {}
        }
    }

    /// The target's shares that are named.
    pub fn shares(&self) -> BTreeSet<&str> {
        self.made.iter().chain(&self.moved).map(|(share, _)| share.as_str()).collect()
    }
}

/// Where captured names go, for each copy of a run.
pub fn name_maps(prepared: &Prepared) -> Vec<NameMap> {
    prepared.target().names.of_copies(prepared.options().clones)
}

/// Looks what is under the names now, and returns what is to be written down before the replay begins: of names without
/// anything that they are free, of what may be moved what it is. Names that `known` has already are left out.
pub async fn record(lab: &Lab, names: &PlanNames, known: &[MadeName], run: &str) -> Result<Vec<MadeName>, WireError> {
    let known: FxHashSet<(String, String)> =
        known.iter().map(|name| (name.share.to_lowercase(), name.path.to_lowercase())).collect();
    let mut by_share: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (share, path) in names.made.iter().chain(&names.moved) {
        by_share.entry(share).or_default().insert(path);
    }
    let mut list = List { run, done: known, new: Vec::new() };
    for (share, paths) in by_share {
        // A share that cannot be connected has nothing, and nothing will be made on it.
        let Some(tree) = lab.tree(share) else { continue };
        let survey = survey(lab, share, paths.iter().map(|path| file_of(path))).await?;
        for path in paths {
            let file = file_of(path);
            match survey.get(file) {
                None => list.add(share, file, Before::Absent, 0),
                Some(found) if file == path => {
                    if names.moved.contains(&(share.to_owned(), path.to_owned())) {
                        list.add(share, path, before(found), found.file_id);
                    }
                }
                // A stream of something that is there already; of what is ours it goes with its file.
                Some(_) => {
                    if list.is_new(share, path)
                        && list.is_new(share, file)
                        && ask(&lab.connection, tree, path).await?.is_none()
                    {
                        list.add(share, path, Before::Absent, 0);
                    }
                }
            }
        }
    }
    Ok(list.new)
}

/// Names to be written down, each once.
struct List<'a> {
    run: &'a str,
    done: FxHashSet<(String, String)>,
    new: Vec<MadeName>,
}

impl List<'_> {
    fn is_new(&self, share: &str, path: &str) -> bool {
        !self.done.contains(&(share.to_lowercase(), path.to_lowercase()))
    }

    fn add(&mut self, share: &str, path: &str, before: Before, file_id: u64) {
        if self.done.insert((share.to_lowercase(), path.to_lowercase())) {
            let (run, share, path) = (self.run.to_owned(), share.to_owned(), path.to_owned());
            self.new.push(MadeName { run, share, path, before, file_id });
        }
    }
}

fn before(found: Found) -> Before {
    if found.directory { Before::Directory } else { Before::File }
}

/// The path without the name of a stream.
pub(super) fn file_of(path: &str) -> &str {
    let last = path.rfind('\\').map_or(0, |at| at + 1);
    path[last..].find(':').map_or(path, |colon| &path[..last + colon])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Command, FileId};
    use crate::replay::testing;
    use crate::replay::{Ordering, Picked, PlanOptions};

    fn create(path: &str, disposition: u32, sent: u64) -> Operation {
        let mut operation = testing::create(path, FileId([sent as u8; 16]), disposition, sent, sent + 1);
        let body = testing::create_body(path, 0x0012_0089, disposition, 0, &[]);
        operation.request.as_mut().unwrap().pdu =
            testing::pdu(Command::Create, crate::model::NtStatus(0), false, &body);
        operation
    }

    #[test]
    fn every_name_that_could_be_made_is_named_and_no_other() {
        let operations = vec![
            testing::tree_connect(1, 2),
            create("opened", 1, 3),
            create("overwritten", 4, 5),
            create("d\\made", 2, 7),
            create("d\\perhaps:stream:$DATA", 3, 9),
            create("main::$DATA", 5, 11),
        ];
        let options = PlanOptions { ordering: Ordering::Captured, ..PlanOptions::default() };
        let plan = Plan::new(&operations, &[], options, &Picked::default());
        let map = NameMap { share: Some("lab".into()), base_dir: Some("base".into()), ..NameMap::default() };
        let names = PlanNames::new(&plan, &operations, &map);
        let made: Vec<_> = names.made.iter().map(|(share, path)| format!("{share}: {path}")).collect();
        assert_eq!(made, ["lab: base\\d\\made", "lab: base\\d\\perhaps:stream", "lab: base\\main"]);
        assert!(names.moved.is_empty());
        assert_eq!(file_of("a:b\\c:d"), "a:b\\c");
    }
}
