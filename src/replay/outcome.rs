//! What became of each step.

use std::time::Duration;

use bytes::Bytes;
use serde::{Serialize, Serializer};

use super::copies::Pass;
use super::negotiated::NegotiatedDifference;
use super::plan::StepIndex;
use super::reason::Reason;
use crate::model::NtStatus;

/// How an outcome differs from the captured response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// It does not, in anything that should agree.
    Match,
    /// Another NT status.
    Status,
    /// Other bytes.
    Data,
    /// Another number of bytes.
    Length,
    /// A decoded field that should agree does not: size, attributes, directory entries …
    Info,
    /// The capture has an answer (or a break of the server), and the run has none.
    MissingResponse,
    /// No answer in time.
    Timeout,
    /// The connection ended before the answer.
    ConnectionLost,
    /// Knock-on: a step that it depends on failed.
    Skipped {
        /// The step where it began.
        root: StepIndex,
    },
    /// Not part of the run, for a reason known beforehand.
    NotReplayable(Reason),
    /// The run ended before its turn.
    NotReached,
    /// Not part of the run, since it was not selected.
    NotSelected,
}

impl Class {
    /// The names, in the order in which they are listed.
    pub const NAMES: [&'static str; 12] = [
        "match",
        "status",
        "data",
        "length",
        "info",
        "missing_response",
        "timeout",
        "connection_lost",
        "skipped",
        "not_replayable",
        "not_reached",
        "not_selected",
    ];

    /// The name in reports and datasets.
    pub fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Status => "status",
            Self::Data => "data",
            Self::Length => "length",
            Self::Info => "info",
            Self::MissingResponse => "missing_response",
            Self::Timeout => "timeout",
            Self::ConnectionLost => "connection_lost",
            Self::Skipped { .. } => "skipped",
            Self::NotReplayable(_) => "not_replayable",
            Self::NotReached => "not_reached",
            Self::NotSelected => "not_selected",
        }
    }

    /// Whether the server answered differently by itself, and not as a consequence.
    pub fn is_divergence(self) -> bool {
        matches!(
            self,
            Self::Status
                | Self::Data
                | Self::Length
                | Self::Info
                | Self::MissingResponse
                | Self::Timeout
                | Self::ConnectionLost
        )
    }
}

impl Serialize for Class {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What was expected and what was observed, of a divergence; or what is worth telling of a match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about: `status`, `end_of_file`, `byte 4711 of the data` …
    pub subject: String,
    /// In the capture.
    pub expected: String,
    /// From the target.
    pub observed: String,
}

impl Finding {
    /// A finding.
    pub fn new(subject: impl Into<String>, expected: impl ToString, observed: impl ToString) -> Self {
        Self { subject: subject.into(), expected: expected.to_string(), observed: observed.to_string() }
    }
}

/// What a step came to. Times count from the start of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The step.
    pub step: StepIndex,
    /// Which copy's, and which time.
    pub pass: Pass,
    /// How it compares.
    pub class: Class,
    /// The target's status; None without an answer.
    pub status: Option<NtStatus>,
    /// What diverged, the first thing first.
    pub findings: Vec<Finding>,
    /// What the target negotiated otherwise, if it diverged because of that.
    pub cause: Option<NegotiatedDifference>,
    /// What else is worth knowing: differences that are no divergence, what could not be compared.
    pub note: Option<Box<str>>,
    /// Whether there was a captured answer to compare with.
    pub compared: bool,
    /// Whether the noise model of the run covers all that diverged.
    pub noise: bool,
    /// When it was to be sent by the pacing.
    pub due: Option<Duration>,
    /// When all that it waits for was there: answers, its connection, its login.
    pub ready: Option<Duration>,
    /// When it was sent.
    pub sent: Option<Duration>,
    /// When its final answer had arrived.
    pub answered: Option<Duration>,
    /// Bytes of the response PDU.
    pub response_length: u32,
    /// xxh3-128 of a READ's payload.
    pub data_hash: Option<u128>,
    /// Payload bytes of a READ response, or that a WRITE response accepts.
    pub payload: u64,
    /// The response PDU, when the options ask to keep it.
    pub response: Option<Bytes>,
}

impl Outcome {
    /// An outcome without an answer.
    pub fn unanswered(step: StepIndex, class: Class) -> Self {
        Self {
            step,
            pass: Pass::default(),
            class,
            status: None,
            findings: Vec::new(),
            cause: None,
            note: None,
            compared: false,
            noise: false,
            due: None,
            ready: None,
            sent: None,
            answered: None,
            response_length: 0,
            data_hash: None,
            payload: 0,
            response: None,
        }
    }

    /// Whether it counts as a divergence: it is one, and not known to be noise.
    pub fn diverged(&self) -> bool {
        self.class.is_divergence() && !self.noise
    }

    /// From sending to the final answer.
    pub fn latency(&self) -> Option<Duration> {
        self.answered?.checked_sub(self.sent?)
    }

    /// How late the engine was with it: how much later it was sent than it was due and could be. It could not be before the answers
    /// that the captured client had waited for, and its login, were there.
    pub fn lateness(&self) -> Option<Duration> {
        Some(self.sent?.saturating_sub(self.due?.max(self.ready?)))
    }

    /// How far behind the clock it was sent, for whatever reason.
    pub fn behind(&self) -> Option<Duration> {
        Some(self.sent?.saturating_sub(self.due?))
    }
}
