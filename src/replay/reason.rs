//! Why a captured operation is not replayed.

use std::fmt;

/// Told before anything is sent, and again in the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Only the response is in the capture.
    NoRequest,
    /// A second interim or final response: the request is another row.
    ExtraResponse,
    /// The capture cut the request's bytes.
    Truncated,
    /// The request does not decode, so its ids cannot be found.
    Malformed,
    /// The chain that it was sent in is damaged.
    BrokenChain,
    /// A command outside the specification.
    UnknownCommand,
    /// The dataset was read without the bytes of the PDUs.
    NoBytes,
    /// A login that the captured server refused; the replay logs in with its own credentials.
    RefusedLogin,
    /// The TREE_CONNECT is not in the capture, so the share is unknown.
    UnknownTree,
    /// The CREATE is not in the capture, so there is nothing to map the FileId to.
    UnknownOpen,
    /// The break that it acknowledges is not in the capture.
    UnknownBreak,
    /// It could change the server, and the run is read-only.
    ReadOnly,
    /// Its name would lead out of the base folder.
    OutsideBase,
    /// Another step of its compound cannot be sent, and related steps rely on it.
    ChainMember,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::NoRequest,
        Self::ExtraResponse,
        Self::Truncated,
        Self::Malformed,
        Self::BrokenChain,
        Self::UnknownCommand,
        Self::NoBytes,
        Self::RefusedLogin,
        Self::UnknownTree,
        Self::UnknownOpen,
        Self::UnknownBreak,
        Self::ReadOnly,
        Self::OutsideBase,
        Self::ChainMember,
    ];

    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::NoRequest => "its request is not in the capture",
            Self::ExtraResponse => "a further response to a request that is a row of its own",
            Self::Truncated => "its request is cut short in the capture",
            Self::Malformed => "its request does not decode",
            Self::BrokenChain => "the compound that it was sent in is damaged",
            Self::UnknownCommand => "its command is outside the specification",
            Self::NoBytes => "the bytes of its request are not in the dataset",
            Self::RefusedLogin => "a login that the captured server refused",
            Self::UnknownTree => "its TREE_CONNECT is not in the capture",
            Self::UnknownOpen => "the CREATE of its FileId is not in the capture",
            Self::UnknownBreak => "the break that it acknowledges is not in the capture",
            Self::ReadOnly => "it could change the server, or is about an open that could, and the run is read-only",
            Self::OutsideBase => "its name has parts '..' that lead out of the base folder",
            Self::ChainMember => "a step of its compound that it relies on cannot be replayed",
        }
    }

    /// For programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoRequest => "no_request",
            Self::ExtraResponse => "extra_response",
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::BrokenChain => "broken_chain",
            Self::UnknownCommand => "unknown_command",
            Self::NoBytes => "no_bytes",
            Self::RefusedLogin => "refused_login",
            Self::UnknownTree => "unknown_tree",
            Self::UnknownOpen => "unknown_open",
            Self::UnknownBreak => "unknown_break",
            Self::ReadOnly => "read_only",
            Self::OutsideBase => "outside_base",
            Self::ChainMember => "chain_member",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}
