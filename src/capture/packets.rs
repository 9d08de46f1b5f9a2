//! pcap and pcapng files as a stream of packets.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};

use super::error::CaptureError;
use super::input::{Input, read_up_to};
use crate::model::Timestamp;

/// Room for the largest packet usual in captures (`tcpdump -s 0`: 256 KiB); grows up to [`LARGEST_BLOCK`].
const BUFFER: usize = 1 << 20;
/// What is read before the format is decided.
const FIRST_READ: usize = 1 << 16;
/// A block larger than this is damage.
const LARGEST_BLOCK: usize = 1 << 26;

/// One captured packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Its number in the capture, from 1, over all input files.
    pub frame: u64,
    /// When it was captured.
    pub time: Timestamp,
    /// The link layer of its interface.
    pub link_type: Linktype,
    /// What was kept of it.
    pub data: &'a [u8],
    /// Its length on the wire in bytes.
    pub original_length: u32,
}

/// A pcapng interface.
#[derive(Clone, Copy)]
struct Interface {
    link_type: Linktype,
    units_per_second: u64,
    offset_seconds: i64,
}

impl Interface {
    /// The time of a packet; what lies beyond the year 2262, as in damaged captures, is the last time that there is.
    fn timestamp(self, high: u32, low: u32) -> Timestamp {
        let units = i128::from(u64::from(high) << 32 | u64::from(low));
        let since_1970 = units * 1_000_000_000 / i128::from(self.units_per_second);
        let nanoseconds = since_1970 + i128::from(self.offset_seconds) * 1_000_000_000;
        Timestamp(nanoseconds.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }
}

/// Reads the packets of one file.
pub struct PacketReader {
    path: PathBuf,
    reader: Box<dyn PcapReaderIterator + Send>,
    interfaces: Vec<Interface>,
    legacy: Option<(Linktype, bool)>,
    capacity: usize,
    frame: u64,
    damage: Option<String>,
}

impl std::fmt::Debug for PacketReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PacketReader").field("path", &self.path).field("frame", &self.frame).finish_non_exhaustive()
    }
}

impl PacketReader {
    /// Reads the file's header. `frames_before` is the number of packets in the files before this one.
    pub fn new(input: Input, frames_before: u64) -> Result<Self, CaptureError> {
        let path = input.path;
        let not_a_capture = |found| CaptureError::NotACapture { path: path.clone(), found };
        // The parser decides by its first read, which from a decoder or a pipe may be short.
        let mut reader = input.reader;
        let mut start = vec![0; FIRST_READ];
        let (filled, broken) = match read_up_to(&mut reader, &mut start) {
            (0, Err(source)) => return Err(CaptureError::Open { path, source }),
            (filled, result) => (filled, result.err()),
        };
        start.truncate(filled);
        let (found, short) = (describe(&start), filled < 24);
        let reader = io::Cursor::new(start).chain(Broken(broken)).chain(reader);
        match create_reader(BUFFER, reader) {
            Ok(reader) => Ok(Self {
                path,
                reader,
                interfaces: Vec::new(),
                legacy: None,
                capacity: BUFFER,
                frame: frames_before,
                damage: None,
            }),
            Err(PcapError::Eof) => Err(CaptureError::Empty { path }),
            Err(PcapError::Incomplete(_)) if short => {
                Err(not_a_capture("too short for a capture's header (the file may be cut off)"))
            }
            Err(_) => Err(not_a_capture(found)),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Packets read so far, over all files.
    pub fn frames(&self) -> u64 {
        self.frame
    }

    /// Why reading ended before the end of the file, if it did.
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// Time of the first packet; None when there is none that can be read.
    pub fn first_time(mut self) -> Option<Timestamp> {
        let mut time = None;
        self.for_each(|packet| {
            time = Some(packet.time);
            ControlFlow::Break(())
        });
        time
    }

    /// Calls `take` for each packet up to the end of the file, or to the point from which it is damaged, or until it has
    /// enough.
    pub fn for_each(&mut self, mut take: impl FnMut(Packet<'_>) -> ControlFlow<()>) {
        loop {
            match self.reader.next() {
                Ok((length, block)) => {
                    let frame = &mut self.frame;
                    let mut flow = ControlFlow::Continue(());
                    match block {
                        PcapBlockOwned::LegacyHeader(header) => {
                            self.legacy = Some((header.network, header.is_nanosecond_precision()));
                        }
                        PcapBlockOwned::Legacy(packet) => {
                            *frame += 1;
                            let (link_type, nanoseconds) = self.legacy.unwrap_or((Linktype::ETHERNET, false));
                            let fraction = i64::from(packet.ts_usec) * if nanoseconds { 1 } else { 1_000 };
                            flow = take(Packet {
                                frame: *frame,
                                time: Timestamp(i64::from(packet.ts_sec) * 1_000_000_000 + fraction),
                                link_type,
                                data: packet.data,
                                original_length: packet.origlen,
                            });
                        }
                        PcapBlockOwned::NG(Block::SectionHeader(_)) => self.interfaces.clear(),
                        PcapBlockOwned::NG(Block::InterfaceDescription(description)) => {
                            self.interfaces.push(Interface {
                                link_type: description.linktype,
                                units_per_second: description.ts_resolution().unwrap_or(1_000_000),
                                offset_seconds: description.ts_offset(),
                            });
                        }
                        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                            *frame += 1;
                            match self.interfaces.get(packet.if_id as usize) {
                                Some(interface) => {
                                    flow = take(Packet {
                                        frame: *frame,
                                        time: interface.timestamp(packet.ts_high, packet.ts_low),
                                        link_type: interface.link_type,
                                        data: packet.packet_data(),
                                        original_length: packet.origlen,
                                    })
                                }
                                None => {
                                    self.damage.get_or_insert_with(|| {
                                        format!(
                                            "packet {frame} names interface {}, which was not described",
                                            packet.if_id
                                        )
                                    });
                                }
                            }
                        }
                        PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
                            *frame += 1;
                            if let Some(interface) = self.interfaces.first() {
                                flow = take(Packet {
                                    frame: *frame,
                                    time: Timestamp::default(),
                                    link_type: interface.link_type,
                                    data: packet.packet_data(),
                                    original_length: packet.origlen,
                                });
                            }
                        }
                        PcapBlockOwned::NG(_) => {}
                    }
                    // What is left is moved to the front before more is read; `consume` would do it all the time.
                    self.reader.consume_noshift(length);
                    if flow.is_break() {
                        return;
                    }
                }
                Err(PcapError::Eof) => return,
                Err(PcapError::Incomplete(_)) => {
                    if self.reader.reader_exhausted() {
                        self.damage = Some(format!("the file is cut off in the middle of packet {}", self.frame + 1));
                        return;
                    }
                    if let Err(error) = self.reader.refill() {
                        let reason = describe_error(&error);
                        if matches!(error, PcapError::BufferTooSmall) && self.capacity < LARGEST_BLOCK {
                            self.capacity *= 4;
                            self.reader.grow(self.capacity);
                            continue;
                        }
                        self.damage = Some(format!("after packet {}: {reason}", self.frame));
                        return;
                    }
                }
                Err(PcapError::BufferTooSmall) if self.capacity < LARGEST_BLOCK => {
                    self.capacity *= 4;
                    self.reader.grow(self.capacity);
                }
                Err(PcapError::UnexpectedEof) => {
                    self.damage = Some(format!("the file is cut off in the middle of packet {}", self.frame + 1));
                    return;
                }
                Err(error) => {
                    self.damage = Some(format!("after packet {}: {}", self.frame, describe_error(&error)));
                    return;
                }
            }
        }
    }
}

/// A reader that fails once with the error it has, if it has one.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

fn describe_error(error: &PcapError<&[u8]>) -> &'static str {
    match error {
        PcapError::ReadError => "the file could not be read further (its compression may be damaged)",
        PcapError::BufferTooSmall => "a packet longer than 64 MiB, which is no packet",
        _ => "what follows is no packet record",
    }
}

/// What a file that is no capture looks like.
fn describe(start: &[u8]) -> &'static str {
    let text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace() || *byte >= 0x80;
    match start {
        [b'P', b'K', 3, 4, ..] => "a zip archive; unpack it",
        [0xFD, b'7', b'z', b'X', b'Z', ..] => "an xz archive; unpack it with xz -d",
        [b'B', b'Z', b'h', ..] => "a bzip2 archive; unpack it with bunzip2",
        [b'P', b'A', b'R', b'1', ..] => "a Parquet file (a dataset is read with session, not ingest)",
        [b'G', b'M', b'B', b'U', ..] => "a Microsoft Network Monitor capture; convert it with editcap -F pcapng",
        [b's', b'n', b'o', b'o', b'p', 0, ..] => "a snoop capture; convert it with editcap -F pcapng",
        bytes if bytes.iter().all(text) => "a text file",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_beyond_all_times_is_the_last_and_does_not_wrap() {
        let interface = Interface { link_type: Linktype::ETHERNET, units_per_second: 1_000_000, offset_seconds: 2 };
        assert_eq!(interface.timestamp(0, 1_500_000), Timestamp(3_500_000_000));
        assert_eq!(interface.timestamp(u32::MAX, 0), Timestamp(i64::MAX));
        let odd = Interface { units_per_second: 3, ..interface };
        assert_eq!(odd.timestamp(0, 4), Timestamp(3_333_333_333));
        let before = Interface { offset_seconds: i64::MIN, ..interface };
        assert_eq!(before.timestamp(0, 0), Timestamp(i64::MIN));
    }
}
