//! What the exit status says; documented in the README and relied on by scripts.

use std::process::ExitCode;

/// How a run of smbreplay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitStatus {
    /// Done, and nothing diverged.
    Done = 0,
    /// The lab server answered differently, or a threshold was not met.
    Diverged = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// A capture or dataset cannot be read, or only in part.
    Unreadable = 3,
    /// The target cannot be reached, or refused the login.
    Target = 4,
    /// A needed tool is missing.
    ToolMissing = 5,
    /// The user interrupted it.
    Interrupted = 130,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status as u8)
    }
}
