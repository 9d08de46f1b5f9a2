//! What was done over SMB1, to look at.

use std::path::PathBuf;

use super::error::{ErrorKind, UseCaseError};
use super::events::{Events, Warning};
use super::tshark_lines::{Reading, each_line};
use crate::analyse::{Smb1Activity, smb1_activity};
use crate::dissect::smb1_messages;
use crate::tools::{Keys, Profile, Tool, ToolError, Tshark};

/// Which capture.
#[derive(Clone, Debug, Default)]
pub struct Smb1Request {
    /// The capture's file.
    pub file: PathBuf,
    /// Ports of SMB beside 445 and 139.
    pub ports: Vec<u16>,
    /// tshark's program; else it is looked for.
    pub tshark: Option<PathBuf>,
}

/// What was done over SMB1.
#[derive(Clone, Debug)]
pub struct Smb1Report {
    /// Logins, files and operations.
    pub activity: Smb1Activity,
    /// Whether tshark could not read all of the capture.
    pub partial: bool,
}

/// A capture without SMB1, or one that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Smb1Error {
    /// There is no such file.
    #[error("{}: no such file", file.display())]
    NoFile {
        /// The file.
        file: PathBuf,
    },
    /// It holds no SMB1.
    #[error("{}: no SMB1 in it", file.display())]
    NoSmb1 {
        /// The file.
        file: PathBuf,
    },
    /// tshark is missing, or failed.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The work was ended from outside.
    #[error("interrupted")]
    Cancelled,
}

impl UseCaseError for Smb1Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoFile { .. } | Self::NoSmb1 { .. } => ErrorKind::Unreadable,
            Self::Tool(error) => error.into(),
            Self::Cancelled => ErrorKind::Cancelled,
        }
    }
}

/// Reads SMB1 from a capture, by tshark. It is another protocol than SMB2, has no place in a dataset and cannot be replayed.
///
/// ```
/// use smbreplay::app::{self, Quiet, Smb1Error, Smb1Request};
///
/// let file = "fixtures/quickstart/capture.pcapng".into();
/// match app::smb1(&Smb1Request { file, ..Smb1Request::default() }, &Quiet) {
///     Ok(report) => assert!(!report.activity.operations.is_empty()),
///     Err(error) => assert!(matches!(error, Smb1Error::NoSmb1 { .. }), "{error}"),
/// }
/// ```
///
/// # Errors
/// The file is not there or holds no SMB1; tshark is missing or fails.
pub fn smb1(request: &Smb1Request, events: &dyn Events) -> Result<Smb1Report, Smb1Error> {
    let file = &request.file;
    if !file.is_file() {
        return Err(Smb1Error::NoFile { file: file.clone() });
    }
    let located = Tool::Tshark.locate(request.tshark.as_deref())?;
    let tshark = Tshark::new(located, Profile::new(&Keys::default())?);
    let mut messages = Vec::new();
    let command = tshark.smb1_command(file, &request.ports);
    let partial = match each_line(&tshark, command, events, |line| messages.extend(smb1_messages(line)))? {
        Reading::Whole => false,
        Reading::Partial(messages) => {
            events.warning(&Warning::PartlyRead { messages });
            true
        }
        Reading::Cancelled => return Err(Smb1Error::Cancelled),
    };
    let activity = smb1_activity(messages);
    if activity.operations.is_empty() {
        return Err(Smb1Error::NoSmb1 { file: file.clone() });
    }
    Ok(Smb1Report { activity, partial })
}
