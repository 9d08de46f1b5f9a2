//! What a failed use case comes to on the command line: its exit status, and which command or option helps.

use super::Failure;
use crate::app::{
    DatasetError, ErrorKind, ExportError, ExtractError, FilterError, FrameError, IngestError, LifecycleError,
    ReportError, RowsError, Smb1Error, UseCaseError,
};
#[cfg(feature = "query")]
use crate::app::{QueryError, SqlError};
use crate::cli::exit_status::ExitStatus;
use crate::cli::output::OutputError;

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
        if let DatasetError::Pattern(error) = &error {
            return Self::message(ExitStatus::Usage, format!("--trace: {error}"));
        }
        let remedy = match &error {
            DatasetError::NoCaptureNamed => {
                "name one with --trace FILE, or ingest one: smbreplay ingest FILE".to_owned()
            }
            DatasetError::SessionNotNamed { .. }
            | DatasetError::NoSession { .. }
            | DatasetError::AmbiguousSession { .. } => "`smbreplay session --list` shows the sessions".to_owned(),
            DatasetError::NoCapture { .. } => "`smbreplay list traces` shows those of traces_folder".to_owned(),
            DatasetError::NothingIngested { capture, .. } => format!("smbreplay ingest {}", capture.display()),
            DatasetError::CaseFolder { .. } => {
                "`smbreplay config set traces_folder DIR` says where cases are".to_owned()
            }
            DatasetError::NoSuchRun { .. } | DatasetError::NoRun { .. } | DatasetError::AmbiguousRun { .. } => {
                "`smbreplay list runs` shows the runs".to_owned()
            }
            DatasetError::Pattern(_)
            | DatasetError::Store(_)
            | DatasetError::Cancelled
            | DatasetError::Folder { .. } => return Self::of(error, None::<String>),
        };
        Self::of(error, Some(remedy))
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

impl From<FilterError> for Failure {
    fn from(error: FilterError) -> Self {
        Self::new(ExitStatus::Usage, error)
    }
}

impl From<RowsError> for Failure {
    fn from(error: RowsError) -> Self {
        match error {
            RowsError::Dataset(error) => error.into(),
            error => Self::of(error, Some(format!("there are {}", RowsError::known_columns().join(", ")))),
        }
    }
}

impl From<FrameError> for Failure {
    fn from(error: FrameError) -> Self {
        let remedy = match error {
            FrameError::Dataset(error) => return error.into(),
            FrameError::NoMessage { .. } => {
                Some("`smbreplay session ID` shows the frames; a message in several packets is in its last one")
            }
            FrameError::SeveralFiles => Some("mergecap makes one file of them"),
            _ => None,
        };
        Self::of(error, remedy)
    }
}

impl From<LifecycleError> for Failure {
    fn from(error: LifecycleError) -> Self {
        match error {
            LifecycleError::Dataset(error) => error.into(),
            error => Self::of(error, None::<String>),
        }
    }
}

impl From<Smb1Error> for Failure {
    fn from(error: Smb1Error) -> Self {
        let remedy = match &error {
            Smb1Error::NoSmb1 { .. } => {
                Some("`smbreplay ingest` reads SMB2 and SMB3; --port names other ports than 445 and 139")
            }
            _ => None,
        };
        Self::of(error, remedy)
    }
}

impl From<ExtractError> for Failure {
    fn from(error: ExtractError) -> Self {
        match error {
            ExtractError::Dataset(error) => error.into(),
            ExtractError::Folder { .. } => Self::message(ExitStatus::Usage, format!("--to {error}"))
                .remedy("name a folder that is not there yet, or is empty"),
            error => Self::of(error, None::<String>),
        }
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        let remedy = match error {
            ReportError::Dataset(error) => return error.into(),
            ReportError::RunReport { .. } => Some("a new replay writes a new one"),
            ReportError::Write { .. } => Some("-o FILE puts the page elsewhere"),
            _ => None,
        };
        Self::of(error, remedy)
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Dataset(error) => error.into(),
            ExportError::Output(error) => OutputError(error).into(),
            error => Self::of(error, None::<String>),
        }
    }
}

#[cfg(feature = "query")]
impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        let remedy = match error {
            QueryError::Dataset(error) => return error.into(),
            QueryError::RunOfSeveral => {
                return Self::message(ExitStatus::Usage, "--run is a folder, and several captures were chosen")
                    .remedy("name the capture that it belongs to");
            }
            QueryError::Query(SqlError::Memory { .. }) => Some("give it more with --memory MIB, or ask for less"),
            QueryError::Query(SqlError::Stalled { .. }) => {
                Some("ask again; with more --memory it needs fewer temporary files")
            }
            _ => None,
        };
        Self::of(error, remedy)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn what_was_not_found_comes_with_what_to_type() {
        let asked = PathBuf::from("7/t*");
        let name = || "x".to_owned();
        for (error, status, told) in [
            (DatasetError::NoCaptureNamed, ExitStatus::Usage, "smbreplay ingest FILE"),
            (DatasetError::NoSession { name: name() }, ExitStatus::Usage, "session --list"),
            (DatasetError::NoCapture { asked: asked.clone() }, ExitStatus::Unreadable, "list traces"),
            (
                DatasetError::NothingIngested { asked, capture: "7/tue.pcap".into() },
                ExitStatus::Unreadable,
                "7/t*: nothing of that is ingested; smbreplay ingest 7/tue.pcap",
            ),
            (DatasetError::NoRun { name: name() }, ExitStatus::Usage, "list runs"),
            (DatasetError::Cancelled, ExitStatus::Interrupted, "interrupted"),
        ] {
            let failure = Failure::from(error);
            assert_eq!(failure.status(), status, "{failure}");
            assert!(failure.to_string().contains(told), "{failure}");
        }
    }
}
