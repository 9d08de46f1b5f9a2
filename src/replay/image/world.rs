//! The shares as they are at one point of the capture, as far as it shows them, with what each file was at the beginning.
//!
//! A node is a file or folder that is or was alive. What was there at the beginning keeps its first name and place
//! ([`Beginning`]) wherever replayed operations move it; what they made has none.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::fact::{Fact, Rank};
use super::stream::{Stream, StreamId};
use crate::model::{Contradiction, ContradictionKind, Evidence, ExtendedAttribute, Image, ImageTimes};

/// A node's place in [`World`].
pub(super) type NodeId = usize;

/// A name as names are compared: servers of this protocol do not tell cases apart.
pub(super) fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// What a node was at the beginning.
#[derive(Debug)]
pub(super) struct Beginning {
    /// None for a share's root.
    pub(super) parent: Option<NodeId>,
    pub(super) name: String,
    pub(super) evidence: Evidence,
    pub(super) attributes: Fact<u32>,
    pub(super) times: Option<(ImageTimes, Rank)>,
    pub(super) eas: Vec<ExtendedAttribute>,
    pub(super) listed: bool,
    /// It cannot have been empty, though nothing of what was in it is known.
    pub(super) not_empty: bool,
    pub(super) refused: u32,
}

/// What a folder has under a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Child {
    Node(NodeId),
    /// Nothing; `at_first`: as far as is known nothing from the beginning on.
    Absent {
        at_first: bool,
    },
}

/// A file or folder.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) parent: Option<NodeId>,
    /// Its name now, folded.
    pub(super) name: String,
    pub(super) children: FxHashMap<String, Child>,
    pub(super) directory: Option<bool>,
    pub(super) beginning: Option<Beginning>,
    pub(super) data: StreamId,
    /// Alternate streams, by folded name: the name as first seen, and where.
    pub(super) streams: BTreeMap<String, (String, StreamId)>,
    /// Replayed operations changed attributes, or may have.
    pub(super) changed: bool,
    /// Replayed operations changed times, or may have.
    pub(super) aged: bool,
    /// EAs that replayed operations set, folded.
    pub(super) own_eas: Vec<String>,
    pub(super) opens: u32,
    pub(super) delete_pending: bool,
    /// Which of its names goes then.
    pub(super) doomed: Option<Link>,
    pub(super) granted: u32,
}

/// One of the names of a node: its folder, and the folded name there.
pub(super) type Link = (NodeId, String);

/// A name that must not exist.
#[derive(Debug)]
pub(super) struct Absence {
    pub(super) name: String,
    /// Deduced, not answered: it may be another part of the path that is missing.
    pub(super) deduced: bool,
}

/// Where an observation was made, for what contradicts it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// What tells shares apart: address of the server and name, folded.
    pub(super) key: &'a str,
    /// `\\server\share` as it was asked for.
    pub(super) share: &'a str,
    pub(super) path: &'a str,
    pub(super) frame: u64,
    /// Another session changed it before.
    pub(super) by_others: bool,
}

/// All shares.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) nodes: Vec<Node>,
    pub(super) streams: Vec<Stream>,
    /// Roots, by [`Place::key`], with `Place::share`.
    pub(super) shares: BTreeMap<String, (String, NodeId)>,
    /// By the folder of the beginning and the folded name.
    pub(super) absent: BTreeMap<(NodeId, String), Absence>,
    pub(super) contradictions: Vec<Contradiction>,
    pub(super) contradictions_found: u64,
    /// Nodes of the beginning made since they were last taken.
    pub(super) newly_found: Vec<NodeId>,
}

impl World {
    /// The root of a share.
    pub(super) fn root(&mut self, place: Place<'_>) -> NodeId {
        if let Some((_, root)) = self.shares.get(place.key) {
            return *root;
        }
        let root = self.add(None, "", Some(beginning(None, "", Evidence::Opened)));
        self.nodes[root].directory = Some(true);
        self.shares.insert(place.key.to_owned(), (place.share.to_owned(), root));
        root
    }

    /// A new node that no folder has yet.
    fn add(&mut self, parent: Option<NodeId>, name: &str, beginning: Option<Beginning>) -> NodeId {
        let data = self.add_stream(beginning.is_some());
        self.nodes.push(Node {
            parent,
            name: folded(name),
            children: FxHashMap::default(),
            directory: None,
            beginning,
            data,
            streams: BTreeMap::new(),
            changed: false,
            aged: false,
            own_eas: Vec::new(),
            opens: 0,
            delete_pending: false,
            doomed: None,
            granted: 0,
        });
        self.nodes.len() - 1
    }

    fn add_stream(&mut self, existing: bool) -> StreamId {
        self.streams.push(if existing { Stream::existing() } else { Stream::default() });
        self.streams.len() - 1
    }

    /// What a folder has under a name; None when that is not known.
    pub(super) fn child(&self, folder: NodeId, name: &str) -> Option<Child> {
        self.nodes[folder].children.get(&folded(name)).copied()
    }

    /// The node of a path, if there is one; nothing is learnt by asking.
    pub(super) fn find(&self, share_key: &str, path: &str) -> Option<NodeId> {
        let (_, root) = self.shares.get(share_key)?;
        let mut parts = path.split('\\').filter(|part| !part.is_empty());
        parts.try_fold(*root, |node, part| match self.child(node, part)? {
            Child::Node(node) => Some(node),
            Child::Absent { .. } => None,
        })
    }

    /// Something is under a name of a folder: the node of it, made if need be.
    pub(super) fn exists(&mut self, folder: NodeId, name: &str, evidence: Evidence, place: Place<'_>) -> NodeId {
        let known = self.child(folder, name);
        if let Some(Child::Node(node)) = known {
            if let Some(beginning) = &mut self.nodes[node].beginning {
                // A listing spells a name as it is; who opens may spell it otherwise.
                if evidence == Evidence::Listed && folded(&beginning.name) == folded(name) {
                    name.clone_into(&mut beginning.name);
                }
                beginning.evidence = beginning.evidence.max(evidence);
            }
            return node;
        }
        let was_there = self.nodes[folder].beginning.is_some();
        let representable = match known {
            Some(Child::Absent { at_first }) => at_first && was_there,
            _ => was_there,
        };
        let surprising = match known {
            Some(Child::Absent { .. }) if representable => {
                self.absent.remove(&(folder, folded(name))).is_none_or(|absence| !absence.deduced)
            }
            Some(Child::Absent { .. }) => true,
            _ => !was_there,
        };
        if surprising {
            self.contradicted(ContradictionKind::Appeared, place);
        }
        let beginning = representable.then(|| beginning(Some(folder), name, evidence));
        let node = self.add(Some(folder), name, beginning);
        self.nodes[folder].children.insert(folded(name), Child::Node(node));
        if representable {
            self.newly_found.push(node);
        }
        node
    }

    /// A path exists, and so do the folders above it.
    pub(super) fn path_exists(&mut self, path: &str, evidence: Evidence, place: Place<'_>) -> NodeId {
        let mut node = self.root(place);
        let mut parts = path.split('\\').filter(|part| !part.is_empty()).peekable();
        while let Some(part) = parts.next() {
            let last = parts.peek().is_none();
            let evidence = if last { evidence } else { Evidence::Implied };
            node = self.exists(node, part, evidence, place);
            if !last {
                self.is_directory(node, true, place);
            }
        }
        node
    }

    /// Nothing is under a name of a folder.
    pub(super) fn is_absent(&mut self, folder: NodeId, name: &str, deduced: bool, place: Place<'_>) {
        match self.child(folder, name) {
            Some(Child::Absent { .. }) => {
                if let Some(absence) = self.absent.get_mut(&(folder, folded(name))) {
                    absence.deduced &= deduced;
                }
            }
            Some(Child::Node(node)) => {
                if !self.nodes[node].delete_pending {
                    self.contradicted(ContradictionKind::Vanished, place);
                }
                self.nodes[folder].children.insert(folded(name), Child::Absent { at_first: false });
            }
            None => {
                let at_first = self.nodes[folder].beginning.is_some();
                if at_first {
                    self.absent.insert((folder, folded(name)), Absence { name: name.to_owned(), deduced });
                }
                self.nodes[folder].children.insert(folded(name), Child::Absent { at_first });
            }
        }
    }

    /// Replayed operations made something that was not there.
    pub(super) fn make(&mut self, folder: NodeId, name: &str, directory: bool) -> NodeId {
        let node = self.add(Some(folder), name, None);
        self.nodes[node].directory = Some(directory);
        self.nodes[folder].children.insert(folded(name), Child::Node(node));
        node
    }

    /// Replayed operations gave a node a name, beside or in place of the one it has.
    pub(super) fn link(&mut self, node: NodeId, folder: NodeId, name: &str) {
        self.nodes[folder].children.insert(folded(name), Child::Node(node));
    }

    /// Replayed operations moved a node from one of its names to another.
    pub(super) fn rename(&mut self, node: NodeId, from: &Link, folder: NodeId, name: &str) {
        self.unlink(node, from);
        self.link(node, folder, name);
        if self.own_link(node).is_none_or(|own| own == *from) {
            self.nodes[node].parent = Some(folder);
            self.nodes[node].name = folded(name);
        }
    }

    /// Replayed operations removed one of a node's names.
    pub(super) fn unlink(&mut self, node: NodeId, link: &Link) {
        if self.is_link(node, link) {
            self.nodes[link.0].children.insert(link.1.clone(), Child::Absent { at_first: false });
        }
    }

    /// The name that a node was first known by, or moved to.
    pub(super) fn own_link(&self, node: NodeId) -> Option<Link> {
        Some((self.nodes[node].parent?, self.nodes[node].name.clone()))
    }

    /// Whether a node has a name.
    pub(super) fn is_link(&self, node: NodeId, link: &Link) -> bool {
        matches!(self.nodes[link.0].children.get(&link.1), Some(Child::Node(there)) if *there == node)
    }

    /// Whether it is a folder, as a response shows it.
    pub(super) fn is_directory(&mut self, node: NodeId, directory: bool, place: Place<'_>) {
        match self.nodes[node].directory {
            None => self.nodes[node].directory = Some(directory),
            Some(known) if known != directory => self.contradicted(ContradictionKind::Kind, place),
            Some(_) => {}
        }
    }

    /// A stream of a node; `existing` when a response shows that it was there before this.
    pub(super) fn stream(&mut self, node: NodeId, name: Option<&str>, existing: bool) -> StreamId {
        let Some(name) = name else { return self.nodes[node].data };
        if let Some((_, stream)) = self.nodes[node].streams.get(&folded(name)) {
            return *stream;
        }
        let existing = existing && self.nodes[node].beginning.is_some();
        let stream = self.add_stream(existing);
        self.nodes[node].streams.insert(folded(name), (name.to_owned(), stream));
        stream
    }

    /// Counts a contradiction.
    pub(super) fn contradicted(&mut self, kind: ContradictionKind, place: Place<'_>) {
        self.contradictions_found += 1;
        if self.contradictions.len() < Image::CONTRADICTIONS_KEPT {
            self.contradictions.push(Contradiction {
                share: place.share.to_owned(),
                path: place.path.to_owned(),
                frame: place.frame,
                kind,
                by_others: place.by_others,
            });
        }
    }
}

fn beginning(parent: Option<NodeId>, name: &str, evidence: Evidence) -> Beginning {
    Beginning {
        parent,
        name: name.to_owned(),
        evidence,
        attributes: Fact::default(),
        times: None,
        eas: Vec::new(),
        listed: false,
        not_empty: false,
        refused: 0,
    }
}
