//! Messages that only tshark can open, as a capture of a clean stream: in order, without holes or repeats. A record of the PDU
//! feed may hold 256 KiB; a sealed WRITE can be 8 MiB, and travels here over as many packets as it takes.

use std::net::{IpAddr, SocketAddr};

use rustc_hash::FxHashMap;

use super::feed::Row;
use crate::model::{Connection, ConnectionIndex, Timestamp};

/// LINKTYPE_RAW
const LINK_TYPE: u32 = 101;
/// TCP payload of a packet; with the headers less than an IP packet may hold.
const SEGMENT: usize = 65_000;
/// Port of the server in the stream, whatever it was: tshark then knows what it carries.
const SMB_PORT: u16 = 445;
/// Length of a NetBIOS header.
const NETBIOS: usize = 4;

/// Writes clean streams into buffers of the caller.
#[derive(Debug)]
pub struct CleanStreamWriter {
    packets: u64,
    sequences: FxHashMap<(ConnectionIndex, bool), u32>,
}

/// Packets that a message of this length takes.
pub fn packets_of(message_length: usize) -> u64 {
    (message_length + NETBIOS).div_ceil(SEGMENT) as u64
}

impl CleanStreamWriter {
    /// Writes the head of the capture.
    pub fn new(out: &mut Vec<u8>) -> Self {
        // pcap with nanoseconds, little-endian, version 2.4.
        out.extend_from_slice(&0xA1B2_3C4D_u32.to_le_bytes());
        out.extend_from_slice(&2u16.to_le_bytes());
        out.extend_from_slice(&4u16.to_le_bytes());
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&0x0004_0000_u32.to_le_bytes());
        out.extend_from_slice(&LINK_TYPE.to_le_bytes());
        Self { packets: 0, sequences: FxHashMap::default() }
    }

    /// Appends a message. The row is the number of the packet that completes it: `frame` of the record that comes back.
    pub fn write(
        &mut self,
        connection: &Connection,
        to_server: bool,
        message: &[u8],
        time: Timestamp,
        out: &mut Vec<u8>,
    ) -> Row {
        let server = SocketAddr::new(connection.server.ip(), SMB_PORT);
        let (from, to) = if to_server { (connection.client, server) } else { (server, connection.client) };
        let acknowledged = self.sequences.get(&(connection.index, !to_server)).copied().unwrap_or(1);
        let sequence = self.sequences.entry((connection.index, to_server)).or_insert(1);
        let header = (message.len() as u32).to_be_bytes();
        let mut first = true;
        let mut rest = message;
        while first || !rest.is_empty() {
            let head: &[u8] = if first { &header } else { &[] };
            let (piece, tail) = rest.split_at(rest.len().min(SEGMENT - head.len()));
            let length = head.len() + piece.len();
            packet_headers(from, to, *sequence, acknowledged, length, time, out);
            out.extend_from_slice(head);
            out.extend_from_slice(piece);
            *sequence = sequence.wrapping_add(length as u32);
            self.packets += 1;
            (first, rest) = (false, tail);
        }
        Row(self.packets)
    }
}

/// Record header, IP header and TCP header of a packet. tshark checks no checksums; they stay 0.
fn packet_headers(
    from: SocketAddr,
    to: SocketAddr,
    sequence: u32,
    acknowledged: u32,
    payload: usize,
    time: Timestamp,
    out: &mut Vec<u8>,
) {
    let (seconds, nanoseconds) = (time.0.div_euclid(1_000_000_000), time.0.rem_euclid(1_000_000_000));
    let ip_length = if from.is_ipv4() { 20 } else { 40 };
    let length = (ip_length + 20 + payload) as u32;
    out.extend_from_slice(&(seconds as u32).to_le_bytes());
    out.extend_from_slice(&(nanoseconds as u32).to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    match (from.ip(), to.ip()) {
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            out.extend_from_slice(&[0x60, 0, 0, 0]);
            out.extend_from_slice(&((20 + payload) as u16).to_be_bytes());
            out.extend_from_slice(&[6, 64]);
            out.extend_from_slice(&from.octets());
            out.extend_from_slice(&to.octets());
        }
        (from, to) => {
            let octets = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => ip.octets(),
                IpAddr::V6(_) => [0; 4],
            };
            out.extend_from_slice(&[0x45, 0]);
            out.extend_from_slice(&(length as u16).to_be_bytes());
            out.extend_from_slice(&[0, 0, 0x40, 0, 64, 6, 0, 0]);
            out.extend_from_slice(&octets(from));
            out.extend_from_slice(&octets(to));
        }
    }
    out.extend_from_slice(&from.port().to_be_bytes());
    out.extend_from_slice(&to.port().to_be_bytes());
    out.extend_from_slice(&sequence.to_be_bytes());
    out.extend_from_slice(&acknowledged.to_be_bytes());
    // Header of five words, ACK and PSH, a full window.
    out.extend_from_slice(&[0x50, 0x18, 0xFF, 0xFF, 0, 0, 0, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_takes_as_many_packets_as_are_foretold() {
        for (length, ipv6) in [(0, false), (4, true), (SEGMENT - 4, false), (SEGMENT - 3, true), (8 << 20, false)] {
            let ip: IpAddr = if ipv6 { [0, 0, 0, 0, 0, 0, 0, 1].into() } else { [127, 0, 0, 1].into() };
            let connection = Connection {
                index: ConnectionIndex(0),
                tcp_stream: 0,
                client: SocketAddr::new(ip, 50_000),
                server: SocketAddr::new(ip, 1445),
            };
            let mut out = Vec::new();
            let mut writer = CleanStreamWriter::new(&mut out);
            let row = writer.write(&connection, true, &vec![7; length], Timestamp(5), &mut out);
            assert_eq!(row, Row(packets_of(length)), "{length}");
            let headers = 24 + row.0 as usize * (16 + 20 + if ipv6 { 40 } else { 20 });
            assert_eq!(out.len(), headers + 4 + length, "{length}");
        }
    }
}
