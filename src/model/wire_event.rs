//! What packets tell beside SMB: how connections begin and end, and how addresses were found.

use super::timestamp::Timestamp;

/// A packet that tells something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireEvent {
    /// The frame.
    pub frame: u64,
    /// Its time.
    pub time: Timestamp,
    /// What it tells.
    pub kind: WireEventKind,
}

/// What a packet tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum WireEventKind {
    /// Somebody asks who has an address.
    ArpRequest { asked: String, by: String },
    /// Somebody says that he has it.
    ArpReply { address: String, hardware: String },
    /// A TCP segment that begins or ends a connection, or repeats something.
    Tcp {
        tcp_stream: u32,
        source: String,
        destination: String,
        flags: TcpFlags,
        sequence: u32,
        acknowledgement: u32,
        retransmission: bool,
    },
}

/// The flags of a TCP header, RFC 9293 3.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFlags(pub u16);

#[allow(missing_docs)]
impl TcpFlags {
    pub fn fin(self) -> bool {
        self.0 & 1 != 0
    }

    pub fn syn(self) -> bool {
        self.0 & 2 != 0
    }

    pub fn rst(self) -> bool {
        self.0 & 4 != 0
    }

    pub fn ack(self) -> bool {
        self.0 & 16 != 0
    }
}
