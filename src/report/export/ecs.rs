//! The Elastic Common Schema: a document for each operation.

use serde_json::{Map, Value, json};

use super::origin::{Origin, ShareKind, file_name, folder, full_path};
use crate::model::message::SetInfoRequest;
use crate::model::{Command, Operation};

/// The version of ECS that documents are made after.
pub const ECS_VERSION: &str = "9.4.0";

/// CreateAction FILE_CREATED, [MS-SMB2] 2.2.14.
const CREATED: u32 = 2;

/// The document of an operation; None for one whose time is not known.
pub fn ecs_document(operation: &Operation, origin: Origin<'_>) -> Option<Value> {
    let connection = &operation.connection;
    let (client, server) = (connection.client, connection.server);
    let login = &origin.session.login;
    let failed = operation.status.is_some_and(|status| status.is_error());
    let outcome = match operation.status {
        None => "unknown",
        Some(_) if failed => "failure",
        Some(_) => "success",
    };
    let mut categories = vec!["network"];
    if operation.command == Command::SessionSetup {
        categories.push("authentication");
    } else if operation.path.is_some() && origin.share_kind != Some(ShareKind::Pipe) {
        categories.push("file");
    }
    let mut event = json!({
        "kind": "event",
        "category": categories,
        "type": types(operation, failed),
        "action": format!("smb2-{}", operation.command.to_string().to_lowercase().replace('_', "-")),
        "outcome": outcome,
        "module": "smbreplay",
        "dataset": "smbreplay.operations",
        "provider": "smb2",
        "id": format!("{}-{}", origin.session.id, operation.op_index),
        "sequence": operation.op_index,
        "start": operation.first_time()?.to_string(),
    });
    insert(&mut event, "end", operation.response.as_ref().map(|part| json!(part.time.to_string())));
    insert(&mut event, "duration", operation.latency_ns().map(|latency| json!(latency)));
    insert(&mut event, "code", operation.status.map(|status| json!(format!("0x{:08X}", status.0))));
    let mut document = json!({
        "@timestamp": operation.first_time()?.to_string(),
        "ecs": { "version": ECS_VERSION },
        "event": event,
        "source": { "ip": client.ip().to_string(), "port": client.port(), "address": client.ip().to_string() },
        "destination": { "ip": server.ip().to_string(), "port": server.port(), "address": server.ip().to_string() },
        "network": {
            "transport": "tcp",
            "protocol": "smb",
            "iana_number": "6",
            "type": if client.is_ipv6() { "ipv6" } else { "ipv4" },
        },
        "related": related(operation, origin),
        "labels": labels(operation, origin),
    });
    if let Some(bytes) = operation.facts.bytes {
        let end = if operation.command == Command::Write { "source" } else { "destination" };
        document[end]["bytes"] = json!(bytes);
        document["network"]["bytes"] = json!(bytes);
    }
    if let Some(user) = &login.user {
        document["user"] = json!({ "name": user });
        let domain = login.domain.as_ref().filter(|domain| !domain.is_empty());
        insert(&mut document["user"], "domain", domain.map(|domain| json!(domain)));
    }
    if failed {
        let status = operation.status.map(|status| status.to_string());
        document["error"] = json!({ "code": status });
    }
    insert(&mut document, "file", file(operation, origin));
    Some(document)
}

fn insert(object: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(fields), Some(value)) = (object.as_object_mut(), value) {
        fields.insert(name.to_owned(), value);
    }
}

/// `event.type`, of the values that ECS knows.
fn types(operation: &Operation, failed: bool) -> Vec<&'static str> {
    let mut types = vec!["protocol"];
    match operation.command {
        Command::SessionSetup | Command::TreeConnect => types.push("start"),
        Command::Logoff | Command::TreeDisconnect => types.push("end"),
        Command::Create if operation.facts.create_action == Some(CREATED) => types.push("creation"),
        Command::Create | Command::Read | Command::QueryDirectory | Command::QueryInfo => types.push("access"),
        Command::Write => types.push("change"),
        Command::SetInfo => types.push(match operation.facts.info_class {
            Some(SetInfoRequest::CLASS_DISPOSITION)
                if operation.facts.info_type == Some(SetInfoRequest::INFO_FILE) =>
            {
                "deletion"
            }
            _ => "change",
        }),
        _ => types.push("info"),
    }
    if failed {
        types.push("error");
    }
    types
}

fn file(operation: &Operation, origin: Origin<'_>) -> Option<Value> {
    let path = operation.path.as_deref()?;
    if origin.share_kind == Some(ShareKind::Pipe) {
        return None;
    }
    let full = full_path(operation)?;
    let name = file_name(&full);
    let mut file = json!({ "path": full, "name": name, "directory": folder(&full) });
    let kind = match operation.directory {
        Some(true) => Some("dir"),
        Some(false) => Some("file"),
        None => path.is_empty().then_some("dir"),
    };
    insert(&mut file, "type", kind.map(|kind| json!(kind)));
    let is_file = kind != Some("dir");
    let extension = name.rsplit_once('.').map(|(_, extension)| extension).filter(|it| is_file && !it.is_empty());
    insert(&mut file, "extension", extension.map(|extension| json!(extension)));
    insert(&mut file, "size", operation.facts.end_of_file.filter(|_| is_file).map(|size| json!(size)));
    Some(file)
}

fn related(operation: &Operation, origin: Origin<'_>) -> Value {
    let connection = &operation.connection;
    let mut addresses = vec![connection.client.ip().to_string()];
    if connection.server.ip() != connection.client.ip() {
        addresses.push(connection.server.ip().to_string());
    }
    let mut related = json!({ "ip": addresses });
    insert(&mut related, "user", origin.session.login.user.as_ref().map(|user| json!([user])));
    insert(&mut related, "hosts", origin.session.login.workstation.as_ref().map(|name| json!([name])));
    related
}

/// Keywords, as ECS wants them, of what it has no fields for.
fn labels(operation: &Operation, origin: Origin<'_>) -> Value {
    let mut labels = Map::new();
    let mut add = |name: &str, value: Option<String>| {
        labels.extend(value.map(|value| (name.to_owned(), Value::String(value))));
    };
    add("smb_capture", Some(origin.capture.to_owned()));
    add("smb_session", Some(origin.session.id.clone()));
    add("smb_command", Some(operation.command.to_string()));
    add("smb_status", operation.status.map(|status| status.to_string()));
    add("smb_dialect", origin.session.dialect.map(|dialect| dialect.to_string()));
    add("smb_share", operation.share.as_deref().map(str::to_owned));
    add(
        "smb_pipe",
        operation.path.as_deref().filter(|_| origin.share_kind == Some(ShareKind::Pipe)).map(str::to_owned),
    );
    add("smb_file_id", operation.file_id.map(|id| id.to_string()));
    let rpc = operation.facts.rpc.as_ref();
    add("smb_rpc_interface", rpc.and_then(|rpc| rpc.interface.as_deref()).map(str::to_owned));
    add("smb_rpc_operation", rpc.map(|rpc| rpc.operation.clone().into_owned()));
    add("smb_renamed_to", operation.new_path.as_deref().map(str::to_owned));
    add("frame", operation.request.as_ref().or(operation.response.as_ref()).map(|part| part.frame.to_string()));
    Value::Object(labels)
}
