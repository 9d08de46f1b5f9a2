//! What goes wrong with the tools.

use std::io;
use std::path::PathBuf;

use super::locate::{PathOrigin, Tool};

/// A tool that is missing, cannot be started, or failed.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It is in no folder of `PATH`.
    #[error("{tool} is not installed; `{}` installs it{}", tool.install_command(), tool.way_on())]
    Missing {
        /// Which one.
        tool: Tool,
    },
    /// The path that was given for it leads nowhere.
    #[error("{tool} is not at {} ({origin}), or cannot be executed there", path.display())]
    NotThere {
        /// Which one.
        tool: Tool,
        /// What was given.
        path: PathBuf,
        /// Who gave it.
        origin: PathOrigin,
    },
    /// The system did not start it, or lost it.
    #[error("cannot run {}", path.display())]
    Run {
        /// Its program file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ended with a non-zero exit status, or by a signal.
    #[error("{tool} failed ({}){}", exit_text(*code), stderr_text(messages))]
    Failed {
        /// Which one.
        tool: Tool,
        /// Its exit status; None when a signal ended it.
        code: Option<i32>,
        /// The last lines of its stderr.
        messages: Vec<String>,
    },
    /// It had all that it could wait for, and yet neither read, printed nor computed.
    #[error("{tool} did nothing for {seconds} s and was ended")]
    StoodStill {
        /// Which one.
        tool: Tool,
        /// For how long.
        seconds: u64,
    },
    /// What it printed is not what it should print.
    #[error("{tool} printed something unexpected: {text:?}")]
    UnexpectedOutput {
        /// Which one.
        tool: Tool,
        /// The text.
        text: String,
    },
    /// The file cannot be read as a capture.
    #[error("{}: {reason}", path.display())]
    NotACapture {
        /// The file.
        path: PathBuf,
        /// The tool's own words.
        reason: String,
    },
    /// The file is compressed: pcapfix would turn it to junk.
    #[error("{} is compressed and cannot be repaired as it is; decompress it first", path.display())]
    Compressed {
        /// The file.
        path: PathBuf,
    },
    /// The private folder for a run cannot be made or written.
    #[error("cannot prepare a private folder for {tool}")]
    PrivateFolder {
        /// Which one.
        tool: Tool,
        /// Why.
        source: io::Error,
    },
    /// The user's own command line failed.
    #[error("the command {line:?} failed ({})", exit_text(*code))]
    CommandLine {
        /// As it was given.
        line: String,
        /// Its exit status; None when a signal ended it.
        code: Option<i32>,
    },
    /// The user's own command line did not end in time.
    #[error("the command {line:?} has not ended in {} s and was killed", limit.as_secs_f64())]
    TookTooLong {
        /// As it was given.
        line: String,
        /// How long it had.
        limit: std::time::Duration,
    },
    /// A key cannot be handed to tshark.
    #[error(transparent)]
    Key(#[from] super::keys::InvalidKey),
}

impl ToolError {
    /// Whether a tool is missing (and not: there, but failing).
    pub fn is_missing_tool(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::NotThere { .. })
    }
}

fn exit_text(code: Option<i32>) -> String {
    code.map_or_else(|| "ended by a signal".to_owned(), |code| format!("exit status {code}"))
}

fn stderr_text(messages: &[String]) -> String {
    if messages.is_empty() { String::new() } else { format!(": {}", messages.join("; ")) }
}
