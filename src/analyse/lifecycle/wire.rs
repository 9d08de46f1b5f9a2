//! How the connections of a session began and ended.

use super::{StoryPart, StoryPoint, filter};
use crate::model::{Timestamp, WireEvent, WireEventKind};

/// The points that packets beside SMB tell, for a session with a server. Of ARP only what is about the server counts.
pub fn wire_points(events: &[WireEvent], server: &str) -> Vec<StoryPoint> {
    let mut points = Vec::new();
    let mut begun: Option<(u32, Timestamp)> = None;
    let mut ended: Vec<u32> = Vec::new();
    for event in events {
        let told = match &event.kind {
            WireEventKind::ArpRequest { asked, by } if asked == server => {
                Some((StoryPart::Arp, format!("{by} asks who has {asked}"), arp_filter(asked)))
            }
            WireEventKind::ArpReply { address, hardware } if address == server => {
                Some((StoryPart::Arp, format!("{address} is at {hardware}"), arp_filter(address)))
            }
            WireEventKind::ArpRequest { .. } | WireEventKind::ArpReply { .. } => None,
            WireEventKind::Tcp {
                tcp_stream,
                source,
                destination,
                flags,
                sequence,
                acknowledgement,
                retransmission,
            } => {
                let stream = *tcp_stream;
                let again = if *retransmission { " again" } else { "" };
                let (text, rest) = if flags.syn() && !flags.ack() {
                    begun = Some((stream, event.time));
                    (format!("SYN{again} from {source} to {destination}, sequence {sequence}"), "tcp.flags.syn == 1")
                } else if flags.syn() {
                    let after = begun.filter(|(begun, _)| *begun == stream).map(|(_, time)| event.time.since(time));
                    let after = after.map_or(String::new(), |ns| {
                        format!("; {:.3} ms after the SYN: the round trip from here to the server", ns as f64 / 1e6)
                    });
                    let text = format!(
                        "SYN, ACK{again} from {source}, sequence {sequence}, acknowledgement {acknowledgement}{after}"
                    );
                    (text, "tcp.flags.syn == 1")
                } else if flags.rst() {
                    ended.push(stream);
                    (format!("RST from {source}: the connection is broken off"), "tcp.flags.reset == 1")
                } else if flags.fin() {
                    ended.push(stream);
                    (format!("FIN{again} from {source}: it has nothing more to send"), "tcp.flags.fin == 1")
                } else if ended.contains(&stream) {
                    let text = format!("{source} sends again what was sent, after a FIN or RST");
                    (text, "tcp.analysis.retransmission")
                } else {
                    continue;
                };
                Some((StoryPart::Tcp, text, filter(stream, rest)))
            }
        };
        if let Some((part, text, display_filter)) = told {
            points.push(StoryPoint { frame: event.frame, time: event.time, part, text, display_filter });
        }
    }
    points
}

fn arp_filter(address: &str) -> String {
    format!("arp && (arp.dst.proto_ipv4 == {address} || arp.src.proto_ipv4 == {address})")
}
