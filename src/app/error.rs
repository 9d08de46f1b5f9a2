//! How use cases fail.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use super::path_pattern::PatternError;
use crate::store::StoreError;
use crate::tools::ToolError;

/// What kind of failure an error is: front ends make exit statuses of it, or those of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request asks for what cannot be, or names what is not there.
    Request,
    /// A capture, a dataset or a result cannot be read or written.
    Unreadable,
    /// The lab server cannot be reached, or refused the login.
    Target,
    /// A program that is needed is missing.
    ToolMissing,
    /// Whoever started the work ended it.
    Cancelled,
}

impl From<&ToolError> for ErrorKind {
    fn from(error: &ToolError) -> Self {
        match error {
            ToolError::Key(_) => Self::Request,
            error if error.is_missing_tool() => Self::ToolMissing,
            _ => Self::Unreadable,
        }
    }
}

/// The error of a use case.
pub trait UseCaseError: Error + Send + Sync + 'static {
    /// Its kind.
    fn kind(&self) -> ErrorKind;
}

/// A dataset, a session or a run that was not found, or cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// No capture was named, and there is no default.
    #[error("no capture was named and none was ingested before")]
    NoCaptureNamed,
    /// A session has to be named.
    #[error("the capture has {sessions} sessions; name one")]
    SessionNotNamed {
        /// How many there are.
        sessions: usize,
    },
    /// No session goes by this name.
    #[error("the capture has no session {name}")]
    NoSession {
        /// The name.
        name: String,
    },
    /// Several sessions go by this name.
    #[error("{name} fits {sessions} sessions")]
    AmbiguousSession {
        /// The name.
        name: String,
        /// How many.
        sessions: usize,
    },
    /// A pattern or a case leads to no capture.
    #[error("{}: there is no capture", asked.display())]
    NoCapture {
        /// The pattern, or the folder of the case.
        asked: PathBuf,
    },
    /// A pattern or a case leads to captures of which none is ingested.
    #[error("{}: nothing of that is ingested", asked.display())]
    NothingIngested {
        /// The pattern, or the folder of the case.
        asked: PathBuf,
        /// One of the captures.
        capture: PathBuf,
    },
    /// A pattern for captures is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// The capture has not been replayed that often.
    #[error("there is no run {name}: the capture has been replayed {runs} times")]
    NoSuchRun {
        /// What was asked for.
        name: String,
        /// How often it was replayed.
        runs: usize,
    },
    /// No run has a name that begins so.
    #[error("no run begins with {name}")]
    NoRun {
        /// The beginning.
        name: String,
    },
    /// Several runs have names that begin so.
    #[error("{name} fits {runs} runs")]
    AmbiguousRun {
        /// The beginning.
        name: String,
        /// How many.
        runs: usize,
    },
    /// The dataset cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The work was ended from outside.
    #[error("interrupted")]
    Cancelled,
    /// The folder of a case cannot be read.
    #[error("{}: {source}", folder.display())]
    CaseFolder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder with captures cannot be read.
    #[error("{}: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl UseCaseError for DatasetError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoCaptureNamed
            | Self::SessionNotNamed { .. }
            | Self::NoSession { .. }
            | Self::AmbiguousSession { .. }
            | Self::Pattern(_)
            | Self::NoSuchRun { .. }
            | Self::NoRun { .. }
            | Self::AmbiguousRun { .. } => ErrorKind::Request,
            Self::NoCapture { .. }
            | Self::NothingIngested { .. }
            | Self::Store(_)
            | Self::CaseFolder { .. }
            | Self::Folder { .. } => ErrorKind::Unreadable,
            Self::Cancelled => ErrorKind::Cancelled,
        }
    }
}
