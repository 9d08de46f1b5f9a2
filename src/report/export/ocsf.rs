//! OCSF: an event of the class SMB Activity (4006) for each operation.

use serde_json::{Map, Value, json};

use super::origin::{Origin, ShareKind, file_name, folder, full_path};
use crate::model::message::CreateRequest;
use crate::model::{Command, Operation, Timestamp};

/// The version of OCSF that events are made after.
pub const OCSF_VERSION: &str = "1.5.0";

const CLASS: u32 = 4006;
/// `activity_id` by CreateDisposition, from 0; [MS-SMB2] 2.2.13.
const ACTIVITIES: [(u32, &str); 6] = [
    (1, "File Supersede"),
    (2, "File Open"),
    (3, "File Create"),
    (4, "File Open If"),
    (5, "File Overwrite"),
    (6, "File Overwrite If"),
];
const OTHER: u32 = 99;

/// The event of an operation; None for one whose time is not known.
pub fn ocsf_event(operation: &Operation, origin: Origin<'_>) -> Option<Value> {
    let time = milliseconds(operation.first_time()?);
    let (activity, activity_name) = activity(operation);
    let share_kind = match origin.share_kind {
        Some(ShareKind::Disk) => (1, "File"),
        Some(ShareKind::Pipe) => (2, "Pipe"),
        Some(ShareKind::Print) => (3, "Print"),
        None => (0, "Unknown"),
    };
    let (status_id, status) = match operation.status {
        Some(status) if status.is_error() => (2, "Failure"),
        Some(_) => (1, "Success"),
        None => (0, "Unknown"),
    };
    let connection = &operation.connection;
    let mut event = json!({
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": 4,
        "category_name": "Network Activity",
        "class_uid": CLASS,
        "class_name": "SMB Activity",
        "type_uid": CLASS * 100 + activity,
        "type_name": format!("SMB Activity: {}", if activity == OTHER { "Other" } else { &activity_name }),
        "severity_id": 1,
        "severity": "Informational",
        "time": time,
        "start_time": time,
        "status_id": status_id,
        "status": status,
        "command": format!("SMB2_COMMAND_{}", operation.command),
        "tree_uid": operation.tree_id.0.to_string(),
        "metadata": {
            "version": OCSF_VERSION,
            "product": { "name": "smbreplay", "vendor_name": "smbreplay", "version": env!("CARGO_PKG_VERSION") },
            "profiles": ["host"],
            "log_name": origin.capture,
            "uid": format!("{}-{}", origin.session.id, operation.op_index),
            "sequence": operation.op_index,
            "original_time": operation.first_time()?.to_string(),
        },
        "src_endpoint": { "ip": connection.client.ip().to_string(), "port": connection.client.port() },
        "dst_endpoint": { "ip": connection.server.ip().to_string(), "port": connection.server.port() },
        "connection_info": {
            "direction_id": 0,
            "direction": "Unknown",
            "protocol_name": "tcp",
            "protocol_num": 6,
            "protocol_ver_id": if connection.client.is_ipv6() { 6 } else { 4 },
        },
        "actor": actor(origin),
    });
    let mut add = |name: &str, value: Option<Value>| {
        if let (Some(fields), Some(value)) = (event.as_object_mut(), value) {
            fields.insert(name.to_owned(), value);
        }
    };
    add("dialect", origin.session.dialect.map(|dialect| json!(dialect.to_string())));
    add("end_time", operation.response.as_ref().map(|part| json!(milliseconds(part.time))));
    add("duration", operation.latency_ns().map(|latency| json!(latency / 1_000_000)));
    add("status_code", operation.status.map(|status| json!(format!("0x{:08X}", status.0))));
    add("status_detail", operation.status.map(|status| json!(status.to_string())));
    if let Some(share) = operation.share.as_deref() {
        add("share", Some(json!(share)));
        add("share_type_id", Some(json!(share_kind.0)));
        add("share_type", Some(json!(share_kind.1)));
    }
    add("file", file(operation, origin));
    let delete_on_close = |options| options & CreateRequest::OPTION_DELETE_ON_CLOSE != 0;
    add(
        "open_type",
        operation
            .facts
            .create_options
            .map(|it| json!(if delete_on_close(it) { "delete on close" } else { "normal" })),
    );
    add("response", response(operation));
    add("traffic", traffic(operation));
    add("unmapped", Some(unmapped(operation)));
    Some(event)
}

fn milliseconds(time: Timestamp) -> i64 {
    time.0.div_euclid(1_000_000)
}

fn activity(operation: &Operation) -> (u32, String) {
    let disposition = operation.facts.create_disposition.filter(|_| operation.command == Command::Create);
    match disposition.and_then(|disposition| ACTIVITIES.get(disposition as usize)) {
        Some((id, name)) => (*id, (*name).to_owned()),
        None => (OTHER, operation.command.to_string()),
    }
}

fn actor(origin: Origin<'_>) -> Value {
    let login = &origin.session.login;
    let mut actor = json!({ "session": { "uid": origin.session.id, "is_remote": true } });
    if let Some(user) = &login.user {
        let mut value = json!({ "name": user });
        if let Some(domain) = login.domain.as_ref().filter(|domain| !domain.is_empty()) {
            value["domain"] = json!(domain);
        }
        actor["user"] = value;
    }
    actor
}

fn file(operation: &Operation, origin: Origin<'_>) -> Option<Value> {
    let path = operation.path.as_deref()?;
    let full = full_path(operation)?;
    // 1 is a regular file, 2 a folder, 6 a named pipe, 0 unknown.
    let kind = match (origin.share_kind, operation.directory) {
        (Some(ShareKind::Pipe), _) => (6, "Named Pipe"),
        (_, Some(true)) => (2, "Folder"),
        (_, Some(false)) => (1, "Regular File"),
        (_, None) if path.is_empty() => (2, "Folder"),
        (_, None) => (0, "Unknown"),
    };
    let mut file = Map::new();
    file.insert("name".to_owned(), json!(file_name(&full)));
    file.insert("path".to_owned(), json!(full));
    file.insert("parent_folder".to_owned(), json!(folder(&full)));
    file.insert("type_id".to_owned(), json!(kind.0));
    file.insert("type".to_owned(), json!(kind.1));
    if let Some(size) = operation.facts.end_of_file.filter(|_| kind.0 != 2) {
        file.insert("size".to_owned(), json!(size));
    }
    if let Some(id) = operation.file_id {
        file.insert("uid".to_owned(), json!(id.to_string()));
    }
    Some(Value::Object(file))
}

fn response(operation: &Operation) -> Option<Value> {
    let status = operation.status?;
    let mut response = json!({ "code": status.0, "message": status.to_string() });
    if status.is_error() {
        response["error"] = json!(status.to_string());
    }
    Some(response)
}

/// Seen from the client, which is the source.
fn traffic(operation: &Operation) -> Option<Value> {
    let bytes = operation.facts.bytes?;
    match operation.command {
        Command::Read => Some(json!({ "bytes": bytes, "bytes_in": bytes, "bytes_out": 0 })),
        Command::Write => Some(json!({ "bytes": bytes, "bytes_in": 0, "bytes_out": bytes })),
        _ => None,
    }
}

/// What OCSF has no attribute for.
fn unmapped(operation: &Operation) -> Value {
    let mut fields = Map::new();
    let mut add = |name: &str, value: Option<Value>| {
        fields.extend(value.map(|value| (name.to_owned(), value)));
    };
    add("message", Some(json!(operation.message_id.0)));
    add("frame", operation.request.as_ref().map(|part| json!(part.frame)));
    add("answer_frame", operation.response.as_ref().map(|part| json!(part.frame)));
    add("offset", operation.facts.offset.map(|offset| json!(offset)));
    add("length", operation.facts.length.map(|length| json!(length)));
    let rpc = operation.facts.rpc.as_ref();
    add("rpc", rpc.map(|rpc| json!({ "interface": rpc.interface, "opnum": rpc.opnum, "operation": rpc.operation })));
    add("renamed_to", operation.new_path.as_deref().map(|path| json!(path)));
    Value::Object(fields)
}
