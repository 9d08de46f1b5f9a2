//! The schemas of `operations` and of a replay's `results`: the only file that has column names.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

/// Raised whenever a column changes its name, type or meaning. Readers refuse other versions.
pub const SCHEMA_VERSION: u32 = 2;

/// Names of the columns.
pub(super) mod name {
    #![allow(unreachable_pub)]

    pub const OP_INDEX: &str = "op_index";
    pub const SESSION_ID: &str = "session_id";
    pub const COMMAND: &str = "command";
    pub const COMMAND_CODE: &str = "command_code";
    pub const REQUEST_FRAME: &str = "request_frame";
    pub const RESPONSE_FRAME: &str = "response_frame";
    pub const INTERIM_FRAME: &str = "interim_frame";
    pub const REQUEST_TIME: &str = "request_time";
    pub const RESPONSE_TIME: &str = "response_time";
    pub const LATENCY_NS: &str = "latency_ns";
    pub const TCP_STREAM: &str = "tcp_stream";
    pub const CLIENT_IP: &str = "client_ip";
    pub const SERVER_IP: &str = "server_ip";
    pub const CLIENT_PORT: &str = "client_port";
    pub const SERVER_PORT: &str = "server_port";
    pub const MESSAGE_ID: &str = "message_id";
    pub const ASYNC_ID: &str = "async_id";
    pub const TREE_ID: &str = "tree_id";
    pub const CHANNEL_SEQUENCE: &str = "channel_sequence";
    pub const CREDIT_CHARGE: &str = "credit_charge";
    pub const CREDITS_REQUESTED: &str = "credits_requested";
    pub const CREDITS_GRANTED: &str = "credits_granted";
    pub const REQUEST_FLAGS: &str = "request_flags";
    pub const RESPONSE_FLAGS: &str = "response_flags";
    pub const SIGNED: &str = "signed";
    pub const ENCRYPTED: &str = "encrypted";
    pub const COMPOUND_FRAME: &str = "compound_frame";
    pub const COMPOUND_INDEX: &str = "compound_index";
    pub const RELATED: &str = "related";
    pub const STATUS: &str = "status";
    pub const STATUS_NAME: &str = "status_name";
    pub const SHARE: &str = "share";
    pub const FILE_ID: &str = "file_id";
    pub const PATH: &str = "path";
    pub const DIRECTORY: &str = "directory";
    pub const NEW_PATH: &str = "new_path";
    pub const DESIRED_ACCESS: &str = "desired_access";
    pub const FILE_ATTRIBUTES: &str = "file_attributes";
    pub const SHARE_ACCESS: &str = "share_access";
    pub const CREATE_DISPOSITION: &str = "create_disposition";
    pub const CREATE_OPTIONS: &str = "create_options";
    pub const IMPERSONATION_LEVEL: &str = "impersonation_level";
    pub const REQUESTED_OPLOCK: &str = "requested_oplock";
    pub const GRANTED_OPLOCK: &str = "granted_oplock";
    pub const LEASE_STATE_REQUESTED: &str = "lease_state_requested";
    pub const LEASE_STATE_GRANTED: &str = "lease_state_granted";
    pub const CREATE_CONTEXTS: &str = "create_contexts";
    pub const CREATE_ACTION: &str = "create_action";
    pub const END_OF_FILE: &str = "end_of_file";
    pub const OFFSET: &str = "offset";
    pub const LENGTH: &str = "length";
    pub const BYTES: &str = "bytes";
    pub const DATA_HASH: &str = "data_hash";
    pub const INFO_TYPE: &str = "info_type";
    pub const INFO_CLASS: &str = "info_class";
    pub const PATTERN: &str = "pattern";
    pub const CTL_CODE: &str = "ctl_code";
    pub const CTL_NAME: &str = "ctl_name";
    pub const LOCKS: &str = "locks";
    pub const RPC_INTERFACE: &str = "rpc_interface";
    pub const RPC_OPNUM: &str = "rpc_opnum";
    pub const RPC_OPERATION: &str = "rpc_operation";
    pub const LOCK_OFFSET: &str = "offset";
    pub const LOCK_LENGTH: &str = "length";
    pub const LOCK_FLAGS: &str = "flags";
    pub const REQUEST_PDU: &str = "request_pdu";
    pub const INTERIM_PDU: &str = "interim_pdu";
    pub const RESPONSE_PDU: &str = "response_pdu";
    pub const ANOMALIES: &str = "anomalies";
    /// Of an image's content, beside those above.
    pub const STREAM: &str = "stream";
    pub const CONTENT: &str = "content";
    // Of results, beside names that they share with operations.
    pub const STEP: &str = "step";
    pub const COPY: &str = "copy";
    pub const ITERATION: &str = "iteration";
    pub const FRAME: &str = "frame";
    pub const CLASS: &str = "class";
    pub const ROOT_STEP: &str = "root_step";
    pub const REASON: &str = "reason";
    pub const NOISE: &str = "noise";
    pub const COMPARED: &str = "compared";
    pub const CAPTURED_STATUS: &str = "captured_status";
    pub const CAPTURED_STATUS_NAME: &str = "captured_status_name";
    pub const REPLAYED_STATUS: &str = "replayed_status";
    pub const REPLAYED_STATUS_NAME: &str = "replayed_status_name";
    pub const CAPTURED_LENGTH: &str = "captured_length";
    pub const REPLAYED_LENGTH: &str = "replayed_length";
    pub const CAPTURED_BYTES: &str = "captured_bytes";
    pub const REPLAYED_BYTES: &str = "replayed_bytes";
    pub const CAPTURED_HASH: &str = "captured_hash";
    pub const REPLAYED_HASH: &str = "replayed_hash";
    pub const DUE_NS: &str = "due_ns";
    pub const READY_NS: &str = "ready_ns";
    pub const SENT_NS: &str = "sent_ns";
    pub const ANSWERED_NS: &str = "answered_ns";
    pub const CAPTURED_LATENCY_NS: &str = "captured_latency_ns";
    pub const REPLAYED_LATENCY_NS: &str = "replayed_latency_ns";
    pub const DIFFERENCES: &str = "differences";
    pub const SUBJECT: &str = "subject";
    pub const CAPTURED: &str = "captured";
    pub const OBSERVED: &str = "observed";
    pub const NOTE: &str = "note";
    // Of what `query` has beside operations and results.
    pub const CAPTURE: &str = "capture";
    pub const RUN: &str = "run";
    pub const NUMBER: &str = "number";
    pub const ID: &str = "id";
    pub const FILE: &str = "file";
    pub const CLIENT: &str = "client";
    pub const SERVER: &str = "server";
    pub const DIALECT: &str = "dialect";
    pub const SIGNING: &str = "signing";
    pub const ENCRYPTION: &str = "encryption";
    pub const USER: &str = "user";
    pub const DOMAIN: &str = "domain";
    pub const WORKSTATION: &str = "workstation";
    pub const MECHANISM: &str = "mechanism";
    pub const TARGET_NAME: &str = "target_name";
    pub const GUEST: &str = "guest";
    pub const ANONYMOUS: &str = "anonymous";
    pub const SHARES: &str = "shares";
    pub const OPERATIONS: &str = "operations";
    pub const UNPAIRED: &str = "unpaired";
    pub const BYTES_READ: &str = "bytes_read";
    pub const BYTES_WRITTEN: &str = "bytes_written";
    pub const ERRORS: &str = "errors";
    pub const UNDECRYPTED: &str = "undecrypted";
    pub const FIRST_TIME: &str = "first_time";
    pub const LAST_TIME: &str = "last_time";
    pub const TCP_STREAMS: &str = "tcp_streams";
    pub const OPENS: &str = "opens";
    pub const FAILED_OPENS: &str = "failed_opens";
    pub const FAILURES: &str = "failures";
    pub const READS: &str = "reads";
    pub const WRITES: &str = "writes";
    pub const SIZE: &str = "size";
    pub const USERS: &str = "users";
    pub const FIRST_FRAME: &str = "first_frame";
    pub const LAST_FRAME: &str = "last_frame";
    pub const CREATED_FRAME: &str = "created_frame";
    pub const OVERWRITTEN_FRAME: &str = "overwritten_frame";
    pub const DELETED_FRAME: &str = "deleted_frame";
    pub const RENAMED_FROM: &str = "renamed_from";
    pub const RENAMED_TO: &str = "renamed_to";
    /// The item of a list.
    pub const ITEM: &str = "item";
    /// Keys of the footer and of a column's metadata.
    pub const WIRESHARK: &str = "wireshark";
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    U8,
    U16,
    U32,
    U64,
    I64,
    Bool,
    Text,
    /// Text with few different values.
    Name,
    Time,
    /// 16 bytes.
    Id,
    Binary,
    Texts,
    /// List of unsigned 32-bit numbers.
    Numbers,
    Locks,
    Differences,
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether it can be null.
    pub nullable: bool,
    /// What it means.
    pub meaning: &'static str,
    /// Wireshark's name for the field, empty when it has none.
    pub wireshark: &'static str,
}

const fn column(
    name: &'static str,
    kind: Kind,
    nullable: bool,
    wireshark: &'static str,
    meaning: &'static str,
) -> Column {
    Column { name, kind, nullable, meaning, wireshark }
}

const NEVER: bool = false;
const NULLABLE: bool = true;

/// The columns, in their order in the file.
#[rustfmt::skip]
pub const COLUMNS: [Column; 66] = {
    use Kind::*;
    use name::*;
    [
    column(OP_INDEX, U32, NEVER, "", "Place of the operation in its session, from 0, in the order of requests."),
    column(SESSION_ID, U64, NEVER, "smb2.sesid", "SessionId; that of the session which a NEGOTIATE or first SESSION_SETUP led to."),
    column(COMMAND, Name, NEVER, "", "Name of the command in [MS-SMB2]; `0x…` when the code is outside the specification."),
    column(COMMAND_CODE, U16, NEVER, "smb2.cmd", "Command of the header."),
    column(REQUEST_FRAME, U64, NULLABLE, "frame.number", "Frame that completed the request."),
    column(RESPONSE_FRAME, U64, NULLABLE, "frame.number", "Frame that completed the final response."),
    column(INTERIM_FRAME, U64, NULLABLE, "frame.number", "Frame that completed the first STATUS_PENDING response."),
    column(REQUEST_TIME, Time, NULLABLE, "frame.time_epoch", "Time of the request's frame, UTC."),
    column(RESPONSE_TIME, Time, NULLABLE, "frame.time_epoch", "Time of the final response's frame, UTC."),
    column(LATENCY_NS, I64, NULLABLE, "smb2.time", "Nanoseconds from the request to its final response."),
    column(TCP_STREAM, U32, NEVER, "tcp.stream", "Number of the TCP conversation in the capture."),
    column(CLIENT_IP, Name, NEVER, "ip.addr", "Address of the side that sends requests."),
    column(SERVER_IP, Name, NEVER, "ip.addr", "Address of the side that answers."),
    column(CLIENT_PORT, U16, NEVER, "tcp.port", "Its TCP port."),
    column(SERVER_PORT, U16, NEVER, "tcp.port", "Its TCP port."),
    column(MESSAGE_ID, U64, NEVER, "smb2.msg_id", "MessageId."),
    column(ASYNC_ID, U64, NULLABLE, "smb2.aid", "AsyncId of the interim or final response, or of a CANCEL."),
    column(TREE_ID, U32, NEVER, "smb2.tid", "TreeId, resolved through compounds; the one granted, for TREE_CONNECT."),
    column(CHANNEL_SEQUENCE, U16, NEVER, "smb2.channel_sequence", "ChannelSequence of the request (SMB 3.x)."),
    column(CREDIT_CHARGE, U16, NULLABLE, "smb2.credit.charge", "CreditCharge of the request."),
    column(CREDITS_REQUESTED, U16, NULLABLE, "smb2.credits.requested", "CreditRequest of the request."),
    column(CREDITS_GRANTED, U16, NULLABLE, "smb2.credits.granted", "CreditResponse of the final response."),
    column(REQUEST_FLAGS, U32, NULLABLE, "smb2.flags", "Flags of the request's header."),
    column(RESPONSE_FLAGS, U32, NULLABLE, "smb2.flags", "Flags of the final response's header."),
    column(SIGNED, Bool, NEVER, "smb2.flags.signature", "Whether the request says it is signed."),
    column(ENCRYPTED, Bool, NEVER, "", "Whether the request travelled sealed."),
    column(COMPOUND_FRAME, U64, NULLABLE, "frame.number", "Frame of the compound the request is part of; null when it is alone."),
    column(COMPOUND_INDEX, U16, NULLABLE, "", "Place of the request in its compound, from 0; null when it is alone."),
    column(RELATED, Bool, NEVER, "smb2.flags.chained", "SMB2_FLAGS_RELATED_OPERATIONS of the request."),
    column(STATUS, U32, NULLABLE, "smb2.nt_status", "NT status of the final response."),
    column(STATUS_NAME, Name, NULLABLE, "", "Its name in [MS-ERREF]; `0x…` when it has none."),
    column(SHARE, Name, NULLABLE, "smb2.tree", r"`\\server\share` of the tree."),
    column(FILE_ID, Id, NULLABLE, "smb2.fid", "FileId as the server granted it, resolved through compounds; persistent part first."),
    column(PATH, Text, NULLABLE, "smb2.filename", r"Path in the share, `\`-separated; empty for its root; null when it is not known."),
    column(DIRECTORY, Bool, NULLABLE, "smb2.file_attribute.directory", "Whether the open is that of a directory; null when nothing in the capture tells."),
    column(NEW_PATH, Text, NULLABLE, "smb2.filename", "Target of a rename or hard link."),
    column(DESIRED_ACCESS, U32, NULLABLE, "smb.access_mask", "CREATE request: DesiredAccess."),
    column(FILE_ATTRIBUTES, U32, NULLABLE, "smb2.file_attribute", "CREATE request: FileAttributes."),
    column(SHARE_ACCESS, U32, NULLABLE, "smb.share_access", "CREATE request: ShareAccess."),
    column(CREATE_DISPOSITION, U32, NULLABLE, "smb.create.disposition", "CREATE request: CreateDisposition."),
    column(CREATE_OPTIONS, U32, NULLABLE, "smb.create_options", "CREATE request: CreateOptions."),
    column(IMPERSONATION_LEVEL, U32, NULLABLE, "smb2.impersonation.level", "CREATE request: ImpersonationLevel."),
    column(REQUESTED_OPLOCK, U8, NULLABLE, "smb2.create.oplock", "CREATE request: RequestedOplockLevel."),
    column(GRANTED_OPLOCK, U8, NULLABLE, "smb2.create.oplock", "CREATE response: OplockLevel."),
    column(LEASE_STATE_REQUESTED, U32, NULLABLE, "smb2.lease.lease_state", "CREATE request, lease context: LeaseState."),
    column(LEASE_STATE_GRANTED, U32, NULLABLE, "smb2.lease.lease_state", "CREATE response, lease context: LeaseState."),
    column(CREATE_CONTEXTS, Texts, NULLABLE, "smb2.tag", "CREATE request: names of its contexts; GUIDs in hex."),
    column(CREATE_ACTION, U32, NULLABLE, "smb2.create.action", "CREATE response: CreateAction."),
    column(END_OF_FILE, U64, NULLABLE, "smb2.eof", "File size in bytes, from a CREATE response, or from a CLOSE response that was asked for it."),
    column(OFFSET, U64, NULLABLE, "smb2.file_offset", "READ, WRITE: offset in bytes. LOCK: that of the first element."),
    column(LENGTH, U64, NULLABLE, "smb2.read_length", "READ, WRITE: bytes asked for. LOCK: those of the first element."),
    column(BYTES, U64, NULLABLE, "smb2.write_length", "READ: bytes returned. WRITE: bytes accepted."),
    column(DATA_HASH, Id, NULLABLE, "", "xxh3-128 of the payload of a READ response or WRITE request, big-endian."),
    column(INFO_TYPE, U8, NULLABLE, "smb2.class", "QUERY_INFO, SET_INFO: InfoType."),
    column(INFO_CLASS, U8, NULLABLE, "smb2.infolevel", "QUERY_INFO, SET_INFO: FileInfoClass. QUERY_DIRECTORY: FileInformationClass."),
    column(PATTERN, Text, NULLABLE, "smb2.search", "QUERY_DIRECTORY: search pattern."),
    column(CTL_CODE, U32, NULLABLE, "smb2.ioctl.function", "IOCTL: CtlCode."),
    column(CTL_NAME, Name, NULLABLE, "", "Its name; `0x…` when it has none."),
    column(LOCKS, Locks, NULLABLE, "", "LOCK: the elements."),
    column(RPC_INTERFACE, Name, NULLABLE, "dcerpc.cn_bind_to_uuid", "WRITE, FSCTL_PIPE_TRANSCEIVE: RPC interface that is bound or called: `srvsvc`, `samr` …; its UUID when it has no name."),
    column(RPC_OPNUM, U16, NULLABLE, "dcerpc.opnum", "Number of the RPC operation that is called."),
    column(RPC_OPERATION, Name, NULLABLE, "", "Its name in the specification of the interface; `bind`; `opnum 7` when it has none."),
    column(REQUEST_PDU, Binary, NULLABLE, "", "The whole request, decrypted, from `FE 53 4D 42` to its end."),
    column(INTERIM_PDU, Binary, NULLABLE, "", "The whole first STATUS_PENDING response."),
    column(RESPONSE_PDU, Binary, NULLABLE, "", "The whole final response."),
    column(ANOMALIES, Texts, NULLABLE, "", "What was odd; null when nothing was."),
    ]
};

/// Raised whenever a column of the results changes its name, type or meaning. Readers refuse other versions.
pub const RESULTS_VERSION: u32 = 1;

/// The columns of a replay's results, in their order in the file.
#[rustfmt::skip]
pub const RESULT_COLUMNS: [Column; 33] = {
    use Kind::*;
    use name::*;
    [
    column(STEP, U32, NEVER, "", "Place of the step in the run, from 0, in the order of the captured requests."),
    column(COPY, U32, NEVER, "", "Which of the copies that ran at once (`--clones`), from 1."),
    column(ITERATION, U32, NEVER, "", "The how manieth time (`--loop`), from 1."),
    column(OP_INDEX, U32, NEVER, "", "`op_index` of its operation."),
    column(SESSION_ID, U64, NEVER, "", "`session_id` of its operation: the captured session."),
    column(COMMAND, Name, NEVER, "", "`command` of its operation."),
    column(COMMAND_CODE, U16, NEVER, "", "`command_code` of its operation."),
    column(FRAME, U64, NEVER, "", "Frame of the captured request; of the answer, where the server began."),
    column(SHARE, Name, NULLABLE, "", "`share` of its operation."),
    column(PATH, Text, NULLABLE, "", "`path` of its operation, before it was mapped onto the target."),
    column(CLASS, Name, NEVER, "", "How the target's answer compares: `match`, or what diverged (below)."),
    column(ROOT_STEP, U32, NULLABLE, "", "Of a skipped step: the `step` where the failure began."),
    column(REASON, Name, NULLABLE, "", "Of a step that is not replayable: why."),
    column(NOISE, Bool, NEVER, "", "Whether a noise model covers all that diverged."),
    column(COMPARED, Bool, NEVER, "", "Whether there was a captured answer to compare with."),
    column(CAPTURED_STATUS, U32, NULLABLE, "", "NT status in the capture."),
    column(CAPTURED_STATUS_NAME, Name, NULLABLE, "", "Its name in [MS-ERREF]; `0x…` when it has none."),
    column(REPLAYED_STATUS, U32, NULLABLE, "", "NT status from the target; null without an answer."),
    column(REPLAYED_STATUS_NAME, Name, NULLABLE, "", "Its name in [MS-ERREF]; `0x…` when it has none."),
    column(CAPTURED_LENGTH, U32, NULLABLE, "", "Bytes of the captured response, header included."),
    column(REPLAYED_LENGTH, U32, NULLABLE, "", "Bytes of the target's response, header included."),
    column(CAPTURED_BYTES, U64, NULLABLE, "", "READ: bytes returned in the capture. WRITE: bytes accepted."),
    column(REPLAYED_BYTES, U64, NULLABLE, "", "READ: bytes returned by the target. WRITE: bytes accepted."),
    column(CAPTURED_HASH, Id, NULLABLE, "", "READ: xxh3-128 of the captured payload, big-endian."),
    column(REPLAYED_HASH, Id, NULLABLE, "", "READ: xxh3-128 of the target's payload, big-endian."),
    column(DUE_NS, I64, NULLABLE, "", "When the step was to be sent by the pacing; nanoseconds from the start of the run, as the next three."),
    column(READY_NS, I64, NULLABLE, "", "When all that it waits for was there: answers, its connection, its login."),
    column(SENT_NS, I64, NULLABLE, "", "When it was handed to the operating system."),
    column(ANSWERED_NS, I64, NULLABLE, "", "When its final answer had arrived whole."),
    column(CAPTURED_LATENCY_NS, I64, NULLABLE, "", "Nanoseconds from the request to its final response in the capture."),
    column(REPLAYED_LATENCY_NS, I64, NULLABLE, "", "The same on the target."),
    column(DIFFERENCES, Differences, NULLABLE, "", "What diverged, the first thing first; null when nothing did."),
    column(NOTE, Text, NULLABLE, "", "What else is worth knowing of the step."),
    ]
};

/// What every table of `query` has beside its own columns: the capture that a row is of.
pub const CAPTURE_COLUMN: Column = column(
    name::CAPTURE,
    Kind::Name,
    NEVER,
    "",
    "Name of the capture's file; its path, where two chosen ones are named alike.",
);

/// What `results` has beside its own columns in `query`: the run that a row is of.
pub const RUN_COLUMN: Column =
    column(name::RUN, Kind::Name, NEVER, "", "Name of the run's folder, as `smbreplay list runs` shows it.");

/// The columns of `sessions` in `query`: what `session_metadata.json` says of each.
#[rustfmt::skip]
pub const SESSION_COLUMNS: [Column; 26] = {
    use Kind::*;
    use name::*;
    [
    column(NUMBER, U32, NEVER, "", "Number of the session in `smbreplay session --list`, from 1."),
    column(SESSION_ID, U64, NEVER, "", "SessionId, as in operations."),
    column(ID, Text, NEVER, "", "The same as `0x` and 16 hex digits."),
    column(FILE, Text, NEVER, "", "Name of its Parquet file."),
    column(CLIENT, Text, NEVER, "", "Client address and port of its first connection."),
    column(SERVER, Text, NEVER, "", "Server address and port of its first connection."),
    column(DIALECT, Text, NULLABLE, "", "The dialect that the server chose; null when the NEGOTIATE is not in the capture."),
    column(SIGNING, Bool, NEVER, "", "Whether any of its requests was signed."),
    column(ENCRYPTION, Bool, NEVER, "", "Whether any of its PDUs travelled sealed."),
    column(USER, Text, NULLABLE, "", "Who logged in."),
    column(DOMAIN, Text, NULLABLE, "", "Domain or realm of the user."),
    column(WORKSTATION, Text, NULLABLE, "", "The client's own name (NTLM)."),
    column(MECHANISM, Text, NULLABLE, "", "`NTLM` or `Kerberos`."),
    column(TARGET_NAME, Text, NULLABLE, "", "What the server was called, or called itself, at the login."),
    column(GUEST, Bool, NEVER, "", "Whether the server granted a guest session."),
    column(ANONYMOUS, Bool, NEVER, "", "Whether the client logged in without a name."),
    column(SHARES, Texts, NEVER, "", r"The trees it connected, `\\server\share`, in order of their first use."),
    column(OPERATIONS, U64, NEVER, "", "Rows in operations."),
    column(UNPAIRED, U64, NEVER, "", "Rows without their request or response."),
    column(BYTES_READ, U64, NEVER, "", "Payload bytes of READ responses."),
    column(BYTES_WRITTEN, U64, NEVER, "", "Payload bytes that WRITE responses accepted."),
    column(ERRORS, U64, NEVER, "", "Rows whose final status is an error."),
    column(UNDECRYPTED, U64, NEVER, "", "Sealed PDUs that could not be read."),
    column(FIRST_TIME, Time, NULLABLE, "", "Time of the first PDU."),
    column(LAST_TIME, Time, NULLABLE, "", "Time of the last PDU."),
    column(TCP_STREAMS, Numbers, NEVER, "", "Its connections, by Wireshark's `tcp.stream` number."),
    ]
};

/// The columns of `files` in `query`: what `smbreplay files` lists.
#[rustfmt::skip]
pub const FILE_COLUMNS: [Column; 21] = {
    use Kind::*;
    use name::*;
    [
    column(SHARE, Text, NULLABLE, "", r"`\\server\share`"),
    column(PATH, Text, NULLABLE, "", r"Path in the share, `\`-separated; empty for its root; null when it is not known."),
    column(DIRECTORY, Bool, NULLABLE, "", "Whether it is a directory; null when nothing tells."),
    column(OPENS, U64, NEVER, "", "Opens that were granted."),
    column(FAILED_OPENS, U64, NEVER, "", "Opens that failed."),
    column(FAILURES, Texts, NEVER, "", "With which statuses, each once."),
    column(READS, U64, NEVER, "", "READs that were answered with data."),
    column(BYTES_READ, U64, NEVER, "", "Their bytes."),
    column(WRITES, U64, NEVER, "", "WRITEs that were accepted."),
    column(BYTES_WRITTEN, U64, NEVER, "", "Their bytes."),
    column(SIZE, U64, NULLABLE, "", "Size in bytes, as it was told last."),
    column(USERS, Texts, NEVER, "", "Who opened it, each once."),
    column(FIRST_FRAME, U64, NULLABLE, "", "The frame where it is first seen."),
    column(FIRST_TIME, Time, NULLABLE, "", "The time of that frame."),
    column(LAST_FRAME, U64, NULLABLE, "", "The frame where it is last seen."),
    column(LAST_TIME, Time, NULLABLE, "", "The time of that frame."),
    column(CREATED_FRAME, U64, NULLABLE, "", "Frame of the CREATE that made it."),
    column(OVERWRITTEN_FRAME, U64, NULLABLE, "", "Frame of the last CREATE that emptied it."),
    column(DELETED_FRAME, U64, NULLABLE, "", "Frame where it was deleted, the last time."),
    column(RENAMED_FROM, Text, NULLABLE, "", "What it was called before."),
    column(RENAMED_TO, Text, NULLABLE, "", "What it was called afterwards."),
    ]
};

impl Column {
    /// The Arrow type.
    pub fn data_type(&self) -> DataType {
        match self.kind {
            Kind::U8 => DataType::UInt8,
            Kind::U16 => DataType::UInt16,
            Kind::U32 => DataType::UInt32,
            Kind::U64 => DataType::UInt64,
            Kind::I64 => DataType::Int64,
            Kind::Bool => DataType::Boolean,
            Kind::Text => DataType::Utf8,
            Kind::Name => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            Kind::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            Kind::Id => DataType::FixedSizeBinary(16),
            Kind::Binary => DataType::LargeBinary,
            Kind::Texts => DataType::List(Arc::new(Field::new(name::ITEM, DataType::Utf8, false))),
            Kind::Numbers => DataType::List(Arc::new(Field::new(name::ITEM, DataType::UInt32, false))),
            Kind::Locks => DataType::List(Arc::new(Field::new(name::ITEM, DataType::Struct(lock_fields()), false))),
            Kind::Differences => {
                DataType::List(Arc::new(Field::new(name::ITEM, DataType::Struct(difference_fields()), false)))
            }
        }
    }

    /// The Arrow field.
    pub fn field(&self) -> Field {
        let mut metadata = HashMap::new();
        if !self.wireshark.is_empty() {
            metadata.insert(name::WIRESHARK.to_owned(), self.wireshark.to_owned());
        }
        Field::new(self.name, self.data_type(), self.nullable).with_metadata(metadata)
    }
}

/// The fields of a lock element.
pub(super) fn lock_fields() -> Fields {
    Fields::from(vec![
        Field::new(name::LOCK_OFFSET, DataType::UInt64, false),
        Field::new(name::LOCK_LENGTH, DataType::UInt64, false),
        Field::new(name::LOCK_FLAGS, DataType::UInt32, false),
    ])
}

/// The fields of something that diverged.
pub(super) fn difference_fields() -> Fields {
    let field = |name| Field::new(name, DataType::Utf8, false);
    Fields::from(vec![field(name::SUBJECT), field(name::CAPTURED), field(name::OBSERVED)])
}

/// The Arrow schema of `results`.
pub fn results_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> =
        LazyLock::new(|| Arc::new(Schema::new(RESULT_COLUMNS.iter().map(Column::field).collect::<Vec<_>>())));
    SCHEMA.clone()
}

/// The Arrow schema of `operations`.
pub fn operations_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> =
        LazyLock::new(|| Arc::new(Schema::new(COLUMNS.iter().map(Column::field).collect::<Vec<_>>())));
    SCHEMA.clone()
}

/// The Arrow schema of an image's content: one row for each run of known bytes; `stream` is empty for the data of the file.
pub fn image_content_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new(name::SHARE, DataType::Utf8, false),
        Field::new(name::PATH, DataType::Utf8, false),
        Field::new(name::STREAM, DataType::Utf8, false),
        Field::new(name::OFFSET, DataType::UInt64, false),
        Field::new(name::CONTENT, DataType::LargeBinary, false),
    ]))
}
