//! Lines of `tools::Tshark::wire_events_command`.

use crate::model::{TcpFlags, Timestamp, WireEvent, WireEventKind};

/// The event of a line; None when the line is none.
pub fn wire_event(line: &str) -> Option<WireEvent> {
    let fields: Vec<&str> = line.split('\t').collect();
    let &[
        frame,
        time,
        arp,
        arp_address,
        arp_hardware,
        arp_asked,
        stream,
        source4,
        source6,
        source_port,
        destination4,
        destination6,
        destination_port,
        flags,
        sequence,
        acknowledgement,
        retransmission,
    ] = fields.as_slice()
    else {
        return None;
    };
    let kind = match arp {
        "1" => WireEventKind::ArpRequest { asked: arp_asked.to_owned(), by: arp_address.to_owned() },
        "2" => WireEventKind::ArpReply { address: arp_address.to_owned(), hardware: arp_hardware.to_owned() },
        _ => WireEventKind::Tcp {
            tcp_stream: stream.parse().ok()?,
            source: endpoint(source4, source6, source_port),
            destination: endpoint(destination4, destination6, destination_port),
            flags: TcpFlags(number(flags)? as u16),
            sequence: number(sequence).unwrap_or_default(),
            acknowledgement: number(acknowledgement).unwrap_or_default(),
            retransmission: !retransmission.is_empty(),
        },
    };
    Some(WireEvent { frame: frame.parse().ok()?, time: epoch(time)?, kind })
}

fn endpoint(ipv4: &str, ipv6: &str, port: &str) -> String {
    if ipv4.is_empty() { format!("[{ipv6}]:{port}") } else { format!("{ipv4}:{port}") }
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Seconds since 1970 with up to nine decimals.
fn epoch(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = seconds.parse().ok()?;
    let nanoseconds: i64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    Some(Timestamp(seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_tcp_and_arp_are_read() {
        let line = "3\t1700000000.000123\t\t\t\t\t0\t192.0.2.1\t\t50000\t192.0.2.2\t\t445\t0x0012\t17\t18\t1";
        let event = wire_event(line).unwrap();
        assert_eq!((event.frame, event.time), (3, Timestamp(1_700_000_000_000_123_000)));
        let WireEventKind::Tcp { source, destination, flags, sequence, acknowledgement, retransmission, .. } =
            event.kind
        else {
            panic!("TCP");
        };
        assert_eq!((source.as_str(), destination.as_str()), ("192.0.2.1:50000", "192.0.2.2:445"));
        assert!(flags.syn() && flags.ack() && !flags.fin() && !flags.rst() && retransmission);
        assert_eq!((sequence, acknowledgement), (17, 18));
        let line = "1\t1.5\t2\t192.0.2.2\t02:00:00:00:00:02\t192.0.2.1\t\t\t\t\t\t\t\t\t\t\t";
        let reply = WireEventKind::ArpReply { address: "192.0.2.2".into(), hardware: "02:00:00:00:00:02".into() };
        assert_eq!(wire_event(line).map(|event| event.kind), Some(reply));
        assert_eq!(wire_event("nonsense"), None);
    }
}
