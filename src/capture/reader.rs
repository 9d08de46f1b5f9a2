//! Capture files to events: the stage as a whole.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use etherparse::IpNumber;
use rustc_hash::FxHashMap;

use super::assembler::Budget;
use super::digest::Digest;
use super::error::CaptureError;
use super::flows::{Ends, FlowEvent, Flows};
use super::fragments::Fragments;
use super::framing::Message;
use super::input::{Input, Progress};
use super::packets::{Packet, PacketReader};
use super::segment::{Dissected, Protocol, defragmented, dissect};
use super::split::split_chain;
use super::statistics::{CaptureStatistics, ConnectionEnd};
use crate::model::header::{PROTOCOL_COMPRESSED, PROTOCOL_PLAIN, PROTOCOL_SEALED, PROTOCOL_SMB1};
use crate::model::{
    CaptureEvent, Connection, ConnectionIndex, Gap, Layout, OpaqueKind, OpaqueMessage, RawPdu, SessionId,
};

/// How a capture is read.
#[derive(Clone, Debug, Default)]
pub struct ReaderOptions {
    /// Ports of SMB beside 445 and 139.
    pub ports: Vec<u16>,
    /// How long out-of-order segments are waited for.
    pub budget: Budget,
}

/// Reads captures and hands on what their SMB connections carry.
pub struct CaptureReader {
    files: Vec<PathBuf>,
    /// How many of the files are opened.
    opened: usize,
    current: Option<PacketReader>,
    digest: Digest,
    progress: Progress,
    options: ReaderOptions,
}

impl CaptureReader {
    /// Opens the first of the files; the others follow as one capture. Fails when it is not there or no capture.
    pub fn open(inputs: Vec<PathBuf>, options: ReaderOptions, progress: Progress) -> Result<Self, CaptureError> {
        let digest = Digest::default();
        let mut reader = Self { files: inputs, opened: 0, current: None, digest, progress, options };
        reader.open_next(0)?;
        Ok(reader)
    }

    /// Opens the next file, if there is one.
    fn open_next(&mut self, frames: u64) -> Result<(), CaptureError> {
        if let Some(path) = self.files.get(self.opened) {
            let input = Input::open_digested(path, &self.progress, &self.digest)?;
            self.current = Some(PacketReader::new(input, frames)?);
            self.opened += 1;
        }
        Ok(())
    }

    /// Reads everything and hands on the events in the order of the frames. Damage within a file ends the reading of that
    /// file and stands in the statistics. Fails with [`CaptureError::Interrupted`] when it is stopped.
    pub fn run(mut self, mut take: impl FnMut(CaptureEvent)) -> Result<CaptureStatistics, CaptureError> {
        let mut ports = vec![445, 139];
        ports.extend(&self.options.ports);
        let mut flows = Flows::new(ports, self.options.budget);
        let mut sink =
            Sink { connections: FxHashMap::default(), statistics: CaptureStatistics::default(), take: &mut take };
        let mut others: FxHashMap<Protocol, u64> = FxHashMap::default();
        let mut fragments = Fragments::default();
        let mut frames = 0;
        let several = self.files.len() > 1;
        while let Some(mut packets) = self.current.take() {
            let progress = &self.progress;
            packets.for_each(|packet| {
                sink.packet(&packet);
                let whole;
                let dissected = match dissect(&packet) {
                    Dissected::Fragment(fragment) => match fragments.push(&fragment) {
                        Some(payload) => {
                            whole = payload;
                            defragmented(&fragment.key, &whole)
                        }
                        None => return ControlFlow::Continue(()),
                    },
                    dissected => dissected,
                };
                match dissected {
                    Dissected::Tcp(segment) => {
                        flows.segment(&segment, packet.frame, packet.time, &mut |event| sink.event(event));
                    }
                    Dissected::Other(protocol) => *others.entry(protocol).or_default() += 1,
                    Dissected::Fragment(_) => {}
                }
                if progress.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            if self.progress.is_stopped() {
                return Err(CaptureError::Interrupted);
            }
            frames = packets.frames();
            if let Some(damage) = packets.damage() {
                let damage =
                    if several { format!("{}: {damage}", name_of(packets.path())) } else { damage.to_owned() };
                sink.statistics.damage.push(damage);
            }
            self.open_next(frames)?;
        }
        flows.finish(frames, &mut |event| sink.event(event));
        let mut statistics = sink.statistics;
        statistics.frames = frames;
        statistics.hash = self.digest.of_whole(&self.files);
        statistics.unreadable_bytes = flows.skipped_bytes;
        statistics.segments_out_of_place = flows.out_of_place;
        statistics.tcp_streams = flows.streams();
        if fragments.lost() > 0 {
            *others.entry(Protocol::Fragment).or_default() += fragments.lost();
        }
        let tunnels = others.iter().filter(|(protocol, _)| protocol.is_tunnel());
        statistics.tunnels = tunnels.map(|(protocol, count)| (protocol.to_string(), *count)).collect();
        let ports = flows.segments_by_port.iter().map(|(port, count)| (format!("TCP port {port}"), *count));
        let others = others.iter().map(|(protocol, count)| (protocol.to_string(), *count));
        statistics.other_protocols.extend(ports.chain(others));
        Ok(statistics)
    }
}

/// Which packets are handed on as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Every one.
    All,
    /// Those of tunnels and unknown link layers, which [`CaptureReader`] only counts.
    Tunnels,
}

/// Hands on packets for somebody else to dissect.
pub fn for_each_packet(
    inputs: &[PathBuf],
    which: Which,
    progress: &Progress,
    mut take: impl FnMut(Packet<'_>) -> ControlFlow<()>,
) -> Result<(), CaptureError> {
    let mut frames = 0;
    for path in inputs {
        let mut packets = PacketReader::new(Input::open(path, progress)?, frames)?;
        packets.for_each(|packet| {
            if progress.is_stopped() {
                return ControlFlow::Break(());
            }
            let wanted = which == Which::All
                || match dissect(&packet) {
                    // A fragment may be one of a tunnel's packets.
                    Dissected::Fragment(fragment) => fragment.key.protocol != IpNumber::TCP,
                    Dissected::Other(protocol) => protocol.is_tunnel(),
                    Dissected::Tcp(_) => false,
                };
            if wanted { take(packet) } else { ControlFlow::Continue(()) }
        });
        if progress.is_stopped() {
            return Err(CaptureError::Interrupted);
        }
        frames = packets.frames();
    }
    Ok(())
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Turns flow events into capture events.
struct Sink<'a, F> {
    connections: FxHashMap<u32, ConnectionIndex>,
    statistics: CaptureStatistics,
    take: &'a mut F,
}

impl<F: FnMut(CaptureEvent)> Sink<'_, F> {
    fn packet(&mut self, packet: &Packet<'_>) {
        let statistics = &mut self.statistics;
        statistics.bytes += packet.data.len() as u64;
        statistics.cut_frames += u64::from((packet.data.len() as u64) < u64::from(packet.original_length));
        *statistics.link_types.entry(packet.link_type.0).or_default() += 1;
        let (first, last) = (statistics.first_time, statistics.last_time);
        statistics.first_time = Some(first.map_or(packet.time, |first| first.min(packet.time)));
        statistics.last_time = Some(last.map_or(packet.time, |last| last.max(packet.time)));
    }

    fn event(&mut self, event: FlowEvent) {
        match event {
            FlowEvent::Message { ends, to_server, message } => self.message(ends, to_server, message),
            FlowEvent::Hole { ends, to_server, frame, length } => {
                self.statistics.gaps += 1;
                self.statistics.gap_bytes += length;
                let connection = self.connection(ends);
                let gap = Gap { connection, to_server, frame, missing_bytes: length, skipped_bytes: 0 };
                (self.take)(CaptureEvent::Gap(gap));
            }
            FlowEvent::Closed { ends, at } => {
                if let Some(connection) = self.connections.get(&ends.stream) {
                    let end = at.map(|(frame, time)| ConnectionEnd { tcp_stream: ends.stream, frame, time });
                    self.statistics.connection_ends.extend(end);
                    (self.take)(CaptureEvent::Closed(*connection));
                }
            }
        }
    }

    fn message(&mut self, ends: Ends, to_server: bool, message: Message) {
        let connection = self.connection(ends);
        let Message { bytes, missing, frame, time } = message;
        let kind = match bytes.first_chunk::<4>() {
            Some(&PROTOCOL_PLAIN) => {
                let take = &mut self.take;
                let count = &mut self.statistics.smb2_pdus;
                split_chain(&bytes, missing > 0, |bytes, chain_index, anomalies| {
                    *count += 1;
                    let encrypted = false;
                    take(CaptureEvent::Pdu(RawPdu {
                        bytes,
                        connection,
                        frame,
                        time,
                        chain_index,
                        encrypted,
                        anomalies,
                    }));
                });
                return;
            }
            Some(&PROTOCOL_SEALED) => {
                self.statistics.sealed_messages += 1;
                let session = Layout(&bytes).u64("SessionId", 44).unwrap_or_default();
                OpaqueKind::Sealed(SessionId(session))
            }
            Some(&PROTOCOL_COMPRESSED) => {
                self.statistics.compressed_messages += 1;
                OpaqueKind::Compressed
            }
            Some(&PROTOCOL_SMB1) => {
                self.statistics.smb1_messages += 1;
                OpaqueKind::Smb1 { command: bytes.get(4).copied().unwrap_or_default() }
            }
            _ => OpaqueKind::Other,
        };
        (self.take)(CaptureEvent::Opaque(OpaqueMessage { connection, frame, time, to_server, kind, bytes }));
    }

    fn connection(&mut self, ends: Ends) -> ConnectionIndex {
        let Ends { stream, client, server } = ends;
        let next = ConnectionIndex(self.connections.len() as u32);
        let take = &mut self.take;
        *self.connections.entry(stream).or_insert_with(|| {
            take(CaptureEvent::Connected(Connection { index: next, tcp_stream: stream, client, server }));
            next
        })
    }
}

impl std::fmt::Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Arp => f.write_str("ARP"),
            Self::Icmp => f.write_str("ICMP"),
            Self::Udp(4789 | 8472) => f.write_str("VXLAN tunnel"),
            Self::Udp(6081) => f.write_str("Geneve tunnel"),
            Self::Udp(2152) => f.write_str("GTP tunnel"),
            Self::Udp(port) => write!(f, "UDP port {port}"),
            Self::Fragment => f.write_str("IP fragments"),
            Self::Ip(4 | 41) => f.write_str("IP in IP tunnel"),
            Self::Ip(47) => f.write_str("GRE tunnel"),
            Self::Ether(0x8847 | 0x8848) => f.write_str("MPLS"),
            Self::Ether(0x8864) => f.write_str("PPPoE"),
            Self::Ip(number) => write!(f, "IP protocol {number}"),
            Self::Ether(number) => write!(f, "EtherType 0x{number:04x}"),
            Self::Link(number) => write!(f, "link type {number}"),
            Self::Cut => f.write_str("packets cut short"),
        }
    }
}
