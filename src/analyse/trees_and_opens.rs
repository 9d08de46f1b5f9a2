//! The trees and opens of one session, as the responses show them: which share a tree id means, which path a FileId means.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::model::{FileId, RpcInterface, TreeId};

/// RPC contexts of a pipe that are remembered.
const MOST_CONTEXTS: usize = 64;

/// One open.
#[derive(Clone, Debug)]
struct Open {
    tree: TreeId,
    path: Arc<str>,
    directory: bool,
}

/// What is known of a session's trees and opens at one point of the capture.
#[derive(Debug, Default)]
pub(super) struct TreesAndOpens {
    trees: FxHashMap<TreeId, Arc<str>>,
    opens: FxHashMap<FileId, Open>,
    /// The RPC interfaces that were bound on an open, by their presentation context, and its tree.
    pipes: FxHashMap<FileId, (TreeId, Vec<(u16, RpcInterface)>)>,
    /// The opens that hold a lease key, for breaks that name only the key.
    lease_keys: FxHashMap<[u8; 16], FileId>,
}

impl TreesAndOpens {
    pub(super) fn tree_connected(&mut self, tree: TreeId, share: Arc<str>) {
        self.trees.insert(tree, share);
    }

    pub(super) fn tree_disconnected(&mut self, tree: TreeId) {
        self.trees.remove(&tree);
        self.opens.retain(|_, open| open.tree != tree);
        self.pipes.retain(|_, (of, _)| *of != tree);
    }

    pub(super) fn share(&self, tree: TreeId) -> Option<Arc<str>> {
        self.trees.get(&tree).cloned()
    }

    pub(super) fn opened(&mut self, file: FileId, tree: TreeId, path: Arc<str>, directory: bool) {
        self.opens.insert(file, Open { tree, path, directory });
        self.pipes.remove(&file);
    }

    pub(super) fn leased(&mut self, key: [u8; 16], file: FileId) {
        self.lease_keys.insert(key, file);
    }

    pub(super) fn closed(&mut self, file: FileId) {
        self.opens.remove(&file);
        self.pipes.remove(&file);
    }

    /// A client bound interfaces on a pipe; a later one of the same context takes its place.
    pub(super) fn bound(&mut self, file: FileId, tree: TreeId, contexts: Vec<(u16, RpcInterface)>) {
        let (_, known) = self.pipes.entry(file).or_insert_with(|| (tree, Vec::new()));
        known.retain(|(id, _)| !contexts.iter().any(|(new, _)| new == id));
        known.extend(contexts);
        // Nobody binds so many; who tries to fill our memory does.
        known.truncate(MOST_CONTEXTS);
    }

    pub(super) fn interface(&self, file: FileId, context: u16) -> Option<RpcInterface> {
        let (_, known) = self.pipes.get(&file)?;
        known.iter().find(|(id, _)| *id == context).map(|(_, interface)| *interface)
    }

    pub(super) fn path(&self, file: FileId) -> Option<Arc<str>> {
        self.opens.get(&file).map(|open| open.path.clone())
    }

    /// Whether it is a directory that is open; None when its CREATE is not known.
    pub(super) fn is_directory(&self, file: FileId) -> Option<bool> {
        self.opens.get(&file).map(|open| open.directory)
    }

    pub(super) fn knows(&self, file: FileId) -> bool {
        self.opens.contains_key(&file)
    }

    pub(super) fn of_lease(&self, key: [u8; 16]) -> Option<FileId> {
        self.lease_keys.get(&key).copied()
    }

    /// A rename took effect: every open of the file, and of what lies under it, has a new path from now on.
    pub(super) fn renamed(&mut self, tree: TreeId, old: &str, new: &str) {
        for open in self.opens.values_mut().filter(|open| open.tree == tree) {
            let Some(rest) = open.path.strip_prefix(old) else { continue };
            if rest.is_empty() || rest.starts_with('\\') || rest.starts_with(':') {
                open.path = format!("{new}{rest}").into();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(n: u8) -> FileId {
        FileId([n; 16])
    }

    #[test]
    fn a_rename_moves_the_file_its_streams_and_what_lies_under_it_and_nothing_else() {
        let mut state = TreesAndOpens::default();
        let (tree, other) = (TreeId(1), TreeId(2));
        for (n, t, path) in [(1, tree, "a"), (2, tree, "a\\b"), (3, tree, "a:s"), (4, tree, "ab"), (5, other, "a")] {
            state.opened(file(n), t, path.into(), false);
        }
        state.renamed(tree, "a", "x\\y");
        let paths: Vec<_> = (1..=5).map(|n| state.path(file(n)).unwrap().to_string()).collect();
        assert_eq!(paths, ["x\\y", "x\\y\\b", "x\\y:s", "ab", "a"]);
    }

    #[test]
    fn a_disconnected_tree_takes_its_opens_with_it() {
        let mut state = TreesAndOpens::default();
        state.opened(file(1), TreeId(1), "a".into(), true);
        state.opened(file(2), TreeId(2), "b".into(), false);
        state.tree_disconnected(TreeId(1));
        assert!(!state.knows(file(1)) && state.knows(file(2)));
    }

    #[test]
    fn a_bind_is_known_until_its_pipe_is_closed_and_no_more_of_them_than_somebody_needs() {
        let mut state = TreesAndOpens::default();
        let interface = |uuid| RpcInterface { uuid, version: 1 };
        state.bound(file(1), TreeId(1), vec![(0, interface(7)), (1, interface(8))]);
        state.bound(file(1), TreeId(1), vec![(1, interface(9))]);
        assert_eq!(
            [state.interface(file(1), 0), state.interface(file(1), 1)],
            [Some(interface(7)), Some(interface(9))]
        );
        assert_eq!([state.interface(file(1), 2), state.interface(file(2), 0)], [None, None]);
        (0..500).for_each(|id| state.bound(file(2), TreeId(2), vec![(id, interface(7))]));
        assert_eq!((state.interface(file(2), 0), state.interface(file(2), 499)), (Some(interface(7)), None));
        state.closed(file(1));
        state.tree_disconnected(TreeId(2));
        assert!(state.pipes.is_empty());
    }
}
