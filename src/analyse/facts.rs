//! The decoded fields of a request or a response that have columns of their own.

use xxhash_rust::xxh3::xxh3_128;

use crate::model::message::{
    CreateContexts, CreateRequest, Incomplete, LeaseContext, Request, Response, context_tag_text,
};
use crate::model::{Anomaly, Command, Facts, NtStatus, Operation, Utf16};

/// What a request says.
pub(super) fn of_request(request: &Request<'_>, facts: &mut Facts) {
    match request {
        Request::Create(body) => of_create_request(body, facts),
        Request::Read(body) => {
            facts.offset = Some(body.offset);
            facts.length = Some(u64::from(body.length));
        }
        Request::Write(body) => {
            facts.offset = Some(body.offset);
            facts.length = Some(body.data.len() as u64);
            facts.data_hash = Some(xxh3_128(body.data).to_be_bytes());
        }
        Request::Lock(body) => {
            let locks: Vec<_> = body.locks.iter().collect();
            facts.offset = locks.first().map(|lock| lock.offset);
            facts.length = locks.first().map(|lock| lock.length);
            facts.locks = Some(locks);
        }
        Request::Ioctl(body) => facts.ctl_code = Some(body.ctl_code),
        Request::QueryDirectory(body) => {
            facts.info_class = Some(body.file_information_class);
            facts.pattern = Some(body.pattern.decode().into_boxed_str());
        }
        Request::QueryInfo(body) => {
            facts.info_type = Some(body.info_type);
            facts.info_class = Some(body.file_info_class);
        }
        Request::SetInfo(body) => {
            facts.info_type = Some(body.info_type);
            facts.info_class = Some(body.file_info_class);
        }
        _ => {}
    }
}

/// What a final response says.
pub(super) fn of_response(response: &Response<'_>, facts: &mut Facts) {
    match response {
        Response::Create(body) => {
            facts.granted_oplock = Some(body.oplock_level);
            facts.create_action = Some(body.create_action);
            facts.end_of_file = Some(body.end_of_file);
            facts.lease_state_granted = lease(body.contexts);
        }
        Response::Close(body) if body.has_attributes() => facts.end_of_file = Some(body.end_of_file),
        Response::Read(body) => {
            facts.bytes = Some(body.data.len() as u64);
            facts.data_hash = Some(xxh3_128(body.data).to_be_bytes());
        }
        Response::Write(body) => facts.bytes = Some(u64::from(body.count)),
        _ => {}
    }
}

/// Takes back what an incomplete request does not tell: its lost parts were read as empty. How long they were is known of
/// what was cut; of what is damaged it may be anything.
pub(super) fn of_incomplete_request(lost: &Incomplete, operation: &mut Operation) {
    let cut = operation.anomalies.contains(Anomaly::Truncated);
    match operation.command {
        Command::Create if lost.lost("Name").is_some() => operation.path = None,
        Command::Write => {
            operation.facts.length = lost.lost("Buffer").filter(|_| cut).map(u64::from);
            operation.facts.data_hash = None;
        }
        Command::QueryDirectory => operation.facts.pattern = None,
        Command::Lock => operation.facts.locks = None,
        _ => {}
    }
}

/// The same of an incomplete response.
pub(super) fn of_incomplete_response(lost: &Incomplete, operation: &mut Operation) {
    if operation.command == Command::Read {
        let cut = operation.anomalies.contains(Anomaly::Truncated);
        operation.facts.bytes = lost.lost("Buffer").filter(|_| cut).map(u64::from);
        operation.facts.data_hash = None;
    }
}

/// What an answer itself says of whether the open is that of a directory.
pub(super) fn tells_of_directory(command: Command, status: NtStatus, body: &Response<'_>) -> Option<bool> {
    match (command, body) {
        (_, Response::Create(body)) => Some(body.is_directory()),
        (Command::Create, _) if status == NtStatus::FILE_IS_A_DIRECTORY => Some(true),
        (Command::QueryDirectory, _) if !status.is_error() => Some(true),
        _ => None,
    }
}

/// The target of a rename or a link.
pub(super) fn new_name<'a>(request: &Request<'a>) -> Option<Utf16<'a>> {
    match request {
        Request::SetInfo(body) => body.new_name(),
        _ => None,
    }
}

fn of_create_request(body: &CreateRequest<'_>, facts: &mut Facts) {
    facts.desired_access = Some(body.desired_access);
    facts.file_attributes = Some(body.file_attributes);
    facts.share_access = Some(body.share_access);
    facts.create_disposition = Some(body.create_disposition);
    facts.create_options = Some(body.create_options);
    facts.impersonation_level = Some(body.impersonation_level);
    facts.requested_oplock = Some(body.requested_oplock_level);
    if !body.contexts.is_empty() {
        let tags = body.contexts.iter().map_while(Result::ok);
        facts.create_contexts = Some(tags.map(|context| context_tag_text(context.name).into()).collect());
        facts.lease_state_requested = lease(body.contexts);
    }
}

fn lease(contexts: CreateContexts<'_>) -> Option<u32> {
    let context = contexts.find(LeaseContext::NAME)?;
    LeaseContext::decode(context.data).ok().map(|lease| lease.lease_state)
}
