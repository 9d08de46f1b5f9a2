//! Opens and their lives: from the CREATE that was granted to the CLOSE, or whatever else ended them.

use rustc_hash::FxHashMap;
use serde::{Serialize, Serializer};

use crate::model::message::{CreateRequest, SetInfoRequest};
use crate::model::{Command, FileId, NtStatus, Operation, Timestamp, TreeId, path};

/// FileDispositionInformationEx, [MS-FSCC] 2.4.12
const CLASS_DISPOSITION_EX: u8 = 64;
/// CreateAction, [MS-SMB2] 2.2.14
const ACTION_SUPERSEDED: u32 = 0;
const ACTION_CREATED: u32 = 2;
const ACTION_OVERWRITTEN: u32 = 3;

/// A point of the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// The frame.
    pub frame: u64,
    /// Its time.
    #[serde(serialize_with = "as_text")]
    pub time: Timestamp,
}

/// How an open ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenEnd {
    /// By a CLOSE that the server confirmed.
    Closed,
    /// With its tree, by TREE_DISCONNECT.
    TreeDisconnected,
    /// With its session, by LOGOFF.
    LoggedOff,
    /// With its connection, by FIN or RST. A durable open may outlive it.
    ConnectionEnded,
    /// Not within the capture.
    StillOpen,
}

/// What became of the file at the end of an open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFate {
    /// CREATE made it.
    Created,
    /// CREATE emptied it.
    Overwritten,
}

/// One open.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Open {
    /// Its session.
    pub session: String,
    /// Who logged in.
    pub user: String,
    /// The connection that it was opened on, as Wireshark counts them.
    pub tcp_stream: u32,
    /// As the server granted it.
    #[serde(serialize_with = "as_text")]
    pub file_id: FileId,
    /// `\\server\share`
    pub share: Option<String>,
    /// Path in the share when it was opened; empty for the root.
    pub path: Option<String>,
    /// Whether it is a directory; null when nothing in the capture tells.
    pub directory: Option<bool>,
    /// DesiredAccess of the CREATE; null when that is not in the capture.
    pub desired_access: Option<u32>,
    /// ShareAccess
    pub share_access: Option<u32>,
    /// CreateOptions
    pub create_options: Option<u32>,
    /// The oplock that was granted.
    pub granted_oplock: Option<u8>,
    /// The lease that was granted.
    pub lease_state_granted: Option<u32>,
    /// What the CREATE did to the file, beside opening it.
    pub fate: Option<FileFate>,
    /// The CREATE's response; null for an open from before the capture.
    pub opened: Option<Point>,
    /// What ended it.
    pub ended: Option<Point>,
    /// How it ended.
    pub end: OpenEnd,
    /// READs that the server answered with data.
    pub reads: u64,
    /// Their bytes.
    pub bytes_read: u64,
    /// WRITEs that the server accepted.
    pub writes: u64,
    /// Their bytes.
    pub bytes_written: u64,
    /// The file's size, as it was last told in a CREATE or CLOSE response.
    pub size: Option<u64>,
    /// Where it was renamed to.
    pub renamed_to: Option<String>,
    /// The hard link that was made of it.
    pub linked_to: Option<String>,
    /// Whether the file was to be deleted when it ended.
    pub delete_on_close: bool,
    /// Breaks of its oplock.
    pub breaks: u64,
    #[serde(skip)]
    tree_id: TreeId,
}

/// A CREATE that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedOpen {
    /// Its session.
    pub session: String,
    /// Who logged in.
    pub user: String,
    /// `\\server\share`
    pub share: Option<String>,
    /// Path in the share.
    pub path: Option<String>,
    /// Why.
    #[serde(serialize_with = "as_text")]
    pub status: NtStatus,
    /// The response.
    pub at: Point,
}

/// Follows opens through the operations of one session after the other.
#[derive(Debug, Default)]
pub struct Opens {
    session: String,
    user: String,
    alive: FxHashMap<FileId, usize>,
    opens: Vec<Open>,
    failed: Vec<FailedOpen>,
}

impl Opens {
    /// The commands whose PDUs are looked at: only the body says whether a file is to be deleted.
    pub const BODIES: &'static [Command] = &[Command::SetInfo];

    /// The operations that follow are of this session, and of this user.
    pub fn begin_session(&mut self, session: &str, user: &str) {
        self.alive.clear();
        session.clone_into(&mut self.session);
        user.clone_into(&mut self.user);
    }

    /// A connection of the session ended: what was opened on it, and is alive, ended with it.
    pub fn connection_ended(&mut self, tcp_stream: u32, at: Point) {
        let opens = &mut self.opens;
        self.alive.retain(|_, number| {
            let Some(open) = opens.get_mut(*number) else { return false };
            let goes = open.tcp_stream == tcp_stream;
            if goes {
                (open.end, open.ended) = (OpenEnd::ConnectionEnded, Some(at));
            }
            !goes
        });
    }

    /// Takes the next operation.
    pub fn add(&mut self, operation: &Operation) {
        match operation.command {
            Command::Create => self.create(operation),
            Command::TreeDisconnect if succeeded(operation) => {
                self.end_of(operation, OpenEnd::TreeDisconnected, |open| open.tree_id == operation.tree_id);
            }
            Command::Logoff if succeeded(operation) => self.end_of(operation, OpenEnd::LoggedOff, |_| true),
            _ => self.used(operation),
        }
    }

    /// All opens in the order of their beginnings, session by session, and the opens that failed.
    pub fn finish(self) -> (Vec<Open>, Vec<FailedOpen>) {
        (self.opens, self.failed)
    }

    fn create(&mut self, operation: &Operation) {
        let Some(at) = point_of(operation) else { return };
        match (operation.status, operation.file_id) {
            (Some(NtStatus::SUCCESS), Some(file_id)) => {
                let facts = &operation.facts;
                let mut open = self.new_open(operation, file_id);
                open.opened = Some(at);
                open.desired_access = facts.desired_access;
                open.share_access = facts.share_access;
                open.create_options = facts.create_options;
                open.granted_oplock = facts.granted_oplock;
                open.lease_state_granted = facts.lease_state_granted;
                open.size = facts.end_of_file;
                let deletes = CreateRequest::OPTION_DELETE_ON_CLOSE;
                open.delete_on_close = facts.create_options.is_some_and(|options| options & deletes != 0);
                open.fate = match facts.create_action {
                    Some(ACTION_CREATED) => Some(FileFate::Created),
                    Some(ACTION_OVERWRITTEN | ACTION_SUPERSEDED) => Some(FileFate::Overwritten),
                    _ => None,
                };
                self.alive.insert(file_id, self.opens.len());
                self.opens.push(open);
            }
            (Some(status), _) if status.is_error() => self.failed.push(FailedOpen {
                session: self.session.clone(),
                user: self.user.clone(),
                share: operation.share.as_deref().map(str::to_owned),
                path: operation.path.as_deref().map(str::to_owned),
                status,
                at,
            }),
            _ => {}
        }
    }

    fn new_open(&self, operation: &Operation, file_id: FileId) -> Open {
        Open {
            session: self.session.clone(),
            user: self.user.clone(),
            tcp_stream: operation.connection.tcp_stream,
            file_id,
            share: operation.share.as_deref().map(str::to_owned),
            path: operation.path.as_deref().map(str::to_owned),
            directory: operation.directory,
            desired_access: None,
            share_access: None,
            create_options: None,
            granted_oplock: None,
            lease_state_granted: None,
            fate: None,
            opened: None,
            ended: None,
            end: OpenEnd::StillOpen,
            reads: 0,
            bytes_read: 0,
            writes: 0,
            bytes_written: 0,
            size: None,
            renamed_to: None,
            linked_to: None,
            delete_on_close: false,
            breaks: 0,
            tree_id: operation.tree_id,
        }
    }

    /// Something was done with an open.
    fn used(&mut self, operation: &Operation) {
        // An IOCTL that is about no open has an id of ones, [MS-SMB2] 2.2.31.
        let Some(file_id) = operation.file_id.filter(|id| !id.is_inherited()) else { return };
        let number = match self.alive.get(&file_id) {
            Some(number) => *number,
            // It was there before the capture began. Its CLOSE may be all that is seen, or it is of an open that has ended.
            None if succeeded(operation) => {
                let open = self.new_open(operation, file_id);
                self.alive.insert(file_id, self.opens.len());
                self.opens.push(open);
                self.opens.len() - 1
            }
            None => return,
        };
        let open = &mut self.opens[number];
        let facts = &operation.facts;
        match operation.command {
            Command::OplockBreak => open.breaks += u64::from(operation.request.is_none()),
            _ if !succeeded(operation) => {}
            Command::Read => {
                open.reads += 1;
                open.bytes_read += facts.bytes.unwrap_or_default();
            }
            Command::Write => {
                open.writes += 1;
                open.bytes_written += facts.bytes.unwrap_or_default();
            }
            Command::Close => {
                (open.end, open.ended) = (OpenEnd::Closed, point_of(operation));
                open.size = facts.end_of_file.or(open.size);
                self.alive.remove(&file_id);
            }
            Command::SetInfo => set_info(operation, open),
            _ => {}
        }
    }

    fn end_of(&mut self, operation: &Operation, end: OpenEnd, fits: impl Fn(&Open) -> bool) {
        let at = point_of(operation);
        let opens = &mut self.opens;
        self.alive.retain(|_, number| {
            let Some(open) = opens.get_mut(*number).filter(|open| fits(open)) else { return true };
            (open.end, open.ended) = (end, at);
            false
        });
    }
}

impl Open {
    /// Whether it was alive at a moment.
    pub fn is_alive_at(&self, time: Timestamp) -> bool {
        self.opened.is_none_or(|opened| opened.time <= time) && self.ended.is_none_or(|ended| ended.time > time)
    }

    /// Whether the file was deleted at its end, as far as this open tells.
    pub fn deletes(&self) -> bool {
        self.delete_on_close && self.end != OpenEnd::StillOpen
    }

    /// Whether it is about a pipe.
    pub fn is_pipe(&self) -> bool {
        self.share.as_deref().is_some_and(path::is_ipc)
    }
}

fn set_info(operation: &Operation, open: &mut Open) {
    let class = operation.facts.info_class;
    if let Some(new_path) = &operation.new_path {
        let new_path = Some(new_path.to_string());
        if class == Some(SetInfoRequest::CLASS_LINK) { open.linked_to = new_path } else { open.renamed_to = new_path }
    }
    let body = operation.request.as_ref().and_then(|part| SetInfoRequest::decode(&part.pdu).ok());
    if let Some(body) = body
        && body.info_type == SetInfoRequest::INFO_FILE
        && matches!(body.file_info_class, SetInfoRequest::CLASS_DISPOSITION | CLASS_DISPOSITION_EX)
        && let Some(first) = body.buffer.first()
    {
        open.delete_on_close = first & 1 != 0;
    }
}

/// BUFFER_OVERFLOW and their like come with data.
fn succeeded(operation: &Operation) -> bool {
    operation.status.is_some_and(|status| !status.is_error())
}

fn point_of(operation: &Operation) -> Option<Point> {
    let part = operation.response.as_ref().or(operation.request.as_ref())?;
    Some(Point { frame: part.frame, time: part.time })
}

pub(super) fn as_text<T: ToString, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}

#[cfg(test)]
mod tests;
