//! Whole packets for tshark's standard input, as a pcapng capture: packets of several files, or of layers that our own
//! reader does not take apart.

use rustc_hash::FxHashMap;

use crate::model::Timestamp;

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const BYTE_ORDER_MAGIC: u32 = 0x1A2B_3C4D;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
/// `if_tsresol`, one byte: a power of ten.
const OPTION_TIME_RESOLUTION: u16 = 9;

/// Writes packets into buffers of the caller.
#[derive(Debug)]
pub struct PacketStreamWriter {
    interfaces: FxHashMap<i32, u32>,
    packets: u64,
}

impl PacketStreamWriter {
    /// Writes the head of the capture.
    pub fn new(out: &mut Vec<u8>) -> Self {
        let mut body = Vec::with_capacity(16);
        body.extend_from_slice(&BYTE_ORDER_MAGIC.to_le_bytes());
        // Version 1.0; a section whose length is not told.
        body.extend_from_slice(&[1, 0, 0, 0]);
        body.extend_from_slice(&u64::MAX.to_le_bytes());
        block(SECTION_HEADER, &[&body], out);
        Self { interfaces: FxHashMap::default(), packets: 0 }
    }

    /// Appends a packet: its link layer by libpcap's number, what was kept of it, and its length on the wire. Returns its
    /// number in the stream, from 1.
    pub fn write(
        &mut self,
        link_type: i32,
        time: Timestamp,
        data: &[u8],
        original_length: u32,
        out: &mut Vec<u8>,
    ) -> u64 {
        let next = self.interfaces.len() as u32;
        let interface = *self.interfaces.entry(link_type).or_insert_with(|| {
            let mut body = Vec::with_capacity(20);
            body.extend_from_slice(&(link_type as u16).to_le_bytes());
            // No snapshot length, times in nanoseconds, end of options.
            body.extend_from_slice(&[0; 6]);
            body.extend_from_slice(&OPTION_TIME_RESOLUTION.to_le_bytes());
            body.extend_from_slice(&[1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
            block(INTERFACE_DESCRIPTION, &[&body], out);
            next
        });
        let time = time.0 as u64;
        let mut head = [0; 20];
        head[..4].copy_from_slice(&interface.to_le_bytes());
        head[4..8].copy_from_slice(&((time >> 32) as u32).to_le_bytes());
        head[8..12].copy_from_slice(&(time as u32).to_le_bytes());
        head[12..16].copy_from_slice(&(data.len() as u32).to_le_bytes());
        head[16..].copy_from_slice(&original_length.to_le_bytes());
        block(ENHANCED_PACKET, &[&head, data], out);
        self.packets += 1;
        self.packets
    }
}

/// A block: type, length, body padded to four bytes, length.
fn block(kind: u32, body: &[&[u8]], out: &mut Vec<u8>) {
    let length: usize = body.iter().map(|piece| piece.len()).sum();
    let padding = length.next_multiple_of(4) - length;
    let total = ((12 + length + padding) as u32).to_le_bytes();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&total);
    body.iter().for_each(|piece| out.extend_from_slice(piece));
    out.extend_from_slice(&[0; 3][..padding]);
    out.extend_from_slice(&total);
}

#[cfg(test)]
mod tests {
    use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
    use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, PcapNGReader};

    use super::*;

    #[test]
    fn packets_of_several_link_layers_come_back_as_they_were() {
        let mut out = Vec::new();
        let mut writer = PacketStreamWriter::new(&mut out);
        let packets = [(1, b"ether".as_slice(), 70), (105, b"wlan", 4), (1, b"", 0)];
        for (number, (link_type, data, length)) in (1..).zip(packets) {
            let time = Timestamp(1_795_314_733_705_029_001 + i64::from(length));
            assert_eq!(writer.write(link_type, time, data, length, &mut out), number);
        }
        let mut reader = PcapNGReader::new(4096, out.as_slice()).expect("a capture");
        let (mut interfaces, mut read) = (Vec::new(), Vec::new());
        loop {
            match reader.next() {
                Ok((length, block)) => {
                    match block {
                        PcapBlockOwned::NG(Block::InterfaceDescription(description)) => {
                            interfaces.push((description.linktype, description.ts_resolution()));
                        }
                        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                            let time = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                            read.push((packet.if_id, packet.packet_data().to_vec(), packet.origlen, time));
                        }
                        _ => {}
                    }
                    reader.consume(length);
                }
                Err(PcapError::Eof) => break,
                Err(PcapError::Incomplete(_)) => reader.refill().expect("more"),
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(interfaces, [(Linktype(1), Some(1_000_000_000)), (Linktype(105), Some(1_000_000_000))]);
        let time = 1_795_314_733_705_029_001;
        assert_eq!(
            read,
            [(0, b"ether".to_vec(), 70, time + 70), (1, b"wlan".to_vec(), 4, time + 4), (0, Vec::new(), 0, time)]
        );
    }
}
