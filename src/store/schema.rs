//! Names and types of columns, and the tables beside `operations`: the only file that has column names.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

/// Raised whenever a column changes its name, type or meaning. Readers refuse other versions.
pub const SCHEMA_VERSION: u32 = 3;

/// Names of the columns.
pub(crate) mod name {
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
    pub const INTERIM_TIME: &str = "interim_time";
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
    /// 64 bits, shown as `0x…`.
    SessionId,
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

impl Column {
    /// The Arrow type.
    pub fn data_type(&self) -> DataType {
        match self.kind {
            Kind::U8 => DataType::UInt8,
            Kind::U16 => DataType::UInt16,
            Kind::U32 => DataType::UInt32,
            Kind::U64 | Kind::SessionId => DataType::UInt64,
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
