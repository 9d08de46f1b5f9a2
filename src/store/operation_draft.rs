//! Operations in the making.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;

use crate::model::{
    Command, Connection, ConnectionIndex, HeaderFlags, Layout, Operation, Part, RpcFacts, Timestamp, header,
};

const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// A request or response in the making; there is none without a frame.
#[derive(Clone, Default)]
pub(super) struct DraftPart {
    pub(super) frame: Option<u64>,
    pub(super) time: Timestamp,
    pub(super) flags: Option<u32>,
    pub(super) pdu: Bytes,
}

impl DraftPart {
    fn finish(self) -> Option<Part> {
        let frame = self.frame?;
        let of_header = || Layout(&self.pdu).u32("Flags", header::offset::FLAGS).ok();
        let flags = self.flags.or_else(of_header).unwrap_or(HeaderFlags::default().0);
        Some(Part { frame, time: self.time, flags, pdu: self.pdu })
    }
}

/// What columns say of RPC; there is none without an operation.
#[derive(Clone, Default)]
pub(super) struct DraftRpc {
    pub(super) interface: Option<Arc<str>>,
    pub(super) opnum: Option<u16>,
    pub(super) operation: Option<Arc<str>>,
}

/// An operation in the making.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) operation: Operation,
    pub(super) request: DraftPart,
    pub(super) interim: DraftPart,
    pub(super) response: DraftPart,
    pub(super) tcp_stream: u32,
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    pub(super) rpc: DraftRpc,
}

impl Draft {
    /// One of which nothing is known.
    pub(super) fn blank() -> Self {
        let nowhere = SocketAddr::new(NOWHERE, 0);
        let connection = Connection { index: ConnectionIndex(0), tcp_stream: 0, client: nowhere, server: nowhere };
        Self {
            operation: Operation::blank(Command::from_code(0), Arc::new(connection)),
            request: DraftPart::default(),
            interim: DraftPart::default(),
            response: DraftPart::default(),
            tcp_stream: 0,
            client: nowhere,
            server: nowhere,
            rpc: DraftRpc::default(),
        }
    }

    pub(super) fn finish(self, connections: &mut Connections) -> Operation {
        let mut operation = self.operation;
        operation.connection = connections.shared(self.tcp_stream, self.client, self.server);
        operation.request = self.request.finish();
        operation.interim = self.interim.finish();
        operation.response = self.response.finish();
        operation.facts.rpc = self.rpc.operation.map(|name| {
            let interface = self.rpc.interface.map(|name| name.to_string().into());
            Box::new(RpcFacts { interface, opnum: self.rpc.opnum, operation: name.to_string().into() })
        });
        operation
    }
}

/// Connections that operations of a file share.
#[derive(Default)]
pub(super) struct Connections(HashMap<(u32, SocketAddr, SocketAddr), Arc<Connection>>);

impl Connections {
    fn shared(&mut self, stream: u32, client: SocketAddr, server: SocketAddr) -> Arc<Connection> {
        let make = || Arc::new(Connection { index: ConnectionIndex(stream), tcp_stream: stream, client, server });
        self.0.entry((stream, client, server)).or_insert_with(make).clone()
    }
}

/// An address of a column; one that is not an address becomes 0.0.0.0.
pub(super) fn address(text: &str) -> IpAddr {
    text.parse().unwrap_or(NOWHERE)
}
