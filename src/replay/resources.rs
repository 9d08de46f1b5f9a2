//! What an operation touches, for `resource` ordering.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::plan::{Step, StepKind};
use super::ranges::RangeAccess;
use super::safety::{could_change, create_could_change};
use crate::model::message::{CreateRequest, Request};
use crate::model::{Command, ConnectionIndex, FileId, Operation, TreeId};

/// Something that operations can depend on each other through. Names are numbers given by [`Touches`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Resource {
    Connection(ConnectionIndex),
    Session(u32),
    Tree(u32, TreeId),
    Open(FileId),
    /// Whether something of that name exists, and who may open it.
    Name(u32),
    /// What a folder lists.
    Listing(u32),
    /// A file's size and attributes.
    Size(u32),
    /// A file's bytes.
    Data(u32),
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
    pub(super) range: Option<(Resource, RangeAccess)>,
    names: FxHashMap<(Option<Arc<str>>, Box<str>), u32>,
    parents: Vec<Option<u32>>,
    opens: FxHashMap<FileId, OpenFacts>,
}

#[derive(Clone, Copy)]
struct OpenFacts {
    name_mode: Mode,
    changes_listing: bool,
}

/// FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE
const SHARES_ALL: u32 = 7;
/// FILE_SUPERSEDE, FILE_OVERWRITE, FILE_OVERWRITE_IF
const EMPTYING: [u32; 3] = [0, 4, 5];

impl Touches {
    /// Fills `whole` and `range` for an operation.
    pub(super) fn of(&mut self, operation: &Operation, step: &Step) {
        self.whole.clear();
        self.range = None;
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
            (StepKind::Break, _) => return,
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
            Request::Read(_) | Request::Write(_) | Request::QueryInfo(_) | Request::ChangeNotify(_) => Mode::Read,
            _ => Mode::Write,
        };
        if let Some(id) = operation.file_id {
            self.whole.push((Resource::Open(id), open_mode));
        }
        if let Some(name) = name.filter(|_| !step.on_pipe) {
            self.file(operation, &body, name);
        }
    }

    fn create(&mut self, operation: &Operation, create: &CreateRequest<'_>, name: Option<u32>) {
        let changes = create_could_change(create);
        let sharing = create.create_disposition == 1
            && create.create_options & CreateRequest::OPTION_DELETE_ON_CLOSE == 0
            && create.share_access & SHARES_ALL == SHARES_ALL;
        let name_mode = if sharing { Mode::Read } else { Mode::Write };
        if let Some(id) = operation.file_id {
            self.opens.insert(id, OpenFacts { name_mode, changes_listing: changes });
            self.whole.push((Resource::Open(id), Mode::Write));
        }
        let Some(name) = name else { return };
        self.whole.push((Resource::Name(name), name_mode));
        self.ancestors(name);
        if create.create_disposition != 1 {
            self.parent_listing(name);
        }
        if EMPTYING.contains(&create.create_disposition) {
            self.whole.push((Resource::Size(name), Mode::Write));
            self.range = Some((Resource::Data(name), RangeAccess::WHOLE));
        } else {
            self.whole.push((Resource::Size(name), Mode::Read));
        }
    }

    fn file(&mut self, operation: &Operation, body: &Request<'_>, name: u32) {
        let data = Resource::Data(name);
        match body {
            Request::Close(_) => {
                let facts = operation.file_id.and_then(|id| self.opens.get(&id).copied());
                let facts = facts.unwrap_or(OpenFacts { name_mode: Mode::Write, changes_listing: true });
                self.whole.extend([(Resource::Name(name), facts.name_mode), (Resource::Size(name), Mode::Read)]);
                if facts.changes_listing {
                    self.parent_listing(name);
                }
            }
            Request::Read(read) => {
                let end = read.offset.saturating_add(u64::from(read.length));
                self.range = Some((data, RangeAccess { start: read.offset, end, write: false }));
            }
            Request::Write(write) => {
                let end = write.offset.saturating_add(write.data.len() as u64);
                self.range = Some((data, RangeAccess { start: write.offset, end, write: true }));
                self.whole.push((Resource::Size(name), Mode::Update));
                self.parent_listing(name);
            }
            Request::QueryInfo(_) => {
                self.whole.extend([(Resource::Name(name), Mode::Read), (Resource::Size(name), Mode::Read)]);
            }
            Request::QueryDirectory(_) | Request::ChangeNotify(_) => {
                self.whole.push((Resource::Listing(name), Mode::Read));
            }
            Request::SetInfo(_) => {
                self.whole.extend([(Resource::Name(name), Mode::Write), (Resource::Size(name), Mode::Write)]);
                self.range = Some((data, RangeAccess::WHOLE));
                self.parent_listing(name);
                if let Some(new) = operation.new_path.as_deref() {
                    let new = self.name(operation.share.as_ref(), new);
                    self.whole.push((Resource::Name(new), Mode::Write));
                    self.ancestors(new);
                    self.parent_listing(new);
                }
                // A rename or a deletion takes effect for those who open the name later.
                if let Some(facts) = operation.file_id.and_then(|id| self.opens.get_mut(&id)) {
                    *facts = OpenFacts { name_mode: Mode::Write, changes_listing: true };
                }
            }
            Request::Lock(_) => self.range = Some((data, RangeAccess::WHOLE)),
            Request::Ioctl(_) if could_change(operation) => {
                self.whole.push((Resource::Size(name), Mode::Write));
                self.range = Some((data, RangeAccess::WHOLE));
            }
            _ => {}
        }
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
