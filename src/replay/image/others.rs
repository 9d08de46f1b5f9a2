//! What sessions that are not replayed saw and did. It moves nothing in the world of the replayed ones, but tells what they
//! found when they first came to a file.

use std::net::SocketAddr;

use bytes::Bytes;
use rustc_hash::{FxHashMap, FxHashSet};

use super::extents::Extents;
use super::fact::Rank;
use super::opening::{is_live, split_stream};
use super::stream::Shown;
use super::world::{NodeId, World, folded};
use crate::model::fscc::{ATTRIBUTE_NORMAL, file_class};
use crate::model::message::{Request, Response, SetInfoRequest};
use crate::model::{FileId, Layout, NtStatus, Operation, SessionId};

/// A file as the others left it: the share's key and the folded path; a stream is part of the path.
type Key = (String, String);

#[derive(Debug, Default)]
struct File {
    size: Option<u64>,
    attributes: Option<u32>,
    bytes: Extents<Shown>,
}

#[derive(Debug)]
struct Open {
    key: Key,
    deletes: bool,
}

/// All that is known of them.
#[derive(Debug, Default)]
pub(super) struct Others {
    files: FxHashMap<Key, File>,
    opens: FxHashMap<(SocketAddr, SessionId, FileId), Open>,
    changed: FxHashSet<Key>,
}

impl Others {
    /// Whether they changed a path, or something with its name.
    pub(super) fn has_changed(&self, share: &str, path: &str) -> bool {
        !self.changed.is_empty() && self.changed.contains(&key(share, split_stream(path).0))
    }

    /// Takes one of their operations in.
    pub(super) fn take(
        &mut self,
        world: &mut World,
        operation: &Operation,
        share: &str,
        body: &Request<'_>,
        answer: Option<&Response<'_>>,
    ) {
        if operation.status != Some(NtStatus::SUCCESS) {
            return;
        }
        let open_of = |id| (operation.connection.server, operation.session_id, id);
        if let (Request::Create(create), Some(Response::Create(answer))) = (body, answer) {
            let Some(path) = operation.path.as_deref().filter(|path| is_live(create, path)) else { return };
            let key = key(share, path);
            let file = self.files.entry(key.clone()).or_default();
            if answer.create_action != 1 {
                *file = File::default();
                self.changed.insert(self::key(share, split_stream(path).0));
            }
            file.size = Some(answer.end_of_file);
            file.attributes = Some(answer.file_attributes & !ATTRIBUTE_NORMAL);
            let deletes = create.create_options & crate::model::message::CreateRequest::OPTION_DELETE_ON_CLOSE != 0;
            self.opens.insert(open_of(answer.file_id), Open { key, deletes });
            return;
        }
        let Some(open) = operation.file_id.and_then(|id| self.opens.get_mut(&open_of(id))) else { return };
        let key = open.key.clone();
        match (body, answer) {
            (Request::Close(_), _) => {
                let deletes = open.deletes;
                self.opens.retain(|at, _| Some(at.2) != operation.file_id || at.1 != operation.session_id);
                if deletes {
                    self.files.remove(&key);
                    self.changed.insert(key);
                }
            }
            (Request::Read(read), Some(Response::Read(answer))) => {
                let bytes = Bytes::copy_from_slice(answer.data);
                self.saw(world, share, operation.path.as_deref(), read.offset, &bytes);
                self.file(&key).put(read.offset, bytes);
            }
            (Request::Write(write), _) => {
                self.file(&key).put(write.offset, Bytes::copy_from_slice(write.data));
                self.changed.insert((key.0, folded(split_stream(&key.1).0)));
            }
            (Request::SetInfo(set), _) if set.info_type == SetInfoRequest::INFO_FILE => {
                self.set(&key, set, operation)
            }
            _ => {}
        }
    }

    fn file(&mut self, key: &Key) -> &mut File {
        self.files.entry(key.clone()).or_default()
    }

    fn set(&mut self, key: &Key, set: &SetInfoRequest<'_>, operation: &Operation) {
        let layout = Layout(set.buffer);
        match set.file_info_class {
            file_class::END_OF_FILE => {
                if let Ok(length) = layout.u64("EndOfFile", 0) {
                    let file = self.file(key);
                    file.bytes.remove(length..u64::MAX);
                    file.size = Some(length);
                    self.changed.insert(key.clone());
                }
            }
            file_class::DISPOSITION => {
                let deletes = set.buffer.first().is_some_and(|flag| flag & 1 != 0);
                let at = (operation.connection.server, operation.session_id);
                for ((server, session, id), open) in &mut self.opens {
                    if (*server, *session) == at && Some(*id) == operation.file_id {
                        open.deletes = deletes;
                    }
                }
            }
            file_class::RENAME => {
                let Some(new) = operation.new_path.as_deref() else { return };
                let new = (key.0.clone(), folded(new));
                self.changed.extend([key.clone(), new.clone()]);
                let moved = |path: &str| {
                    let rest = path.strip_prefix(key.1.as_str())?;
                    (rest.is_empty() || rest.starts_with(['\\', ':'])).then(|| format!("{}{rest}", new.1))
                };
                let old: Vec<Key> =
                    self.files.keys().filter(|at| at.0 == key.0 && moved(&at.1).is_some()).cloned().collect();
                for old in old {
                    if let (Some(file), Some(path)) = (self.files.remove(&old), moved(&old.1)) {
                        self.files.insert((old.0, path), file);
                    }
                }
                for open in self.opens.values_mut().filter(|open| open.key.0 == key.0) {
                    if let Some(path) = moved(&open.key.1) {
                        open.key.1 = path;
                    }
                }
            }
            _ => {}
        }
    }

    /// What they read of a file that the replayed sessions know already.
    fn saw(&self, world: &mut World, share: &str, path: Option<&str>, offset: u64, bytes: &Bytes) {
        let Some(path) = path else { return };
        let (file, stream) = split_stream(path);
        let Some(node) = world.find(share, file) else { return };
        let stream = match stream {
            None => world.nodes[node].data,
            Some(name) => match world.nodes[node].streams.get(&folded(name)) {
                Some((_, stream)) => *stream,
                None => return,
            },
        };
        for (of, offset, part) in world.streams[stream].read(offset, bytes) {
            world.streams[of.unwrap_or(stream)].learn(offset, &part, Rank::Other);
        }
    }

    /// Tells a node that the replayed sessions have just found what the others knew and made of it.
    pub(super) fn tell_of(&self, world: &mut World, node: NodeId) {
        if self.files.is_empty() {
            return;
        }
        let Some(key) = world.key_of(node) else { return };
        let Some(file) = self.files.get(&key) else { return };
        let stream = world.nodes[node].data;
        if let Some(size) = file.size {
            world.streams[stream].observe_size(size, Rank::Other);
        }
        for (range, shown) in file.bytes.iter() {
            world.streams[stream].learn(range.start, &shown.bytes, Rank::Other);
        }
        if let (Some(beginning), Some(attributes)) = (&mut world.nodes[node].beginning, file.attributes) {
            beginning.attributes.observe(attributes, Rank::Other);
        }
    }
}

impl File {
    fn put(&mut self, offset: u64, bytes: Bytes) {
        let end = offset.saturating_add(bytes.len() as u64);
        self.bytes.insert(offset..end, Shown { bytes, rank: Rank::Other });
        self.size = self.size.map(|size| size.max(end));
    }
}

fn key(share: &str, path: &str) -> Key {
    (share.to_owned(), folded(path))
}

impl World {
    /// The share's key and the folded path of a node as it is now.
    fn key_of(&self, node: NodeId) -> Option<Key> {
        let mut parts = Vec::new();
        let mut at = node;
        while let Some(parent) = self.nodes[at].parent {
            parts.push(self.nodes[at].name.as_str());
            at = parent;
        }
        parts.reverse();
        let share = self.shares.iter().find(|(_, (_, root))| *root == at).map(|(share, _)| share.clone())?;
        Some((share, parts.join("\\")))
    }
}
