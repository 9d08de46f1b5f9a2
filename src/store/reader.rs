//! A session's file back to operations.

use std::collections::HashMap;
use std::fs::File;
use std::iter::Peekable;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, GenericStringType, Int32Type, LargeBinaryType, TimestampNanosecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, BooleanArray, FixedSizeBinaryArray, GenericByteArray, PrimitiveArray, RecordBatch};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::error::StoreError;
use super::narrowed::{at_frame, of_commands};
use super::schema::{COLUMNS, Kind, name};
use crate::model::message::LockElement;
use crate::model::{
    Anomaly, AsyncId, Command, Connection, ConnectionIndex, CtlCode, Facts, FileId, HeaderFlags, Layout, MessageId,
    NtStatus, Operation, Part, RpcFacts, SessionId, Timestamp, TreeId, header,
};

const BATCH: usize = 1024;

/// Which columns are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projection {
    /// All.
    Everything,
    /// All but the PDUs: what is shown and counted needs none of the bytes.
    WithoutPdus,
    /// As that, but operations of these commands have their PDUs: what only the bodies of a few messages tell.
    PdusOf(&'static [Command]),
}

/// Iterates over the operations of a file.
pub struct OperationReader {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    rows: std::vec::IntoIter<Operation>,
    connections: HashMap<(u32, SocketAddr, SocketAddr), Arc<Connection>>,
    texts: HashMap<Box<str>, Arc<str>>,
    /// The same file once more: the operations that come with their PDUs.
    with_pdus: Option<Peekable<Box<Self>>>,
}

impl OperationReader {
    /// Opens a file.
    pub fn open(path: &Path, projection: Projection) -> Result<Self, StoreError> {
        let mut reader = Self::of(path, projection, |builder| builder)?;
        if let Projection::PdusOf(commands) = projection {
            let wanted = Self::of(path, Projection::Everything, |builder| of_commands(builder, commands))?;
            reader.with_pdus = Some(Box::new(wanted).peekable());
        }
        Ok(reader)
    }

    /// The operations with a PDU that this frame completed, with everything: several when a compound travelled in it. Of
    /// row groups without any only the frame numbers are read.
    pub fn open_at_frame(path: &Path, frame: u64) -> Result<Self, StoreError> {
        Self::of(path, Projection::Everything, |builder| at_frame(builder, frame))
    }

    fn of(
        path: &Path,
        projection: Projection,
        narrow: impl FnOnce(ParquetRecordBatchReaderBuilder<File>) -> ParquetRecordBatchReaderBuilder<File>,
    ) -> Result<Self, StoreError> {
        let fail = |source| StoreError::Parquet { path: path.to_owned(), source };
        let file = File::open(path).map_err(|source| StoreError::Io { path: path.to_owned(), source })?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(fail)?;
        let wanted = COLUMNS
            .iter()
            .filter(|column| projection == Projection::Everything || column.kind != Kind::Binary)
            .map(|column| column.name);
        let mask = ProjectionMask::columns(builder.parquet_schema(), wanted);
        let builder = narrow(builder.with_projection(mask).with_batch_size(BATCH));
        Ok(Self {
            path: path.to_owned(),
            batches: builder.build().map_err(fail)?,
            rows: Vec::new().into_iter(),
            connections: HashMap::new(),
            texts: HashMap::new(),
            with_pdus: None,
        })
    }

    /// The same operation with its PDUs, if it is one of those that come with them.
    fn with_pdus(&mut self, operation: Operation) -> Result<Operation, StoreError> {
        let same = |other: &Result<Operation, StoreError>| match other {
            Ok(other) => other.op_index == operation.op_index,
            Err(_) => true,
        };
        match self.with_pdus.as_mut().and_then(|operations| operations.next_if(same)) {
            Some(with_pdus) => with_pdus,
            None => Ok(operation),
        }
    }

    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let text: Arc<str> = text.into();
        // Names repeat within a stretch; beyond it they need not be kept.
        if self.texts.len() > 10_000 {
            self.texts.clear();
        }
        self.texts.insert(text.as_ref().into(), text.clone());
        text
    }

    fn connection(&mut self, stream: u32, client: SocketAddr, server: SocketAddr) -> Arc<Connection> {
        let make = || Arc::new(Connection { index: ConnectionIndex(stream), tcp_stream: stream, client, server });
        self.connections.entry((stream, client, server)).or_insert_with(make).clone()
    }

    fn decode(&mut self, batch: &RecordBatch) -> Result<Vec<Operation>, StoreError> {
        let path = self.path.clone();
        let view = View { batch, path: &path };
        let columns = Columns::new(&view)?;
        let mut operations = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            operations.push(self.operation(&columns, row));
        }
        Ok(operations)
    }

    fn operation(&mut self, columns: &Columns<'_>, row: usize) -> Operation {
        let client = SocketAddr::new(columns.client_ip.ip(row), columns.client_port.value(row));
        let server = SocketAddr::new(columns.server_ip.ip(row), columns.server_port.value(row));
        let request_time = value(columns.request_time, row).map_or(Timestamp::default(), Timestamp);
        let response_time = value(columns.response_time, row).map_or(Timestamp::default(), Timestamp);
        let part = |frame: &PrimitiveArray<UInt64Type>, time, flags: Option<u32>, pdu: Option<&Pdus>| {
            value(frame, row).map(|frame| {
                let pdu = pdu
                    .filter(|pdu| pdu.is_valid(row))
                    .map_or(Bytes::new(), |pdu| Bytes::copy_from_slice(pdu.value(row)));
                let flags = flags.or_else(|| Layout(&pdu).u32("Flags", header::offset::FLAGS).ok());
                Part { frame, time, flags: flags.unwrap_or(HeaderFlags::default().0), pdu }
            })
        };
        Operation {
            op_index: columns.op_index.value(row),
            session_id: SessionId(columns.session_id.value(row)),
            command: Command::from_code(columns.command_code.value(row)),
            connection: self.connection(columns.tcp_stream.value(row), client, server),
            request: part(
                columns.request_frame,
                request_time,
                value(columns.request_flags, row),
                columns.request_pdu,
            ),
            // The dataset has no time for it; it lies between the other two.
            interim: part(columns.interim_frame, request_time, None, columns.interim_pdu),
            response: part(
                columns.response_frame,
                response_time,
                value(columns.response_flags, row),
                columns.response_pdu,
            ),
            message_id: MessageId(columns.message_id.value(row)),
            async_id: value(columns.async_id, row).map(AsyncId),
            tree_id: TreeId(columns.tree_id.value(row)),
            channel_sequence: columns.channel_sequence.value(row),
            credit_charge: value(columns.credit_charge, row),
            credits_requested: value(columns.credits_requested, row),
            credits_granted: value(columns.credits_granted, row),
            signed: columns.signed.value(row),
            encrypted: columns.encrypted.value(row),
            compound_index: value(columns.compound_index, row),
            related: columns.related.value(row),
            status: value(columns.status, row).map(NtStatus),
            share: columns.share.text(row).map(|text| self.shared(text)),
            file_id: id(columns.file_id, row).map(FileId),
            path: text(columns.path, row).map(|text| self.shared(text)),
            directory: columns.directory.is_valid(row).then(|| columns.directory.value(row)),
            new_path: text(columns.new_path, row).map(Into::into),
            facts: columns.facts(row),
            anomalies: list_items(columns.anomalies, row)
                .map(|items| items.iter().filter_map(|item| Anomaly::parse(item)).collect())
                .unwrap_or_default(),
        }
    }
}

impl Iterator for OperationReader {
    type Item = Result<Operation, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(operation) = self.rows.next() {
                return Some(self.with_pdus(operation));
            }
            let batch = match self.batches.next()? {
                Ok(batch) => batch,
                Err(source) => return Some(Err(StoreError::Arrow { path: self.path.clone(), source })),
            };
            match self.decode(&batch) {
                Ok(rows) => self.rows = rows.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

pub(super) type Texts = GenericByteArray<GenericStringType<i32>>;
pub(super) type Pdus = GenericByteArray<LargeBinaryType>;
pub(super) type List = arrow_array::ListArray;

/// The columns of a batch by their names.
pub(super) struct View<'a> {
    pub(super) batch: &'a RecordBatch,
    pub(super) path: &'a Path,
}

impl<'a> View<'a> {
    pub(super) fn array(&self, column: &'static str) -> Result<&'a Arc<dyn Array>, StoreError> {
        self.batch.column_by_name(column).ok_or_else(|| self.missing(column))
    }

    pub(super) fn missing(&self, column: &'static str) -> StoreError {
        StoreError::Column { path: self.path.to_owned(), column }
    }

    pub(super) fn numbers<T: ArrowPrimitiveType>(
        &self,
        column: &'static str,
    ) -> Result<&'a PrimitiveArray<T>, StoreError> {
        self.array(column)?.as_primitive_opt().ok_or_else(|| self.missing(column))
    }

    pub(super) fn bools(&self, column: &'static str) -> Result<&'a BooleanArray, StoreError> {
        self.array(column)?.as_boolean_opt().ok_or_else(|| self.missing(column))
    }

    pub(super) fn texts(&self, column: &'static str) -> Result<&'a Texts, StoreError> {
        self.array(column)?.as_string_opt().ok_or_else(|| self.missing(column))
    }

    pub(super) fn names(&self, column: &'static str) -> Result<Names<'a>, StoreError> {
        let dictionary = self.array(column)?.as_dictionary_opt::<Int32Type>().ok_or_else(|| self.missing(column))?;
        let values = dictionary.values().as_string_opt().ok_or_else(|| self.missing(column))?;
        Ok(Names { keys: dictionary.keys(), values })
    }

    pub(super) fn ids(&self, column: &'static str) -> Result<&'a FixedSizeBinaryArray, StoreError> {
        self.array(column)?.as_fixed_size_binary_opt().ok_or_else(|| self.missing(column))
    }

    pub(super) fn lists(&self, column: &'static str) -> Result<&'a List, StoreError> {
        self.array(column)?.as_list_opt().ok_or_else(|| self.missing(column))
    }

    /// A column that a projection may leave out.
    fn pdus(&self, column: &'static str) -> Option<&'a Pdus> {
        self.batch.column_by_name(column)?.as_binary_opt()
    }
}

/// A dictionary of text.
pub(super) struct Names<'a> {
    pub(super) keys: &'a PrimitiveArray<Int32Type>,
    pub(super) values: &'a Texts,
}

impl<'a> Names<'a> {
    pub(super) fn text(&self, row: usize) -> Option<&'a str> {
        value(self.keys, row).map(|key| self.values.value(key as usize))
    }

    fn ip(&self, row: usize) -> IpAddr {
        self.text(row).and_then(|text| text.parse().ok()).unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED))
    }
}

macro_rules! columns {
    ($($field:ident: $type:ty = $getter:ident($column:expr)),+ $(,)?) => {
        struct Columns<'a> { $($field: $type,)+ request_pdu: Option<&'a Pdus>, interim_pdu: Option<&'a Pdus>, response_pdu: Option<&'a Pdus> }

        impl<'a> Columns<'a> {
            fn new(view: &View<'a>) -> Result<Self, StoreError> {
                Ok(Self {
                    $($field: view.$getter($column)?,)+
                    request_pdu: view.pdus(name::REQUEST_PDU),
                    interim_pdu: view.pdus(name::INTERIM_PDU),
                    response_pdu: view.pdus(name::RESPONSE_PDU),
                })
            }
        }
    };
}

columns! {
    op_index: &'a PrimitiveArray<UInt32Type> = numbers(name::OP_INDEX),
    session_id: &'a PrimitiveArray<UInt64Type> = numbers(name::SESSION_ID),
    command_code: &'a PrimitiveArray<UInt16Type> = numbers(name::COMMAND_CODE),
    request_frame: &'a PrimitiveArray<UInt64Type> = numbers(name::REQUEST_FRAME),
    response_frame: &'a PrimitiveArray<UInt64Type> = numbers(name::RESPONSE_FRAME),
    interim_frame: &'a PrimitiveArray<UInt64Type> = numbers(name::INTERIM_FRAME),
    request_time: &'a PrimitiveArray<TimestampNanosecondType> = numbers(name::REQUEST_TIME),
    response_time: &'a PrimitiveArray<TimestampNanosecondType> = numbers(name::RESPONSE_TIME),
    tcp_stream: &'a PrimitiveArray<UInt32Type> = numbers(name::TCP_STREAM),
    client_ip: Names<'a> = names(name::CLIENT_IP),
    server_ip: Names<'a> = names(name::SERVER_IP),
    client_port: &'a PrimitiveArray<UInt16Type> = numbers(name::CLIENT_PORT),
    server_port: &'a PrimitiveArray<UInt16Type> = numbers(name::SERVER_PORT),
    message_id: &'a PrimitiveArray<UInt64Type> = numbers(name::MESSAGE_ID),
    async_id: &'a PrimitiveArray<UInt64Type> = numbers(name::ASYNC_ID),
    tree_id: &'a PrimitiveArray<UInt32Type> = numbers(name::TREE_ID),
    channel_sequence: &'a PrimitiveArray<UInt16Type> = numbers(name::CHANNEL_SEQUENCE),
    credit_charge: &'a PrimitiveArray<UInt16Type> = numbers(name::CREDIT_CHARGE),
    credits_requested: &'a PrimitiveArray<UInt16Type> = numbers(name::CREDITS_REQUESTED),
    credits_granted: &'a PrimitiveArray<UInt16Type> = numbers(name::CREDITS_GRANTED),
    request_flags: &'a PrimitiveArray<UInt32Type> = numbers(name::REQUEST_FLAGS),
    response_flags: &'a PrimitiveArray<UInt32Type> = numbers(name::RESPONSE_FLAGS),
    signed: &'a BooleanArray = bools(name::SIGNED),
    encrypted: &'a BooleanArray = bools(name::ENCRYPTED),
    compound_index: &'a PrimitiveArray<UInt16Type> = numbers(name::COMPOUND_INDEX),
    related: &'a BooleanArray = bools(name::RELATED),
    status: &'a PrimitiveArray<UInt32Type> = numbers(name::STATUS),
    share: Names<'a> = names(name::SHARE),
    file_id: &'a FixedSizeBinaryArray = ids(name::FILE_ID),
    path: &'a Texts = texts(name::PATH),
    directory: &'a BooleanArray = bools(name::DIRECTORY),
    new_path: &'a Texts = texts(name::NEW_PATH),
    desired_access: &'a PrimitiveArray<UInt32Type> = numbers(name::DESIRED_ACCESS),
    file_attributes: &'a PrimitiveArray<UInt32Type> = numbers(name::FILE_ATTRIBUTES),
    share_access: &'a PrimitiveArray<UInt32Type> = numbers(name::SHARE_ACCESS),
    create_disposition: &'a PrimitiveArray<UInt32Type> = numbers(name::CREATE_DISPOSITION),
    create_options: &'a PrimitiveArray<UInt32Type> = numbers(name::CREATE_OPTIONS),
    impersonation_level: &'a PrimitiveArray<UInt32Type> = numbers(name::IMPERSONATION_LEVEL),
    requested_oplock: &'a PrimitiveArray<UInt8Type> = numbers(name::REQUESTED_OPLOCK),
    granted_oplock: &'a PrimitiveArray<UInt8Type> = numbers(name::GRANTED_OPLOCK),
    lease_state_requested: &'a PrimitiveArray<UInt32Type> = numbers(name::LEASE_STATE_REQUESTED),
    lease_state_granted: &'a PrimitiveArray<UInt32Type> = numbers(name::LEASE_STATE_GRANTED),
    create_contexts: &'a List = lists(name::CREATE_CONTEXTS),
    create_action: &'a PrimitiveArray<UInt32Type> = numbers(name::CREATE_ACTION),
    end_of_file: &'a PrimitiveArray<UInt64Type> = numbers(name::END_OF_FILE),
    offset: &'a PrimitiveArray<UInt64Type> = numbers(name::OFFSET),
    length: &'a PrimitiveArray<UInt64Type> = numbers(name::LENGTH),
    bytes: &'a PrimitiveArray<UInt64Type> = numbers(name::BYTES),
    data_hash: &'a FixedSizeBinaryArray = ids(name::DATA_HASH),
    info_type: &'a PrimitiveArray<UInt8Type> = numbers(name::INFO_TYPE),
    info_class: &'a PrimitiveArray<UInt8Type> = numbers(name::INFO_CLASS),
    pattern: &'a Texts = texts(name::PATTERN),
    ctl_code: &'a PrimitiveArray<UInt32Type> = numbers(name::CTL_CODE),
    locks: &'a List = lists(name::LOCKS),
    rpc_interface: Names<'a> = names(name::RPC_INTERFACE),
    rpc_opnum: &'a PrimitiveArray<UInt16Type> = numbers(name::RPC_OPNUM),
    rpc_operation: Names<'a> = names(name::RPC_OPERATION),
    anomalies: &'a List = lists(name::ANOMALIES),
}

impl Columns<'_> {
    fn rpc(&self, row: usize) -> Option<Box<RpcFacts>> {
        let operation = self.rpc_operation.text(row)?.to_owned().into();
        let interface = self.rpc_interface.text(row).map(|name| name.to_owned().into());
        Some(Box::new(RpcFacts { interface, opnum: value(self.rpc_opnum, row), operation }))
    }

    fn facts(&self, row: usize) -> Facts {
        Facts {
            desired_access: value(self.desired_access, row),
            file_attributes: value(self.file_attributes, row),
            share_access: value(self.share_access, row),
            create_disposition: value(self.create_disposition, row),
            create_options: value(self.create_options, row),
            impersonation_level: value(self.impersonation_level, row),
            requested_oplock: value(self.requested_oplock, row),
            granted_oplock: value(self.granted_oplock, row),
            lease_state_requested: value(self.lease_state_requested, row),
            lease_state_granted: value(self.lease_state_granted, row),
            create_contexts: list_items(self.create_contexts, row),
            create_action: value(self.create_action, row),
            end_of_file: value(self.end_of_file, row),
            offset: value(self.offset, row),
            length: value(self.length, row),
            bytes: value(self.bytes, row),
            data_hash: id(self.data_hash, row),
            info_type: value(self.info_type, row),
            info_class: value(self.info_class, row),
            pattern: text(self.pattern, row).map(Into::into),
            ctl_code: value(self.ctl_code, row).map(CtlCode),
            locks: lock_items(self.locks, row),
            rpc: self.rpc(row),
        }
    }
}

pub(super) fn value<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
    array.is_valid(row).then(|| array.value(row))
}

pub(super) fn text(array: &Texts, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row))
}

pub(super) fn id(array: &FixedSizeBinaryArray, row: usize) -> Option<[u8; 16]> {
    if array.is_valid(row) { array.value(row).try_into().ok() } else { None }
}

fn list_items(array: &List, row: usize) -> Option<Vec<Box<str>>> {
    if !array.is_valid(row) {
        return None;
    }
    let items = array.value(row);
    let items = items.as_string_opt::<i32>()?;
    Some(items.iter().flatten().map(Into::into).collect())
}

fn lock_items(array: &List, row: usize) -> Option<Vec<LockElement>> {
    if !array.is_valid(row) {
        return None;
    }
    let items = array.value(row);
    let items = items.as_struct_opt()?;
    let offset = items.column_by_name(name::LOCK_OFFSET)?.as_primitive_opt::<UInt64Type>()?;
    let length = items.column_by_name(name::LOCK_LENGTH)?.as_primitive_opt::<UInt64Type>()?;
    let flags = items.column_by_name(name::LOCK_FLAGS)?.as_primitive_opt::<UInt32Type>()?;
    let element = |i| LockElement { offset: offset.value(i), length: length.value(i), flags: flags.value(i) };
    Some((0..items.len()).map(element).collect())
}
