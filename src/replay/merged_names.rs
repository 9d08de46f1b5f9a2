//! Mappings that would make two captured files one, and mappings that do nothing: both are told before a run.

use rustc_hash::FxHashMap;

use super::name_map::NameMap;
use crate::model::Operation;
use crate::model::path::{is_ipc, share_name};

/// Two captured paths that a mapping makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedPaths {
    /// One, as `share\path`.
    pub first: String,
    /// The other.
    pub second: String,
    /// What both would be on the target, as `share\path`.
    pub target: String,
}

/// The captured paths by share, without streams, in the case in which they were first written.
fn captured_paths(operations: &[Operation]) -> impl Iterator<Item = (&str, &str)> {
    operations.iter().flat_map(|operation| {
        let share = operation.share.as_deref().filter(|share| !is_ipc(share));
        let paths = [operation.path.as_deref(), operation.new_path.as_deref()].into_iter().flatten();
        paths.filter_map(move |path| Some((share?, path.split(':').next().unwrap_or(path))))
    })
}

/// The first two captured paths that the mapping makes one. What share names alone do (`--tree-name`) is nobody's mistake; roots
/// of shares may always meet.
pub(super) fn merged_paths(operations: &[Operation], names: &NameMap) -> Option<MergedPaths> {
    if names.shares.is_empty() && names.paths.is_empty() {
        return None;
    }
    let mut known: FxHashMap<(String, String), ()> = FxHashMap::default();
    let mut targets: FxHashMap<(String, String), (&str, &str)> = FxHashMap::default();
    let place = |share: &str, path: &str| format!("{}\\{path}", share_name(share));
    for (share, path) in captured_paths(operations).filter(|(_, path)| !path.is_empty()) {
        if known.insert((share_name(share).to_lowercase(), path.to_lowercase()), ()).is_some() {
            continue;
        }
        let (target_share, target) = (names.target_share(share), names.target_name(path));
        let key = (target_share.to_lowercase(), target.to_lowercase());
        if let Some((other_share, other)) = targets.insert(key, (share, path)) {
            return Some(MergedPaths {
                first: place(other_share, other),
                second: place(share, path),
                target: format!("{target_share}\\{target}"),
            });
        }
    }
    None
}

/// The mappings that fit nothing in the capture, as they would be typed.
pub(super) fn unused_rules(operations: &[Operation], names: &NameMap) -> Vec<String> {
    let shares = names.shares.iter().filter(|rule| {
        let fits = |operation: &Operation| operation.share.as_deref().is_some_and(|share| rule.fits(share));
        !operations.iter().any(fits)
    });
    let mut unused: Vec<String> = shares.map(|rule| format!("--map-share {rule}")).collect();
    for (at, rule) in names.paths.iter().enumerate() {
        let before = names.paths.get(..at).unwrap_or_default();
        let without = NameMap { paths: before.to_vec(), ..NameMap::default() };
        let with = NameMap { paths: [before, std::slice::from_ref(rule)].concat(), ..NameMap::default() };
        if captured_paths(operations).all(|(_, path)| without.mapped(path) == with.mapped(path)) {
            unused.push(format!("--map-path {rule}"));
        }
    }
    unused
}

/// How many captured paths have another name on the target, and an example.
pub(super) fn renamed_paths(operations: &[Operation], names: &NameMap) -> (usize, Option<(String, String)>) {
    let mut renamed: FxHashMap<String, ()> = FxHashMap::default();
    let mut example = None;
    if names.paths.is_empty() {
        return (0, None);
    }
    for (_, path) in captured_paths(operations) {
        let mapped = names.mapped(path);
        if mapped != path && renamed.insert(path.to_lowercase(), ()).is_none() && example.is_none() {
            example = Some((path.to_owned(), mapped.into_owned()));
        }
    }
    (renamed.len(), example)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::FileId;

    fn operations() -> Vec<Operation> {
        let mut elsewhere = create("a.txt", FileId([3; 16]), 1, 5, 6);
        elsewhere.share = Some("\\\\captured\\archive".into());
        let named = |name, n: u8| create(name, FileId([n; 16]), 1, u64::from(n), u64::from(n) + 1);
        vec![named("a.txt", 1), named("A.TXT", 2), named("b.txt", 4), named("a.txt:stream", 7), elsewhere]
    }

    fn names(shares: &[&str], paths: &[&str]) -> NameMap {
        NameMap {
            shares: shares.iter().map(|rule| rule.parse().unwrap()).collect(),
            paths: paths.iter().map(|rule| rule.parse().unwrap()).collect(),
            ..NameMap::default()
        }
    }

    #[test]
    fn two_paths_made_one_are_both_named() {
        let merged = merged_paths(&operations(), &names(&[], &["^[ab]\\.txt$=c.txt"])).unwrap();
        assert_eq!((merged.first.as_str(), merged.second.as_str()), ("data\\a.txt", "data\\b.txt"));
        assert_eq!(merged.target, "data\\c.txt");
        let merged = merged_paths(&operations(), &names(&[], &["^a=b"])).unwrap();
        assert_eq!(merged.target, "data\\b.txt", "onto a path that stays");
        let merged = merged_paths(&operations(), &names(&["archive=data"], &[])).unwrap();
        assert_eq!((merged.first.as_str(), merged.second.as_str()), ("data\\a.txt", "archive\\a.txt"));
    }

    #[test]
    fn a_mapping_that_keeps_them_apart_is_none() {
        assert_eq!(merged_paths(&operations(), &names(&["archive=cold"], &["^(.*)$=new\\$1"])), None);
        assert_eq!(merged_paths(&operations(), &NameMap::default()), None);
        let one = NameMap { share: Some("lab".into()), ..NameMap::default() };
        assert_eq!(merged_paths(&operations(), &one), None, "no rule, no refusal");
    }

    #[test]
    fn rules_that_fit_nothing_are_named() {
        let unused = unused_rules(&operations(), &names(&["data=x", "dta=y"], &["^a=z", "a.txt=q", "^c=d"]));
        assert_eq!(unused, ["--map-share dta=y", "--map-path a.txt=q", "--map-path ^c=d"]);
        assert_eq!(renamed_paths(&operations(), &names(&[], &["^a=z"])).0, 1);
    }
}
