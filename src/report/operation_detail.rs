//! One operation in full: what its messages say, and their bytes.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::figures::{duration, one_line};
use super::message_fields::{Field, of_header, of_request, of_response};
use crate::model::{Header, Operation, Part};

/// Bytes of a message that the text shows; JSON has all.
const SHOWN_BYTES: usize = 512;
const LONGEST: usize = 200;

/// Writes an operation that was read with its PDUs, for people.
pub fn write_operation_detail(operation: &Operation, out: &mut impl Write) -> io::Result<()> {
    let path = operation.path.as_deref().map(|path| if path.is_empty() { "\\" } else { path });
    let names = [path, operation.share.as_deref()].into_iter().flatten().map(|name| one_line(name, LONGEST));
    let subject = names.collect::<Vec<_>>().join(" on ");
    writeln!(out, "{} {subject}", operation.command)?;
    writeln!(
        out,
        "operation {} of session {}, {} -> {}, {}",
        operation.op_index,
        operation.session_id,
        operation.connection.client,
        operation.connection.server,
        match operation.latency_ns() {
            Some(latency) => format!("answered after {}", duration(latency.unsigned_abs())),
            None => "no answer to be measured".to_owned(),
        }
    )?;
    writeln!(out, "Wireshark: {}", display_filter(operation))?;
    if let Some(rpc) = &operation.facts.rpc {
        let interface = rpc.interface.as_deref().unwrap_or("an interface that was bound before the capture began");
        writeln!(out, "RPC: {} of {}", rpc.operation, one_line(interface, LONGEST))?;
    }
    for anomaly in operation.anomalies.iter() {
        writeln!(out, "odd: {anomaly}")?;
    }
    for (name, part) in parts(operation) {
        writeln!(out, "\n{name} · frame {} · {}", part.frame, shown_time(name, part))?;
        let (header, body) = fields(name, part);
        write_fields("header", &header, out)?;
        write_fields("body", &body, out)?;
        write_hex(&part.pdu, out)?;
    }
    Ok(())
}

/// The same for programs: fields by their names, and the PDUs in hex.
pub fn operation_detail_json(operation: &Operation) -> Value {
    let mut object = Map::new();
    object.insert("operation".into(), json!(operation.op_index));
    object.insert("session".into(), json!(operation.session_id.to_string()));
    object.insert("command".into(), json!(operation.command.to_string()));
    object.insert("share".into(), json!(operation.share.as_deref()));
    object.insert("path".into(), json!(operation.path.as_deref()));
    let rpc = operation.facts.rpc.as_ref();
    object.insert(
        "rpc".into(),
        json!(
            rpc.map(|rpc| { json!({ "interface": rpc.interface, "opnum": rpc.opnum, "operation": rpc.operation }) })
        ),
    );
    object.insert("client".into(), json!(operation.connection.client.to_string()));
    object.insert("server".into(), json!(operation.connection.server.to_string()));
    object.insert("latency".into(), json!(operation.latency_ns()));
    object.insert("display_filter".into(), json!(display_filter(operation)));
    object.insert("anomalies".into(), operation.anomalies.iter().map(|anomaly| json!(anomaly.name())).collect());
    for (name, part) in parts(operation) {
        let (header, body) = fields(name, part);
        let object_of = |fields: Vec<Field>| -> Value {
            let pairs = fields.into_iter().map(|field| json!({ "name": field.name, "value": field.value }));
            pairs.collect()
        };
        object.insert(
            name.into(),
            json!({
                "frame": part.frame,
                "time": shown_time(name, part),
                "header": object_of(header),
                "body": object_of(body),
                "pdu": hex::encode(&part.pdu),
            }),
        );
    }
    Value::Object(object)
}

/// What shows the operation's messages in Wireshark.
pub fn display_filter(operation: &Operation) -> String {
    format!("tcp.stream == {} && smb2.msg_id == {}", operation.connection.tcp_stream, operation.message_id)
}

fn parts(operation: &Operation) -> impl Iterator<Item = (&'static str, &Part)> {
    let parts = [("request", &operation.request), ("interim", &operation.interim), ("response", &operation.response)];
    parts.into_iter().filter_map(|(name, part)| part.as_ref().map(|part| (name, part)))
}

/// The dataset has no time for interim responses.
fn shown_time(name: &str, part: &Part) -> String {
    if name == "interim" { "STATUS_PENDING".to_owned() } else { part.time.to_string() }
}

fn fields(name: &str, part: &Part) -> (Vec<Field>, Vec<Field>) {
    let Ok(header) = Header::decode(&part.pdu) else { return (Vec::new(), Vec::new()) };
    let body = match name {
        "request" => of_request(header.command, &part.pdu),
        _ => of_response(&header, &part.pdu),
    };
    (of_header(&header), body)
}

fn write_fields(title: &str, fields: &[Field], out: &mut impl Write) -> io::Result<()> {
    if fields.is_empty() {
        return Ok(());
    }
    writeln!(out, "  {title}")?;
    for field in fields {
        writeln!(out, "    {:<22} {}", field.name, field.shown)?;
    }
    Ok(())
}

/// Offset, sixteen bytes in hex, and those of them that are letters.
fn write_hex(bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "  bytes ({})", bytes.len())?;
    let shown = bytes.get(..SHOWN_BYTES).unwrap_or(bytes);
    for (line, chunk) in shown.chunks(16).enumerate() {
        let mut hex = String::new();
        for (at, byte) in chunk.iter().enumerate() {
            hex.push_str(&format!("{}{byte:02x}", if at == 8 { "  " } else { " " }));
        }
        let letter = |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' };
        let text: String = chunk.iter().map(letter).collect();
        writeln!(out, "    {:06x} {hex:<49}  {text}", line * 16)?;
    }
    if shown.len() < bytes.len() {
        writeln!(out, "    … and {} bytes more; --format json has all of them", bytes.len() - shown.len())?;
    }
    Ok(())
}
