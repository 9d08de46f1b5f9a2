//! What becomes of each operation: sent, done by the engine itself, awaited, or not replayable and why.

use rustc_hash::{FxHashMap, FxHashSet};

use super::name_map::climbs;
use super::plan::{PlanOptions, StepIndex, StepKind};
use super::reason::Reason;
use super::safety::could_change;
use crate::model::message::{OplockBreak, Request, Response, file_id_offset};
use crate::model::{
    Anomaly, AsyncId, Command, ConnectionIndex, CtlCode, FileId, Layout, MessageId, NtStatus, Operation, SessionId,
    TreeId,
};

/// What a break is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum BreakSubject {
    /// An oplock of an open.
    Open(FileId),
    /// A lease.
    Lease([u8; 16]),
}

impl BreakSubject {
    /// The subject of any OPLOCK_BREAK message.
    pub(super) fn of(pdu: &[u8]) -> Option<Self> {
        Some(match OplockBreak::decode(pdu).ok()? {
            OplockBreak::Oplock { file_id, .. } => Self::Open(file_id),
            OplockBreak::LeaseNotification { lease_key, .. } | OplockBreak::Lease { lease_key, .. } => {
                Self::Lease(lease_key)
            }
        })
    }
}

/// Goes over the operations once, in their order.
pub(super) struct Classifier {
    options: PlanOptions,
    refused: FxHashSet<(ConnectionIndex, SessionId)>,
    connected: FxHashSet<ConnectionIndex>,
    logged_in: FxHashSet<(ConnectionIndex, SessionId)>,
    trees: FxHashSet<(u32, SessionId, TreeId)>,
    opens: FxHashSet<(u32, FileId)>,
    /// Opens whose CREATE is not sent because the run is read-only.
    withheld: FxHashSet<(u32, FileId)>,
    /// Trees of which the capture shows that they carried pipes: which of a server's they are is not known.
    pipe_trees: FxHashSet<(std::net::SocketAddr, SessionId, TreeId)>,
    /// By place of the session: trees that have to be connected though their TREE_CONNECT is not in the capture.
    pub(super) implicit_trees: FxHashSet<(u32, TreeId)>,
    breaks: FxHashMap<(u32, BreakSubject), StepIndex>,
    requests: FxHashMap<(ConnectionIndex, MessageId), StepIndex>,
    /// Requests that had an interim response.
    pending: FxHashMap<(ConnectionIndex, AsyncId), StepIndex>,
}

impl Classifier {
    pub(super) fn new(operations: &[Operation], options: PlanOptions) -> Self {
        Self {
            options,
            refused: refused_logins(operations),
            connected: FxHashSet::default(),
            logged_in: FxHashSet::default(),
            trees: FxHashSet::default(),
            opens: FxHashSet::default(),
            withheld: FxHashSet::default(),
            pipe_trees: pipe_trees(operations),
            implicit_trees: FxHashSet::default(),
            breaks: FxHashMap::default(),
            requests: FxHashMap::default(),
            pending: FxHashMap::default(),
        }
    }

    pub(super) fn classify(&mut self, at: StepIndex, operation: &Operation, server: u32, session: u32) -> StepKind {
        let kind = self.kind(operation, server).unwrap_or_else(StepKind::NotReplayable);
        if !matches!(kind, StepKind::NotReplayable(_)) {
            self.learn(at, operation, server);
            if kind.is_sent() && self.is_unknown_tree(operation, server) && tree_was_known(operation) {
                self.implicit_trees.insert((session, operation.tree_id));
            }
        } else if kind == StepKind::NotReplayable(Reason::ReadOnly)
            && let Some(id) = granted_file_id(operation)
        {
            self.withheld.insert((server, id));
        }
        kind
    }

    fn kind(&self, operation: &Operation, server: u32) -> Result<StepKind, Reason> {
        let connection = operation.connection.index;
        let anomalies = operation.anomalies;
        if anomalies.contains(Anomaly::ExtraInterim) || anomalies.contains(Anomaly::ExtraResponse) {
            return Err(Reason::ExtraResponse);
        }
        let Some(request) = &operation.request else {
            // The answer to an SMB1 negotiate has no request either; the connection is the engine's business.
            return match operation.command {
                Command::OplockBreak if operation.message_id == MessageId::UNSOLICITED => Ok(StepKind::Break),
                Command::Negotiate => Ok(StepKind::Own),
                _ => Err(Reason::NoRequest),
            };
        };
        match operation.command {
            Command::Negotiate if self.connected.contains(&connection) => return Ok(StepKind::Own),
            Command::Negotiate => return Ok(StepKind::Connect),
            Command::SessionSetup if operation.status.is_some_and(NtStatus::is_error) => {
                return Err(Reason::RefusedLogin);
            }
            Command::SessionSetup if self.refused.contains(&(connection, operation.session_id)) => {
                return Err(Reason::RefusedLogin);
            }
            Command::SessionSetup if self.logged_in.contains(&(connection, operation.session_id)) => {
                return Ok(StepKind::Own);
            }
            Command::SessionSetup => return Ok(StepKind::Login),
            Command::Unknown(_) => return Err(Reason::UnknownCommand),
            _ => {}
        }
        let pdu = request.pdu.as_ref();
        if pdu.is_empty() {
            return Err(Reason::NoBytes);
        }
        if anomalies.contains(Anomaly::BrokenChain) {
            return Err(Reason::BrokenChain);
        }
        let body = match Request::decode(operation.command, pdu) {
            Ok(body) => body,
            Err(_) if anomalies.contains(Anomaly::Truncated) => return Err(Reason::Truncated),
            Err(_) => return Err(Reason::Malformed),
        };
        if operation.command == Command::Cancel {
            let by_async_id = operation.async_id.and_then(|id| self.pending.get(&(connection, id)));
            let target = by_async_id.or_else(|| self.requests.get(&(connection, operation.message_id)));
            return Ok(StepKind::Cancel { target: target.copied() });
        }
        if let Request::Ioctl(ioctl) = &body
            && ioctl.ctl_code == CtlCode::VALIDATE_NEGOTIATE_INFO
        {
            return Ok(StepKind::Own);
        }
        self.check_ids(operation, &body, server)?;
        if self.options.read_only && could_change(operation) {
            return Err(Reason::ReadOnly);
        }
        if self.options.below_base && leaves_folder(operation) {
            return Err(Reason::OutsideBase);
        }
        if operation.command == Command::OplockBreak {
            let of = BreakSubject::of(pdu).and_then(|subject| self.breaks.get(&(server, subject)));
            return of.map(|of| StepKind::Acknowledge { of: *of }).ok_or(Reason::UnknownBreak);
        }
        Ok(StepKind::Send)
    }

    /// Ids that the captured server knew and that the capture does not explain cannot be mapped. Where the captured server
    /// refused an id, the wrong id is part of the test that was captured, and goes out as such.
    fn check_ids(&self, operation: &Operation, body: &Request<'_>, server: u32) -> Result<(), Reason> {
        if self.is_unknown_tree(operation, server) && tree_was_known(operation) {
            let tree = (operation.connection.server, operation.session_id, operation.tree_id);
            if !self.options.implicit_trees || self.pipe_trees.contains(&tree) {
                return Err(Reason::UnknownTree);
            }
        }
        match body.file_id().filter(|_| open_was_known(operation)) {
            Some(id) if !id.is_inherited() && !self.opens.contains(&(server, id)) && !is_tree_wide(body) => {
                Err(if self.withheld.contains(&(server, id)) { Reason::ReadOnly } else { Reason::UnknownOpen })
            }
            _ => Ok(()),
        }
    }

    /// Whether it is about a tree whose TREE_CONNECT is not in the capture.
    fn is_unknown_tree(&self, operation: &Operation, server: u32) -> bool {
        let without_tree = matches!(
            operation.command,
            Command::Logoff | Command::TreeConnect | Command::Echo | Command::OplockBreak | Command::Cancel
        );
        let tree = (server, operation.session_id, operation.tree_id);
        !without_tree && !operation.tree_id.is_inherited() && !self.trees.contains(&tree)
    }

    fn learn(&mut self, at: StepIndex, operation: &Operation, server: u32) {
        let connection = operation.connection.index;
        match operation.command {
            Command::Negotiate => {
                self.connected.insert(connection);
            }
            Command::SessionSetup => {
                self.logged_in.insert((connection, operation.session_id));
            }
            Command::TreeConnect if operation.status == Some(NtStatus::SUCCESS) => {
                self.trees.insert((server, operation.session_id, operation.tree_id));
            }
            Command::Create => {
                if let Some(id) = granted_file_id(operation) {
                    self.opens.insert((server, id));
                }
            }
            Command::OplockBreak if operation.request.is_none() => {
                let subject = operation.response.as_ref().and_then(|part| BreakSubject::of(&part.pdu));
                if let Some(subject) = subject {
                    self.breaks.insert((server, subject), at);
                }
            }
            _ => {}
        }
        if operation.request.is_some() && operation.command != Command::Cancel {
            self.requests.insert((connection, operation.message_id), at);
            if let Some(id) = operation.async_id {
                self.pending.insert((connection, id), at);
            }
        }
    }
}

/// The logins of which the capture has a refusal and no success.
fn refused_logins(operations: &[Operation]) -> FxHashSet<(ConnectionIndex, SessionId)> {
    let setups = || operations.iter().filter(|operation| operation.command == Command::SessionSetup);
    let key = |operation: &Operation| (operation.connection.index, operation.session_id);
    let mut refused: FxHashSet<_> =
        setups().filter(|operation| operation.status.is_some_and(NtStatus::is_error)).map(key).collect();
    if !refused.is_empty() {
        for operation in setups().filter(|operation| operation.status == Some(NtStatus::SUCCESS)) {
            refused.remove(&key(operation));
        }
    }
    refused
}

/// Whether a name that it gives to the server has so many parts `..` that it leads out of the folder that it is put below.
fn leaves_folder(operation: &Operation) -> bool {
    let path = operation.path.as_deref().filter(|_| operation.command == Command::Create);
    [path, operation.new_path.as_deref()].into_iter().flatten().any(climbs)
}

/// IOCTLs that are about the tree, with a FileId of FF…FF, or of zeros by clients that do not care.
fn is_tree_wide(body: &Request<'_>) -> bool {
    matches!(body, Request::Ioctl(ioctl) if matches!(
        ioctl.ctl_code,
        CtlCode::DFS_GET_REFERRALS | CtlCode::QUERY_NETWORK_INTERFACE_INFO | CtlCode::PIPE_WAIT
    ) || ioctl.file_id == FileId([0; 16]))
}

/// Whether the captured server knew the tree: it did not complain of it, nor of the session.
fn tree_was_known(operation: &Operation) -> bool {
    let bad = [
        NtStatus::NETWORK_NAME_DELETED,
        NtStatus::USER_SESSION_DELETED,
        NtStatus::NETWORK_SESSION_EXPIRED,
        NtStatus::ACCESS_DENIED,
        NtStatus::INVALID_PARAMETER,
    ];
    !operation.status.is_some_and(|status| bad.contains(&status))
}

/// Whether the captured server knew the open: it did what was asked, or refused it as it refuses only on an open.
fn open_was_known(operation: &Operation) -> bool {
    let on_opens = [
        NtStatus::END_OF_FILE,
        NtStatus::NO_SUCH_FILE,
        NtStatus::OBJECT_NAME_COLLISION,
        NtStatus::DIRECTORY_NOT_EMPTY,
        NtStatus::CANCELLED,
    ];
    operation.status.is_none_or(|status| !status.is_error() || on_opens.contains(&status))
}

/// Trees that carried pipes, by what was asked of them.
fn pipe_trees(operations: &[Operation]) -> FxHashSet<(std::net::SocketAddr, SessionId, TreeId)> {
    let only_on_pipes = |code: CtlCode| {
        let pipe = code.name().is_some_and(|name| name.starts_with("FSCTL_PIPE_"));
        pipe || matches!(code, CtlCode::DFS_GET_REFERRALS | CtlCode::QUERY_NETWORK_INTERFACE_INFO)
    };
    let about_pipes = operations.iter().filter(|operation| operation.facts.ctl_code.is_some_and(only_on_pipes));
    about_pipes.map(|operation| (operation.connection.server, operation.session_id, operation.tree_id)).collect()
}

/// The FileId that a captured CREATE was granted.
pub(super) fn granted_file_id(operation: &Operation) -> Option<FileId> {
    let response = operation.response.as_ref()?;
    match Response::decode(operation.command, operation.status?, &response.pdu).ok()? {
        Response::Create(create) => Some(create.file_id),
        _ => None,
    }
}

/// The FileId in the body of a captured request; None where there is none or it is inherited.
pub(super) fn named_file_id(operation: &Operation) -> Option<FileId> {
    let pdu = operation.request.as_ref()?.pdu.as_ref();
    if operation.command == Command::OplockBreak {
        return OplockBreak::decode(pdu).ok()?.file_id();
    }
    let id = Layout(pdu).file_id(file_id_offset(operation.command)?).ok()?;
    (!id.is_inherited()).then_some(id)
}
