//! What is known of a replay run as a whole: the entry that its results carry.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A run, for lists of runs and for comparing two.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunEntry {
    /// When it began, RFC 3339.
    pub started: String,
    /// The capture, as its dataset names it.
    pub capture: String,
    /// Hash of the capture's bytes.
    pub capture_hash: String,
    /// Ids of the replayed sessions, `0x…`.
    pub sessions: Vec<String>,
    /// Address and port of the target.
    pub target: String,
    /// Who logged in.
    pub user: String,
    /// What steps waited for.
    pub ordering: String,
    /// When they were sent.
    pub pacing: String,
    /// `agreed`, `diverged` or `interrupted`.
    pub verdict: String,
    /// Whether the run failed by the thresholds it was given, or, without any, by diverging.
    pub failed: bool,
    /// From the start of the run to its end, in seconds.
    pub elapsed: f64,
    /// Steps of the plan.
    pub steps: u64,
    /// Requests that went out as captured.
    pub sent: u64,
    /// Steps by class; those that noise covers are not among them.
    pub classes: BTreeMap<String, u64>,
    /// Steps that diverged in what a noise model covers.
    pub noise: u64,
    /// The version of smbreplay.
    pub smbreplay: String,
}
