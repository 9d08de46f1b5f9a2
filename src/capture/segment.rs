//! A packet's TCP segment, whatever link layer carries it.

use std::net::{IpAddr, SocketAddr};

use etherparse::{EtherType, IpNumber, LaxLinkExtSlice, LaxNetSlice, LaxSlicedPacket, TransportSlice, ether_type};
use pcap_parser::Linktype;

use super::packets::Packet;

/// What a packet is to us.
#[derive(Debug)]
pub(super) enum Dissected<'a> {
    /// A TCP segment.
    Tcp(Segment<'a>),
    /// Anything else, for the list of what the capture holds.
    Other(Protocol),
}

/// What a packet that is no TCP segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Protocol {
    Arp,
    Icmp,
    Udp(u16),
    /// A fragment of an IP packet: the reader does not put these together.
    Fragment,
    /// An IP protocol by number: tunnels among them.
    Ip(u8),
    /// An EtherType.
    Ether(u16),
    /// A link layer that the reader does not know.
    Link(i32),
    /// A packet cut off before its TCP header ends, or damaged.
    Cut,
}

/// A TCP segment.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub sequence: u32,
    pub acknowledgement: Option<u32>,
    pub syn: bool,
    pub fin: bool,
    pub rst: bool,
    pub payload: &'a [u8],
    /// Payload bytes that were on the wire and that the capture did not keep (snapshot length).
    pub missing: u32,
}

/// Finds the TCP segment in a packet.
pub(super) fn dissect<'a>(packet: &Packet<'a>) -> Dissected<'a> {
    let data = packet.data;
    let sliced = match packet.link_type {
        Linktype::ETHERNET => LaxSlicedPacket::from_ethernet(data).ok(),
        Linktype::NULL | Linktype::LOOP => after_family(data, packet.link_type == Linktype::LOOP),
        // The raw IP types of libpcap and of the BSDs.
        Linktype(12 | 14 | 101 | 228 | 229) => LaxSlicedPacket::from_ip(data).ok(),
        Linktype::LINUX_SLL => typed(data, 14, 16),
        Linktype::LINUX_SLL2 => typed(data, 0, 20),
        other => return Dissected::Other(Protocol::Link(other.0)),
    };
    let Some(sliced) = sliced else { return Dissected::Other(Protocol::Cut) };
    let (source, destination, payload) = match &sliced.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let header = ip.header();
            (IpAddr::V4(header.source_addr()), IpAddr::V4(header.destination_addr()), ip.payload())
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let header = ip.header();
            (IpAddr::V6(header.source_addr()), IpAddr::V6(header.destination_addr()), ip.payload())
        }
        Some(LaxNetSlice::Arp(_)) => return Dissected::Other(Protocol::Arp),
        None => return Dissected::Other(ether_type_of(&sliced).map_or(Protocol::Cut, Protocol::Ether)),
    };
    if payload.fragmented {
        return Dissected::Other(Protocol::Fragment);
    }
    match &sliced.transport {
        Some(TransportSlice::Tcp(tcp)) => Dissected::Tcp(Segment {
            source: SocketAddr::new(source, tcp.source_port()),
            destination: SocketAddr::new(destination, tcp.destination_port()),
            sequence: tcp.sequence_number(),
            acknowledgement: tcp.ack().then(|| tcp.acknowledgment_number()),
            syn: tcp.syn(),
            fin: tcp.fin(),
            rst: tcp.rst(),
            payload: tcp.payload(),
            missing: if payload.incomplete { packet.original_length.saturating_sub(data.len() as u32) } else { 0 },
        }),
        Some(TransportSlice::Udp(udp)) => {
            Dissected::Other(Protocol::Udp(udp.source_port().min(udp.destination_port())))
        }
        Some(TransportSlice::Icmpv4(_) | TransportSlice::Icmpv6(_)) => Dissected::Other(Protocol::Icmp),
        Some(_) => Dissected::Other(Protocol::Ip(payload.ip_number.0)),
        None if payload.ip_number == IpNumber::TCP => Dissected::Other(Protocol::Cut),
        None => Dissected::Other(Protocol::Ip(payload.ip_number.0)),
    }
}

/// A link header of fixed length with an EtherType in it.
fn typed(data: &[u8], type_at: usize, length: usize) -> Option<LaxSlicedPacket<'_>> {
    let ether_type = data.get(type_at..)?.first_chunk::<2>()?;
    Some(LaxSlicedPacket::from_ether_type(EtherType(u16::from_be_bytes(*ether_type)), data.get(length..)?))
}

/// BSD loopback: an address family of four bytes, in the order of the capturing host (NULL) or of the network (LOOP).
fn after_family(data: &[u8], network_order: bool) -> Option<LaxSlicedPacket<'_>> {
    let bytes = *data.first_chunk::<4>()?;
    let family = match u32::from_le_bytes(bytes) {
        little if !network_order && little < 0x1_0000 => little,
        _ => u32::from_be_bytes(bytes),
    };
    let ether_type = match family {
        2 => ether_type::IPV4,
        // AF_INET6 of NetBSD and OpenBSD, FreeBSD, macOS; Linux.
        10 | 24 | 28 | 30 => ether_type::IPV6,
        _ => return None,
    };
    Some(LaxSlicedPacket::from_ether_type(ether_type, data.get(4..)?))
}

fn ether_type_of(sliced: &LaxSlicedPacket<'_>) -> Option<u16> {
    match (sliced.link_exts.last(), &sliced.link) {
        (Some(extension), _) => match extension {
            LaxLinkExtSlice::Vlan(vlan) => Some(vlan.ether_type().0),
            LaxLinkExtSlice::Macsec(_) => None,
        },
        (None, Some(link)) => link.ether_payload().map(|payload| payload.ether_type.0),
        (None, None) => None,
    }
}
