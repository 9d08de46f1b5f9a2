//! TCP conversations: numbered as Wireshark numbers them, with reassembly for those on the ports of SMB.

use std::net::{IpAddr, SocketAddr};

use rustc_hash::FxHashMap;

use super::arena::Arena;
use super::assembler::{Arrival, Assembler, Budget, StreamItem};
use super::framing::{Framer, Message};
use super::segment::Segment;
use crate::model::Timestamp;

/// The two ends of a conversation, smaller first, as numbers that hash fast.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct FlowKey {
    ends: [(u128, u16); 2],
}

/// One conversation.
struct Flow {
    stream: u32,
    /// First sequence number of either direction, as sent or as acknowledged, for telling a new conversation on old ports.
    base: [Option<u32>; 2],
    smb: Option<Box<SmbFlow>>,
}

/// A conversation on a port of SMB.
struct SmbFlow {
    client: SocketAddr,
    server: SocketAddr,
    /// Which end (0 or 1 of the key) is the server.
    server_end: usize,
    halves: [Half; 2],
    closed: bool,
    /// The packet with the first FIN or RST.
    ended_at: Option<(u64, Timestamp)>,
}

#[derive(Default)]
struct Half {
    assembler: Assembler,
    framer: Framer,
    /// The sequence number behind the last byte, by a FIN or RST.
    end: Option<u32>,
}

impl Half {
    /// Whether all that was sent before its end is there, or given up.
    fn is_finished(&self) -> bool {
        self.end.is_some_and(|end| !self.assembler.lacks_bytes_before(end)) && !self.assembler.is_waiting()
    }

    /// How far a sequence number lies behind what was captured. A FIN takes a number of its own.
    fn ahead(&self, sequence: u32) -> i32 {
        let ahead = self.assembler.expected().map_or(0, |expected| sequence.wrapping_sub(expected) as i32);
        let behind_fin = self.end.is_some_and(|end| sequence == end.wrapping_add(1));
        if ahead == 1 && behind_fin { 0 } else { ahead }
    }
}

/// The ends of a conversation that carries SMB, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    pub stream: u32,
    pub client: SocketAddr,
    pub server: SocketAddr,
}

/// What a segment leads to.
pub(super) enum FlowEvent {
    Message { ends: Ends, to_server: bool, message: Message },
    Hole { ends: Ends, to_server: bool, frame: u64, length: u64 },
    Closed { ends: Ends, at: Option<(u64, Timestamp)> },
}

/// All conversations of a capture.
pub(super) struct Flows {
    ports: Vec<u16>,
    budget: Budget,
    flows: FxHashMap<FlowKey, Flow>,
    streams: u32,
    arena: Arena,
    /// TCP segments per lower port of their conversation, for telling what else a capture holds.
    pub(super) segments_by_port: FxHashMap<u16, u64>,
    /// Bytes that could not be read as messages.
    pub(super) skipped_bytes: u64,
    /// Segments that do not follow on the ones before them, or were acknowledged before.
    pub(super) out_of_place: u64,
}

impl Flows {
    pub(super) fn new(ports: Vec<u16>, budget: Budget) -> Self {
        Self {
            ports,
            budget,
            flows: FxHashMap::default(),
            streams: 0,
            arena: Arena::default(),
            segments_by_port: FxHashMap::default(),
            skipped_bytes: 0,
            out_of_place: 0,
        }
    }

    /// Conversations so far.
    pub(super) fn streams(&self) -> u32 {
        self.streams
    }

    /// Takes a segment and hands on what it completes.
    pub(super) fn segment(
        &mut self,
        segment: &Segment<'_>,
        frame: u64,
        time: Timestamp,
        take: &mut impl FnMut(FlowEvent),
    ) {
        let (source, destination) = (end(segment.source), end(segment.destination));
        let from = usize::from(source > destination);
        let key = FlowKey { ends: if from == 0 { [source, destination] } else { [destination, source] } };
        let streams = &mut self.streams;
        let mut new_stream = || {
            *streams += 1;
            *streams - 1
        };
        let flow = self.flows.entry(key).or_insert_with(|| Flow {
            stream: new_stream(),
            base: [None; 2],
            smb: SmbFlow::new(segment, from, &self.ports),
        });
        // As Wireshark's TCP dissector decides: a SYN with another sequence number than the first begins anew.
        let begins = segment.syn && segment.acknowledgement.is_none();
        if begins && flow.base[from].is_some_and(|base| base != segment.sequence) {
            if let Some(smb) = &mut flow.smb {
                self.skipped_bytes += smb.finish(flow.stream, frame, take);
            }
            *flow = Flow { stream: new_stream(), base: [None; 2], smb: SmbFlow::new(segment, from, &self.ports) };
        }
        let first = if segment.syn { segment.sequence } else { segment.sequence.wrapping_sub(1) };
        flow.base[from].get_or_insert(first);
        if let Some(acknowledged) = segment.acknowledgement {
            flow.base[1 - from].get_or_insert(acknowledged.wrapping_sub(1));
        }
        match &mut flow.smb {
            Some(smb) => {
                let arrived = Arrived { segment, from, frame, time };
                self.out_of_place += u64::from(smb.is_out_of_place(&arrived));
                smb.segment(&arrived, flow.stream, &self.budget, &mut self.arena, take);
            }
            None => {
                let port = segment.source.port().min(segment.destination.port());
                *self.segments_by_port.entry(port).or_default() += 1;
            }
        }
    }

    /// The capture ended.
    pub(super) fn finish(&mut self, frame: u64, take: &mut impl FnMut(FlowEvent)) {
        let mut flows: Vec<_> = self.flows.drain().map(|(_, flow)| flow).collect();
        flows.sort_by_key(|flow| flow.stream);
        for mut flow in flows {
            if let Some(smb) = &mut flow.smb {
                self.skipped_bytes += smb.finish(flow.stream, frame, take);
            }
        }
    }
}

/// A segment with its packet.
struct Arrived<'a> {
    segment: &'a Segment<'a>,
    from: usize,
    frame: u64,
    time: Timestamp,
}

impl SmbFlow {
    /// A conversation is SMB when one end has one of the ports. When both have, whoever is spoken to first is the server.
    fn new(segment: &Segment<'_>, from: usize, ports: &[u16]) -> Option<Box<Self>> {
        let (source, destination) = (segment.source, segment.destination);
        let answers = segment.syn && segment.acknowledgement.is_some();
        let server_end = match (ports.contains(&source.port()), ports.contains(&destination.port())) {
            (false, false) => return None,
            (true, true) if answers => from,
            (_, true) => 1 - from,
            (true, false) => from,
        };
        let (server, client) = if server_end == from { (source, destination) } else { (destination, source) };
        Some(Box::new(Self { client, server, server_end, halves: Default::default(), closed: false, ended_at: None }))
    }

    /// Whether a segment does not begin where its direction was, or acknowledges what was not captured yet.
    fn is_out_of_place(&self, arrived: &Arrived<'_>) -> bool {
        let Arrived { segment, from, .. } = *arrived;
        let sequence = segment.sequence.wrapping_add(u32::from(segment.syn));
        let unheard = |acknowledged| self.halves[1 - from].ahead(acknowledged) > 0;
        self.halves[from].ahead(sequence) != 0 || segment.acknowledgement.is_some_and(unheard)
    }

    fn segment(
        &mut self,
        arrived: &Arrived<'_>,
        stream: u32,
        budget: &Budget,
        arena: &mut Arena,
        take: &mut impl FnMut(FlowEvent),
    ) {
        let Arrived { segment, from, frame, time } = *arrived;
        let ends = Ends { stream, client: self.client, server: self.server };
        let server_end = self.server_end;
        let half = &mut self.halves[from];
        if segment.syn {
            half.assembler.begin(segment.sequence);
        }
        let way = Way { ends, to_server: from != server_end };
        let arrival = Arrival {
            sequence: segment.sequence.wrapping_add(u32::from(segment.syn)),
            // What a reset carries tells why, and is not of the stream (RFC 1122, 4.2.2.12).
            payload: if segment.rst { &[] } else { segment.payload },
            missing: if segment.rst { 0 } else { segment.missing },
            frame,
            time,
        };
        let Half { assembler, framer, .. } = half;
        assembler.push(arrival, budget, &mut |item| way.forward(item, framer, arena, take));
        if assembler.is_waiting() {
            assembler.acknowledged(None, frame, budget, &mut |item| way.forward(item, framer, arena, take));
        }
        let Half { assembler, framer, .. } = &mut self.halves[1 - from];
        if assembler.is_waiting() {
            let way = Way { ends, to_server: !way.to_server };
            let acknowledged = segment.acknowledgement;
            assembler.acknowledged(acknowledged, frame, budget, &mut |item| way.forward(item, framer, arena, take));
        }
        if segment.fin || segment.rst {
            let length = arrival.payload.len() as u32 + arrival.missing;
            self.halves[from].end.get_or_insert(arrival.sequence.wrapping_add(length));
            self.ended_at.get_or_insert((frame, time));
        }
        if segment.rst {
            // Without an acknowledgement nothing tells how far the peer was heard.
            let heard = segment.acknowledgement.unwrap_or_default();
            self.halves[1 - from].end.get_or_insert(heard);
        }
        // What was sent before the end comes before it, also when the capture holds it later.
        if self.halves.iter().all(Half::is_finished) && !self.closed {
            self.closed = true;
            take(FlowEvent::Closed { ends, at: self.ended_at });
        }
    }

    /// Hands on what is kept; returns the bytes that could not be read.
    fn finish(&mut self, stream: u32, frame: u64, take: &mut impl FnMut(FlowEvent)) -> u64 {
        let ends = Ends { stream, client: self.client, server: self.server };
        let mut arena = Arena::default();
        let mut skipped = 0;
        for (end, half) in self.halves.iter_mut().enumerate() {
            let way = Way { ends, to_server: end != self.server_end };
            let Half { assembler, framer, .. } = half;
            assembler.finish(frame, &mut |item| way.forward(item, framer, &mut arena, take));
            framer.finish(&mut |message| take(FlowEvent::Message { ends, to_server: way.to_server, message }));
            skipped += framer.skipped_bytes();
        }
        if !self.closed {
            take(FlowEvent::Closed { ends, at: self.ended_at });
        }
        skipped
    }
}

/// One direction of a conversation.
#[derive(Clone, Copy)]
struct Way {
    ends: Ends,
    to_server: bool,
}

impl Way {
    /// Takes a piece of the stream to its framer.
    fn forward(self, item: StreamItem<'_>, framer: &mut Framer, arena: &mut Arena, take: &mut impl FnMut(FlowEvent)) {
        let Self { ends, to_server } = self;
        if let StreamItem::Hole { length, frame } = item {
            take(FlowEvent::Hole { ends, to_server, frame, length });
        }
        framer.push(item, arena, &mut |message| take(FlowEvent::Message { ends, to_server, message }));
    }
}

fn end(address: SocketAddr) -> (u128, u16) {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    };
    (ip, address.port())
}
