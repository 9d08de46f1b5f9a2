//! What can go wrong with an ingest.

use std::path::PathBuf;

use crate::capture::CaptureError;
use crate::dissect::EkError;
use crate::store::StoreError;
use crate::tools::ToolError;

/// An ingest that did not come to a dataset.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum IngestError {
    #[error(transparent)]
    Capture(CaptureError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error("tshark's output: {0}")]
    Tshark(#[from] EkError),
    #[error("{}: no SMB2 traffic in its {packets} packets; it holds {instead}{hint}", path.display())]
    NoSmb2 { path: PathBuf, packets: u64, instead: String, hint: &'static str },
    #[error("{}: {source}", path.display())]
    Input { path: PathBuf, source: std::io::Error },
    #[error(
        "a thread failed while {what}; this is a defect of smbreplay, please report it with the capture's README or source"
    )]
    Worker { what: &'static str },
    #[error("no capture was named")]
    NoInput,
    #[error("interrupted; nothing was written, and an earlier dataset is as it was")]
    Interrupted,
}

impl From<CaptureError> for IngestError {
    fn from(error: CaptureError) -> Self {
        match error {
            CaptureError::Interrupted => Self::Interrupted,
            error => Self::Capture(error),
        }
    }
}
