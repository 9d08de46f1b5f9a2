//! How a live response differs from the captured one.
//!
//! Compared are the NT status, READ bytes, WRITE counts, IOCTL outputs, and of CREATE, CLOSE, QUERY_INFO and QUERY_DIRECTORY the decoded
//! fields that should agree on an equal share. Volatile, and so not compared: times, ids, allocation sizes, free space,
//! the server's and volume's own names, and everything that travels through a named pipe: RPC answers name handles,
//! servers and shares, so that equal servers give other bytes of another length; a pipe diverges by its status, or by a packet
//! of another type (a fault for a response).
//! What differs in something volatile is told as a note where it helps.

use super::compare_info::compare_query_info;
use super::compare_quota::compare_quota;
use super::compare_security::compare_security;
use super::name_map::NameMap;
use super::outcome::{Class, Finding};
use super::rpc::packet_type_name;
use super::sid_map::SidMap;
use crate::model::fscc::{ATTRIBUTE_DIRECTORY, ATTRIBUTE_NORMAL, notify_entries};
use crate::model::message::{
    ChangeNotifyResponse, CreateResponse, INFO_QUOTA, INFO_SECURITY, IoctlResponse, LeaseContext, QueryInfoRequest,
    QueryInfoResponse, Request, Response,
};
use crate::model::{Command, CtlCode, Header, NtStatus, Operation};

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The class of the first difference, or a match.
    pub class: Class,
    /// The differences.
    pub findings: Vec<Finding>,
    /// What is worth knowing though it is no divergence.
    pub note: Option<Box<str>>,
    /// Whether there was something to compare with.
    pub compared: bool,
}

impl Comparison {
    pub(super) fn matching() -> Self {
        Self { class: Class::Match, findings: Vec::new(), note: None, compared: true }
    }

    pub(super) fn of(class: Class, findings: Vec<Finding>) -> Self {
        let class = if findings.is_empty() { Class::Match } else { class };
        Self { class, findings, note: None, compared: true }
    }

    pub(super) fn noted(note: impl Into<Box<str>>) -> Self {
        Self { note: Some(note.into()), ..Self::matching() }
    }

    fn uncompared(note: impl Into<Box<str>>) -> Self {
        Self { compared: false, ..Self::noted(note) }
    }
}

/// What must be known of a run to compare names.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// Where names went.
    pub names: Option<&'a NameMap>,
    /// Which accounts of the target stand for captured ones.
    pub sids: Option<&'a SidMap>,
    /// Whether the step is about a named pipe.
    pub on_pipe: bool,
}

/// Compares a live response PDU with the captured one of its operation. QUERY_DIRECTORY answers are compared by
/// `listing::Listings`, whole listings at a time.
pub fn compare(operation: &Operation, live: &[u8], context: Context<'_>) -> Comparison {
    let Some(captured) = operation.response.as_ref().map(|part| part.pdu.as_ref()).filter(|pdu| !pdu.is_empty())
    else {
        return Comparison::uncompared("the capture has no answer to compare with");
    };
    let (Ok(was_header), Ok(is_header)) = (Header::decode(captured), Header::decode(live)) else {
        return Comparison::uncompared("the captured answer does not decode");
    };
    let (was_status, is_status) = (was_header.status, is_header.status);
    if was_status != is_status {
        return statuses(was_status, is_status, context.on_pipe);
    }
    let was = match Response::decode(operation.command, was_status, captured) {
        Ok(was) => was,
        Err(malformed) => return Comparison::noted(format!("only the status was compared: captured {malformed}")),
    };
    let is = match Response::decode(operation.command, is_status, live) {
        Ok(is) => is,
        Err(malformed) => {
            let finding = Finding::new("response", "a response that decodes", malformed);
            return Comparison::of(Class::Info, vec![finding]);
        }
    };
    let pdu = operation.request.as_ref().map(|part| part.pdu.as_ref()).unwrap_or_default();
    match (was, is) {
        (Response::Read(was), Response::Read(is)) if context.on_pipe => pipe_data(was.data, is.data),
        (Response::Read(was), Response::Read(is)) => data(was.data, is.data, operation.facts.offset.unwrap_or(0)),
        (Response::Write(was), Response::Write(is)) if was.count != is.count => {
            Comparison::of(Class::Length, vec![Finding::new("count", was.count, is.count)])
        }
        (Response::Create(was), Response::Create(is)) => create(&was, &is, context.on_pipe),
        (Response::Close(was), Response::Close(is)) => {
            let mut fields = Fields::default();
            fields.check("flags", was.flags, is.flags);
            if was.has_attributes() && is.has_attributes() && !context.on_pipe {
                fields.attributes(was.file_attributes, is.file_attributes);
                fields.size(was.file_attributes, was.end_of_file, is.end_of_file);
            }
            fields.done()
        }
        (Response::TreeConnect(was), Response::TreeConnect(is)) => {
            let mut fields = Fields::default();
            fields.check("share_type", was.share_type, is.share_type);
            fields.done()
        }
        (Response::Ioctl(was), Response::Ioctl(is)) => ioctl(&was, &is, context.on_pipe),
        (Response::QueryInfo(was), Response::QueryInfo(is)) => query_info(pdu, &was, &is, context),
        (Response::ChangeNotify(was), Response::ChangeNotify(is)) => changes(&was, &is),
        (Response::Error(_), Response::Error(_)) => Comparison::matching(),
        (was, is) if std::mem::discriminant(&was) != std::mem::discriminant(&is) => {
            Comparison::noted("one answer is an ERROR response and the other is not, with equal status")
        }
        _ => Comparison::matching(),
    }
}

fn statuses(was: NtStatus, is: NtStatus, on_pipe: bool) -> Comparison {
    let partial = |status| matches!(status, NtStatus::SUCCESS | NtStatus::BUFFER_OVERFLOW);
    if on_pipe && partial(was) && partial(is) {
        return Comparison::noted(format!("{was} captured, {is} observed: the RPC answer has another length"));
    }
    Comparison::of(Class::Status, vec![Finding::new("status", was, is)])
}

/// Bytes that must be equal.
pub(super) fn data(was: &[u8], is: &[u8], offset: u64) -> Comparison {
    if was == is {
        return Comparison::matching();
    }
    let first = was.iter().zip(is).position(|(was, is)| was != is);
    let place = |at: usize| format!("byte {} of the file", offset.saturating_add(at as u64));
    let mut findings = Vec::new();
    if was.len() != is.len() {
        findings.push(Finding::new("length", was.len(), is.len()));
    }
    if let Some(at) = first {
        let hex = |bytes: &[u8]| hex::encode(&bytes[at..bytes.len().min(at + 8)]);
        findings.push(Finding::new(place(at), hex(was), hex(is)));
    }
    let class = if was.len() == is.len() { Class::Data } else { Class::Length };
    Comparison::of(class, findings)
}

fn pipe_data(was: &[u8], is: &[u8]) -> Comparison {
    if let (Some(was), Some(is)) = (packet_type_name(was), packet_type_name(is))
        && was != is
    {
        return Comparison::of(Class::Info, vec![Finding::new("RPC packet type", was, is)]);
    }
    match was.len() == is.len() {
        true => Comparison::matching(),
        false => Comparison::noted(format!("RPC data: {} bytes captured, {} observed", was.len(), is.len())),
    }
}

fn create(was: &CreateResponse<'_>, is: &CreateResponse<'_>, on_pipe: bool) -> Comparison {
    let mut fields = Fields::default();
    fields.check("create_action", was.create_action, is.create_action);
    if !on_pipe {
        fields.attributes(was.file_attributes, is.file_attributes);
        fields.size(was.file_attributes, was.end_of_file, is.end_of_file);
        fields.check("granted_oplock", was.oplock_level, is.oplock_level);
        let lease = |create: &CreateResponse<'_>| {
            let context = create.contexts.find(LeaseContext::NAME)?;
            LeaseContext::decode(context.data).ok().map(|lease| lease.lease_state)
        };
        if let (Some(was), Some(is)) = (lease(was), lease(is)) {
            fields.check("lease_state", was, is);
        }
    }
    fields.done()
}

/// Whether two answers differ in nothing but oplock and lease.
pub(super) fn same_but_caching<'a>(was: &CreateResponse<'a>, is: &CreateResponse<'a>) -> bool {
    let is = CreateResponse { oplock_level: was.oplock_level, contexts: was.contexts, ..*is };
    create(was, &is, false).class == Class::Match
}

fn ioctl(was: &IoctlResponse<'_>, is: &IoctlResponse<'_>, on_pipe: bool) -> Comparison {
    if on_pipe {
        return pipe_data(was.output, is.output);
    }
    if is_volatile(was.ctl_code) {
        return Comparison::matching();
    }
    let mut comparison = data(was.output, is.output, 0);
    for finding in &mut comparison.findings {
        finding.subject = match finding.subject.as_str() {
            "length" => "output length".to_owned(),
            place => place.replace("of the file", "of the output"),
        };
    }
    comparison
}

/// Controls whose output is of the server's or moment's own: keys, ids, addresses, allocation, statistics.
fn is_volatile(code: CtlCode) -> bool {
    matches!(code.name(), Some(name) if [
        "FSCTL_CREATE_OR_GET_OBJECT_ID",
        "FSCTL_DFS_GET_REFERRALS",
        "FSCTL_DFS_GET_REFERRALS_EX",
        "FSCTL_FILESYSTEM_GET_STATISTICS",
        "FSCTL_FILESYSTEM_GET_STATISTICS_EX",
        "FSCTL_GET_NTFS_FILE_RECORD",
        "FSCTL_GET_NTFS_VOLUME_DATA",
        "FSCTL_GET_OBJECT_ID",
        "FSCTL_OFFLOAD_READ",
        "FSCTL_PIPE_PEEK",
        "FSCTL_PIPE_TRANSCEIVE",
        "FSCTL_QUERY_ALLOCATED_RANGES",
        "FSCTL_QUERY_NETWORK_INTERFACE_INFO",
        "FSCTL_QUERY_ON_DISK_VOLUME_INFO",
        "FSCTL_READ_FILE_USN_DATA",
        "FSCTL_SRV_ENUMERATE_SNAPSHOTS",
        "FSCTL_SRV_READ_HASH",
        "FSCTL_SRV_REQUEST_RESUME_KEY",
        "FSCTL_VALIDATE_NEGOTIATE_INFO",
    ].contains(&name))
}

fn query_info(
    request: &[u8],
    was: &QueryInfoResponse<'_>,
    is: &QueryInfoResponse<'_>,
    context: Context<'_>,
) -> Comparison {
    let Ok(Request::QueryInfo(request)) = Request::decode(Command::QueryInfo, request) else {
        return Comparison::noted("only the status was compared: the request does not decode");
    };
    if context.on_pipe {
        return Comparison::matching();
    }
    query_info_of(&request, was.output, is.output, context)
}

fn query_info_of(request: &QueryInfoRequest<'_>, was: &[u8], is: &[u8], context: Context<'_>) -> Comparison {
    let unlearnt = SidMap::default();
    let sids = context.sids.unwrap_or(&unlearnt);
    match request.info_type {
        INFO_SECURITY => compare_security(was, is, sids),
        INFO_QUOTA => compare_quota(was, is, sids),
        info_type => compare_query_info(info_type, request.file_info_class, was, is, context.names),
    }
}

/// Which changes come in which answer is a matter of timing.
fn changes(was: &ChangeNotifyResponse<'_>, is: &ChangeNotifyResponse<'_>) -> Comparison {
    let list = |output| {
        let entries = notify_entries(output).map_while(Result::ok);
        let mut names: Vec<String> = entries.map(|entry| entry.name.decode()).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    let (was, is) = (list(was.output), list(is.output));
    match was == is {
        true => Comparison::matching(),
        false => Comparison::noted(format!("changes captured: {}; observed: {}", was.join(", "), is.join(", "))),
    }
}

/// Collects the fields that differ.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<Finding>);

impl Fields {
    pub(super) fn check<T: PartialEq + ToString>(&mut self, subject: &str, was: T, is: T) {
        if was != is {
            self.0.push(Finding::new(subject, was, is));
        }
    }

    /// FILE_ATTRIBUTE_NORMAL says that there is no other, and so does 0.
    pub(super) fn attributes(&mut self, was: u32, is: u32) {
        if was & !ATTRIBUTE_NORMAL != is & !ATTRIBUTE_NORMAL {
            self.0.push(Finding::new("file_attributes", format!("0x{was:08x}"), format!("0x{is:08x}")));
        }
    }

    /// What a folder gives as its size is the file system's business.
    pub(super) fn size(&mut self, attributes: u32, was: u64, is: u64) {
        if attributes & ATTRIBUTE_DIRECTORY == 0 {
            self.check("end_of_file", was, is);
        }
    }

    pub(super) fn done(self) -> Comparison {
        Comparison::of(Class::Info, self.0)
    }
}
