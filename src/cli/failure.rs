//! A command that did not succeed: what to print, and the exit status.

mod use_case;

use std::error::Error;
use std::fmt;
use std::io;

use super::config::ConfigError;
use super::exit_status::ExitStatus;
use super::output::OutputError;
use super::password::PasswordError;
use crate::app::ErrorKind;
use crate::store::StoreError;
use crate::tools::{InvalidKey, ToolError};

/// An error with its exit status and, where there is one, a remedy.
#[derive(Debug)]
pub struct Failure {
    status: ExitStatus,
    error: anyhow::Error,
    remedy: Option<String>,
}

impl Failure {
    /// A failure of an error.
    pub fn new(status: ExitStatus, error: impl Into<anyhow::Error>) -> Self {
        Self { status, error: error.into(), remedy: None }
    }

    /// A failure that is described here.
    pub fn message(status: ExitStatus, text: impl fmt::Display + fmt::Debug + Send + Sync + 'static) -> Self {
        Self::new(status, anyhow::Error::msg(text))
    }

    /// The same failure, with what the user can do.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Its exit status.
    pub fn status(&self) -> ExitStatus {
        self.status
    }

    /// Whether whoever read our stdout has gone: no failure, and nobody to tell.
    pub(super) fn is_closed_pipe(&self) -> bool {
        self.error.chain().any(|cause| {
            cause.downcast_ref::<OutputError>().is_some_and(|error| error.0.kind() == io::ErrorKind::BrokenPipe)
        })
    }
}

impl fmt::Display for Failure {
    /// One line: the error, its causes where they add something, the remedy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.error.to_string();
        for cause in self.error.chain().skip(1).map(<dyn Error>::to_string) {
            // Errors that show their cause themselves would tell it twice.
            if !text.contains(&cause) {
                text.push_str(": ");
                text.push_str(&cause);
            }
        }
        if let Some(remedy) = &self.remedy {
            text.push_str("; ");
            text.push_str(remedy);
        }
        let line: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        f.write_str(&line.join(" "))
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        Self::new(ExitStatus::Unreadable, error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(ExitStatus::Usage, error)
    }
}

impl From<PasswordError> for Failure {
    fn from(error: PasswordError) -> Self {
        Self::new(ExitStatus::Usage, error)
    }
}

impl From<InvalidKey> for Failure {
    fn from(error: InvalidKey) -> Self {
        Self::new(ExitStatus::Usage, error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(ExitStatus::Unreadable, error)
    }
}

impl From<ToolError> for Failure {
    fn from(error: ToolError) -> Self {
        Self::new(ErrorKind::from(&error).into(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::Tool;

    #[test]
    fn a_failure_is_one_line_with_its_causes_and_its_remedy() {
        let cause = io::Error::other("the disk\nis full");
        let error = anyhow::Error::new(cause).context("cannot write x");
        let failure = Failure::new(ExitStatus::Unreadable, error).remedy("use another folder");
        assert_eq!(failure.to_string(), "cannot write x: the disk is full; use another folder");
    }

    #[test]
    fn failures_keep_their_exit_status_and_closed_pipes_are_told_apart() {
        assert_eq!(Failure::from(ToolError::Missing { tool: Tool::Tshark }).status(), ExitStatus::ToolMissing);
        let gone = OutputError(io::ErrorKind::BrokenPipe.into());
        assert!(Failure::from(gone).is_closed_pipe());
        let socket = anyhow::Error::new(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(!Failure::new(ExitStatus::Target, socket).is_closed_pipe());
    }
}
