//! Capture file to raw PDUs: packet reader, link layers, flows, TCP reassembly, NetBIOS frames. Imports `model` only.
//!
//! ```text
//! file(s) ─ input (gz, zstd) ─ packets (pcap, pcapng) ─ segments (link, IP, TCP) ─ flows ─ reassembly ─ framing ─ split ─ events
//! ```
//!
//! Every stage is fed by the one before and keeps a bounded amount of memory; none of them knows what a PDU means.

mod arena;
mod assembler;
mod digest;
mod error;
mod flows;
mod fragments;
mod framing;
mod input;
mod packets;
mod read_ahead;
mod reader;
mod segment;
mod split;
mod statistics;

pub use assembler::{Assembler, Budget, StreamItem};
pub use error::CaptureError;
pub use framing::{Framer, Message};
pub use input::{Input, Progress};
pub use packets::{Packet, PacketReader};
pub use reader::{CaptureReader, ReaderOptions, Which, for_each_packet};
pub use split::split_chain;
pub use statistics::{CaptureStatistics, ConnectionEnd};
