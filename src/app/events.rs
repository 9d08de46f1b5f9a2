//! What a use case tells and asks while it works.

use std::fmt;
use std::path::PathBuf;

use super::cancel::CancelToken;
use crate::store::StoreError;

/// What a use case needs from whoever started it. Every method has a default, which is that of [`Quiet`]. Methods are called
/// on the thread that works, and may block it.
pub trait Events: Sync {
    /// How far the work is; called several times a second.
    fn progress(&self, progress: &Progress) {
        let _ = progress;
    }

    /// Something that the user should know; the work goes on.
    fn warning(&self, warning: &Warning) {
        let _ = warning;
    }

    /// A question that decides whether the work goes on.
    fn confirm(&self, question: &Question<'_>) -> Answer {
        let _ = question;
        Answer::NobodyToAsk
    }

    /// The token with which the work can be ended before its time.
    fn cancel(&self) -> CancelToken {
        CancelToken::default()
    }
}

/// Nobody who listens: warnings and progress are dropped, questions have no answer, and nothing is cancelled.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Events for Quiet {}

/// How far some work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// A capture is read.
    Ingest {
        /// Bytes of its files that were read.
        bytes: u64,
        /// Bytes that they have; what comes from standard input is not counted.
        total: u64,
        /// SMB2 messages found.
        pdus: u64,
        /// Sessions found.
        sessions: u64,
    },
}

/// Something that the user should know.
#[derive(Debug)]
#[non_exhaustive]
pub enum Warning {
    /// Captures that a pattern or a case leads to, and that are not ingested.
    NotIngested {
        /// The captures.
        captures: Vec<PathBuf>,
    },
    /// A folder below the one that is searched cannot be read.
    UnreadableFolder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The results of a run cannot be read.
    UnreadableRun(StoreError),
    /// tshark read the capture only in part.
    PartlyRead {
        /// What it says of that.
        messages: Vec<String>,
    },
    /// tshark cannot look for ARP and the handshakes of TCP in the capture.
    NoWireEvents(WhyNoWire),
}

/// Why tshark has no capture to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyNoWire {
    /// The dataset is of several files.
    SeveralFiles,
    /// The capture is gone.
    CaptureGone(PathBuf),
}

impl fmt::Display for WhyNoWire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SeveralFiles => {
                f.write_str("the dataset is of several capture files, and tshark counts the frames of each anew")
            }
            Self::CaptureGone(capture) => write!(f, "{} is not there any more", capture.display()),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotIngested { captures } => {
                let names: Vec<_> = captures.iter().map(|capture| capture.display().to_string()).collect();
                write!(f, "left out, as they are not ingested: {}", names.join(", "))
            }
            Self::UnreadableFolder { folder, error } => write!(f, "{}: {error}; left out", folder.display()),
            Self::UnreadableRun(error) => error.fmt(f),
            Self::PartlyRead { messages } => {
                write!(f, "tshark read the capture only in part: {}", messages.join(" "))
            }
            Self::NoWireEvents(why) => write!(f, "no ARP and no TCP handshake: {why}"),
        }
    }
}

/// A question to whoever started the work.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What will be done if the answer is yes.
    pub intent: &'a str,
}

/// The answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Yes,
    /// Change nothing.
    No,
    /// Nobody is there to answer.
    NobodyToAsk,
}
