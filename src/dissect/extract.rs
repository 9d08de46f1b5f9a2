//! `--extractor tshark`: the records of a whole capture to what our own reader would make of its packets.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::ek::{EkMessage, EkRecord};
use super::login::login_facts;
use crate::model::header::{self, PROTOCOL_COMPRESSED, PROTOCOL_PLAIN, PROTOCOL_SEALED, PROTOCOL_SMB1};
use crate::model::{
    Anomalies, Anomaly, CaptureEvent, Command, Connection, ConnectionIndex, Header, Layout, LoginFacts, OpaqueKind,
    OpaqueMessage, RawPdu, SessionId,
};

/// Where the SessionId of a transform header stands, [MS-SMB2] 2.2.41.
const TRANSFORM_SESSION_ID: usize = 44;
/// Where the command of an SMB1 header stands, [MS-CIFS] 2.2.3.1.
const SMB1_COMMAND: usize = 4;

/// An event, with what tshark tells of the login when it is a SESSION_SETUP.
#[derive(Clone, Debug, PartialEq)]
pub struct Extracted {
    /// The event.
    pub event: CaptureEvent,
    /// Facts of this one message.
    pub login: Option<LoginFacts>,
}

/// Turns records, in the order of their frames, into events.
#[derive(Debug)]
pub struct Extractor {
    server_ports: BTreeSet<u16>,
    connections: FxHashMap<u32, ConnectionIndex>,
    skipped: u64,
}

/// What the messages of one record share.
#[derive(Clone, Copy)]
struct Place {
    connection: ConnectionIndex,
    frame: u64,
    time: crate::model::Timestamp,
    to_server: bool,
}

impl Extractor {
    /// `ports` are server ports beside 445 and 139.
    pub fn new(ports: &[u16]) -> Self {
        let server_ports = ports.iter().copied().chain([445, 139]).collect();
        Self { server_ports, connections: FxHashMap::default(), skipped: 0 }
    }

    /// Records that could not be used: SMB over something else than TCP.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Appends the events of a record.
    pub fn push(&mut self, record: &EkRecord, out: &mut Vec<Extracted>) {
        if record.smb1.is_empty() && record.messages.is_empty() {
            return;
        }
        let (Some(source), Some(destination), Some(stream)) = (record.source, record.destination, record.tcp_stream)
        else {
            self.skipped += 1;
            return;
        };
        let next = ConnectionIndex(self.connections.len() as u32);
        let connection = *self.connections.entry(stream).or_insert(next);
        if connection == next {
            let (client, server) = if self.is_from_server(source, destination, record) {
                (destination, source)
            } else {
                (source, destination)
            };
            let connected = Connection { index: connection, tcp_stream: stream, client, server };
            out.push(Extracted { event: CaptureEvent::Connected(connected), login: None });
        }
        let to_server = self.is_to_server(source, destination, record);
        let place = Place { connection, frame: record.frame, time: record.time, to_server };
        for bytes in &record.smb1 {
            let command = bytes.get(SMB1_COMMAND).copied().unwrap_or(0);
            out.push(opaque(place, OpaqueKind::Smb1 { command }, bytes));
        }
        push_messages(place, &record.messages, record.cut, false, out);
    }

    fn is_to_server(&self, source: SocketAddr, destination: SocketAddr, record: &EkRecord) -> bool {
        !self.is_from_server(source, destination, record)
    }

    fn is_from_server(&self, source: SocketAddr, destination: SocketAddr, record: &EkRecord) -> bool {
        match (self.server_ports.contains(&source.port()), self.server_ports.contains(&destination.port())) {
            (true, false) => true,
            (false, true) => false,
            _ => match first_header(&record.messages) {
                Some(header) => header.flags.is_response(),
                None => source.port() < destination.port(),
            },
        }
    }
}

/// The first plain header, also within sealed ones.
fn first_header(messages: &[EkMessage]) -> Option<Header> {
    messages.iter().find_map(|message| Header::decode(&message.bytes).ok().or_else(|| first_header(&message.inner)))
}

fn opaque(place: Place, kind: OpaqueKind, bytes: &Bytes) -> Extracted {
    let Place { connection, frame, time, to_server } = place;
    let message = OpaqueMessage { connection, frame, time, to_server, kind, bytes: bytes.clone() };
    Extracted { event: CaptureEvent::Opaque(message), login: None }
}

/// What a message was opened to: the events that take its place. None when it stayed closed.
pub fn opened(message: &OpaqueMessage, record: &EkRecord) -> Option<Vec<CaptureEvent>> {
    let outer = record.messages.iter().find(|outer| !outer.inner.is_empty())?;
    let OpaqueMessage { connection, frame, time, to_server, kind, .. } = *message;
    let place = Place { connection, frame, time, to_server };
    let mut events = Vec::new();
    push_messages(place, &outer.inner, false, matches!(kind, OpaqueKind::Sealed(_)), &mut events);
    Some(events.into_iter().map(|extracted| extracted.event).collect())
}

/// The messages of one level: of the frame, or of one sealed or compressed message.
fn push_messages(place: Place, messages: &[EkMessage], cut: bool, encrypted: bool, out: &mut Vec<Extracted>) {
    // Place in the chain that goes on, if one does.
    let mut chain: Option<u16> = None;
    for (i, message) in messages.iter().enumerate() {
        let bytes = &message.bytes;
        match bytes.first_chunk() {
            Some(&PROTOCOL_SEALED) if message.inner.is_empty() => {
                let id = Layout(bytes).u64("SessionId", TRANSFORM_SESSION_ID).unwrap_or(0);
                out.push(opaque(place, OpaqueKind::Sealed(SessionId(id)), bytes));
            }
            Some(&PROTOCOL_COMPRESSED) if message.inner.is_empty() => {
                out.push(opaque(place, OpaqueKind::Compressed, bytes));
            }
            Some(&PROTOCOL_SEALED) => push_messages(place, &message.inner, cut, true, out),
            Some(&PROTOCOL_COMPRESSED) => push_messages(place, &message.inner, cut, encrypted, out),
            Some(&PROTOCOL_PLAIN) => {
                let mut anomalies = Anomalies::default();
                let next = next_command(bytes);
                let goes_on = next.is_some_and(|next| {
                    next == bytes.len()
                        && messages.get(i + 1).is_some_and(|after| after.bytes.starts_with(&PROTOCOL_PLAIN))
                });
                // What the snapshot length cut off is the end of the frame's last message.
                if cut && i + 1 == messages.len() {
                    anomalies.insert(Anomaly::Truncated);
                } else if next.is_some() && !goes_on {
                    anomalies.insert(Anomaly::BrokenChain);
                }
                if bytes.len() < header::HEADER_LENGTH {
                    anomalies.insert(Anomaly::Malformed);
                }
                let chain_index = chain.or(next.map(|_| 0));
                chain = if goes_on { chain_index.map(|index| index.saturating_add(1)) } else { None };
                let Place { connection, frame, time, .. } = place;
                let pdu = RawPdu { bytes: bytes.clone(), connection, frame, time, chain_index, encrypted, anomalies };
                out.push(Extracted { event: CaptureEvent::Pdu(pdu), login: setup_facts(message) });
                continue;
            }
            Some(&PROTOCOL_SMB1) => {
                let command = bytes.get(SMB1_COMMAND).copied().unwrap_or(0);
                out.push(opaque(place, OpaqueKind::Smb1 { command }, bytes));
            }
            _ => out.push(opaque(place, OpaqueKind::Other, bytes)),
        }
        chain = None;
    }
}

/// `NextCommand` when it is not 0.
fn next_command(bytes: &[u8]) -> Option<usize> {
    let next = Layout(bytes).u32("NextCommand", header::offset::NEXT_COMMAND).ok()?;
    (next != 0).then_some(next as usize)
}

fn setup_facts(message: &EkMessage) -> Option<LoginFacts> {
    let header = Header::decode(&message.bytes).ok()?;
    (header.command == Command::SessionSetup).then(|| login_facts(message)).flatten()
}
