//! What the target negotiated otherwise than the captured server.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::model::message::{NegotiateContext, NegotiateRequest, NegotiateResponse};
use crate::model::{Capability, Command, Dialect, Operation};
use crate::wire::{Cipher, Connection, SigningAlgorithm};

/// `SecurityMode`: the server requires that requests are signed.
const SIGNING_REQUIRED: u16 = 2;

/// Something that client and server agree on in NEGOTIATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NegotiatedKind {
    /// The dialect.
    Dialect,
    /// A capability of the server.
    Capability(Capability),
    /// `MaxReadSize`
    MaxReadSize,
    /// `MaxWriteSize`
    MaxWriteSize,
    /// `MaxTransactSize`
    MaxTransactSize,
    /// Whether the server requires signatures.
    Signing,
    /// The signing algorithm.
    SigningAlgorithm,
    /// The cipher.
    Cipher,
}

impl NegotiatedKind {
    /// For programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dialect => "dialect",
            Self::Capability(capability) => capability.name(),
            Self::MaxReadSize => "max_read_size",
            Self::MaxWriteSize => "max_write_size",
            Self::MaxTransactSize => "max_transact_size",
            Self::Signing => "signing",
            Self::SigningAlgorithm => "signing_algorithm",
            Self::Cipher => "cipher",
        }
    }
}

/// What was agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NegotiatedValue {
    /// A dialect.
    Dialect(Dialect),
    /// Whether a capability was offered.
    Offered(bool),
    /// A size in bytes.
    Bytes(u32),
    /// Whether something is required.
    Required(bool),
    /// A signing algorithm.
    SigningAlgorithm(SigningAlgorithm),
    /// A cipher; None when nothing can be encrypted.
    Cipher(Option<Cipher>),
}

impl fmt::Display for NegotiatedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const KIB: u32 = 1024;
        const MIB: u32 = 1024 * KIB;
        match *self {
            Self::Dialect(dialect) => dialect.fmt(f),
            Self::Offered(true) => f.write_str("offered"),
            Self::Offered(false) => f.write_str("not offered"),
            Self::Bytes(bytes) if bytes >= MIB && bytes % MIB == 0 => write!(f, "{} MiB", bytes / MIB),
            Self::Bytes(bytes) if bytes >= KIB && bytes % KIB == 0 => write!(f, "{} KiB", bytes / KIB),
            Self::Bytes(bytes) => write!(f, "{bytes} bytes"),
            Self::Required(true) => f.write_str("required"),
            Self::Required(false) => f.write_str("not required"),
            Self::SigningAlgorithm(algorithm) => algorithm.fmt(f),
            Self::Cipher(Some(cipher)) => cipher.fmt(f),
            Self::Cipher(None) => f.write_str("none"),
        }
    }
}

/// Something that the target negotiated otherwise than the captured server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NegotiatedDifference {
    /// What differs.
    pub kind: NegotiatedKind,
    /// On the captured connection.
    pub captured: NegotiatedValue,
    /// On the connection of the replay.
    pub observed: NegotiatedValue,
    /// Whether the captured client had not asked for it and the replay does, so that it may say nothing of the servers.
    pub asked_by_replay_only: bool,
}

impl fmt::Display for NegotiatedDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { captured, observed, .. } = self;
        match self.kind {
            NegotiatedKind::Capability(capability) => match captured {
                NegotiatedValue::Offered(false) => write!(f, "{} offered, was not", capability.name()),
                _ => write!(f, "{} not offered, was", capability.name()),
            },
            NegotiatedKind::Signing => match captured {
                NegotiatedValue::Required(false) => f.write_str("signing required, was not"),
                _ => f.write_str("signing not required, was"),
            },
            NegotiatedKind::Dialect => write!(f, "dialect {observed}, was {captured}"),
            NegotiatedKind::MaxReadSize => write!(f, "max read {observed}, was {captured}"),
            NegotiatedKind::MaxWriteSize => write!(f, "max write {observed}, was {captured}"),
            NegotiatedKind::MaxTransactSize => write!(f, "max transact {observed}, was {captured}"),
            NegotiatedKind::SigningAlgorithm => write!(f, "signing algorithm {observed}, was {captured}"),
            NegotiatedKind::Cipher => write!(f, "cipher {observed}, was {captured}"),
        }?;
        if self.asked_by_replay_only {
            f.write_str(" (the captured client did not ask for it)")?;
        }
        Ok(())
    }
}

impl Serialize for NegotiatedDifference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("NegotiatedDifference", 5)?;
        fields.serialize_field("kind", self.kind.name())?;
        fields.serialize_field("captured", &self.captured.to_string())?;
        fields.serialize_field("observed", &self.observed.to_string())?;
        fields.serialize_field("asked_by_replay_only", &self.asked_by_replay_only)?;
        fields.serialize_field("text", &self.to_string())?;
        fields.end()
    }
}

/// What one connection agreed on, and between what it could choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Negotiation {
    pub(super) dialect: Dialect,
    pub(super) capabilities: u32,
    /// The capabilities that the client offered; None where its request is not known.
    pub(super) asked: Option<u32>,
    pub(super) max_transact_size: u32,
    pub(super) max_read_size: u32,
    pub(super) max_write_size: u32,
    pub(super) signing_required: bool,
    /// Only on 3.1.1, where the server chooses.
    pub(super) signing_algorithm: Option<SigningAlgorithm>,
    /// Only on 3.1.1, where the server chooses.
    pub(super) cipher: Option<Cipher>,
    pub(super) offered_algorithms: Vec<SigningAlgorithm>,
    pub(super) offered_ciphers: Vec<Cipher>,
}

impl Negotiation {
    /// Of a captured NEGOTIATE that was answered with a dialect.
    pub(super) fn captured(operation: &Operation) -> Option<Self> {
        let answer = NegotiateResponse::decode(&operation.response.as_ref()?.pdu).ok()?;
        if operation.command != Command::Negotiate || answer.dialect == Dialect::WILDCARD {
            return None;
        }
        let pdu = operation.request.as_ref().map(|part| part.pdu.as_ref()).unwrap_or_default();
        let request = NegotiateRequest::decode(pdu).ok();
        let offered = |context_type| {
            let context = request.as_ref().and_then(|request| request.contexts.find(context_type));
            context.map(|context| context.algorithms().collect::<Vec<u16>>()).unwrap_or_default()
        };
        let chosen = |context_type| answer.contexts.find(context_type)?.algorithms().next();
        let ciphers = offered(NegotiateContext::ENCRYPTION_CAPABILITIES);
        let algorithms = offered(NegotiateContext::SIGNING_CAPABILITIES);
        Some(Self {
            dialect: answer.dialect,
            capabilities: answer.capabilities,
            asked: request.as_ref().map(|request| request.capabilities),
            max_transact_size: answer.max_transact_size,
            max_read_size: answer.max_read_size,
            max_write_size: answer.max_write_size,
            signing_required: answer.security_mode & SIGNING_REQUIRED != 0,
            signing_algorithm: chosen(NegotiateContext::SIGNING_CAPABILITIES).and_then(SigningAlgorithm::from_id),
            cipher: chosen(NegotiateContext::ENCRYPTION_CAPABILITIES).and_then(Cipher::from_id),
            offered_algorithms: algorithms.into_iter().filter_map(SigningAlgorithm::from_id).collect(),
            offered_ciphers: ciphers.into_iter().filter_map(Cipher::from_id).collect(),
        })
    }

    /// Of a connection of the replay.
    pub(super) fn live(connection: &Connection) -> Self {
        let (live, options) = (connection.negotiated(), connection.options());
        let with_contexts = live.dialect == Dialect::SMB3_1_1;
        Self {
            dialect: live.dialect,
            capabilities: live.capabilities,
            asked: Some(live.client_capabilities),
            max_transact_size: live.max_transact_size,
            max_read_size: live.max_read_size,
            max_write_size: live.max_write_size,
            signing_required: live.signing_required(),
            signing_algorithm: with_contexts.then_some(live.signing_algorithm),
            cipher: live.cipher.filter(|_| with_contexts),
            offered_algorithms: options.signing_algorithms.clone(),
            offered_ciphers: options.ciphers.clone(),
        }
    }

    /// What a connection of the replay agreed on otherwise than this captured one. What follows from another dialect is not
    /// told again: capabilities that one of the dialects has not got, algorithms that only 3.1.1 negotiates.
    pub(super) fn differences(&self, live: &Self) -> Vec<NegotiatedDifference> {
        let mut found = Vec::new();
        let mut add = |kind, captured, observed, asked_by_replay_only| {
            if captured != observed {
                found.push(NegotiatedDifference { kind, captured, observed, asked_by_replay_only });
            }
        };
        let dialect = |of: &Self| NegotiatedValue::Dialect(of.dialect);
        add(NegotiatedKind::Dialect, dialect(self), dialect(live), false);
        for capability in Capability::ALL {
            if !capability.exists_in(self.dialect) || !capability.exists_in(live.dialect) {
                continue;
            }
            let offered = |of: &Self| of.capabilities & capability.bit() != 0;
            let asked = |of: &Self| of.asked.is_none_or(|asked| asked & capability.bit() != 0);
            if offered(self) && capability.must_be_asked_for() && !asked(live) {
                // The replay did not ask for it: that says nothing of the target.
                continue;
            }
            let unasked = offered(live) && capability.must_be_asked_for() && !asked(self);
            let value = |of: &Self| NegotiatedValue::Offered(offered(of));
            add(NegotiatedKind::Capability(capability), value(self), value(live), unasked);
        }
        let sizes = [
            (NegotiatedKind::MaxReadSize, self.max_read_size, live.max_read_size),
            (NegotiatedKind::MaxWriteSize, self.max_write_size, live.max_write_size),
            (NegotiatedKind::MaxTransactSize, self.max_transact_size, live.max_transact_size),
        ];
        for (kind, captured, observed) in sizes {
            add(kind, NegotiatedValue::Bytes(captured), NegotiatedValue::Bytes(observed), false);
        }
        let required = |of: &Self| NegotiatedValue::Required(of.signing_required);
        add(NegotiatedKind::Signing, required(self), required(live), false);
        if self.dialect == Dialect::SMB3_1_1 && live.dialect == Dialect::SMB3_1_1 {
            self.algorithms(live, &mut add);
        }
        found
    }

    /// Algorithms are the server's choice only where both clients offered both.
    fn algorithms(&self, live: &Self, add: &mut impl FnMut(NegotiatedKind, NegotiatedValue, NegotiatedValue, bool)) {
        if let (Some(was), Some(is)) = (self.signing_algorithm, live.signing_algorithm)
            && self.offered_algorithms.contains(&is)
            && live.offered_algorithms.contains(&was)
        {
            let [was, is] = [was, is].map(NegotiatedValue::SigningAlgorithm);
            add(NegotiatedKind::SigningAlgorithm, was, is, false);
        }
        let both_offered = |chosen: Option<Cipher>, other: &Self| match chosen {
            Some(cipher) => other.offered_ciphers.contains(&cipher),
            None => !other.offered_ciphers.is_empty(),
        };
        if both_offered(live.cipher, self) && both_offered(self.cipher, live) {
            let [was, is] = [self.cipher, live.cipher].map(NegotiatedValue::Cipher);
            add(NegotiatedKind::Cipher, was, is, false);
        }
    }
}
