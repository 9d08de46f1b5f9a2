//! Operations to Arrow.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_schema::ArrowError;

use super::cells::{
    Rows, bools, i64s, ids, lock_lists, maybe_bools, names, pdus, text_lists, texts, times, u8s, u16s, u32s, u64s,
};
use super::schema::operations_schema;
use crate::model::{Anomaly, Command, NtStatus, Operation, Part};

fn request(row: &Operation) -> Option<&Part> {
    row.request.as_ref()
}

fn interim(row: &Operation) -> Option<&Part> {
    row.interim.as_ref()
}

fn response(row: &Operation) -> Option<&Part> {
    row.response.as_ref()
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

/// The rows of a run of operations; `first_index` is the `op_index` of the first.
pub fn operations_to_batch(rows: Rows<'_>, first_index: u32) -> Result<RecordBatch, ArrowError> {
    let indices = (first_index..).take(rows.len());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from_iter_values(indices)),
        u64s(rows, |row| Some(row.session_id.0)),
        names(rows, |a, b| a.command == b.command, |row| Some(command_name(row.command)))?,
        u16s(rows, |row| Some(row.command.code())),
        u64s(rows, |row| request(row).map(|part| part.frame)),
        u64s(rows, |row| response(row).map(|part| part.frame)),
        u64s(rows, |row| interim(row).map(|part| part.frame)),
        times(rows, request),
        times(rows, response),
        i64s(rows, Operation::latency_ns),
        u32s(rows, |row| Some(row.connection.tcp_stream)),
        names(rows, same_connection, |row| Some(row.connection.client.ip().to_string()))?,
        names(rows, same_connection, |row| Some(row.connection.server.ip().to_string()))?,
        u16s(rows, |row| Some(row.connection.client.port())),
        u16s(rows, |row| Some(row.connection.server.port())),
        u64s(rows, |row| Some(row.message_id.0)),
        u64s(rows, |row| row.async_id.map(|id| id.0)),
        u32s(rows, |row| Some(row.tree_id.0)),
        u16s(rows, |row| Some(row.channel_sequence)),
        u16s(rows, |row| row.credit_charge),
        u16s(rows, |row| row.credits_requested),
        u16s(rows, |row| row.credits_granted),
        u32s(rows, |row| request(row).map(|part| part.flags)),
        u32s(rows, |row| response(row).map(|part| part.flags)),
        bools(rows, |row| row.signed),
        bools(rows, |row| row.encrypted),
        u64s(rows, |row| row.compound_index.and_then(|_| row.parts().next().map(|part| part.frame))),
        u16s(rows, |row| row.compound_index),
        bools(rows, |row| row.related),
        u32s(rows, |row| row.status.map(|status| status.0)),
        names(rows, |a, b| a.status == b.status, |row| row.status.map(status_name))?,
        names(rows, same_share, |row| row.share.clone())?,
        ids(rows, |row| row.file_id.map(|id| id.0))?,
        texts(rows, |row| row.path.as_deref()),
        maybe_bools(rows, |row| row.directory),
        texts(rows, |row| row.new_path.as_deref()),
        u32s(rows, |row| row.facts.desired_access),
        u32s(rows, |row| row.facts.file_attributes),
        u32s(rows, |row| row.facts.share_access),
        u32s(rows, |row| row.facts.create_disposition),
        u32s(rows, |row| row.facts.create_options),
        u32s(rows, |row| row.facts.impersonation_level),
        u8s(rows, |row| row.facts.requested_oplock),
        u8s(rows, |row| row.facts.granted_oplock),
        u32s(rows, |row| row.facts.lease_state_requested),
        u32s(rows, |row| row.facts.lease_state_granted),
        text_lists(rows, |row| row.facts.create_contexts.as_deref()),
        u32s(rows, |row| row.facts.create_action),
        u64s(rows, |row| row.facts.end_of_file),
        u64s(rows, |row| row.facts.offset),
        u64s(rows, |row| row.facts.length),
        u64s(rows, |row| row.facts.bytes),
        ids(rows, |row| row.facts.data_hash)?,
        u8s(rows, |row| row.facts.info_type),
        u8s(rows, |row| row.facts.info_class),
        texts(rows, |row| row.facts.pattern.as_deref()),
        u32s(rows, |row| row.facts.ctl_code.map(|code| code.0)),
        names(
            rows,
            |a, b| a.facts.ctl_code == b.facts.ctl_code,
            |row| row.facts.ctl_code.map(|code| code.to_string()),
        )?,
        lock_lists(rows),
        names(rows, same_rpc, |row| row.facts.rpc.as_ref()?.interface.clone())?,
        u16s(rows, |row| row.facts.rpc.as_ref()?.opnum),
        names(rows, same_rpc, |row| row.facts.rpc.as_ref().map(|rpc| rpc.operation.clone()))?,
        pdus(rows, request),
        pdus(rows, interim),
        pdus(rows, response),
        text_lists(rows, |row| (!row.anomalies.is_empty()).then(|| row.anomalies.iter().map(Anomaly::name))),
    ];
    RecordBatch::try_new(operations_schema(), columns)
}
