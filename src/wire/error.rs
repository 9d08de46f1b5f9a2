//! What can go wrong on the way to an answer. An NT status in a response is not among it, save where the engine itself
//! asked (login, tree connect, the operations of `file_ops`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Command, Malformed, MessageId, NtStatus};

/// An exchange with a server that ended without an answer to be trusted. Cheap to clone: a lost connection hands it to
/// every request in flight.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WireError {
    /// No TCP connection.
    #[error("{address}: cannot connect: {source}; check --server-ip and --port, and that the server runs")]
    Unreachable {
        /// The server.
        address: SocketAddr,
        /// Why.
        source: Arc<std::io::Error>,
    },
    /// The server speaks none of the dialects offered.
    #[error("{address}: the server speaks none of {offered} (it answered {status}); try another --dialect")]
    NoCommonDialect {
        /// The server.
        address: SocketAddr,
        /// The dialects offered, as text.
        offered: String,
        /// What it answered.
        status: NtStatus,
    },
    /// The server refused the login.
    #[error("{address}: login of {user} refused: {status}; check user, domain and password")]
    LoginRefused {
        /// The server.
        address: SocketAddr,
        /// `DOMAIN\user`, `guest` or `anonymous`.
        user: String,
        /// The status of the last SESSION_SETUP.
        status: NtStatus,
    },
    /// The login could not be carried through on this side: the server's token is not understood, no KDC answers.
    #[error("{address}: login of {user} failed: {reason}")]
    Authentication {
        /// The server.
        address: SocketAddr,
        /// Who was to log in.
        user: String,
        /// What the security package says.
        reason: String,
    },
    /// The server refused a share.
    #[error("{address}: {share} refused: {status}; check the share's name and the user's rights")]
    ShareRefused {
        /// The server.
        address: SocketAddr,
        /// `\\server\share`
        share: String,
        /// The status of the TREE_CONNECT.
        status: NtStatus,
    },
    /// The server refused an operation of the engine's own.
    #[error("{address}: {command} of {subject:?} refused: {status}")]
    Refused {
        /// The server.
        address: SocketAddr,
        /// What was asked for.
        command: Command,
        /// The path or what else it was about.
        subject: String,
        /// The answer.
        status: NtStatus,
    },
    /// A signature does not verify. The response is not handed on.
    #[error(
        "{address}: the signature of the response to {command} {message_id} is wrong; something on the way changes it"
    )]
    SignatureMismatch {
        /// The server.
        address: SocketAddr,
        /// The command answered.
        command: Command,
        /// The message answered.
        message_id: MessageId,
    },
    /// A response that must be signed is not.
    #[error("{address}: the response to {command} {message_id} ({status}) is not signed, though the request was")]
    Unsigned {
        /// The server.
        address: SocketAddr,
        /// The command answered.
        command: Command,
        /// The message answered.
        message_id: MessageId,
        /// The status it carries.
        status: NtStatus,
    },
    /// A response that must be sealed is not.
    #[error("{address}: the response to {command} {message_id} ({status}) is not sealed, though the request was")]
    Unsealed {
        /// The server.
        address: SocketAddr,
        /// The command answered.
        command: Command,
        /// The message answered.
        message_id: MessageId,
        /// The status it carries.
        status: NtStatus,
    },
    /// Sealing is asked for and cannot be had.
    #[error(
        "{address}: {subject} needs encryption, which was not negotiated (dialect {dialect}); allow SMB 3 and encryption"
    )]
    NoEncryption {
        /// The server.
        address: SocketAddr,
        /// The session or share that needs it.
        subject: String,
        /// The negotiated dialect.
        dialect: crate::model::Dialect,
    },
    /// The server cannot do what is asked on this dialect.
    #[error("{address}: {feature} needs more than dialect {dialect} of this server")]
    NotSupported {
        /// The server.
        address: SocketAddr,
        /// What was asked for.
        feature: &'static str,
        /// The negotiated dialect.
        dialect: crate::model::Dialect,
    },
    /// The connection ended; every request in flight gets this.
    #[error("{address}: connection lost: {reason}")]
    ConnectionLost {
        /// The server.
        address: SocketAddr,
        /// How it ended.
        reason: Arc<Violation>,
    },
    /// No answer in time.
    #[error("{address}: no answer to {waiting_for} within {after:?}")]
    Timeout {
        /// The server.
        address: SocketAddr,
        /// What was waited for.
        waiting_for: &'static str,
        /// How long.
        after: Duration,
    },
    /// The server granted too few credits for a chain, and nothing is in flight that could bring more.
    #[error("{address}: a chain needs {needed} credits and the server grants no more than {granted}")]
    TooFewCredits {
        /// The server.
        address: SocketAddr,
        /// Credits that the chain costs.
        needed: u32,
        /// Credits at hand.
        granted: u32,
    },
    /// A response that the engine itself must understand cannot be read.
    #[error("{address}: the response to {command} cannot be read: {source}")]
    Malformed {
        /// The server.
        address: SocketAddr,
        /// The command answered.
        command: Command,
        /// What is wrong with it.
        source: Malformed,
    },
    /// A chain that cannot be sent: longer than a frame holds, or empty.
    #[error("a chain of {pdus} PDUs and {bytes} bytes does not fit a frame of at most {limit} bytes")]
    UnsendableChain {
        /// PDUs in the chain.
        pdus: usize,
        /// Bytes of the frame.
        bytes: usize,
        /// The most that a frame holds.
        limit: usize,
    },
    /// The operating system has no randomness.
    #[error("the operating system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

impl WireError {
    /// Whether the server could not be reached, refused the login or the share: what `cli` calls "target unreachable".
    pub fn is_target(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::NoCommonDialect { .. }
                | Self::LoginRefused { .. }
                | Self::Authentication { .. }
                | Self::ShareRefused { .. }
                | Self::NoEncryption { .. }
        )
    }

    /// Whether the server speaks none of the dialects that it was offered: it says so, or answers with another one.
    pub fn is_other_dialect(&self) -> bool {
        match self {
            Self::NoCommonDialect { .. } => true,
            Self::ConnectionLost { reason, .. } => matches!(**reason, Violation::OtherDialect { .. }),
            _ => false,
        }
    }

    /// Whether the connection is gone.
    pub fn is_connection_lost(&self) -> bool {
        matches!(self, Self::ConnectionLost { .. })
    }

    /// The status, when the server refused something.
    pub fn status(&self) -> Option<NtStatus> {
        match self {
            Self::NoCommonDialect { status, .. }
            | Self::LoginRefused { status, .. }
            | Self::ShareRefused { status, .. }
            | Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum Violation {
    /// The server closed it.
    #[error("the server closed it")]
    ClosedByServer,
    /// This side closed it.
    #[error("closed by this side")]
    ClosedHere,
    /// The operating system says it failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Nothing of a frame could be written for so long.
    #[error("the server took no data for {} s", .0.as_secs_f64())]
    TakesNothing(std::time::Duration),
    /// A frame that is no NetBIOS session message, RFC 1002 4.3.1.
    #[error("the server sent a NetBIOS packet of type 0x{0:02x}")]
    NetBiosType(u8),
    /// A frame longer than allowed.
    #[error("the server sent a frame of {length} bytes, more than {limit}")]
    FrameTooLong {
        /// Its length.
        length: usize,
        /// The most allowed.
        limit: usize,
    },
    /// A frame that is neither SMB2 nor sealed SMB2.
    #[error("the server sent a message with the protocol id {0:02x?}")]
    ProtocolId([u8; 4]),
    /// A header that cannot be read.
    #[error("the server sent a message that cannot be read: {0}")]
    Malformed(#[from] Malformed),
    /// A sealed frame for a session that is not open on this connection.
    #[error("the server sent a sealed message for the unknown session {0}")]
    UnknownSession(crate::model::SessionId),
    /// A sealed frame that does not decrypt.
    #[error(
        "a sealed message of the server does not decrypt; keys or cipher differ, or something on the way changes it"
    )]
    Undecryptable,
    /// A frame that cannot be sealed: longer than the cipher can take.
    #[error("a message cannot be sealed")]
    Unsealable,
    /// The answer to NEGOTIATE is in a dialect that was not offered.
    #[error(
        "the server answers in dialect {chosen}, which was not offered (offered: {offered}); try another --dialect"
    )]
    OtherDialect {
        /// The dialect of the answer.
        chosen: crate::model::Dialect,
        /// Those that were offered.
        offered: String,
    },
    /// The answer to NEGOTIATE makes no sense.
    #[error("the server's NEGOTIATE response is unusable: {0}")]
    Negotiate(&'static str),
}
