//! What a plan could do to the target: for the confirmation, for `--read-only`, and for the refusal of captured servers.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::plan::{Plan, StepKind};
use crate::model::message::{CreateRequest, Request, SetInfoRequest};
use crate::model::{CtlCode, Operation};

/// FILE_WRITE_DATA, FILE_APPEND_DATA, FILE_WRITE_EA, FILE_DELETE_CHILD, FILE_WRITE_ATTRIBUTES, DELETE, WRITE_DAC, WRITE_OWNER,
/// GENERIC_ALL, GENERIC_WRITE, [MS-SMB2] 2.2.13.1. MAXIMUM_ALLOWED is not among them: it changes nothing by itself.
const WRITING_ACCESS: u32 = 0x0002 | 0x0004 | 0x0010 | 0x0040 | 0x0100 | 0x000D_0000 | 0x5000_0000;
/// FILE_OPEN: the one disposition that neither creates nor empties, [MS-SMB2] 2.2.13.
const DISPOSITION_OPEN: u32 = 1;
/// FileDispositionInformationEx and FileRenameInformationEx, [MS-FSCC] 2.4.12 and 2.4.38.
const CLASS_DISPOSITION_EX: u8 = 64;
const CLASS_RENAME_EX: u8 = 65;

/// Whether an operation could change the server it is sent to.
pub fn could_change(operation: &Operation) -> bool {
    let pdu = operation.request.as_ref().map(|part| part.pdu.as_ref()).unwrap_or_default();
    if pdu.is_empty() {
        return false;
    }
    // Pipes carry RPC, which can change anything.
    let on_pipe = operation.share.as_deref().is_some_and(crate::model::path::is_ipc);
    match Request::decode(operation.command, pdu) {
        Ok(Request::Create(create)) => !on_pipe && create_could_change(&create),
        Ok(Request::Write(_) | Request::SetInfo(_)) => true,
        Ok(Request::Ioctl(ioctl)) => !is_reading(ioctl.ctl_code),
        Ok(_) => false,
        Err(_) => true,
    }
}

/// Whether a CREATE could create, empty or delete, or opens for writing.
pub(super) fn create_could_change(create: &CreateRequest<'_>) -> bool {
    create.create_disposition != DISPOSITION_OPEN
        || create.desired_access & WRITING_ACCESS != 0
        || create.create_options & CreateRequest::OPTION_DELETE_ON_CLOSE != 0
}

/// Controls that only ask.
fn is_reading(code: CtlCode) -> bool {
    matches!(code.name(), Some(name) if [
        "FSCTL_DFS_GET_REFERRALS",
        "FSCTL_DFS_GET_REFERRALS_EX",
        "FSCTL_FILESYSTEM_GET_STATISTICS",
        "FSCTL_GET_COMPRESSION",
        "FSCTL_GET_INTEGRITY_INFORMATION",
        "FSCTL_GET_NTFS_VOLUME_DATA",
        "FSCTL_GET_OBJECT_ID",
        "FSCTL_GET_REPARSE_POINT",
        "FSCTL_IS_PATHNAME_VALID",
        "FSCTL_IS_VOLUME_MOUNTED",
        "FSCTL_PIPE_PEEK",
        "FSCTL_PIPE_WAIT",
        "FSCTL_QUERY_ALLOCATED_RANGES",
        "FSCTL_QUERY_FILE_REGIONS",
        "FSCTL_QUERY_NETWORK_INTERFACE_INFO",
        "FSCTL_QUERY_ON_DISK_VOLUME_INFO",
        "FSCTL_READ_FILE_USN_DATA",
        "FSCTL_SRV_ENUMERATE_SNAPSHOTS",
        "FSCTL_SRV_READ_HASH",
        "FSCTL_SRV_REQUEST_RESUME_KEY",
    ].contains(&name))
}

/// What a plan could change, in numbers and names, to be shown before it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Steps that create or may create a file or folder.
    pub creates: usize,
    /// WRITEs.
    pub writes: usize,
    /// Payload bytes of the WRITEs.
    pub bytes_written: u64,
    /// Renames and hard links.
    pub renames: usize,
    /// Deletions: disposition, delete on close.
    pub deletes: usize,
    /// Other SET_INFOs, and controls that change something.
    pub others: usize,
    /// Up to [`Changes::NAMES`] paths that would be written, renamed or deleted.
    pub paths: BTreeSet<String>,
}

impl Changes {
    /// How many paths are named at most.
    pub const NAMES: usize = 20;

    /// What a plan could change.
    pub fn of(plan: &Plan, operations: &[Operation]) -> Self {
        let mut changes = Self::default();
        for (step, operation) in plan.steps.iter().zip(operations) {
            if step.kind == StepKind::Send {
                changes.count(operation);
            }
        }
        changes
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.creates + self.writes + self.renames + self.deletes + self.others == 0
    }

    fn count(&mut self, operation: &Operation) {
        let Some(request) = &operation.request else { return };
        let counter = match Request::decode(operation.command, &request.pdu) {
            Ok(Request::Write(write)) => {
                self.bytes_written += write.data.len() as u64;
                &mut self.writes
            }
            Ok(Request::Create(_)) if !could_change(operation) => return,
            Ok(Request::Create(create)) if create.create_options & CreateRequest::OPTION_DELETE_ON_CLOSE != 0 => {
                &mut self.deletes
            }
            Ok(Request::Create(create)) if create.create_disposition != DISPOSITION_OPEN => &mut self.creates,
            // Opened for writing: what then writes is counted.
            Ok(Request::Create(_)) => return,
            Ok(Request::SetInfo(set)) if set.info_type == SetInfoRequest::INFO_FILE => match set.file_info_class {
                SetInfoRequest::CLASS_RENAME | SetInfoRequest::CLASS_LINK | CLASS_RENAME_EX => &mut self.renames,
                SetInfoRequest::CLASS_DISPOSITION | CLASS_DISPOSITION_EX => &mut self.deletes,
                _ => &mut self.others,
            },
            Ok(_) if could_change(operation) => &mut self.others,
            _ => return,
        };
        *counter += 1;
        if let Some(path) = operation.path.as_deref()
            && self.paths.len() < Self::NAMES
            && !path.is_empty()
        {
            self.paths.insert(path.to_owned());
        }
    }
}

/// The captured server that a target is, if it is one: same address, whatever the port.
pub fn captured_server(operations: &[Operation], target: SocketAddr) -> Option<SocketAddr> {
    let mut servers: Vec<SocketAddr> = Vec::new();
    for operation in operations {
        if !servers.contains(&operation.connection.server) {
            servers.push(operation.connection.server);
        }
    }
    same_server(servers, target)
}

/// The server of several that a target is, if it is one: same address, whatever the port.
pub fn same_server(servers: impl IntoIterator<Item = SocketAddr>, target: SocketAddr) -> Option<SocketAddr> {
    // A loopback address is every machine's own: a capture taken on it says nothing about which machine that was, save
    // that a service on the same port may well be the same one.
    servers.into_iter().find(|server| {
        server.ip().to_canonical() == target.ip().to_canonical()
            && (!target.ip().is_loopback() || server.port() == target.port())
    })
}
