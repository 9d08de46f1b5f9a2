//! A packet's TCP segment, whatever link layer carries it.

use std::net::{IpAddr, SocketAddr};

use etherparse::{
    EtherType, IpNumber, Ipv4HeaderSlice, Ipv6ExtensionSlice, LaxLinkExtSlice, LaxNetSlice, LaxSlicedPacket,
    TcpSlice, TransportSlice, UdpHeaderSlice, ether_type,
};
use pcap_parser::Linktype;

use super::fragments::{Fragment, FragmentKey};
use super::packets::Packet;

/// What a packet is to us.
#[derive(Debug)]
pub(super) enum Dissected<'a> {
    /// A TCP segment.
    Tcp(Segment<'a>),
    /// A part of an IP packet.
    Fragment(Fragment<'a>),
    /// Anything else, for the list of what the capture holds.
    Other(Protocol),
}

/// What a packet that is no TCP segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Protocol {
    Arp,
    Icmp,
    Udp(u16),
    /// A fragment of an IP packet whose other fragments are not there.
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

impl Protocol {
    /// Whether TCP may travel within, where this reader does not look.
    pub(super) fn is_tunnel(self) -> bool {
        match self {
            // IP in IP, IPv6 in IP, GRE, EtherIP, L2TP, MPLS in IP.
            Self::Ip(4 | 41 | 47 | 97 | 115 | 137) => true,
            // L2TP, GTP, Teredo, GRE in UDP, VXLAN, Geneve, MPLS in UDP, VXLAN of old, TZSP.
            Self::Udp(1701 | 2152 | 3544 | 4754 | 4789 | 6081 | 6635 | 8472 | 37008) => true,
            // Transparent Ethernet bridging, MPLS, PPPoE, FabricPath, VN-Tag, provider backbone bridges, 802.1BR.
            Self::Ether(0x6558 | 0x8847 | 0x8848 | 0x8864 | 0x8903 | 0x8926 | 0x88E7 | 0x893F) => true,
            Self::Link(_) => true,
            _ => false,
        }
    }
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
    match packet.link_type {
        Linktype::ETHERNET => plain(packet.data).unwrap_or_else(|| dissect_any(packet)),
        _ => dissect_any(packet),
    }
}

/// What most packets are: whole TCP and UDP in unfragmented IPv4 on Ethernet. [`dissect_any`] would say the same of them, and
/// takes three times as long, as it makes slices of every layer.
fn plain(data: &[u8]) -> Option<Dissected<'_>> {
    let (ethernet, ip) = data.split_at_checked(14)?;
    if ethernet[12..] != ether_type::IPV4.0.to_be_bytes() {
        return None;
    }
    let header = Ipv4HeaderSlice::from_slice(ip).ok()?;
    if header.is_fragmenting_payload() {
        return None;
    }
    let payload = ip.get(header.slice().len()..usize::from(header.total_len()))?;
    match header.protocol() {
        IpNumber::TCP => {
            let (source, destination) = (header.source_addr(), header.destination_addr());
            let tcp = TcpSlice::from_slice(payload).ok()?;
            Some(Dissected::Tcp(segment(IpAddr::V4(source), IpAddr::V4(destination), &tcp, 0)))
        }
        IpNumber::UDP => {
            let udp = UdpHeaderSlice::from_slice(payload).ok()?;
            Some(Dissected::Other(of_udp(udp.source_port(), udp.destination_port())))
        }
        _ => None,
    }
}

/// UDP by its lower port, or by that of a tunnel.
fn of_udp(source: u16, destination: u16) -> Protocol {
    let tunnel = [source, destination].into_iter().find(|port| Protocol::Udp(*port).is_tunnel());
    Protocol::Udp(tunnel.unwrap_or(source.min(destination)))
}

fn dissect_any<'a>(packet: &Packet<'a>) -> Dissected<'a> {
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
            let (length, least) = (header.total_len(), u16::from(header.ihl()) * 4);
            // 0 stands for a length that the network card was to fill in; anything else below the header's is damage.
            if length > 0 && length < least {
                return Dissected::Other(Protocol::Cut);
            }
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
        let fragment = if payload.incomplete { None } else { sliced.net.as_ref().and_then(fragment) };
        return fragment.map_or(Dissected::Other(Protocol::Fragment), Dissected::Fragment);
    }
    match &sliced.transport {
        Some(TransportSlice::Tcp(tcp)) => {
            let missing =
                if payload.incomplete { packet.original_length.saturating_sub(data.len() as u32) } else { 0 };
            Dissected::Tcp(segment(source, destination, tcp, missing))
        }
        Some(TransportSlice::Udp(udp)) => Dissected::Other(of_udp(udp.source_port(), udp.destination_port())),
        Some(TransportSlice::Icmpv4(_) | TransportSlice::Icmpv6(_)) => Dissected::Other(Protocol::Icmp),
        Some(_) => Dissected::Other(Protocol::Ip(payload.ip_number.0)),
        None if payload.ip_number == IpNumber::TCP => Dissected::Other(Protocol::Cut),
        None => Dissected::Other(Protocol::Ip(payload.ip_number.0)),
    }
}

/// What a packet is that was put together from its fragments.
pub(super) fn defragmented<'a>(key: &FragmentKey, payload: &'a [u8]) -> Dissected<'a> {
    match key.protocol {
        IpNumber::TCP => match TcpSlice::from_slice(payload) {
            Ok(tcp) => Dissected::Tcp(segment(key.source, key.destination, &tcp, 0)),
            Err(_) => Dissected::Other(Protocol::Cut),
        },
        IpNumber::UDP => match payload.first_chunk::<4>() {
            Some(&[a, b, c, d]) => Dissected::Other(of_udp(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))),
            None => Dissected::Other(Protocol::Cut),
        },
        other => Dissected::Other(Protocol::Ip(other.0)),
    }
}

fn segment<'a>(source: IpAddr, destination: IpAddr, tcp: &TcpSlice<'a>, missing: u32) -> Segment<'a> {
    Segment {
        source: SocketAddr::new(source, tcp.source_port()),
        destination: SocketAddr::new(destination, tcp.destination_port()),
        sequence: tcp.sequence_number(),
        acknowledgement: tcp.ack().then(|| tcp.acknowledgment_number()),
        syn: tcp.syn(),
        fin: tcp.fin(),
        rst: tcp.rst(),
        payload: tcp.payload(),
        missing,
    }
}

/// The fragment that an IP packet is.
fn fragment<'a>(net: &LaxNetSlice<'a>) -> Option<Fragment<'a>> {
    match net {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            let key = FragmentKey {
                source: IpAddr::V4(header.source_addr()),
                destination: IpAddr::V4(header.destination_addr()),
                identification: u32::from(header.identification()),
                protocol: ip.payload().ip_number,
            };
            let (offset, more) = (header.fragments_offset(), header.more_fragments());
            Some(Fragment { key, offset, more, payload: ip.payload().payload })
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.extensions().clone().into_iter().find_map(|extension| match extension {
                Ipv6ExtensionSlice::Fragment(header) => Some(header.to_header()),
                _ => None,
            })?;
            let key = FragmentKey {
                source: IpAddr::V6(ip.header().source_addr()),
                destination: IpAddr::V6(ip.header().destination_addr()),
                identification: header.identification,
                protocol: ip.payload().ip_number,
            };
            let (offset, more) = (header.fragment_offset, header.more_fragments);
            Some(Fragment { key, offset, more, payload: ip.payload().payload })
        }
        LaxNetSlice::Arp(_) => None,
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

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;
    use proptest::prelude::*;

    use super::*;
    use crate::model::Timestamp;

    proptest! {
        #[test]
        fn the_short_way_says_what_the_long_one_does(
            tcp in any::<bool>(),
            payload in proptest::collection::vec(any::<u8>(), 0..40),
            changes in proptest::collection::vec((0_usize..90, any::<u8>()), 0..3),
            cut in 0_usize..120,
            padding in 0_usize..6,
        ) {
            let ip = PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64);
            let mut data = Vec::new();
            let written = if tcp {
                ip.tcp(50_000, 445, 7, 1000).ack(9).write(&mut data, &payload)
            } else {
                ip.udp(50_000, 53).write(&mut data, &payload)
            };
            prop_assert!(written.is_ok());
            data.extend(vec![0; padding]);
            for (at, value) in changes {
                if let Some(byte) = data.get_mut(at) {
                    *byte = value;
                }
            }
            data.truncate(cut.max(1));
            let packet = Packet {
                frame: 1,
                time: Timestamp(0),
                link_type: Linktype::ETHERNET,
                data: &data,
                original_length: data.len() as u32,
            };
            if let Some(short) = plain(&data) {
                prop_assert_eq!(format!("{short:?}"), format!("{:?}", dissect_any(&packet)));
            }
        }
    }
}
