//! What can be odd about an operation or its PDUs. An anomaly is data: it is kept and shown, never an error.

use std::fmt;

/// One kind of oddity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Anomaly {
    /// The request was not answered in the capture. CANCEL never is, and is not marked.
    NoResponse,
    /// The request to this response is not in the capture.
    NoRequest,
    /// A second interim response to one request; a row of its own.
    ExtraInterim,
    /// A second final response to one request; a row of its own.
    ExtraResponse,
    /// A request with a message id that is still outstanding on its connection.
    DuplicateMessageId,
    /// Answer to an SMB1 multi-protocol negotiate, which is not a row.
    Smb1Negotiate,
    /// The PDU's end is missing: cut by the capture's snapshot length, or by a gap in the stream.
    Truncated,
    /// A field points outside the PDU, or a structure has a size the specification does not allow.
    Malformed,
    /// `NextCommand` does not lead to another PDU; the rest of the chain is kept with this PDU.
    BrokenChain,
    /// A command code outside the specification.
    UnknownCommand,
    /// The response's command is another than the request's.
    CommandMismatch,
}

impl Anomaly {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::NoResponse,
        Self::NoRequest,
        Self::ExtraInterim,
        Self::ExtraResponse,
        Self::DuplicateMessageId,
        Self::Smb1Negotiate,
        Self::Truncated,
        Self::Malformed,
        Self::BrokenChain,
        Self::UnknownCommand,
        Self::CommandMismatch,
    ];

    /// The name in the dataset.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoResponse => "no_response",
            Self::NoRequest => "no_request",
            Self::ExtraInterim => "extra_interim",
            Self::ExtraResponse => "extra_response",
            Self::DuplicateMessageId => "duplicate_message_id",
            Self::Smb1Negotiate => "smb1_negotiate",
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::BrokenChain => "broken_chain",
            Self::UnknownCommand => "unknown_command",
            Self::CommandMismatch => "command_mismatch",
        }
    }

    /// The anomaly of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|anomaly| anomaly.name() == name)
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A set of anomalies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anomalies(u16);

impl Anomalies {
    /// Adds one.
    pub fn insert(&mut self, anomaly: Anomaly) {
        self.0 |= 1 << anomaly as u8;
    }

    /// Takes one away.
    pub fn remove(&mut self, anomaly: Anomaly) {
        self.0 &= !(1 << anomaly as u8);
    }

    /// Adds all of another set.
    pub fn extend(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether one is in the set.
    pub fn contains(self, anomaly: Anomaly) -> bool {
        self.0 & (1 << anomaly as u8) != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in the set, in a fixed order.
    pub fn iter(self) -> impl Iterator<Item = Anomaly> {
        Anomaly::ALL.into_iter().filter(move |anomaly| self.contains(*anomaly))
    }
}

impl FromIterator<Anomaly> for Anomalies {
    fn from_iter<I: IntoIterator<Item = Anomaly>>(anomalies: I) -> Self {
        let mut set = Self::default();
        anomalies.into_iter().for_each(|anomaly| set.insert(anomaly));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_bits_do_not_collide() {
        for anomaly in Anomaly::ALL {
            assert_eq!(Anomaly::parse(anomaly.name()), Some(anomaly));
            let set: Anomalies = [anomaly].into_iter().collect();
            assert_eq!(set.iter().collect::<Vec<_>>(), [anomaly]);
        }
    }
}
