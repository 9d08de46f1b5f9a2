//! A step of a replay, as the results of a run keep it.

use std::borrow::Cow;
use std::sync::Arc;

use super::command::Command;
use super::ids::SessionId;
use super::nt_status::NtStatus;

/// What one captured operation came to on the target. Times are nanoseconds from the start of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayedStep {
    /// Its place in the run, from 0.
    pub step: u32,
    /// Which of the copies that ran at once, from 1.
    pub copy: u32,
    /// The how manieth time, from 1.
    pub iteration: u32,
    /// Its operation's place in the captured session.
    pub op_index: u32,
    /// The captured session.
    pub session_id: SessionId,
    /// The command.
    pub command: Command,
    /// The frame of the captured request; of the answer, where the server began.
    pub frame: u64,
    /// `\\server\share` of the captured tree.
    pub share: Option<Arc<str>>,
    /// Share-relative path, as captured.
    pub path: Option<Arc<str>>,
    /// How it compares: `match`, `status`, `data` …
    pub class: Cow<'static, str>,
    /// The step that it was skipped for.
    pub root_step: Option<u32>,
    /// Why it could not be replayed.
    pub reason: Option<Cow<'static, str>>,
    /// Whether a noise model covers what diverged.
    pub noise: bool,
    /// Whether there was a captured answer to compare with.
    pub compared: bool,
    /// Status in the capture.
    pub captured_status: Option<NtStatus>,
    /// Status from the target.
    pub replayed_status: Option<NtStatus>,
    /// Bytes of the captured response PDU.
    pub captured_length: Option<u32>,
    /// Bytes of the target's response PDU.
    pub replayed_length: Option<u32>,
    /// Payload bytes that the captured READ returned or WRITE response accepted.
    pub captured_bytes: Option<u64>,
    /// The same from the target.
    pub replayed_bytes: Option<u64>,
    /// xxh3-128 of a READ's captured payload, big-endian.
    pub captured_hash: Option<[u8; 16]>,
    /// The same from the target.
    pub replayed_hash: Option<[u8; 16]>,
    /// When it was to be sent.
    pub due_ns: Option<i64>,
    /// When all that it waits for was there.
    pub ready_ns: Option<i64>,
    /// When it was sent.
    pub sent_ns: Option<i64>,
    /// When its final answer had arrived.
    pub answered_ns: Option<i64>,
    /// From request to final response in the capture.
    pub captured_latency_ns: Option<i64>,
    /// The same on the target.
    pub replayed_latency_ns: Option<i64>,
    /// What diverged, the first thing first.
    pub differences: Vec<Difference>,
    /// What else is worth knowing.
    pub note: Option<Box<str>>,
}

impl ReplayedStep {
    /// A step of which nothing is known.
    pub fn blank() -> Self {
        Self {
            step: 0,
            copy: 0,
            iteration: 0,
            op_index: 0,
            session_id: SessionId(0),
            command: Command::from_code(0),
            frame: 0,
            share: None,
            path: None,
            class: Cow::Borrowed(""),
            root_step: None,
            reason: None,
            noise: false,
            compared: false,
            captured_status: None,
            replayed_status: None,
            captured_length: None,
            replayed_length: None,
            captured_bytes: None,
            replayed_bytes: None,
            captured_hash: None,
            replayed_hash: None,
            due_ns: None,
            ready_ns: None,
            sent_ns: None,
            answered_ns: None,
            captured_latency_ns: None,
            replayed_latency_ns: None,
            differences: Vec::new(),
            note: None,
        }
    }
}

/// One thing that diverged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// What it is about.
    pub subject: Box<str>,
    /// In the capture.
    pub captured: Box<str>,
    /// From the target.
    pub observed: Box<str>,
}
