//! The operations that a frame is a part of, in full.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::app::error::{DatasetError, ErrorKind, UseCaseError};
use crate::app::events::Events;
use crate::app::find::{TraceRequest, choose_session};
use crate::app::tshark_lines::{Reading, each_line};
use crate::model::Operation;
use crate::store::{Dataset, StoreError};
use crate::tools::{Keys, Profile, Tool, ToolError, Tshark};

/// Which frame.
#[derive(Clone, Debug, Default)]
pub struct FrameRequest {
    /// The capture.
    pub trace: TraceRequest,
    /// The session; it can be left out if there is only one.
    pub session: Option<String>,
    /// The frame that completes a message.
    pub frame: u64,
    /// Whether tshark's text of the frames is wanted too.
    pub dissect: bool,
}

/// The operations that a frame is a part of.
#[derive(Clone, Debug)]
pub struct FrameDetail {
    /// The operations, with the bytes of their messages.
    pub operations: Vec<Operation>,
    /// tshark's text of every frame of the operations, line by line.
    pub dissection: Option<Vec<String>>,
}

/// A frame that cannot be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// No message of the session ends in this frame.
    #[error("frame {frame} completes no message of session {session}")]
    NoMessage {
        /// The frame.
        frame: u64,
        /// The session's id.
        session: String,
    },
    /// tshark is to show frames of a dataset of several files.
    #[error("the dataset is of several capture files, and tshark counts the frames of each anew")]
    SeveralFiles,
    /// tshark is to show frames of a capture that is gone.
    #[error("{}: the capture is not there any more, and only it has the frames", capture.display())]
    CaptureGone {
        /// The capture.
        capture: PathBuf,
    },
    /// The dataset or the session.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// tshark is missing, or failed.
    #[error(transparent)]
    Tool(#[from] ToolError),
}

impl UseCaseError for FrameError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoMessage { .. } | Self::SeveralFiles => ErrorKind::Request,
            Self::CaptureGone { .. } => ErrorKind::Unreadable,
            Self::Dataset(error) => error.kind(),
            Self::Tool(error) => error.into(),
        }
    }
}

impl From<StoreError> for FrameError {
    fn from(error: StoreError) -> Self {
        Self::Dataset(error.into())
    }
}

/// Reads the operations that a frame is a part of, in full.
///
/// ```
/// use smbreplay::app::{self, FrameRequest, IngestRequest, Quiet, SessionRequest, TraceRequest};
///
/// let folder = tempfile::tempdir()?;
/// let capture = "fixtures/quickstart/capture.pcapng";
/// app::ingest(&IngestRequest::of(capture).with_output(folder.path()).without_tshark(), &Quiet)?;
///
/// let trace = TraceRequest::of(capture).with_output(folder.path());
/// let session = Some("1".to_owned());
/// let request = SessionRequest { trace: trace.clone(), session: session.clone(), ..SessionRequest::default() };
/// let first = app::session_operations(&request, &Quiet)?.next().ok_or("no operation")??;
/// let frame = first.parts().next().map_or(0, |part| part.frame);
///
/// let detail = app::session_frame(&FrameRequest { trace, session, frame, dissect: false }, &Quiet)?;
/// assert_eq!(detail.operations[0].command, first.command);
/// assert!(detail.operations[0].request.as_ref().is_some_and(|request| !request.pdu.is_empty()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// No message ends in the frame; the dataset or the session is not there; tshark is wanted and is missing or fails.
pub fn session_frame(request: &FrameRequest, events: &dyn Events) -> Result<FrameDetail, FrameError> {
    let dataset = request.trace.open()?;
    let session = choose_session(&dataset, request.session.as_deref())?;
    let operations: Vec<Operation> =
        dataset.operations_at_frame(session, request.frame)?.collect::<Result<_, StoreError>>()?;
    if operations.is_empty() {
        return Err(FrameError::NoMessage { frame: request.frame, session: session.id.clone() });
    }
    let dissection = if request.dissect { Some(dissected(&dataset, &operations, events)?) } else { None };
    Ok(FrameDetail { operations, dissection })
}

/// tshark's own text of every frame of the operations.
fn dissected(dataset: &Dataset, operations: &[Operation], events: &dyn Events) -> Result<Vec<String>, FrameError> {
    let manifest = dataset.manifest();
    if manifest.capture.paths.len() != 1 {
        return Err(FrameError::SeveralFiles);
    }
    let capture = dataset.place().capture();
    if !capture.is_file() {
        return Err(FrameError::CaptureGone { capture: capture.to_owned() });
    }
    let tshark = Tshark::new(Tool::Tshark.locate(None)?, Profile::new(&Keys::default())?);
    let ports: Vec<u16> = manifest.ports();
    let frames: BTreeSet<u64> = operations.iter().flat_map(Operation::parts).map(|part| part.frame).collect();
    let mut lines = Vec::new();
    for frame in frames {
        lines.push(String::new());
        let command = tshark.verbose_frame_command(capture, &ports, frame);
        if let Reading::Cancelled = each_line(&tshark, command, events, |line| lines.push(line.to_owned()))? {
            return Err(DatasetError::Cancelled.into());
        }
    }
    Ok(lines)
}
