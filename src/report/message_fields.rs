//! The fields of a message, named as [MS-SMB2] names them, for people and for programs.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::figures::one_line;
use super::flag_names::{self as names, Flags, name_of, set_in};
use crate::model::message::{
    CreateContexts, LeaseContext, NegotiateContexts, OplockBreak, Request, Response, context_tag_text,
};
use crate::model::{Command, FileId, Header};

/// One field.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub name: &'static str,
    pub value: Value,
    pub shown: String,
}

/// The text of a name from a capture is cut at this many characters for people.
const LONGEST: usize = 200;

/// Gathers fields.
#[derive(Default)]
struct Fields(Vec<Field>);

impl Fields {
    fn push(&mut self, name: &'static str, value: Value, shown: String) {
        self.0.push(Field { name, value, shown });
    }

    fn number(&mut self, name: &'static str, value: impl Into<u64>) {
        let value = value.into();
        self.push(name, json!(value), value.to_string());
    }

    fn flags(&mut self, name: &'static str, value: impl Into<u32>, flags: Flags) {
        let value = value.into();
        let set = set_in(flags, value);
        let shown = if set.is_empty() { "0".to_owned() } else { format!("0x{value:08x} ({})", set.join(", ")) };
        self.push(name, json!(value), shown);
    }

    fn named(&mut self, name: &'static str, value: impl Into<u32>, values: Flags) {
        let value = value.into();
        let shown = name_of(values, value).map_or_else(|| value.to_string(), |name| format!("{value} ({name})"));
        self.push(name, json!(value), shown);
    }

    fn text(&mut self, name: &'static str, text: String) {
        let shown = format!("\"{}\"", one_line(&text, LONGEST));
        self.push(name, Value::String(text), shown);
    }

    fn plain(&mut self, name: &'static str, text: String) {
        self.push(name, Value::String(text.clone()), text);
    }

    fn bytes(&mut self, name: &'static str, bytes: &[u8]) {
        let shown = if bytes.len() == 1 { "1 byte".to_owned() } else { format!("{} bytes", bytes.len()) };
        self.push(name, json!({ "bytes": bytes.len() }), shown);
    }

    fn file_id(&mut self, file_id: FileId) {
        let shown =
            if file_id.is_inherited() { "that of the request before".to_owned() } else { file_id.to_string() };
        self.push("FileId", Value::String(file_id.to_string()), shown);
    }

    /// 100 ns since 1601, [MS-DTYP] 2.3.3.
    fn time(&mut self, name: &'static str, value: u64) {
        let nanoseconds = (i128::from(value) - 116_444_736_000_000_000) * 100;
        let time = i64::try_from(nanoseconds).ok().filter(|_| value != 0).map(DateTime::<Utc>::from_timestamp_nanos);
        let text = time.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        self.push(name, text.clone().map_or(json!(value), Value::String), text.unwrap_or_else(|| value.to_string()));
    }

    fn create_contexts(&mut self, contexts: CreateContexts<'_>) {
        for context in contexts.iter().map_while(Result::ok) {
            let tag = context_tag_text(context.name);
            let lease =
                (context.name == LeaseContext::NAME).then(|| LeaseContext::decode(context.data).ok()).flatten();
            let detail = match lease {
                Some(lease) => format!(
                    ", LeaseKey {}, LeaseState {}",
                    hex::encode(lease.lease_key),
                    set_in(names::LEASE, lease.lease_state).join("+")
                ),
                None => String::new(),
            };
            self.push(
                "CreateContext",
                json!({ "name": tag, "bytes": context.data.len() }),
                format!("{tag}, {} bytes{detail}", context.data.len()),
            );
        }
    }

    fn negotiate_contexts(&mut self, contexts: NegotiateContexts<'_>) {
        for context in contexts.iter() {
            let kind = match context.context_type {
                1 => "PREAUTH_INTEGRITY_CAPABILITIES",
                2 => "ENCRYPTION_CAPABILITIES",
                3 => "COMPRESSION_CAPABILITIES",
                5 => "NETNAME_NEGOTIATE_CONTEXT_ID",
                6 => "TRANSPORT_CAPABILITIES",
                7 => "RDMA_TRANSFORM_CAPABILITIES",
                8 => "SIGNING_CAPABILITIES",
                _ => "unknown",
            };
            self.push(
                "NegotiateContext",
                json!({ "type": context.context_type, "name": kind, "data": hex::encode(context.data) }),
                format!("{} ({kind}), {}", context.context_type, hex::encode(context.data)),
            );
        }
    }

    fn oplock_break(&mut self, body: &OplockBreak) {
        match body {
            OplockBreak::Oplock { oplock_level, file_id } => {
                self.named("OplockLevel", *oplock_level, names::OPLOCK);
                self.file_id(*file_id);
            }
            OplockBreak::LeaseNotification { new_epoch, flags, lease_key, current_lease_state, new_lease_state } => {
                self.number("NewEpoch", *new_epoch);
                self.number("Flags", *flags);
                self.plain("LeaseKey", hex::encode(lease_key));
                self.flags("CurrentLeaseState", *current_lease_state, names::LEASE);
                self.flags("NewLeaseState", *new_lease_state, names::LEASE);
            }
            OplockBreak::Lease { flags, lease_key, lease_state } => {
                self.number("Flags", *flags);
                self.plain("LeaseKey", hex::encode(lease_key));
                self.flags("LeaseState", *lease_state, names::LEASE);
            }
        }
    }
}

/// The fields of a header. What stands in place of Status in a request is named as what it is.
pub(super) fn of_header(header: &Header) -> Vec<Field> {
    let mut fields = Fields::default();
    fields.named("Command", header.command.code(), &[]);
    if let Some(field) = fields.0.last_mut() {
        field.shown = format!("{} ({})", header.command.code(), header.command);
    }
    if header.flags.is_response() {
        let text = format!("0x{:08X} ({})", header.status.0, header.status);
        fields.push("Status", json!(header.status.0), text);
        fields.number("CreditResponse", header.credits);
    } else {
        fields.number("ChannelSequence", header.status.0 as u16);
        fields.number("CreditRequest", header.credits);
    }
    fields.number("CreditCharge", header.credit_charge);
    fields.flags("Flags", header.flags.0, names::HEADER);
    fields.number("NextCommand", header.next_command);
    fields.number("MessageId", header.message_id.0);
    if let Some(id) = header.async_id {
        fields.number("AsyncId", id.0);
    }
    if let Some(id) = header.tree_id {
        fields.plain("TreeId", id.to_string());
    }
    fields.plain("SessionId", header.session_id.to_string());
    if header.flags.is_signed() {
        fields.plain("Signature", hex::encode(header.signature));
    }
    fields.0
}

/// The fields of a request's body.
pub(super) fn of_request(command: Command, pdu: &[u8]) -> Vec<Field> {
    let mut fields = Fields::default();
    match Request::decode(command, pdu) {
        Ok(request) => request_body(&request, &mut fields),
        Err(error) => fields.plain("Malformed", error.to_string()),
    }
    fields.0
}

/// The fields of a response's body.
pub(super) fn of_response(header: &Header, pdu: &[u8]) -> Vec<Field> {
    let mut fields = Fields::default();
    match Response::decode(header.command, header.status, pdu) {
        Ok(response) => response_body(&response, &mut fields),
        Err(error) => fields.plain("Malformed", error.to_string()),
    }
    fields.0
}

fn request_body(request: &Request<'_>, fields: &mut Fields) {
    match request {
        Request::Negotiate(body) => {
            fields.flags("SecurityMode", body.security_mode, names::SECURITY_MODE);
            fields.flags("Capabilities", body.capabilities, names::CAPABILITIES);
            fields.plain("ClientGuid", hex::encode(body.client_guid));
            let dialects: Vec<_> = body.dialects.iter().map(ToString::to_string).collect();
            fields.push("Dialects", json!(dialects), dialects.join(", "));
            fields.negotiate_contexts(body.contexts);
        }
        Request::SessionSetup(body) => {
            fields.number("Flags", body.flags);
            fields.flags("SecurityMode", body.security_mode, names::SECURITY_MODE);
            fields.flags("Capabilities", body.capabilities, names::CAPABILITIES);
            fields.plain("PreviousSessionId", format!("0x{:016x}", body.previous_session_id));
            fields.bytes("SecurityBuffer", body.security_buffer);
        }
        Request::TreeConnect(body) => {
            fields.number("Flags", body.flags);
            fields.text("Path", body.path.decode());
        }
        Request::Create(body) => {
            fields.text("Name", body.name.decode());
            fields.flags("DesiredAccess", body.desired_access, names::ACCESS);
            fields.flags("FileAttributes", body.file_attributes, names::ATTRIBUTES);
            fields.flags("ShareAccess", body.share_access, names::SHARE_ACCESS);
            fields.named("CreateDisposition", body.create_disposition, names::DISPOSITION);
            fields.flags("CreateOptions", body.create_options, names::CREATE_OPTIONS);
            fields.named("ImpersonationLevel", body.impersonation_level, names::IMPERSONATION);
            fields.named("RequestedOplockLevel", body.requested_oplock_level, names::OPLOCK);
            fields.create_contexts(body.contexts);
        }
        Request::Close(body) => {
            fields.flags("Flags", body.flags, &[(1, "POSTQUERY_ATTRIB")]);
            fields.file_id(body.file_id);
        }
        Request::Flush(body) => fields.file_id(body.file_id),
        Request::Read(body) => {
            fields.file_id(body.file_id);
            fields.number("Offset", body.offset);
            fields.number("Length", body.length);
            fields.number("MinimumCount", body.minimum_count);
            fields.number("RemainingBytes", body.remaining_bytes);
            fields.flags("Flags", body.flags, &[(1, "READ_UNBUFFERED"), (2, "REQUEST_COMPRESSED")]);
            fields.number("Channel", body.channel);
        }
        Request::Write(body) => {
            fields.file_id(body.file_id);
            fields.number("Offset", body.offset);
            fields.bytes("Buffer", body.data);
            fields.number("RemainingBytes", body.remaining_bytes);
            fields.flags("Flags", body.flags, &[(1, "WRITE_THROUGH"), (2, "WRITE_UNBUFFERED")]);
            fields.number("Channel", body.channel);
        }
        Request::Lock(body) => {
            fields.file_id(body.file_id);
            fields.number("LockSequence", body.lock_sequence);
            for lock in body.locks.iter() {
                let flags = set_in(names::LOCK, lock.flags).join(", ");
                let value = json!({ "offset": lock.offset, "length": lock.length, "flags": lock.flags });
                fields.push("Lock", value, format!("{} bytes at {}: {flags}", lock.length, lock.offset));
            }
        }
        Request::Ioctl(body) => {
            fields.push("CtlCode", json!(body.ctl_code.0), format!("0x{:08X} ({})", body.ctl_code.0, body.ctl_code));
            fields.file_id(body.file_id);
            fields.bytes("Input", body.input);
            fields.number("MaxOutputResponse", body.max_output_response);
            fields.flags("Flags", body.flags, &[(1, "IS_FSCTL")]);
        }
        Request::QueryDirectory(body) => {
            fields.number("FileInformationClass", body.file_information_class);
            let flags = &[(1, "RESTART_SCANS"), (2, "RETURN_SINGLE_ENTRY"), (4, "INDEX_SPECIFIED"), (16, "REOPEN")];
            fields.flags("Flags", body.flags, flags);
            fields.file_id(body.file_id);
            fields.text("FileName", body.pattern.decode());
            fields.number("OutputBufferLength", body.output_buffer_length);
        }
        Request::ChangeNotify(body) => {
            fields.flags("Flags", body.flags, &[(1, "WATCH_TREE")]);
            fields.file_id(body.file_id);
            fields.flags("CompletionFilter", body.completion_filter, names::NOTIFY);
        }
        Request::QueryInfo(body) => {
            fields.named("InfoType", body.info_type, names::INFO_TYPE);
            fields.number("FileInfoClass", body.file_info_class);
            fields.number("OutputBufferLength", body.output_buffer_length);
            fields.number("AdditionalInformation", body.additional_information);
            fields.file_id(body.file_id);
        }
        Request::SetInfo(body) => {
            fields.named("InfoType", body.info_type, names::INFO_TYPE);
            fields.number("FileInfoClass", body.file_info_class);
            fields.number("AdditionalInformation", body.additional_information);
            fields.file_id(body.file_id);
            fields.bytes("Buffer", body.buffer);
            if let Some(name) = body.new_name() {
                fields.text("FileName", name.decode());
            }
        }
        Request::OplockBreak(body) => fields.oplock_break(body),
        Request::Logoff | Request::TreeDisconnect | Request::Cancel | Request::Echo | Request::Unknown => {}
    }
}

fn response_body(response: &Response<'_>, fields: &mut Fields) {
    match response {
        Response::Error(body) => {
            fields.number("ErrorContextCount", body.error_context_count);
            fields.bytes("ErrorData", body.error_data);
        }
        Response::Negotiate(body) => {
            fields.plain("DialectRevision", body.dialect.to_string());
            fields.flags("SecurityMode", body.security_mode, names::SECURITY_MODE);
            fields.flags("Capabilities", body.capabilities, names::CAPABILITIES);
            fields.plain("ServerGuid", hex::encode(body.server_guid));
            fields.number("MaxTransactSize", body.max_transact_size);
            fields.number("MaxReadSize", body.max_read_size);
            fields.number("MaxWriteSize", body.max_write_size);
            fields.time("SystemTime", body.system_time);
            fields.time("ServerStartTime", body.server_start_time);
            fields.bytes("SecurityBuffer", body.security_buffer);
            fields.negotiate_contexts(body.contexts);
        }
        Response::SessionSetup(body) => {
            fields.flags("SessionFlags", body.session_flags, names::SESSION);
            fields.bytes("SecurityBuffer", body.security_buffer);
        }
        Response::TreeConnect(body) => {
            fields.named("ShareType", body.share_type, names::SHARE_TYPE);
            fields.plain("ShareFlags", format!("0x{:08x}", body.share_flags));
            fields.plain("Capabilities", format!("0x{:08x}", body.capabilities));
            fields.flags("MaximalAccess", body.maximal_access, names::ACCESS);
        }
        Response::Create(body) => {
            fields.file_id(body.file_id);
            fields.named("CreateAction", body.create_action, names::CREATE_ACTION);
            fields.named("OplockLevel", body.oplock_level, names::OPLOCK);
            fields.number("EndofFile", body.end_of_file);
            fields.number("AllocationSize", body.allocation_size);
            fields.flags("FileAttributes", body.file_attributes, names::ATTRIBUTES);
            fields.time("CreationTime", body.creation_time);
            fields.time("LastAccessTime", body.last_access_time);
            fields.time("LastWriteTime", body.last_write_time);
            fields.time("ChangeTime", body.change_time);
            fields.create_contexts(body.contexts);
        }
        Response::Close(body) => {
            fields.flags("Flags", body.flags, &[(1, "POSTQUERY_ATTRIB")]);
            if body.has_attributes() {
                fields.number("EndofFile", body.end_of_file);
                fields.number("AllocationSize", body.allocation_size);
                fields.flags("FileAttributes", body.file_attributes, names::ATTRIBUTES);
                fields.time("LastWriteTime", body.last_write_time);
            }
        }
        Response::Read(body) => {
            fields.bytes("Buffer", body.data);
            fields.number("DataRemaining", body.data_remaining);
        }
        Response::Write(body) => fields.number("Count", body.count),
        Response::Ioctl(body) => {
            fields.push("CtlCode", json!(body.ctl_code.0), format!("0x{:08X} ({})", body.ctl_code.0, body.ctl_code));
            fields.file_id(body.file_id);
            fields.bytes("Output", body.output);
        }
        Response::QueryDirectory(body) => fields.bytes("Buffer", body.output),
        Response::ChangeNotify(body) => fields.bytes("Buffer", body.output),
        Response::QueryInfo(body) => fields.bytes("Buffer", body.output),
        Response::OplockBreak(body) => fields.oplock_break(body),
        Response::Done | Response::Unknown => {}
    }
}
