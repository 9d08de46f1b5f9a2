//! From operations to an image: each operation is taken in the order of the answers, and moves the world on.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::closing::{Closing, reconnected};
use super::others::Others;
use super::stream::StreamId;
use super::world::{Link, NodeId, Place, World, folded};
use crate::model::message::{Request, Response, TreeConnectResponse};
use crate::model::path::{is_ipc, share_name};
use crate::model::{Command, ConnectionIndex, FileId, Image, NtStatus, Operation, SessionId, TreeId};

/// An open is known by its server, its session and its id.
pub(super) type OpenKey = (SocketAddr, SessionId, FileId);

/// An open of a replayed session.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) node: NodeId,
    pub(super) stream: StreamId,
    /// The name it was opened by, or moved to since.
    pub(super) link: Option<Link>,
    /// Of an alternate stream: its name, folded.
    pub(super) stream_name: Option<String>,
    pub(super) tree: TreeId,
    pub(super) delete_on_close: bool,
    /// It outlives its connection.
    pub(super) durable: bool,
    /// Listed so far: folded names; None before a listing of everything begins.
    pub(super) listing: Option<Vec<String>>,
}

/// Infers the initial image of the shares that operations are about.
///
/// Operations are given in the order of their requests, of all sessions together ([`super::super::merge`]); `replayed` says
/// which of them will be replayed. The image is such that these find what they found: what others did to the
/// shares meanwhile is taken as if it had been there from the beginning.
#[derive(Debug, Default)]
pub struct Inference {
    pub(super) world: World,
    pub(super) opens: FxHashMap<OpenKey, Open>,
    pub(super) others: Others,
    /// Streams that COPYCHUNK resume keys stand for.
    pub(super) resume_keys: FxHashMap<[u8; 24], StreamId>,
    /// What the share itself allows, by session and tree.
    pub(super) maximal_access: FxHashMap<(SocketAddr, SessionId, TreeId), u32>,
    /// Operations whose answers lie ahead, by the frame that they take effect at.
    waiting: BTreeMap<Reverse<(u64, u64)>, (Operation, bool)>,
    taken: u64,
    /// Ends of connections that lie ahead, the first first.
    ends: VecDeque<Closing>,
    /// The connections that replayed sessions are seen on.
    channels: FxHashMap<(SocketAddr, SessionId), FxHashSet<ConnectionIndex>>,
}

impl Inference {
    /// Of a capture whose connections ended like this.
    pub fn new(mut ends: Vec<Closing>) -> Self {
        ends.sort_unstable();
        Self { ends: ends.into(), ..Self::default() }
    }

    /// Takes the next operation in.
    pub fn push(&mut self, operation: Operation, replayed: bool) {
        let asked = operation.request.as_ref().or(operation.response.as_ref()).map_or(0, |part| part.frame);
        let effect = operation.response.as_ref().map_or(asked, |part| part.frame);
        self.settle(asked);
        self.taken += 1;
        self.waiting.insert(Reverse((effect, self.taken)), (operation, replayed));
    }

    /// Applies what was answered, and what ended, before a frame.
    fn settle(&mut self, frame: u64) {
        loop {
            let end = self.ends.front().map_or(u64::MAX, |end| end.frame);
            // The keys are reversed, so that the last entry is the earliest.
            if let Some(entry) = self.waiting.last_entry()
                && entry.key().0.0 < frame
                && entry.key().0.0 <= end
            {
                let (operation, replayed) = entry.remove();
                self.apply(&operation, replayed);
            } else if end < frame
                && let Some(end) = self.ends.pop_front()
            {
                self.ended(end.connection);
            } else {
                return;
            }
        }
    }

    /// A connection ended. What sessions have open ends with the last of their connections, but for what is durable.
    fn ended(&mut self, connection: ConnectionIndex) {
        let mut lost = FxHashSet::default();
        self.channels.retain(|session, channels| {
            if channels.remove(&connection) && channels.is_empty() {
                lost.insert(*session);
            }
            !channels.is_empty()
        });
        self.close_all(|(server, session, _), open| lost.contains(&(*server, *session)) && !open.durable);
    }

    /// The image.
    pub fn finish(mut self) -> Image {
        self.settle(u64::MAX);
        self.world.into_image()
    }

    fn apply(&mut self, operation: &Operation, replayed: bool) {
        let Some(status) = operation.status else { return };
        let Some(request) = &operation.request else { return };
        let key = (operation.connection.server, operation.session_id);
        if replayed {
            self.channels.entry(key).or_default().insert(operation.connection.index);
        }
        match operation.command {
            Command::Logoff if replayed => {
                return self.close_all(|(server, session, _), _| (*server, *session) == key);
            }
            Command::TreeDisconnect if replayed => {
                let tree = operation.tree_id;
                return self.close_all(|(server, session, _), open| (*server, *session) == key && open.tree == tree);
            }
            _ => {}
        }
        let Some(share) = operation.share.as_deref().filter(|share| !is_ipc(share)) else { return };
        let share_key = format!("{}|{}", key.0.ip(), folded(share_name(share)));
        let Ok(body) = Request::decode(operation.command, &request.pdu) else { return };
        let answer = operation
            .response
            .as_ref()
            .and_then(|response| Response::decode(operation.command, status, &response.pdu).ok());
        if !replayed {
            return self.others.take(&mut self.world, operation, &share_key, &body, answer.as_ref());
        }
        let path = operation.path.as_deref().unwrap_or_default();
        let frame = operation.response.as_ref().map_or(0, |part| part.frame);
        let by_others = self.others.has_changed(&share_key, path);
        let place = Place { key: &share_key, share, path, frame, by_others };
        match (&body, &answer) {
            (Request::TreeConnect(_), Some(Response::TreeConnect(answer))) if status == NtStatus::SUCCESS => {
                self.tree_connected(operation, answer, place);
            }
            (Request::Create(_), answer) if reconnected(operation).is_some() => {
                // The name says nothing: servers find the open, or not, by its id ([MS-SMB2] 3.3.5.9.7 and 3.3.5.9.12).
                if let Some(Response::Create(answer)) = answer {
                    self.reopened(operation, answer.file_id);
                }
            }
            (Request::Create(create), answer) => match answer {
                Some(Response::Create(answer)) if status == NtStatus::SUCCESS => {
                    self.opened(operation, create, answer, place);
                }
                _ if status != NtStatus::SUCCESS => self.not_opened(operation, create, status, place),
                _ => {}
            },
            (Request::Close(_), _) if status == NtStatus::SUCCESS => {
                self.closed(operation, answer.as_ref(), place);
            }
            _ => {
                let Some(id) = operation.file_id else { return };
                let Some(open) = self.opens.get(&(key.0, key.1, id)) else { return };
                let (node, stream) = (open.node, open.stream);
                match &body {
                    Request::Read(read) => self.read(stream, read, status, answer.as_ref(), place),
                    Request::QueryInfo(query) => {
                        self.information(node, stream, query, status, answer.as_ref(), place);
                    }
                    Request::QueryDirectory(query) => {
                        self.listed((key.0, key.1, id), query, status, answer.as_ref(), place);
                    }
                    Request::Write(write) if status == NtStatus::SUCCESS => {
                        let count = match &answer {
                            Some(Response::Write(answer)) => u64::from(answer.count),
                            _ => write.data.len() as u64,
                        };
                        self.world.streams[stream].write(write.offset, count);
                        self.changed(node);
                    }
                    Request::SetInfo(set) => self.set((key.0, key.1, id), set, status, place),
                    Request::Ioctl(ioctl) => self.control((key.0, key.1, id), ioctl, status, answer.as_ref()),
                    _ => {}
                }
            }
        }
        // What other sessions did to a path before it was first met is how it was met.
        for node in std::mem::take(&mut self.world.newly_found) {
            self.others.tell_of(&mut self.world, node);
        }
    }

    /// A durable open goes on, on another connection and perhaps with another id.
    fn reopened(&mut self, operation: &Operation, id: FileId) {
        let (server, session) = (operation.connection.server, operation.session_id);
        let Some(old) = reconnected(operation) else { return };
        let persistent = |id: &FileId| id.0.first_chunk::<8>().copied();
        let of_server: Vec<OpenKey> = self.opens.keys().filter(|key| key.0 == server).copied().collect();
        let whole = of_server.iter().find(|key| key.2 == old);
        let found = whole.or_else(|| of_server.iter().find(|key| persistent(&key.2) == persistent(&old)));
        if let Some(open) = found.and_then(|key| self.opens.remove(key)) {
            self.opens.insert((server, session, id), Open { tree: operation.tree_id, ..open });
        }
    }

    fn tree_connected(&mut self, operation: &Operation, answer: &TreeConnectResponse, place: Place<'_>) {
        let key = (operation.connection.server, operation.session_id, operation.tree_id);
        self.maximal_access.insert(key, answer.maximal_access);
        self.world.root(place);
    }

    /// Replayed operations changed a file.
    pub(super) fn changed(&mut self, node: NodeId) {
        self.world.nodes[node].changed = true;
        self.world.nodes[node].aged = true;
    }

    fn close_all(&mut self, which: impl Fn(&OpenKey, &Open) -> bool) {
        let gone: Vec<OpenKey> =
            self.opens.iter().filter(|(key, open)| which(key, open)).map(|(key, _)| *key).collect();
        for key in gone {
            self.forget(key);
        }
    }
}

/// The image of merged operations of which those of `replayed` sessions will be replayed, and whose connections ended as `ends`
/// says.
pub fn infer(
    operations: impl IntoIterator<Item = Operation>,
    ends: Vec<Closing>,
    replayed: impl Fn(SessionId) -> bool,
) -> Image {
    let mut inference = Inference::new(ends);
    for operation in operations {
        let replayed = replayed(operation.session_id);
        inference.push(operation, replayed);
    }
    inference.finish()
}
