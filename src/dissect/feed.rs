//! The PDU feed: a capture of single PDUs for tshark's stdin. Rows of its output map one to one to what was written.

use std::net::IpAddr;

use crate::model::header;
use crate::model::message::file_id_offset;
use crate::model::{Command, Connection, FileId, Header, SessionId, Timestamp, TreeId};

/// LINKTYPE_WIRESHARK_UPPER_PDU
const LINK_TYPE: u32 = 252;
/// What a record may hold at most: tshark refuses longer ones, and still exits with 0.
const MAX_RECORD: usize = 256 * 1024;
/// All of a WRITE request but its data.
const WRITE_KEPT: usize = 112;
/// All of a READ response but its data.
const READ_KEPT: usize = 80;

/// Tags of exported PDUs, Wireshark's epan/exported_pdu.h.
mod tag {
    pub(super) const END: u16 = 0;
    pub(super) const HEURISTIC_DISSECTOR: u16 = 13;
    pub(super) const IPV4_SOURCE: u16 = 20;
    pub(super) const IPV4_DESTINATION: u16 = 21;
    pub(super) const IPV6_SOURCE: u16 = 22;
    pub(super) const IPV6_DESTINATION: u16 = 23;
    pub(super) const PORT_TYPE: u16 = 24;
    pub(super) const SOURCE_PORT: u16 = 25;
    pub(super) const DESTINATION_PORT: u16 = 26;
    /// Value of PORT_TYPE.
    pub(super) const PORT_TYPE_TCP: u32 = 2;
}

/// The number of a record in the feed, from 1: `frame` of the [`super::EkRecord`] that comes back for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row(pub u64);

/// Which way a PDU went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client.
    ToServer,
    /// From the server.
    ToClient,
}

/// A PDU to be dissected.
#[derive(Clone, Copy, Debug)]
pub struct FeedPdu<'a> {
    /// From its `ProtocolId` on; plain, sealed or compressed.
    pub bytes: &'a [u8],
    /// The connection that carried it.
    pub connection: &'a Connection,
    /// Which way.
    pub direction: Direction,
    /// When.
    pub time: Timestamp,
    /// What the ids of a related PDU stand for, where it leaves them to the PDU before: a record is dissected without that.
    pub session_id: Option<SessionId>,
    /// As `session_id`.
    pub tree_id: Option<TreeId>,
    /// As `session_id`. An inherited FileId that is not known becomes one that nothing else has: tshark takes
    /// quadratic time over many operations on one id.
    pub file_id: Option<FileId>,
    /// Whether the payload of a READ or WRITE matters (it is a named pipe's). Else it is cut off.
    pub keep_payload: bool,
}

impl<'a> FeedPdu<'a> {
    /// A PDU that needs nothing of others, and has no payload of a pipe.
    pub fn alone(bytes: &'a [u8], connection: &'a Connection, direction: Direction, time: Timestamp) -> Self {
        Self {
            bytes,
            connection,
            direction,
            time,
            session_id: None,
            tree_id: None,
            file_id: None,
            keep_payload: false,
        }
    }
}

/// Writes the feed into buffers of the caller.
#[derive(Debug)]
pub struct FeedWriter {
    rows: u64,
    unknown_file_ids: u64,
}

impl FeedWriter {
    /// Writes the head of the capture.
    pub fn new(out: &mut Vec<u8>) -> Self {
        // pcap with nanoseconds, little-endian, version 2.4.
        out.extend_from_slice(&0xA1B2_3C4D_u32.to_le_bytes());
        out.extend_from_slice(&2u16.to_le_bytes());
        out.extend_from_slice(&4u16.to_le_bytes());
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&(MAX_RECORD as u32).to_le_bytes());
        out.extend_from_slice(&LINK_TYPE.to_le_bytes());
        Self { rows: 0, unknown_file_ids: 0 }
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Appends a record. None, with nothing written, for a sealed or compressed PDU that is too long: it could be opened only
    /// whole.
    pub fn write(&mut self, pdu: &FeedPdu<'_>, out: &mut Vec<u8>) -> Option<Row> {
        let header = Header::decode(pdu.bytes).ok();
        let start = out.len();
        out.extend_from_slice(&[0; 16]);
        write_tags(pdu, out);
        let tags = out.len() - start - 16;
        let room = MAX_RECORD - tags;
        let kept = match &header {
            Some(header) => kept_length(pdu, header).min(room),
            None if pdu.bytes.len() > room => {
                out.truncate(start);
                return None;
            }
            None => pdu.bytes.len(),
        };
        let at = out.len();
        out.extend_from_slice(&pdu.bytes[..kept]);
        if let Some(header) = &header {
            self.complete_ids(pdu, header, &mut out[at..]);
        }
        write_record_header(pdu.time, tags + kept, tags + pdu.bytes.len(), &mut out[start..start + 16]);
        self.rows += 1;
        Some(Row(self.rows))
    }

    /// Makes a PDU of a chain stand alone.
    fn complete_ids(&mut self, pdu: &FeedPdu<'_>, header: &Header, copy: &mut [u8]) {
        patch(copy, header::offset::NEXT_COMMAND, &[0; 4]);
        if let Some(id) = pdu.session_id.filter(|_| header.session_id.is_inherited()) {
            patch(copy, header::offset::SESSION_ID, &id.0.to_le_bytes());
        }
        if let Some(id) = pdu.tree_id.filter(|_| header.tree_id.is_some_and(TreeId::is_inherited)) {
            patch(copy, header::offset::TREE_ID, &id.0.to_le_bytes());
        }
        let Some(at) = file_id_offset(header.command).filter(|_| pdu.direction == Direction::ToServer) else {
            return;
        };
        if copy.get(at..at + 16) != Some(&FileId::INHERITED.0[..]) {
            return;
        }
        let id = pdu.file_id.unwrap_or_else(|| {
            self.unknown_file_ids += 1;
            let mut id = [0xFE; 16];
            id[..8].copy_from_slice(&self.unknown_file_ids.to_le_bytes());
            FileId(id)
        });
        patch(copy, at, &id.0);
    }
}

fn patch(copy: &mut [u8], at: usize, value: &[u8]) {
    if let Some(field) = copy.get_mut(at..at + value.len()) {
        field.copy_from_slice(value);
    }
}

/// How much of a plain PDU is fed.
fn kept_length(pdu: &FeedPdu<'_>, header: &Header) -> usize {
    let kept = match (header.command, pdu.direction) {
        _ if pdu.keep_payload => usize::MAX,
        (Command::Write, Direction::ToServer) => WRITE_KEPT,
        (Command::Read, Direction::ToClient) => READ_KEPT,
        _ => usize::MAX,
    };
    kept.min(pdu.bytes.len())
}

fn write_record_header(time: Timestamp, captured: usize, original: usize, out: &mut [u8]) {
    const SECOND: i64 = 1_000_000_000;
    let seconds = time.0.div_euclid(SECOND) as u32;
    let nanoseconds = time.0.rem_euclid(SECOND) as u32;
    let fields = [seconds, nanoseconds, captured as u32, original as u32];
    for (at, field) in out.chunks_exact_mut(4).zip(fields) {
        at.copy_from_slice(&field.to_le_bytes());
    }
}

fn write_tags(pdu: &FeedPdu<'_>, out: &mut Vec<u8>) {
    let Connection { client, server, .. } = pdu.connection;
    let (source, destination) = match pdu.direction {
        Direction::ToServer => (client, server),
        Direction::ToClient => (server, client),
    };
    write_tag(tag::HEURISTIC_DISSECTOR, b"smb2_netbios", out);
    for (address, v4, v6) in [
        (source.ip(), tag::IPV4_SOURCE, tag::IPV6_SOURCE),
        (destination.ip(), tag::IPV4_DESTINATION, tag::IPV6_DESTINATION),
    ] {
        match address {
            IpAddr::V4(address) => write_tag(v4, &address.octets(), out),
            IpAddr::V6(address) => write_tag(v6, &address.octets(), out),
        }
    }
    write_tag(tag::PORT_TYPE, &tag::PORT_TYPE_TCP.to_be_bytes(), out);
    write_tag(tag::SOURCE_PORT, &u32::from(source.port()).to_be_bytes(), out);
    write_tag(tag::DESTINATION_PORT, &u32::from(destination.port()).to_be_bytes(), out);
    write_tag(tag::END, &[], out);
}

/// Tag and length, two bytes each, big-endian; the value padded to four.
fn write_tag(tag: u16, value: &[u8], out: &mut Vec<u8>) {
    let padded = value.len().next_multiple_of(4);
    out.extend_from_slice(&tag.to_be_bytes());
    out.extend_from_slice(&(padded as u16).to_be_bytes());
    out.extend_from_slice(value);
    out.resize(out.len() + padded - value.len(), 0);
}
