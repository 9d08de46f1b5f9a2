//! Raw PDUs and what carries them: what the capture stage hands to the stages behind it.

use std::net::SocketAddr;

use bytes::Bytes;

use super::anomaly::Anomalies;
use super::ids::SessionId;
use super::timestamp::Timestamp;

/// Number of a connection within one ingest, from 0 in the order of their first SMB message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionIndex(pub u32);

/// One TCP connection that carries SMB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its number in this ingest.
    pub index: ConnectionIndex,
    /// Its number among all TCP conversations of the capture, counted as Wireshark's `tcp.stream` does.
    pub tcp_stream: u32,
    /// The side that sends requests.
    pub client: SocketAddr,
    /// The side that answers.
    pub server: SocketAddr,
}

/// One SMB2 message as it travelled (decrypted if it was sealed), and where it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawPdu {
    /// From `FE 53 4D 42` to the end; a chained PDU ends where the next begins.
    pub bytes: Bytes,
    /// The connection that carried it.
    pub connection: ConnectionIndex,
    /// The number of the frame that completed it, from 1.
    pub frame: u64,
    /// The time of that frame.
    pub time: Timestamp,
    /// Its place in its compound, from 0; None when it travelled alone.
    pub chain_index: Option<u16>,
    /// Whether it travelled sealed.
    pub encrypted: bool,
    /// What the capture stage found odd.
    pub anomalies: Anomalies,
}

/// A message that is not plain SMB2. It is counted, and decrypted or decompressed if that is possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpaqueMessage {
    /// The connection that carried it.
    pub connection: ConnectionIndex,
    /// The number of the frame that completed it.
    pub frame: u64,
    /// The time of that frame.
    pub time: Timestamp,
    /// Whether it went to the server.
    pub to_server: bool,
    /// What it is.
    pub kind: OpaqueKind,
    /// The whole message without its NetBIOS header.
    pub bytes: Bytes,
}

/// What an opaque message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpaqueKind {
    /// `FD 'SMB'`: sealed, for this session, [MS-SMB2] 2.2.41.
    Sealed(SessionId),
    /// `FC 'SMB'`: compressed, [MS-SMB2] 2.2.42.
    Compressed,
    /// `FF 'SMB'`: SMB1, with its command code.
    Smb1 {
        /// `Command` of the SMB1 header, [MS-CIFS] 2.2.3.1; 0x72 is NEGOTIATE.
        command: u8,
    },
    /// Anything else in a NetBIOS session message.
    Other,
}

/// A stretch of a connection that the capture does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The connection that lost it.
    pub connection: ConnectionIndex,
    /// Whether it was lost on the way to the server.
    pub to_server: bool,
    /// The frame at which it was noticed.
    pub frame: u64,
    /// The missing bytes, as far as the sequence numbers tell.
    pub missing_bytes: u64,
    /// Bytes that were there but could not be read because of it.
    pub skipped_bytes: u64,
}

/// What the capture stage hands on, in the order of the frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaptureEvent {
    /// A connection carries its first SMB message.
    Connected(Connection),
    /// An SMB2 message.
    Pdu(RawPdu),
    /// A message of another kind.
    Opaque(OpaqueMessage),
    /// Lost bytes.
    Gap(Gap),
    /// The connection ended (FIN or RST of either side); nothing more will come.
    Closed(ConnectionIndex),
}
