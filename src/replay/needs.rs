//! What an operation cannot be sent without: the operations before it that give it its connection, session, tree, open and
//! keys.

use std::net::SocketAddr;

use rustc_hash::FxHashMap;

use super::classify::{BreakSubject, granted_file_id, named_file_id};
use super::closing::reconnected;
use super::listing::restarts;
use super::plan::continues_chain;
use super::remap::granted_disk_id;
use super::resources::granted_resume_key;
use crate::model::message::{CreateRequest, LeaseContext, Request};
use crate::model::path::is_ipc;
use crate::model::{Command, ConnectionIndex, CtlCode, FileId, MessageId, NtStatus, Operation, SessionId, TreeId};

/// By operation: the earlier ones that it needs.
#[derive(Debug, Default)]
pub(super) struct Needs {
    starts: Vec<u32>,
    before: Vec<u32>,
    /// CREATEs and the CLOSEs of what they opened.
    pub(super) closes: Vec<(u32, u32)>,
}

/// What was seen so far.
#[derive(Default)]
struct Seen {
    negotiated: FxHashMap<ConnectionIndex, Vec<u32>>,
    logins: FxHashMap<(ConnectionIndex, SessionId), Vec<u32>>,
    trees: FxHashMap<(SocketAddr, SessionId, TreeId), u32>,
    opens: FxHashMap<(SocketAddr, FileId), u32>,
    /// Of an open: the last operation that its position, its locks or, of a pipe, its next answer depend on.
    last: FxHashMap<(SocketAddr, FileId, Kept), u32>,
    resume_keys: FxHashMap<(SocketAddr, [u8; 24]), u32>,
    disk_ids: FxHashMap<(SocketAddr, u64), u32>,
    requests: FxHashMap<(ConnectionIndex, MessageId), u32>,
    /// Folders that were made, by share and path in lower case.
    folders: FxHashMap<(Option<String>, String), u32>,
    breaks: FxHashMap<(SocketAddr, BreakSubject), u32>,
}

/// FILE_CREATED, [MS-SMB2] 2.2.14.
const CREATED: u32 = 2;

/// State of an open that its later operations rely on.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kept {
    Listing,
    Locks,
    Pipe,
}

impl Needs {
    /// Of operations in the order in which they were sent.
    pub(super) fn of(operations: &[Operation]) -> Self {
        let mut needs = Self::default();
        let mut seen = Seen::default();
        for (at, operation) in (0..).zip(operations) {
            needs.starts.push(needs.before.len() as u32);
            let previous = (at as usize).checked_sub(1).and_then(|before| operations.get(before));
            if operation.related && previous.is_some_and(|previous| continues_chain(previous, operation)) {
                needs.before.push(at - 1);
            }
            seen.add(at, operation, &mut needs);
        }
        needs
    }

    /// What an operation needs itself, without what that needs in turn.
    pub(super) fn before(&self, at: u32) -> &[u32] {
        let start = self.starts.get(at as usize).copied().unwrap_or(u32::MAX) as usize;
        let end = self.starts.get(at as usize + 1).map_or(self.before.len(), |end| *end as usize);
        self.before.get(start..end).unwrap_or_default()
    }
}

impl Seen {
    fn add(&mut self, at: u32, operation: &Operation, needs: &mut Needs) {
        let (server, connection) = (operation.connection.server, operation.connection.index);
        let session = (connection, operation.session_id);
        let before = &mut needs.before;
        before.extend(self.negotiated.get(&connection).into_iter().flatten());
        match operation.command {
            Command::Negotiate => return self.negotiated.entry(connection).or_default().push(at),
            Command::SessionSetup => {
                // A login that was refused gives nobody anything.
                if !operation.status.is_some_and(NtStatus::is_error) {
                    self.logins.entry(session).or_default().push(at);
                }
                return;
            }
            _ => before.extend(self.logins.get(&session).into_iter().flatten()),
        }
        if operation.request.is_none() {
            if let Some(subject) = operation.response.as_ref().and_then(|part| BreakSubject::of(&part.pdu)) {
                self.breaks.insert((server, subject), at);
            }
            return;
        }
        let tree = (server, operation.session_id, operation.tree_id);
        if operation.command == Command::TreeConnect {
            if operation.status == Some(NtStatus::SUCCESS) {
                self.trees.insert(tree, at);
            }
            return;
        }
        before.extend(self.trees.get(&tree));
        match operation.command {
            Command::Cancel => return before.extend(self.requests.get(&(connection, operation.message_id))),
            Command::OplockBreak => {
                let subject = operation.request.as_ref().and_then(|part| BreakSubject::of(&part.pdu));
                before.extend(subject.and_then(|subject| self.breaks.get(&(server, subject))));
            }
            _ => {}
        }
        self.requests.insert((connection, operation.message_id), at);
        let open = named_file_id(operation).or(operation.file_id).filter(|_| operation.command != Command::Create);
        if let Some(id) = open {
            let create = self.opens.get(&(server, id)).copied();
            before.extend(create);
            if let (Command::Close, Some(create)) = (operation.command, create) {
                needs.closes.push((create, at));
            }
            let kept = match operation.command {
                _ if operation.share.as_deref().is_some_and(is_ipc) => Some(Kept::Pipe),
                Command::QueryDirectory => Some(Kept::Listing),
                Command::Lock => Some(Kept::Locks),
                _ => None,
            };
            if let Some(kept) = kept {
                let last = self.last.insert((server, id, kept), at);
                before.extend(last.filter(|_| !(kept == Kept::Listing && restarts(operation))));
            }
        }
        self.keys(at, operation, before);
        self.folders(at, operation, before);
    }

    /// The folders that a name lies in, where the capture itself made them.
    fn folders(&mut self, at: u32, operation: &Operation, before: &mut Vec<u32>) {
        let share = || operation.share.as_deref().map(str::to_lowercase);
        let name = operation.path.as_deref().filter(|_| operation.command == Command::Create);
        for name in [name, operation.new_path.as_deref()].into_iter().flatten().filter(|_| !self.folders.is_empty()) {
            let mut folder = name;
            while let Some((parent, _)) = folder.rsplit_once('\\') {
                before.extend(self.folders.get(&(share(), parent.to_lowercase())));
                folder = parent;
            }
        }
        let options = operation.facts.create_options.unwrap_or(0);
        if let (Some(path), true, Some(CREATED)) =
            (name, options & CreateRequest::OPTION_DIRECTORY_FILE != 0, operation.facts.create_action)
        {
            self.folders.insert((share(), path.to_lowercase()), at);
        }
    }

    /// What operations need that is not about their own open, and what they give to others.
    fn keys(&mut self, at: u32, operation: &Operation, before: &mut Vec<u32>) {
        let server = operation.connection.server;
        if let Some(id) = granted_disk_id(operation) {
            self.disk_ids.entry((server, id)).or_insert(at);
        }
        let pdu = operation.request.as_ref().map(|part| part.pdu.as_ref()).unwrap_or_default();
        match operation.command {
            Command::Create => {
                before.extend(reconnected(operation).and_then(|id| self.opens.get(&(server, id))));
                if let Ok(Request::Create(create)) = Request::decode(Command::Create, pdu)
                    && create.create_options & CreateRequest::OPTION_OPEN_BY_FILE_ID != 0
                    && let Some(id) = create.name.0.first_chunk::<8>()
                {
                    before.extend(self.disk_ids.get(&(server, u64::from_le_bytes(*id))));
                }
                if let Some(id) = granted_file_id(operation) {
                    for kept in [Kept::Listing, Kept::Locks, Kept::Pipe] {
                        self.last.remove(&(server, id, kept));
                    }
                    self.opens.insert((server, id), at);
                }
            }
            Command::Ioctl => match (operation.facts.ctl_code, Request::decode(Command::Ioctl, pdu)) {
                (Some(CtlCode::SRV_REQUEST_RESUME_KEY), _) => {
                    if let Some(key) = granted_resume_key(operation) {
                        self.resume_keys.insert((server, key), at);
                    }
                }
                (Some(CtlCode::SRV_COPYCHUNK | CtlCode::SRV_COPYCHUNK_WRITE), Ok(Request::Ioctl(ioctl))) => {
                    let key = ioctl.input.first_chunk::<24>();
                    before.extend(key.and_then(|key| self.resume_keys.get(&(server, *key))));
                }
                _ => {}
            },
            _ => {}
        }
    }
}

/// What a break can be about that a CREATE brought into being: its open, its lease.
pub(super) fn break_subjects(create: &Operation) -> impl Iterator<Item = BreakSubject> {
    let open = granted_file_id(create).map(BreakSubject::Open);
    let pdu = create.request.as_ref().map(|part| part.pdu.as_ref()).unwrap_or_default();
    let lease = match Request::decode(Command::Create, pdu) {
        Ok(Request::Create(request)) => request.contexts.find(LeaseContext::NAME).and_then(|context| {
            let key = context.data.first_chunk::<16>().copied();
            key.map(BreakSubject::Lease)
        }),
        _ => None,
    };
    [open, lease].into_iter().flatten()
}
