//! Lines of `tools::Tshark::smb1_command`: the messages of SMB1 in one frame.

use serde_json::Value;

use super::ek::time_of;
use crate::model::{NtStatus, Smb1Command, Smb1Message};

/// The SMB1 messages that a line tells of, in their order. A line that is none, such as those of indices, has none.
pub fn smb1_messages(line: &str) -> Vec<Smb1Message> {
    let Ok(record) = serde_json::from_str::<Value>(line) else { return Vec::new() };
    let layers = &record["layers"];
    let Some(frame) = number(&layers["frame"]["frame_frame_number"]) else { return Vec::new() };
    let (ip, tcp) = (&layers["ip"], &layers["tcp"]);
    let end = |side: &str| {
        let port = text(&tcp[format!("tcp_tcp_{side}port")]).unwrap_or_default();
        match text(&ip[format!("ip_ip_{side}")]) {
            Some(address) => format!("{address}:{port}"),
            None => {
                format!("[{}]:{port}", text(&layers["ipv6"][format!("ipv6_ipv6_{side}")]).unwrap_or_default())
            }
        }
    };
    let place = Smb1Message {
        frame,
        time: text(&layers["frame"]["frame_frame_time_epoch"]).and_then(|time| time_of(&time)).unwrap_or_default(),
        tcp_stream: number(&tcp["tcp_tcp_stream"]).unwrap_or_default() as u32,
        from: end("src"),
        to: end("dst"),
        ..Smb1Message::default()
    };
    let messages = match &layers["smb"] {
        Value::Array(messages) => messages.iter().collect(),
        Value::Object(_) => vec![&layers["smb"]],
        _ => Vec::new(),
    };
    messages.into_iter().filter_map(|message| of_message(message, &place)).collect()
}

fn of_message(fields: &Value, place: &Smb1Message) -> Option<Smb1Message> {
    let field = |name: &str| &fields[format!("smb_smb_{name}")];
    let id = |name: &str| number(field(name)).unwrap_or_default();
    let commands = all(field("cmd")).filter_map(|code| number(code).map(|code| Smb1Command(code as u8)));
    let commands: Vec<_> = commands.filter(|command| *command != Smb1Command::NO_ANDX).collect();
    let first = *commands.first()?;
    let response = field("flags_response").as_bool().unwrap_or_default();
    // 64 KiB and more stand in two fields.
    let wide = |low: &str, high: &str| number(field(low)).map(|low| low | id(high) << 16);
    let bytes = match first {
        command if command.reads() => wide("data_len_low", "data_len_high").or_else(|| number(field("count"))),
        command if command.writes() => wide("count_low", "count_high").or_else(|| number(field("count"))),
        _ => None,
    };
    let file = text(field("file")).or_else(|| text(field("dir_name")));
    let (path, new_path) = match text(field("old_file")) {
        Some(old) => (Some(old), file),
        None => (file, None),
    };
    // Logins within a blob show with their own protocol, wherever that stands.
    let login = |name: &str| find(fields, &format!("ntlmssp_ntlmssp_auth_{name}")).and_then(text);
    let requested = |value: Option<String>| value.filter(|_| !response);
    Some(Smb1Message {
        response,
        commands,
        status: number(field("nt_status")).filter(|_| response).map(|status| NtStatus(status as u32)),
        dos_error: number(field("error_class"))
            .filter(|_| response)
            .map(|class| (class as u8, id("error_code") as u16)),
        user_id: id("uid") as u16,
        tree_id: id("tid") as u16,
        multiplex: ((id("pid_high") << 16 | id("pid")) as u32, id("mid") as u16),
        share: text(field("path")),
        file_id: number(field("fid")).map(|id| id as u16),
        path: path.map(|path| path.trim_start_matches('\\').to_owned()),
        new_path: new_path.map(|path| path.trim_start_matches('\\').to_owned()),
        pattern: text(field("search_pattern")),
        bytes: bytes.filter(|_| response),
        user: requested(login("username").or_else(|| text(field("account")))),
        domain: requested(login("domain").or_else(|| text(field("primary_domain")))),
        workstation: requested(login("hostname")),
        guest: field("setup_action_guest").as_bool().unwrap_or_default(),
        ..place.clone()
    })
}

/// The values of a field, which stands alone or several times.
fn all(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter()
}

/// The first text of a field.
fn text(value: &Value) -> Option<String> {
    all(value).find_map(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The first number of a field: itself, or its decimal or hexadecimal digits.
fn number(value: &Value) -> Option<u64> {
    match all(value).next()? {
        Value::String(text) => match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        },
        value => value.as_u64(),
    }
}

/// A field wherever it stands below a node.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) => fields.get(name).or_else(|| fields.values().find_map(|value| find(value, name))),
        Value::Array(values) => values.iter().find_map(|value| find(value, name)),
        _ => None,
    }
}
