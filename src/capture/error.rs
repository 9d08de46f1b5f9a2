//! What can go wrong while a capture is read.

use std::io;
use std::path::PathBuf;

/// A capture that cannot be read. Damage further on in the file is not an error: what is whole is read, and
/// [`super::CaptureStatistics::damage`] tells of the rest.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum CaptureError {
    #[error("{}: {source}", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("{}: the file is empty; a capture has at least a header", path.display())]
    Empty { path: PathBuf },
    #[error("{}: this is {found}, not a packet capture (pcap or pcapng, plain or compressed with gzip or zstd)", path.display())]
    NotACapture { path: PathBuf, found: &'static str },
    #[error("{}: it is a folder; name the capture file in it", path.display())]
    IsAFolder { path: PathBuf },
    #[error("{}: it is a pipe or device, which can be read only once; give it on standard input, named -", path.display())]
    NotAFile { path: PathBuf },
    #[error("interrupted")]
    Interrupted,
}

impl CaptureError {
    /// The same error about a file that the user knows by another name.
    #[must_use]
    pub fn named(self, name: PathBuf) -> Self {
        match self {
            Self::Open { source, .. } => Self::Open { path: name, source },
            Self::Empty { .. } => Self::Empty { path: name },
            Self::NotACapture { found, .. } => Self::NotACapture { path: name, found },
            Self::IsAFolder { .. } => Self::IsAFolder { path: name },
            Self::NotAFile { .. } => Self::NotAFile { path: name },
            Self::Interrupted => Self::Interrupted,
        }
    }
}
