//! Names on the target that a setup or a replay may make or move.

use serde::{Deserialize, Serialize};

/// What was under a name before anything was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Before {
    /// Nothing: what is there later was made since.
    Absent,
    /// A file that is not ours.
    File,
    /// A folder that is not ours.
    Directory,
}

/// A name, written down before anything was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeName {
    /// Whose it is: the id of the replayed session, or `all`.
    pub run: String,
    /// The target's share.
    pub share: String,
    /// Path in the share, `\`-separated, base folder included; `file:stream` for a stream.
    pub path: String,
    /// What was there.
    pub before: Before,
    /// `IndexNumber` of what was there, [MS-FSCC] 2.4.22; 0 when there is none or it is not known. By it a foreign file is known
    /// again that a replay has moved.
    #[serde(default)]
    pub file_id: u64,
}
