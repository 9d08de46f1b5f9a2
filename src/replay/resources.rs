//! What an operation touches, for `resource` ordering.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::closing::reconnected;
use super::plan::{Step, StepKind};
use super::ranges::RangeAccess;
use super::safety::{could_change, create_could_change};
use crate::model::fscc::file_class;
use crate::model::message::{CreateRequest, LeaseContext, Request, Response};
use crate::model::{Command, ConnectionIndex, CtlCode, FileId, Operation, TreeId};

/// Something that operations can depend on each other through. Names are numbers given by [`Touches`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Resource {
    Connection(ConnectionIndex),
    Session(u32),
    Tree(u32, TreeId),
    Open(FileId),
    /// Whether something of that name exists, and who may open it.
    Name(u32),
    /// What a folder lists: whether there is anything in it decides on its deletion too.
    Listing(u32),
    /// A file's size and attributes.
    Size(u32),
    /// A file's bytes.
    Data(u32),
    /// A lease: servers refuse its key for another file while it is held.
    Lease([u8; 16]),
    /// The resume key of a COPYCHUNK source.
    ResumeKey([u8; 24]),
}

/// How a resource is touched. Equal modes get along, except writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Read,
    /// A change that does not disturb other changes: a new entry in a folder, a WRITE that may make a file longer.
    Update,
    Write,
}

/// What the last operation given to [`Touches::of`] touches.
#[derive(Default)]
pub(super) struct Touches {
    pub(super) whole: Vec<(Resource, Mode)>,
    pub(super) ranges: Vec<(Resource, RangeAccess)>,
    names: FxHashMap<(Option<Arc<str>>, Box<str>), u32>,
    parents: Vec<Option<u32>>,
    /// Names that are hard links to the file of another one.
    links: FxHashMap<u32, u32>,
    opens: FxHashMap<FileId, OpenFacts>,
    /// What is open on each connection, with the names.
    held: FxHashMap<ConnectionIndex, FxHashMap<FileId, Option<u32>>>,
    /// The opens and files that resume keys stand for.
    sources: FxHashMap<[u8; 24], (Option<FileId>, u32)>,
}

#[derive(Clone, Copy)]
struct OpenFacts {
    name_mode: Mode,
    changes_listing: bool,
    deletes: bool,
    lease: Option<[u8; 16]>,
}

impl OpenFacts {
    /// Of an open whose CREATE is not known.
    const UNKNOWN: Self = Self { name_mode: Mode::Write, changes_listing: true, deletes: true, lease: None };
}

/// FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE
const SHARES_ALL: u32 = 7;
/// FILE_SUPERSEDE, FILE_OVERWRITE, FILE_OVERWRITE_IF
const EMPTYING: [u32; 3] = [0, 4, 5];

impl Touches {
    /// Fills `whole` and `ranges` for an operation; of a break, `broken` is the open that it is about.
    pub(super) fn of(&mut self, operation: &Operation, step: &Step, broken: Option<FileId>) {
        self.whole.clear();
        self.ranges.clear();
        let connection = Resource::Connection(operation.connection.index);
        let session = Resource::Session(step.session);
        match (step.kind, operation.command) {
            (StepKind::Connect, _) | (StepKind::Own, Command::Negotiate) => {
                return self.whole.push((connection, Mode::Write));
            }
            (StepKind::Login, _) | (StepKind::Own, Command::SessionSetup) => {
                self.whole.extend([(connection, Mode::Read), (session, Mode::Write)]);
                return;
            }
            (_, Command::Logoff) => return self.whole.push((session, Mode::Write)),
            (_, Command::Echo) => return self.whole.push((connection, Mode::Read)),
            // What a client does to an open after a break of it waits for the break: a CLOSE would take it back.
            (StepKind::Break, _) => {
                let open = broken.map(|id| (Resource::Open(id), Mode::Write));
                return self.whole.extend(open);
            }
            _ => self.whole.push((session, Mode::Read)),
        }
        let tree = Resource::Tree(step.session, operation.tree_id);
        let tree_mode = match operation.command {
            Command::TreeConnect | Command::TreeDisconnect => Mode::Write,
            _ => Mode::Read,
        };
        self.whole.push((tree, tree_mode));
        let name = operation.path.as_deref().map(|path| self.name(operation.share.as_ref(), path));
        let pdu = operation.request.as_ref().map(|part| part.pdu.as_ref()).unwrap_or_default();
        let Ok(body) = Request::decode(operation.command, pdu) else { return };
        if let Request::Create(create) = &body {
            return self.create(operation, create, name);
        }
        let open_mode = match &body {
            Request::Read(_) | Request::Write(_) if step.on_pipe => Mode::Write,
            // The open's position, which reads and writes move.
            Request::QueryInfo(query) if matches!(query.file_info_class, file_class::POSITION | file_class::ALL) => {
                Mode::Write
            }
            Request::Read(_) | Request::Write(_) | Request::QueryInfo(_) | Request::ChangeNotify(_) => Mode::Read,
            _ => Mode::Write,
        };
        if let Some(id) = operation.file_id {
            self.whole.push((Resource::Open(id), open_mode));
            // Some try ids that are another client's.
            if operation.command == Command::Close && operation.status.is_none_or(|status| !status.is_error()) {
                let here = self.held.get_mut(&operation.connection.index);
                if here.and_then(|held| held.remove(&id)).is_none() {
                    // It was opened over another channel.
                    for held in self.held.values_mut() {
                        held.remove(&id);
                    }
                }
            }
        }
        if let Some(name) = name.filter(|_| !step.on_pipe) {
            self.file(operation, &body, name);
        }
    }

    /// Fills `whole` and `ranges` for the end of a connection: all that is still open on it is closed then.
    pub(super) fn end_of(&mut self, connection: ConnectionIndex) {
        self.whole.clear();
        self.ranges.clear();
        self.whole.push((Resource::Connection(connection), Mode::Write));
        for (id, name) in self.held.remove(&connection).unwrap_or_default() {
            self.whole.push((Resource::Open(id), Mode::Write));
            let lease = self.opens.get(&id).and_then(|facts| facts.lease);
            self.whole.extend(lease.map(|key| (Resource::Lease(key), Mode::Write)));
            let Some(name) = name else { continue };
            let file = self.file_of(name);
            self.whole.extend([(Resource::Name(name), Mode::Write), (Resource::Size(file), Mode::Write)]);
            // Locks go with their open.
            self.ranges.push((Resource::Data(file), RangeAccess::WHOLE));
            self.parent_listing(name);
        }
    }

    fn create(&mut self, operation: &Operation, create: &CreateRequest<'_>, name: Option<u32>) {
        let changes = create_could_change(create);
        let deletes = create.create_options & CreateRequest::OPTION_DELETE_ON_CLOSE != 0;
        let sharing = create.create_disposition == 1 && !deletes && create.share_access & SHARES_ALL == SHARES_ALL;
        let name_mode = if sharing { Mode::Read } else { Mode::Write };
        let lease = create.contexts.find(LeaseContext::NAME).and_then(|context| context.data.first_chunk().copied());
        self.whole.extend(lease.map(|key| (Resource::Lease(key), Mode::Write)));
        if let Some(id) = operation.file_id {
            self.opens.insert(id, OpenFacts { name_mode, changes_listing: changes, deletes, lease });
            self.held.entry(operation.connection.index).or_default().insert(id, name);
            self.whole.push((Resource::Open(id), Mode::Write));
        }
        if let Some(id) = reconnected(operation) {
            self.whole.push((Resource::Open(id), Mode::Write));
        }
        let Some(name) = name else { return };
        self.whole.push((Resource::Name(name), name_mode));
        self.ancestors(name);
        if deletes {
            self.whole.push((Resource::Listing(name), Mode::Read));
        }
        if create.create_disposition != 1 {
            self.parent_listing(name);
        }
        let file = self.file_of(name);
        if EMPTYING.contains(&create.create_disposition) {
            self.whole.push((Resource::Size(file), Mode::Write));
            self.ranges.push((Resource::Data(file), RangeAccess::WHOLE));
        } else {
            self.whole.push((Resource::Size(file), Mode::Read));
        }
    }

    fn file(&mut self, operation: &Operation, body: &Request<'_>, name: u32) {
        let file = self.file_of(name);
        let (data, size) = (Resource::Data(file), Resource::Size(file));
        match body {
            Request::Close(_) => {
                let facts = operation.file_id.and_then(|id| self.opens.get(&id).copied());
                let facts = facts.unwrap_or(OpenFacts::UNKNOWN);
                self.whole.extend(facts.lease.map(|key| (Resource::Lease(key), Mode::Write)));
                let size_mode = if facts.deletes { Mode::Write } else { Mode::Read };
                self.whole.extend([(Resource::Name(name), facts.name_mode), (size, size_mode)]);
                if facts.changes_listing {
                    self.parent_listing(name);
                }
                if facts.deletes {
                    self.whole.push((Resource::Listing(name), Mode::Read));
                }
            }
            Request::Read(read) => {
                let end = read.offset.saturating_add(u64::from(read.length));
                self.ranges.push((data, RangeAccess { start: read.offset, end, write: false }));
            }
            Request::Write(write) => {
                let end = write.offset.saturating_add(write.data.len() as u64);
                self.ranges.push((data, RangeAccess { start: write.offset, end, write: true }));
                self.whole.push((size, Mode::Update));
                self.parent_listing(name);
            }
            Request::QueryInfo(_) => {
                self.whole.extend([(Resource::Name(name), Mode::Read), (size, Mode::Read)]);
            }
            Request::QueryDirectory(_) | Request::ChangeNotify(_) => {
                self.whole.push((Resource::Listing(name), Mode::Read));
            }
            Request::SetInfo(_) => {
                self.whole.extend([(Resource::Name(name), Mode::Write), (size, Mode::Write)]);
                self.whole.push((Resource::Listing(name), Mode::Read));
                self.ranges.push((data, RangeAccess::WHOLE));
                self.parent_listing(name);
                if let Some(new) = operation.new_path.as_deref() {
                    let new = self.name(operation.share.as_ref(), new);
                    self.whole.push((Resource::Name(new), Mode::Write));
                    self.ancestors(new);
                    self.parent_listing(new);
                    self.links.insert(new, file);
                }
                // A rename or a deletion takes effect for those who open the name later.
                if let Some(facts) = operation.file_id.and_then(|id| self.opens.get_mut(&id)) {
                    *facts = OpenFacts { lease: facts.lease, ..OpenFacts::UNKNOWN };
                }
            }
            Request::Lock(_) => self.ranges.push((data, RangeAccess::WHOLE)),
            Request::Ioctl(ioctl) if ioctl.ctl_code == CtlCode::SRV_REQUEST_RESUME_KEY => {
                if let Some(key) = granted_resume_key(operation) {
                    self.sources.insert(key, (operation.file_id, file));
                    self.whole.push((Resource::ResumeKey(key), Mode::Write));
                }
            }
            Request::Ioctl(ioctl)
                if matches!(ioctl.ctl_code, CtlCode::SRV_COPYCHUNK | CtlCode::SRV_COPYCHUNK_WRITE) =>
            {
                self.whole.push((size, Mode::Write));
                self.ranges.push((data, RangeAccess::WHOLE));
                self.parent_listing(name);
                if let Some(key) = ioctl.input.first_chunk() {
                    self.whole.push((Resource::ResumeKey(*key), Mode::Read));
                    if let Some((open, source)) = self.sources.get(key) {
                        // A key lives as long as its open.
                        self.whole.extend(open.map(|open| (Resource::Open(open), Mode::Read)));
                        let all = RangeAccess { write: false, ..RangeAccess::WHOLE };
                        self.ranges.push((Resource::Data(*source), all));
                    }
                }
            }
            Request::Ioctl(_) if could_change(operation) => {
                self.whole.push((size, Mode::Write));
                self.ranges.push((data, RangeAccess::WHOLE));
                self.parent_listing(name);
            }
            _ => {}
        }
    }

    /// The file behind a name: one of several names, when it has hard links.
    fn file_of(&self, name: u32) -> u32 {
        self.links.get(&name).copied().unwrap_or(name)
    }

    fn parent_listing(&mut self, name: u32) {
        if let Some(parent) = self.parents.get(name as usize).copied().flatten() {
            self.whole.push((Resource::Listing(parent), Mode::Update));
        }
    }

    fn ancestors(&mut self, name: u32) {
        let mut parent = self.parents.get(name as usize).copied().flatten();
        while let Some(name) = parent {
            self.whole.push((Resource::Name(name), Mode::Read));
            parent = self.parents.get(name as usize).copied().flatten();
        }
    }

    /// The number of a path, without the name of a stream, in any case.
    fn name(&mut self, share: Option<&Arc<str>>, path: &str) -> u32 {
        let file = path.split(':').next().unwrap_or(path);
        let key = (share.cloned(), file.to_lowercase().into_boxed_str());
        if let Some(number) = self.names.get(&key) {
            return *number;
        }
        let parent = match file.rfind('\\') {
            Some(end) => Some(self.name(share, &file[..end])),
            None if file.is_empty() => None,
            None => Some(self.name(share, "")),
        };
        let number = self.parents.len() as u32;
        self.parents.push(parent);
        self.names.insert(key, number);
        number
    }
}

/// The resume key in a captured answer.
pub(super) fn granted_resume_key(operation: &Operation) -> Option<[u8; 24]> {
    let response = operation.response.as_ref()?;
    match Response::decode(operation.command, operation.status?, &response.pdu).ok()? {
        Response::Ioctl(ioctl) => ioctl.output.first_chunk().copied(),
        _ => None,
    }
}
