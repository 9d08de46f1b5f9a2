//! An operation: a request with its final response, and what both say. One row of the dataset.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::anomaly::Anomalies;
use super::command::Command;
use super::ctl_code::CtlCode;
use super::ids::{AsyncId, FileId, MessageId, SessionId, TreeId};
use super::message::LockElement;
use super::nt_status::NtStatus;
use super::pdu::Connection;
use super::rpc::RpcCall;
use super::timestamp::Timestamp;

/// One of the up to three PDUs of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The frame that completed the PDU.
    pub frame: u64,
    /// The time of that frame. None only when a dataset was read without it.
    pub time: Timestamp,
    /// The header's flags, undecoded.
    pub flags: u32,
    /// The PDU's bytes; empty when a dataset was read without them.
    pub pdu: Bytes,
}

/// A request with its answers. The columns of the dataset are these fields; docs/schema.md describes each.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Its place in its session, from 0.
    pub op_index: u32,
    /// The session it belongs to, resolved through compounds.
    pub session_id: SessionId,
    /// The command.
    pub command: Command,
    /// The connection that carried it.
    pub connection: Arc<Connection>,
    /// The request; None when the capture does not hold it, or the server began (a break).
    pub request: Option<Part>,
    /// The first STATUS_PENDING response.
    pub interim: Option<Part>,
    /// The final response.
    pub response: Option<Part>,
    /// `MessageId`
    pub message_id: MessageId,
    /// `AsyncId` of the interim or final response, or of a CANCEL.
    pub async_id: Option<AsyncId>,
    /// `TreeId`, resolved through compounds.
    pub tree_id: TreeId,
    /// `ChannelSequence` of the request.
    pub channel_sequence: u16,
    /// `CreditCharge` of the request.
    pub credit_charge: Option<u16>,
    /// `CreditRequest` of the request.
    pub credits_requested: Option<u16>,
    /// `CreditResponse` of the final response.
    pub credits_granted: Option<u16>,
    /// Whether the request was signed.
    pub signed: bool,
    /// Whether the request travelled sealed.
    pub encrypted: bool,
    /// Place in the request's chain; None when alone.
    pub compound_index: Option<u16>,
    /// SMB2_FLAGS_RELATED_OPERATIONS of the request.
    pub related: bool,
    /// Status of the final response.
    pub status: Option<NtStatus>,
    /// `\\server\share` of the tree.
    pub share: Option<Arc<str>>,
    /// The open that it is about, as the server granted it.
    pub file_id: Option<FileId>,
    /// Share-relative path.
    pub path: Option<Arc<str>>,
    /// Whether it is about a directory; None when nothing in the capture tells.
    pub directory: Option<bool>,
    /// Target of a rename or link.
    pub new_path: Option<Arc<str>>,
    /// What the bodies say.
    pub facts: Facts,
    /// What was odd.
    pub anomalies: Anomalies,
}

/// Decoded fields of request and response that have columns of their own.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Facts {
    pub desired_access: Option<u32>,
    pub file_attributes: Option<u32>,
    pub share_access: Option<u32>,
    pub create_disposition: Option<u32>,
    pub create_options: Option<u32>,
    pub impersonation_level: Option<u32>,
    pub requested_oplock: Option<u8>,
    pub granted_oplock: Option<u8>,
    pub lease_state_requested: Option<u32>,
    pub lease_state_granted: Option<u32>,
    pub create_contexts: Option<Vec<Box<str>>>,
    pub create_action: Option<u32>,
    pub end_of_file: Option<u64>,
    pub offset: Option<u64>,
    pub length: Option<u64>,
    pub bytes: Option<u64>,
    pub data_hash: Option<[u8; 16]>,
    pub info_type: Option<u8>,
    pub info_class: Option<u8>,
    pub pattern: Option<Box<str>>,
    pub ctl_code: Option<CtlCode>,
    pub locks: Option<Vec<LockElement>>,
    pub rpc: Option<Box<RpcFacts>>,
}

/// What a WRITE or an FSCTL_PIPE_TRANSCEIVE asks by RPC on a named pipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcFacts {
    /// Name of the interface, its UUID when it has none; None when its bind is not in the capture.
    pub interface: Option<Cow<'static, str>>,
    /// The number of the operation; None for a bind.
    pub opnum: Option<u16>,
    /// Its name; `bind`, and `opnum 7` where it has none.
    pub operation: Cow<'static, str>,
}

impl From<RpcCall> for RpcFacts {
    fn from(call: RpcCall) -> Self {
        let interface = call.interface().map(|interface| match interface.name() {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(interface.to_string()),
        });
        Self { interface, opnum: call.opnum(), operation: call.operation() }
    }
}

impl Operation {
    /// An operation of which nothing is known but its command and its connection.
    pub fn blank(command: Command, connection: Arc<Connection>) -> Self {
        Self {
            op_index: 0,
            session_id: SessionId(0),
            command,
            connection,
            request: None,
            interim: None,
            response: None,
            message_id: MessageId(0),
            async_id: None,
            tree_id: TreeId(0),
            channel_sequence: 0,
            credit_charge: None,
            credits_requested: None,
            credits_granted: None,
            signed: false,
            encrypted: false,
            compound_index: None,
            related: false,
            status: None,
            share: None,
            file_id: None,
            path: None,
            directory: None,
            new_path: None,
            facts: Facts::default(),
            anomalies: Anomalies::default(),
        }
    }

    /// Nanoseconds from the request to its final response.
    pub fn latency_ns(&self) -> Option<i64> {
        Some(self.response.as_ref()?.time.since(self.request.as_ref()?.time))
    }

    /// The PDUs it holds, in the order they travel.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        [&self.request, &self.interim, &self.response].into_iter().flatten()
    }

    /// When it began: the time of its request, or of its response when that alone was captured. Datasets have no time of an
    /// interim response, so that one that stands alone has none.
    pub fn first_time(&self) -> Option<Timestamp> {
        self.request.as_ref().or(self.response.as_ref()).map(|part| part.time)
    }

    /// The bytes of its PDUs and the struct itself: what it costs to keep it in memory.
    pub fn memory(&self) -> usize {
        std::mem::size_of::<Self>() + self.parts().map(|part| part.pdu.len()).sum::<usize>()
    }
}
