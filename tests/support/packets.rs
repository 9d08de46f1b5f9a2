//! Captures made in tests: the TCP segments of a real one in another wrapping, or conversations written by hand.

use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::path::Path;

use etherparse::{LaxNetSlice, LaxSlicedPacket};
use smbreplay::capture::{Input, PacketReader, Progress};

const FIN: u8 = 1;
const SYN: u8 = 2;
const PUSH: u8 = 8;
const ACK: u8 = 16;

/// A TCP segment and when it was captured.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Nanoseconds since 1970.
    pub time: i64,
    pub source: IpAddr,
    pub destination: IpAddr,
    /// Header with its options, and payload.
    pub tcp: Vec<u8>,
}

impl Segment {
    pub(crate) fn ports(&self) -> (u16, u16) {
        (u16::from_be_bytes([self.tcp[0], self.tcp[1]]), u16::from_be_bytes([self.tcp[2], self.tcp[3]]))
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.tcp[usize::from(self.tcp[12] >> 4) * 4..]
    }

    /// Puts another port in the place of one.
    pub(crate) fn rename_port(&mut self, old: u16, new: u16) {
        let (source, destination) = self.ports();
        if source == old {
            self.tcp[..2].copy_from_slice(&new.to_be_bytes());
        }
        if destination == old {
            self.tcp[2..4].copy_from_slice(&new.to_be_bytes());
        }
    }

    /// Puts other addresses in the place of these.
    pub(crate) fn rename_addresses(&mut self, rename: impl Fn(IpAddr) -> IpAddr) {
        (self.source, self.destination) = (rename(self.source), rename(self.destination));
    }

    /// The IP packet.
    pub(crate) fn ip(&self) -> Vec<u8> {
        ip(self.source, self.destination, 6, &self.tcp)
    }

    /// The IP packet in fragments.
    pub(crate) fn fragments(&self, identification: u16, size: usize) -> Vec<Vec<u8>> {
        let size = size / 8 * 8;
        let count = self.tcp.len().div_ceil(size);
        let piece = |(at, bytes): (usize, &[u8])| {
            let more = at + 1 < count;
            let offset = (at * size / 8) as u16;
            match self.source {
                IpAddr::V4(_) => {
                    let mut packet = ip(self.source, self.destination, 6, bytes);
                    packet[4..6].copy_from_slice(&identification.to_be_bytes());
                    packet[6..8].copy_from_slice(&(offset | u16::from(more) << 13).to_be_bytes());
                    packet
                }
                IpAddr::V6(_) => {
                    let mut payload = vec![6, 0];
                    payload.extend((offset << 3 | u16::from(more)).to_be_bytes());
                    payload.extend(u32::from(identification).to_be_bytes());
                    payload.extend(bytes);
                    ip(self.source, self.destination, 44, &payload)
                }
            }
        };
        self.tcp.chunks(size).enumerate().map(piece).collect()
    }

    fn ether_type(&self) -> u16 {
        if self.source.is_ipv4() { 0x0800 } else { 0x86DD }
    }

    /// The packet with a link layer around it.
    pub(crate) fn packet(&self, link: Link) -> Vec<u8> {
        link.around(self.ether_type(), &self.ip())
    }
}

/// An IP packet of a protocol.
pub(crate) fn ip(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let length = (20 + payload.len()) as u16;
            let mut header = vec![0x45, 0];
            header.extend(length.to_be_bytes());
            header.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
            header.extend(source.octets());
            header.extend(destination.octets());
            header
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let mut header = vec![0x60, 0, 0, 0];
            header.extend((payload.len() as u16).to_be_bytes());
            header.extend([protocol, 64]);
            header.extend(source.octets());
            header.extend(destination.octets());
            header
        }
        _ => panic!("two kinds of addresses"),
    };
    packet.extend(payload);
    packet
}

/// A link layer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Link {
    Ethernet,
    Vlan,
    QinQ,
    LinuxCooked,
    LinuxCooked2,
    /// BSD loopback, in the order of a little-endian host.
    Null,
    /// The same from a big-endian host.
    NullBigEndian,
    Loop,
    RawIp,
    /// Raw IP by the number that BSDs write.
    RawIpBsd,
    /// PPP, which our reader does not know.
    Ppp,
}

impl Link {
    pub(crate) const KNOWN: [Self; 10] = [
        Self::Ethernet,
        Self::Vlan,
        Self::QinQ,
        Self::LinuxCooked,
        Self::LinuxCooked2,
        Self::Null,
        Self::NullBigEndian,
        Self::Loop,
        Self::RawIp,
        Self::RawIpBsd,
    ];

    /// libpcap's number.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Ethernet | Self::Vlan | Self::QinQ => 1,
            Self::LinuxCooked => 113,
            Self::LinuxCooked2 => 276,
            Self::Null | Self::NullBigEndian => 0,
            Self::Loop => 108,
            Self::RawIp => 101,
            Self::RawIpBsd => 12,
            Self::Ppp => 9,
        }
    }

    pub(crate) fn around(self, ether_type: u16, packet: &[u8]) -> Vec<u8> {
        let ether = ether_type.to_be_bytes();
        let family: u32 = if ether_type == 0x0800 { 2 } else { 30 };
        let mut frame = match self {
            Self::Ethernet => [&[2; 12][..], &ether].concat(),
            Self::Vlan => [&[2; 12][..], &[0x81, 0, 0, 7], &ether].concat(),
            Self::QinQ => [&[2; 12][..], &[0x88, 0xA8, 0, 7, 0x81, 0, 0, 8], &ether].concat(),
            Self::LinuxCooked => [&[0, 0, 0, 1, 0, 6][..], &[2; 8], &ether].concat(),
            Self::LinuxCooked2 => [&ether[..], &[0, 0, 0, 0, 0, 1, 0, 1, 0, 6], &[2; 8]].concat(),
            Self::Null => family.to_le_bytes().to_vec(),
            Self::NullBigEndian | Self::Loop => family.to_be_bytes().to_vec(),
            Self::RawIp | Self::RawIpBsd => Vec::new(),
            Self::Ppp => vec![0xFF, 3, 0, if ether_type == 0x0800 { 0x21 } else { 0x57 }],
        };
        frame.extend(packet);
        frame
    }
}

/// The TCP segments of a capture on Ethernet.
pub(crate) fn segments_of(capture: &Path) -> Vec<Segment> {
    let input = Input::open(capture, &Progress::default()).expect("the fixture");
    let mut segments = Vec::new();
    PacketReader::new(input, 0).expect("a capture").for_each(|packet| {
        let sliced = LaxSlicedPacket::from_ethernet(packet.data).expect("Ethernet");
        let (source, destination, payload) = match sliced.net.expect("IP") {
            LaxNetSlice::Ipv4(ip) => {
                let header = ip.header();
                (header.source_addr().into(), header.destination_addr().into(), ip.payload().payload)
            }
            LaxNetSlice::Ipv6(ip) => {
                let header = ip.header();
                (header.source_addr().into(), header.destination_addr().into(), ip.payload().payload)
            }
            LaxNetSlice::Arp(_) => panic!("ARP in the fixture"),
        };
        segments.push(Segment { time: packet.time.0, source, destination, tcp: payload.to_vec() });
        ControlFlow::Continue(())
    });
    segments
}

/// A pcap file with nanoseconds.
pub(crate) fn pcap(link: Link, packets: impl IntoIterator<Item = (i64, Vec<u8>)>) -> Vec<u8> {
    pcap_cut(link, packets, usize::MAX)
}

/// A pcap file whose packets were cut to a length.
pub(crate) fn pcap_cut(
    link: Link,
    packets: impl IntoIterator<Item = (i64, Vec<u8>)>,
    snapshot_length: usize,
) -> Vec<u8> {
    let mut file = 0xA1B2_3C4D_u32.to_le_bytes().to_vec();
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0]);
    file.extend(link.number().to_le_bytes());
    for (time, data) in packets {
        let kept = data.len().min(snapshot_length);
        for number in [time / 1_000_000_000, time % 1_000_000_000, kept as i64, data.len() as i64] {
            file.extend((number as u32).to_le_bytes());
        }
        file.extend(&data[..kept]);
    }
    file
}

/// A pcap file of segments on a link layer.
pub(crate) fn pcap_of(link: Link, segments: &[Segment]) -> Vec<u8> {
    pcap(link, segments.iter().map(|segment| (segment.time, segment.packet(link))))
}

/// A TCP connection written by hand. Segments go to the caller's list, a millisecond apart.
pub(crate) struct Conversation {
    client: SocketAddr,
    server: SocketAddr,
    sequences: [u32; 2],
}

impl Conversation {
    /// With its handshake.
    pub(crate) fn open(client: &str, server: &str, segments: &mut Vec<Segment>) -> Self {
        let mut conversation = Self {
            client: client.parse().expect("an address"),
            server: server.parse().expect("an address"),
            sequences: [1000, 5000],
        };
        conversation.segment(true, SYN, &[], segments);
        conversation.segment(false, SYN | ACK, &[], segments);
        conversation.segment(true, ACK, &[], segments);
        conversation
    }

    /// An SMB message to the server, or to the client, in one segment.
    pub(crate) fn message(&mut self, to_server: bool, message: &[u8], segments: &mut Vec<Segment>) {
        let mut framed = (message.len() as u32).to_be_bytes().to_vec();
        framed.extend(message);
        self.bytes(to_server, &framed, segments);
    }

    /// Bytes as they are.
    pub(crate) fn bytes(&mut self, to_server: bool, bytes: &[u8], segments: &mut Vec<Segment>) {
        self.segment(to_server, PUSH | ACK, bytes, segments);
    }

    pub(crate) fn close(&mut self, segments: &mut Vec<Segment>) {
        self.segment(true, FIN | ACK, &[], segments);
        self.segment(false, FIN | ACK, &[], segments);
    }

    fn segment(&mut self, to_server: bool, flags: u8, payload: &[u8], segments: &mut Vec<Segment>) {
        let (from, to) = if to_server { (self.client, self.server) } else { (self.server, self.client) };
        let way = usize::from(!to_server);
        let mut tcp = from.port().to_be_bytes().to_vec();
        tcp.extend(to.port().to_be_bytes());
        tcp.extend(self.sequences[way].to_be_bytes());
        tcp.extend(self.sequences[1 - way].to_be_bytes());
        tcp.extend([0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
        tcp.extend(payload);
        let taken = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.sequences[way] = self.sequences[way].wrapping_add(taken);
        let time = segments.last().map_or(1_700_000_000_000_000_000, |last| last.time + 1_000_000);
        segments.push(Segment { time, source: from.ip(), destination: to.ip(), tcp });
    }
}
