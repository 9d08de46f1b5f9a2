//! The rows of Zeek's logs of SMB.

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_128;

use super::origin::ShareKind;
use super::zeek_log::ZeekRow;
use crate::model::message::{CreateResponse, SetInfoRequest};
use crate::model::{Command, Connection, NtStatus, Operation, Timestamp};

/// What Zeek calls the root of a share.
const ROOT: &str = "<share_root>";
/// FileDispositionInformationEx, [MS-FSCC] 2.4.12
const CLASS_DISPOSITION_EX: u8 = 64;

/// The row of `smb_files` for an operation that Zeek logs by default: opens, renames and deletes of files, opens and closes of
/// printers. Those that failed are left out.
pub fn file_row(operation: &Operation, share_kind: Option<ShareKind>) -> Option<ZeekRow> {
    let share_kind = share_kind.unwrap_or(ShareKind::Disk);
    if operation.status != Some(NtStatus::SUCCESS) || share_kind == ShareKind::Pipe {
        return None;
    }
    let disk = share_kind == ShareKind::Disk;
    let (action, name, previous) = match operation.command {
        Command::Create => (if disk { "SMB::FILE_OPEN" } else { "SMB::PRINT_OPEN" }, operation.path.as_deref(), None),
        Command::Close if !disk => ("SMB::PRINT_CLOSE", operation.path.as_deref(), None),
        Command::SetInfo if disk => match set_info(operation)? {
            Change::Renamed => ("SMB::FILE_RENAME", operation.new_path.as_deref(), operation.path.as_deref()),
            Change::Deleted => ("SMB::FILE_DELETE", operation.path.as_deref(), None),
        },
        _ => return None,
    };
    let name = name.map(|name| if name.is_empty() { ROOT } else { name });
    let mut row = connection(operation.first_time()?, &operation.connection);
    row.extend([
        Value::Null,
        json!(action),
        json!(operation.share.as_deref()),
        json!(name),
        json!(operation.facts.end_of_file.unwrap_or(0)),
        json!(previous),
    ]);
    row.extend(times(operation));
    Some(ZeekRow(row))
}

/// The row of `smb_mapping` for a TREE_CONNECT that was granted.
pub fn mapping_row(operation: &Operation, share_kind: Option<ShareKind>) -> Option<ZeekRow> {
    if operation.command != Command::TreeConnect || operation.status != Some(NtStatus::SUCCESS) {
        return None;
    }
    let kind = match share_kind {
        Some(ShareKind::Pipe) => "PIPE",
        Some(ShareKind::Print) => "PRINT",
        Some(ShareKind::Disk) | None => "DISK",
    };
    let mut row = connection(operation.first_time()?, &operation.connection);
    row.extend([json!(operation.share.as_deref()), Value::Null, Value::Null, json!(kind)]);
    Some(ZeekRow(row))
}

/// The row of `dce_rpc` for a call on a pipe.
pub fn rpc_row(operation: &Operation) -> Option<ZeekRow> {
    let rpc = operation.facts.rpc.as_ref().filter(|rpc| rpc.opnum.is_some())?;
    let mut row = connection(operation.first_time()?, &operation.connection);
    let pipe = operation.path.as_deref().map(|path| format!("\\pipe\\{path}"));
    row.extend([json!(operation.latency_ns()), json!(pipe), json!(rpc.interface), json!(rpc.operation)]);
    Some(ZeekRow(row))
}

/// An NTLM login, put together from its messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NtlmLogin {
    /// Who.
    pub user: Option<String>,
    /// Of which domain.
    pub domain: Option<String>,
    /// From which computer.
    pub workstation: Option<String>,
    /// The server's NetBIOS name.
    pub server_netbios: Option<String>,
    /// The server's DNS name.
    pub server_dns: Option<String>,
    /// The server's forest.
    pub server_tree: Option<String>,
    /// Whether it was let in; None when the capture does not hold the answer.
    pub success: Option<bool>,
}

/// The row of `ntlm` for a login that began at a time.
pub fn ntlm_row(begun: Timestamp, carried: &Connection, login: &NtlmLogin) -> ZeekRow {
    let mut row = connection(begun, carried);
    row.extend([
        json!(login.user),
        json!(login.workstation),
        json!(login.domain),
        json!(login.server_netbios),
        json!(login.server_dns),
        json!(login.server_tree),
        json!(login.success),
    ]);
    ZeekRow(row)
}

fn connection(time: Timestamp, connection: &Connection) -> Vec<Value> {
    let (client, server) = (connection.client, connection.server);
    vec![
        json!(time.0),
        json!(uid(connection)),
        json!(client.ip().to_string()),
        json!(client.port()),
        json!(server.ip().to_string()),
        json!(server.port()),
    ]
}

/// A name for a connection that looks as Zeek's, and is the same in every log and every time. Zeek's own are random.
fn uid(connection: &Connection) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let ends = format!("{} {} {}", connection.client, connection.server, connection.tcp_stream);
    let mut hash = xxh3_128(ends.as_bytes());
    let mut uid = String::from("C");
    for _ in 0..17 {
        uid.push(char::from(DIGITS[(hash % 62) as usize]));
        hash /= 62;
    }
    uid
}

enum Change {
    Renamed,
    Deleted,
}

fn set_info(operation: &Operation) -> Option<Change> {
    let request = SetInfoRequest::decode(&operation.request.as_ref()?.pdu).ok()?;
    match (request.info_type, request.file_info_class) {
        (SetInfoRequest::INFO_FILE, SetInfoRequest::CLASS_RENAME) => Some(Change::Renamed),
        (SetInfoRequest::INFO_FILE, SetInfoRequest::CLASS_DISPOSITION | CLASS_DISPOSITION_EX) => {
            // DeletePending, or FILE_DISPOSITION_DELETE.
            request.buffer.first().is_some_and(|byte| byte & 1 != 0).then_some(Change::Deleted)
        }
        _ => None,
    }
}

/// Modified, accessed, created, changed, as the answer to a CREATE tells them.
fn times(operation: &Operation) -> [Value; 4] {
    let response = operation.response.as_ref().filter(|_| operation.command == Command::Create);
    match response.and_then(|part| CreateResponse::decode(&part.pdu).ok()) {
        Some(response) => {
            [response.last_write_time, response.last_access_time, response.creation_time, response.change_time]
                .map(|time| json!(since_1970(time)))
        }
        None => [const { Value::Null }; 4],
    }
}

/// Nanoseconds since 1970 of a FILETIME; None for none, and for times that Zeek's have no room for.
fn since_1970(filetime: u64) -> Option<i64> {
    const TICKS_TO_1970: i64 = 116_444_736_000_000_000;
    let ticks = i64::try_from(filetime).ok().filter(|ticks| *ticks > 0)?;
    (ticks - TICKS_TO_1970).checked_mul(100)
}
