//! What a capture holds beside its SMB2 PDUs.

use std::collections::BTreeMap;

use crate::model::Timestamp;

/// Counts over a whole capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureStatistics {
    /// Packets.
    pub frames: u64,
    /// Bytes of the packets as captured.
    pub bytes: u64,
    /// Packets of which the capture kept only a part.
    pub cut_frames: u64,
    /// Time of the earliest packet.
    pub first_time: Option<Timestamp>,
    /// Time of the latest packet.
    pub last_time: Option<Timestamp>,
    /// Link layers, by libpcap's number, with their packets.
    pub link_types: BTreeMap<i32, u64>,
    /// Packets that are not TCP on a port of SMB, by what they are.
    pub other_protocols: BTreeMap<String, u64>,
    /// Those among them in which TCP may travel where the reader does not look: tunnels, unknown link layers.
    pub tunnels: BTreeMap<String, u64>,
    /// TCP conversations, on whatever port.
    pub tcp_streams: u32,
    /// Plain SMB2 PDUs.
    pub smb2_pdus: u64,
    /// SMB1 messages.
    pub smb1_messages: u64,
    /// Sealed messages.
    pub sealed_messages: u64,
    /// Compressed messages.
    pub compressed_messages: u64,
    /// Stretches of SMB connections that the capture does not hold.
    pub gaps: u64,
    /// Bytes missing in them.
    pub gap_bytes: u64,
    /// Bytes of SMB connections that could not be read as messages.
    pub unreadable_bytes: u64,
    /// Segments of SMB connections that do not begin where the ones before them ended, or were acknowledged before they were
    /// captured: out of order, repeated, or behind a gap.
    pub segments_out_of_place: u64,
    /// How the connections of SMB ended, as far as the capture shows it.
    pub connection_ends: Vec<ConnectionEnd>,
    /// Why reading ended before the end of a file, with the file's name.
    pub damage: Vec<String>,
    /// xxh3-128 over the bytes of the files, in hex; None when not all of them were read.
    pub hash: Option<String>,
}

/// The end of a connection: the packet with the first FIN or RST of either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionEnd {
    /// Wireshark's number of the connection.
    pub tcp_stream: u32,
    /// The packet.
    pub frame: u64,
    /// Its time.
    pub time: Timestamp,
}

impl CaptureStatistics {
    /// Whether each segment of the SMB connections follows on the one before it, and each was read.
    pub fn is_in_order(&self) -> bool {
        self.segments_out_of_place == 0 && self.gaps == 0 && self.unreadable_bytes == 0
    }

    /// The other protocols, most packets first, as one line: `TCP port 80 (12 packets), ARP (2)`.
    pub fn other_protocols_line(&self, most: usize) -> String {
        packets_line(&self.other_protocols, most)
    }

    /// The tunnels in the same way.
    pub fn tunnels_line(&self) -> String {
        packets_line(&self.tunnels, 4)
    }
}

fn packets_line(packets: &BTreeMap<String, u64>, most: usize) -> String {
    let mut rows: Vec<_> = packets.iter().collect();
    rows.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), (*name).clone()));
    let shown: Vec<_> = rows
        .iter()
        .take(most)
        .map(|(name, count)| format!("{name} ({count} packet{})", if **count == 1 { "" } else { "s" }))
        .collect();
    let rest = rows.len().saturating_sub(most);
    let tail = if rest > 0 { format!(", {rest} more") } else { String::new() };
    format!("{}{tail}", shown.join(", "))
}
