//! The columns of `operations`: what each is called, its type and meaning, how it is written and how it is read.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};

use super::operation_draft::{Draft, address};
use super::schema::{Column, name::*};
use super::table::{NEVER, NULLABLE, TableColumn, arrays, define, described, schema_of};
use crate::model::{
    Anomaly, AsyncId, Command, CtlCode, FileId, MessageId, NtStatus, Operation, SessionId, Timestamp, TreeId,
};

/// The columns, in their order in the file.
#[rustfmt::skip]
pub(super) static OPERATION_COLUMNS: [TableColumn<Operation, Draft>; 67] = [
    define!(OP_INDEX: U32, NEVER, "", "Place of the operation in its session, from 0, in the order of requests.",
        write |row| Some(row.op_index),
        read |row, index| row.operation.op_index = index),
    define!(SESSION_ID: SessionId, NEVER, "smb2.sesid", "SessionId; that of the session which a NEGOTIATE or first SESSION_SETUP led to.",
        write |row| Some(row.session_id.0),
        read |row, id| row.operation.session_id = SessionId(id)),
    define!(COMMAND: Name, NEVER, "", "Name of the command in [MS-SMB2]; `0x…` when the code is outside the specification.",
        write same |a, b| a.command == b.command, of |row| Some(command_name(row.command))),
    define!(COMMAND_CODE: U16, NEVER, "smb2.cmd", "Command of the header.",
        write |row| Some(row.command.code()),
        read |row, code| row.operation.command = Command::from_code(code)),
    define!(REQUEST_FRAME: U64, NULLABLE, "frame.number", "Frame that completed the request.",
        write |row| row.request.as_ref().map(|part| part.frame),
        read |row, frame| row.request.frame = Some(frame)),
    define!(RESPONSE_FRAME: U64, NULLABLE, "frame.number", "Frame that completed the final response.",
        write |row| row.response.as_ref().map(|part| part.frame),
        read |row, frame| row.response.frame = Some(frame)),
    define!(INTERIM_FRAME: U64, NULLABLE, "frame.number", "Frame that completed the first STATUS_PENDING response.",
        write |row| row.interim.as_ref().map(|part| part.frame),
        read |row, frame| row.interim.frame = Some(frame)),
    define!(REQUEST_TIME: Time, NULLABLE, "frame.time_epoch", "Time of the request's frame, UTC.",
        write |row| row.request.as_ref().map(|part| part.time.0),
        read |row, time| row.request.time = Timestamp(time)),
    define!(RESPONSE_TIME: Time, NULLABLE, "frame.time_epoch", "Time of the final response's frame, UTC.",
        write |row| row.response.as_ref().map(|part| part.time.0),
        read |row, time| row.response.time = Timestamp(time)),
    define!(INTERIM_TIME: Time, NULLABLE, "frame.time_epoch", "Time of the first STATUS_PENDING response's frame, UTC.",
        write |row| row.interim.as_ref().map(|part| part.time.0),
        read |row, time| row.interim.time = Timestamp(time)),
    define!(LATENCY_NS: I64, NULLABLE, "smb2.time", "Nanoseconds from the request to its final response.",
        write Operation::latency_ns),
    define!(TCP_STREAM: U32, NEVER, "tcp.stream", "Number of the TCP conversation in the capture.",
        write |row| Some(row.connection.tcp_stream),
        read |row, stream| row.tcp_stream = stream),
    define!(CLIENT_IP: Name, NEVER, "ip.addr", "Address of the side that sends requests.",
        write same same_connection, of |row| Some(row.connection.client.ip().to_string()),
        read |row, ip| row.client.set_ip(address(ip))),
    define!(SERVER_IP: Name, NEVER, "ip.addr", "Address of the side that answers.",
        write same same_connection, of |row| Some(row.connection.server.ip().to_string()),
        read |row, ip| row.server.set_ip(address(ip))),
    define!(CLIENT_PORT: U16, NEVER, "tcp.port", "Its TCP port.",
        write |row| Some(row.connection.client.port()),
        read |row, port| row.client.set_port(port)),
    define!(SERVER_PORT: U16, NEVER, "tcp.port", "Its TCP port.",
        write |row| Some(row.connection.server.port()),
        read |row, port| row.server.set_port(port)),
    define!(MESSAGE_ID: U64, NEVER, "smb2.msg_id", "MessageId.",
        write |row| Some(row.message_id.0),
        read |row, id| row.operation.message_id = MessageId(id)),
    define!(ASYNC_ID: U64, NULLABLE, "smb2.aid", "AsyncId of the interim or final response, or of a CANCEL.",
        write |row| row.async_id.map(|id| id.0),
        read |row, id| row.operation.async_id = Some(AsyncId(id))),
    define!(TREE_ID: U32, NEVER, "smb2.tid", "TreeId, resolved through compounds; the one granted, for TREE_CONNECT.",
        write |row| Some(row.tree_id.0),
        read |row, id| row.operation.tree_id = TreeId(id)),
    define!(CHANNEL_SEQUENCE: U16, NEVER, "smb2.channel_sequence", "ChannelSequence of the request (SMB 3.x).",
        write |row| Some(row.channel_sequence),
        read |row, number| row.operation.channel_sequence = number),
    define!(CREDIT_CHARGE: U16, NULLABLE, "smb2.credit.charge", "CreditCharge of the request.",
        write |row| row.credit_charge,
        read |row, credits| row.operation.credit_charge = Some(credits)),
    define!(CREDITS_REQUESTED: U16, NULLABLE, "smb2.credits.requested", "CreditRequest of the request.",
        write |row| row.credits_requested,
        read |row, credits| row.operation.credits_requested = Some(credits)),
    define!(CREDITS_GRANTED: U16, NULLABLE, "smb2.credits.granted", "CreditResponse of the final response.",
        write |row| row.credits_granted,
        read |row, credits| row.operation.credits_granted = Some(credits)),
    define!(REQUEST_FLAGS: U32, NULLABLE, "smb2.flags", "Flags of the request's header.",
        write |row| row.request.as_ref().map(|part| part.flags),
        read |row, flags| row.request.flags = Some(flags)),
    define!(RESPONSE_FLAGS: U32, NULLABLE, "smb2.flags", "Flags of the final response's header.",
        write |row| row.response.as_ref().map(|part| part.flags),
        read |row, flags| row.response.flags = Some(flags)),
    define!(SIGNED: Bool, NEVER, "smb2.flags.signature", "Whether the request says it is signed.",
        write |row| Some(row.signed),
        read |row, signed| row.operation.signed = signed),
    define!(ENCRYPTED: Bool, NEVER, "", "Whether the request travelled sealed.",
        write |row| Some(row.encrypted),
        read |row, encrypted| row.operation.encrypted = encrypted),
    define!(COMPOUND_FRAME: U64, NULLABLE, "frame.number", "Frame of the compound the request is part of; null when it is alone.",
        write |row| row.compound_index.and_then(|_| row.parts().next().map(|part| part.frame))),
    define!(COMPOUND_INDEX: U16, NULLABLE, "", "Place of the request in its compound, from 0; null when it is alone.",
        write |row| row.compound_index,
        read |row, index| row.operation.compound_index = Some(index)),
    define!(RELATED: Bool, NEVER, "smb2.flags.chained", "SMB2_FLAGS_RELATED_OPERATIONS of the request.",
        write |row| Some(row.related),
        read |row, related| row.operation.related = related),
    define!(STATUS: U32, NULLABLE, "smb2.nt_status", "NT status of the final response.",
        write |row| row.status.map(|status| status.0),
        read |row, status| row.operation.status = Some(NtStatus(status))),
    define!(STATUS_NAME: Name, NULLABLE, "", "Its name in [MS-ERREF]; `0x…` when it has none.",
        write same |a, b| a.status == b.status, of |row| row.status.map(status_name)),
    define!(SHARE: Name, NULLABLE, "smb2.tree", r"`\\server\share` of the tree.",
        write same same_share, of |row| row.share.clone(),
        read |row, share| row.operation.share = Some(share.clone())),
    define!(FILE_ID: Id, NULLABLE, "smb2.fid", "FileId as the server granted it, resolved through compounds; persistent part first.",
        write |row| row.file_id.map(|id| id.0),
        read |row, id| row.operation.file_id = Some(FileId(id))),
    define!(PATH: Text, NULLABLE, "smb2.filename", r"Path in the share, `\`-separated; empty for its root; null when it is not known.",
        write |row| row.path.as_deref(),
        read |row, path| row.operation.path = Some(path)),
    define!(DIRECTORY: Bool, NULLABLE, "smb2.file_attribute.directory", "Whether the open is that of a directory; null when nothing in the capture tells.",
        write |row| row.directory,
        read |row, directory| row.operation.directory = Some(directory)),
    define!(NEW_PATH: Text, NULLABLE, "smb2.filename", "Target of a rename or hard link.",
        write |row| row.new_path.as_deref(),
        read |row, path| row.operation.new_path = Some(path)),
    define!(DESIRED_ACCESS: U32, NULLABLE, "smb.access_mask", "CREATE request: DesiredAccess.",
        write |row| row.facts.desired_access,
        read |row, value| row.operation.facts.desired_access = Some(value)),
    define!(FILE_ATTRIBUTES: U32, NULLABLE, "smb2.file_attribute", "CREATE request: FileAttributes.",
        write |row| row.facts.file_attributes,
        read |row, value| row.operation.facts.file_attributes = Some(value)),
    define!(SHARE_ACCESS: U32, NULLABLE, "smb.share_access", "CREATE request: ShareAccess.",
        write |row| row.facts.share_access,
        read |row, value| row.operation.facts.share_access = Some(value)),
    define!(CREATE_DISPOSITION: U32, NULLABLE, "smb.create.disposition", "CREATE request: CreateDisposition.",
        write |row| row.facts.create_disposition,
        read |row, value| row.operation.facts.create_disposition = Some(value)),
    define!(CREATE_OPTIONS: U32, NULLABLE, "smb.create_options", "CREATE request: CreateOptions.",
        write |row| row.facts.create_options,
        read |row, value| row.operation.facts.create_options = Some(value)),
    define!(IMPERSONATION_LEVEL: U32, NULLABLE, "smb2.impersonation.level", "CREATE request: ImpersonationLevel.",
        write |row| row.facts.impersonation_level,
        read |row, value| row.operation.facts.impersonation_level = Some(value)),
    define!(REQUESTED_OPLOCK: U8, NULLABLE, "smb2.create.oplock", "CREATE request: RequestedOplockLevel.",
        write |row| row.facts.requested_oplock,
        read |row, value| row.operation.facts.requested_oplock = Some(value)),
    define!(GRANTED_OPLOCK: U8, NULLABLE, "smb2.create.oplock", "CREATE response: OplockLevel.",
        write |row| row.facts.granted_oplock,
        read |row, value| row.operation.facts.granted_oplock = Some(value)),
    define!(LEASE_STATE_REQUESTED: U32, NULLABLE, "smb2.lease.lease_state", "CREATE request, lease context: LeaseState.",
        write |row| row.facts.lease_state_requested,
        read |row, value| row.operation.facts.lease_state_requested = Some(value)),
    define!(LEASE_STATE_GRANTED: U32, NULLABLE, "smb2.lease.lease_state", "CREATE response, lease context: LeaseState.",
        write |row| row.facts.lease_state_granted,
        read |row, value| row.operation.facts.lease_state_granted = Some(value)),
    define!(CREATE_CONTEXTS: Texts, NULLABLE, "smb2.tag", "CREATE request: names of its contexts; GUIDs in hex.",
        write |row| row.facts.create_contexts.as_deref(),
        read |row, names| row.operation.facts.create_contexts = Some(names)),
    define!(CREATE_ACTION: U32, NULLABLE, "smb2.create.action", "CREATE response: CreateAction.",
        write |row| row.facts.create_action,
        read |row, value| row.operation.facts.create_action = Some(value)),
    define!(END_OF_FILE: U64, NULLABLE, "smb2.eof", "File size in bytes, from a CREATE response, or from a CLOSE response that was asked for it.",
        write |row| row.facts.end_of_file,
        read |row, value| row.operation.facts.end_of_file = Some(value)),
    define!(OFFSET: U64, NULLABLE, "smb2.file_offset", "READ, WRITE: offset in bytes. LOCK: that of the first element.",
        write |row| row.facts.offset,
        read |row, value| row.operation.facts.offset = Some(value)),
    define!(LENGTH: U64, NULLABLE, "smb2.read_length", "READ, WRITE: bytes asked for. LOCK: those of the first element.",
        write |row| row.facts.length,
        read |row, value| row.operation.facts.length = Some(value)),
    define!(BYTES: U64, NULLABLE, "smb2.write_length", "READ: bytes returned. WRITE: bytes accepted.",
        write |row| row.facts.bytes,
        read |row, value| row.operation.facts.bytes = Some(value)),
    define!(DATA_HASH: Id, NULLABLE, "", "xxh3-128 of the payload of a READ response or WRITE request, big-endian.",
        write |row| row.facts.data_hash,
        read |row, value| row.operation.facts.data_hash = Some(value)),
    define!(INFO_TYPE: U8, NULLABLE, "smb2.class", "QUERY_INFO, SET_INFO: InfoType.",
        write |row| row.facts.info_type,
        read |row, value| row.operation.facts.info_type = Some(value)),
    define!(INFO_CLASS: U8, NULLABLE, "smb2.infolevel", "QUERY_INFO, SET_INFO: FileInfoClass. QUERY_DIRECTORY: FileInformationClass.",
        write |row| row.facts.info_class,
        read |row, value| row.operation.facts.info_class = Some(value)),
    define!(PATTERN: Text, NULLABLE, "smb2.search", "QUERY_DIRECTORY: search pattern.",
        write |row| row.facts.pattern.as_deref(),
        read |row, pattern| row.operation.facts.pattern = Some(pattern.as_ref().into())),
    define!(CTL_CODE: U32, NULLABLE, "smb2.ioctl.function", "IOCTL: CtlCode.",
        write |row| row.facts.ctl_code.map(|code| code.0),
        read |row, code| row.operation.facts.ctl_code = Some(CtlCode(code))),
    define!(CTL_NAME: Name, NULLABLE, "", "Its name; `0x…` when it has none.",
        write same |a, b| a.facts.ctl_code == b.facts.ctl_code, of |row| row.facts.ctl_code.map(|code| code.to_string())),
    define!(LOCKS: Locks, NULLABLE, "", "LOCK: the elements.",
        write |row| row.facts.locks.as_deref(),
        read |row, locks| row.operation.facts.locks = Some(locks)),
    define!(RPC_INTERFACE: Name, NULLABLE, "dcerpc.cn_bind_to_uuid", "WRITE, FSCTL_PIPE_TRANSCEIVE: RPC interface that is bound or called: `srvsvc`, `samr` …; its UUID when it has no name.",
        write same same_rpc, of |row| row.facts.rpc.as_ref()?.interface.clone(),
        read |row, name| row.rpc.interface = Some(name.clone())),
    define!(RPC_OPNUM: U16, NULLABLE, "dcerpc.opnum", "Number of the RPC operation that is called.",
        write |row| row.facts.rpc.as_ref()?.opnum,
        read |row, number| row.rpc.opnum = Some(number)),
    define!(RPC_OPERATION: Name, NULLABLE, "", "Its name in the specification of the interface; `bind`; `opnum 7` when it has none.",
        write same same_rpc, of |row| row.facts.rpc.as_ref().map(|rpc| rpc.operation.clone()),
        read |row, name| row.rpc.operation = Some(name.clone())),
    define!(REQUEST_PDU: Binary, NULLABLE, "", "The whole request, decrypted, from `FE 53 4D 42` to its end.",
        write |row| row.request.as_ref().map(|part| &part.pdu),
        read |row, pdu| row.request.pdu = pdu),
    define!(INTERIM_PDU: Binary, NULLABLE, "", "The whole first STATUS_PENDING response.",
        write |row| row.interim.as_ref().map(|part| &part.pdu),
        read |row, pdu| row.interim.pdu = pdu),
    define!(RESPONSE_PDU: Binary, NULLABLE, "", "The whole final response.",
        write |row| row.response.as_ref().map(|part| &part.pdu),
        read |row, pdu| row.response.pdu = pdu),
    define!(ANOMALIES: Texts, NULLABLE, "", "What was odd; null when nothing was.",
        write |row| (!row.anomalies.is_empty()).then(|| row.anomalies.iter().map(Anomaly::name)),
        read |row, names| row.operation.anomalies = names.iter().filter_map(|name| Anomaly::parse(name)).collect()),
];

/// Their descriptions.
pub const COLUMNS: [Column; OPERATION_COLUMNS.len()] = described(&OPERATION_COLUMNS);

/// The Arrow schema of `operations`.
pub fn operations_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| schema_of(&COLUMNS));
    SCHEMA.clone()
}

/// The rows of a run of operations.
pub fn operations_to_batch(rows: &[Operation]) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new(operations_schema(), arrays(&OPERATION_COLUMNS, rows)?)
}

fn same_connection(a: &Operation, b: &Operation) -> bool {
    Arc::ptr_eq(&a.connection, &b.connection)
}

fn same_share(a: &Operation, b: &Operation) -> bool {
    match (&a.share, &b.share) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    }
}

fn same_rpc(a: &Operation, b: &Operation) -> bool {
    a.facts.rpc == b.facts.rpc
}

/// `0x…` for values without a name.
pub(super) fn command_name(command: Command) -> Cow<'static, str> {
    command.name().map_or_else(|| Cow::Owned(command.to_string()), Cow::Borrowed)
}

pub(super) fn status_name(status: NtStatus) -> Cow<'static, str> {
    status.name().map_or_else(|| Cow::Owned(status.to_string()), Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use arrow_array::ArrayRef;
    use bytes::Bytes;

    use super::super::draft::{Drafts, Texts};
    use super::super::operation_draft::Connections;
    use super::super::schema::Kind;
    use super::super::table::read_into;
    use super::*;
    use crate::model::message::LockElement;
    use crate::model::{Connection, ConnectionIndex, Facts, HeaderFlags, Part, RpcFacts};

    fn part(number: u64) -> Option<Part> {
        let pdu = vec![number as u8; 80].into();
        Some(Part { frame: number, time: Timestamp(number as i64 * 1000), flags: number as u32 + 5, pdu })
    }

    /// An operation in which no two fields of a type are equal; `with` says whether it has what an operation may lack.
    fn operation(index: u32, with: bool) -> Operation {
        let connection = Connection {
            index: ConnectionIndex(3),
            tcp_stream: 3,
            client: "192.0.2.1:50001".parse().unwrap(),
            server: "[2001:db8::2]:445".parse().unwrap(),
        };
        let blank = Operation {
            op_index: index,
            session_id: SessionId(0x1122),
            message_id: MessageId(21),
            tree_id: TreeId(22),
            channel_sequence: 23,
            ..Operation::blank(Command::Read, Arc::new(connection))
        };
        if !with {
            return blank;
        }
        let facts = Facts {
            desired_access: Some(101),
            file_attributes: Some(102),
            share_access: Some(103),
            create_disposition: Some(104),
            create_options: Some(105),
            impersonation_level: Some(106),
            requested_oplock: Some(107),
            granted_oplock: Some(108),
            lease_state_requested: Some(109),
            lease_state_granted: Some(110),
            create_contexts: Some(vec!["MxAc".into(), "QFid".into()]),
            create_action: Some(111),
            end_of_file: Some(112),
            offset: Some(113),
            length: Some(114),
            bytes: Some(115),
            data_hash: Some([116; 16]),
            info_type: Some(117),
            info_class: Some(118),
            pattern: Some("*.txt".into()),
            ctl_code: Some(CtlCode(0x0011_C017)),
            locks: Some(vec![LockElement { offset: 1, length: 2, flags: 3 }]),
            rpc: Some(Box::new(RpcFacts {
                interface: Some("srvsvc".to_owned().into()),
                opnum: Some(16),
                operation: "NetrShareGetInfo".to_owned().into(),
            })),
        };
        Operation {
            request: part(31),
            interim: Some(Part { flags: HeaderFlags::default().0, pdu: Bytes::new(), ..part(32).unwrap() }),
            response: part(33),
            async_id: Some(AsyncId(41)),
            credit_charge: Some(42),
            credits_requested: Some(43),
            credits_granted: Some(44),
            signed: true,
            encrypted: true,
            compound_index: Some(45),
            related: true,
            status: Some(NtStatus(0xC000_0022)),
            share: Some("\\\\a\\b".into()),
            file_id: Some(FileId([46; 16])),
            path: Some("docs\\a.txt".into()),
            directory: Some(false),
            new_path: Some("docs\\b.txt".into()),
            facts,
            ..blank
        }
    }

    fn read_back(batch: &RecordBatch) -> Vec<Operation> {
        let (mut texts, mut connections) = (Texts::default(), Connections::default());
        let mut drafts = Drafts::new(Draft::blank(), batch.num_rows(), &mut texts);
        read_into(&OPERATION_COLUMNS, batch, &mut drafts).unwrap();
        drafts.rows.into_iter().map(|draft| draft.finish(&mut connections)).collect()
    }

    #[test]
    fn every_field_comes_back_as_it_was_written() {
        let rows = [operation(7, true), operation(8, false), operation(9, true)];
        assert_eq!(read_back(&operations_to_batch(&rows).unwrap()), rows);
    }

    #[test]
    fn a_column_that_is_missing_or_of_another_type_is_named() {
        let whole = operations_to_batch(&[operation(0, true)]).unwrap();
        for (at, OperationColumn { column, read, .. }) in OPERATION_COLUMNS.iter().enumerate() {
            let mut without = whole.clone();
            without.remove_column(at);
            let mut texts = Texts::default();
            let mut drafts = Drafts::new(Draft::blank(), 1, &mut texts);
            let expected = if read.is_some() && column.kind != Kind::Binary { Err(column.name) } else { Ok(()) };
            assert_eq!(read_into(&OPERATION_COLUMNS, &without, &mut drafts), expected);
            if let Some(read) = read {
                let other: ArrayRef = Arc::new(arrow_array::Float64Array::from(vec![1.0]));
                assert!(!read(&other, &mut drafts), "{}", column.name);
            }
        }
    }

    type OperationColumn = TableColumn<Operation, Draft>;
}
