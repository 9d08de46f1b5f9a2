//! What a failed use case comes to on the command line: its exit status, and which command or option helps.

use super::Failure;
use crate::app::{DatasetError, ErrorKind, IngestError, UseCaseError};
use crate::cli::exit_status::ExitStatus;

impl From<ErrorKind> for ExitStatus {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Request => Self::Usage,
            ErrorKind::Unreadable => Self::Unreadable,
            ErrorKind::Target => Self::Target,
            ErrorKind::ToolMissing => Self::ToolMissing,
            ErrorKind::Cancelled => Self::Interrupted,
        }
    }
}

impl Failure {
    /// The failure of a use case, with what the user can type to go on.
    fn of(error: impl UseCaseError, remedy: Option<impl Into<String>>) -> Self {
        let failure = Self::new(error.kind().into(), error);
        match remedy {
            Some(remedy) => failure.remedy(remedy),
            None => failure,
        }
    }
}

impl From<DatasetError> for Failure {
    fn from(error: DatasetError) -> Self {
        let remedy = match &error {
            DatasetError::NoCaptureNamed => {
                Some("name one with --trace FILE, or ingest one: smbreplay ingest FILE".to_owned())
            }
            DatasetError::SessionNotNamed { .. }
            | DatasetError::NoSession { .. }
            | DatasetError::AmbiguousSession { .. } => {
                Some("`smbreplay session --list` shows the sessions".to_owned())
            }
            _ => None,
        };
        Self::of(error, remedy)
    }
}

impl From<IngestError> for Failure {
    fn from(error: IngestError) -> Self {
        let remedy = match &error {
            IngestError::NoCaptureNamed => {
                Some("name one: smbreplay ingest FILE; `smbreplay list traces` shows those of the case")
            }
            _ => None,
        };
        Self::of(error, remedy)
    }
}
