//! The bytes of a capture, decompressed, with a count of how far the file has been read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::digest::Digest;
use super::error::CaptureError;
use super::read_ahead::ReadAhead;

const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// How much of the input files has been read, in bytes as they lie on disk, and whether reading should end. Shared with
/// whoever draws a bar and listens to the user.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    bytes: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    cancelled: Arc<AtomicBool>,
}

impl Progress {
    /// One whose reading also ends when this flag is set.
    pub fn cancelled_by(cancelled: Arc<AtomicBool>) -> Self {
        Self { cancelled, ..Self::default() }
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// A count of its own, which ends with this one: for what is read a second time.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self { bytes: Arc::default(), ..self.clone() }
    }

    /// Ends the reading before its time.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether it is to end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.cancelled.load(Ordering::Relaxed)
    }
}

/// An opened capture file.
pub struct Input {
    /// Where it is; `-` for standard input.
    pub path: PathBuf,
    pub(super) reader: Box<dyn Read + Send>,
}

impl Input {
    /// Opens a capture file, `-` for standard input, and looks through gzip and zstd.
    pub fn open(path: &Path, progress: &Progress) -> Result<Self, CaptureError> {
        Self::open_with(path, progress, None)
    }

    /// Opens a capture file, of which all bytes that are read go into a digest too.
    pub(super) fn open_digested(path: &Path, progress: &Progress, digest: &Digest) -> Result<Self, CaptureError> {
        Self::open_with(path, progress, Some(digest.clone()))
    }

    fn open_with(path: &Path, progress: &Progress, digest: Option<Digest>) -> Result<Self, CaptureError> {
        let fail = |source| CaptureError::Open { path: path.to_owned(), source };
        let raw: Box<dyn Read + Send> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else {
            // Opening a pipe waits until somebody writes to it, for ever if nobody does.
            let kind = fs::metadata(path).map_err(fail)?.file_type();
            if kind.is_dir() {
                return Err(CaptureError::IsAFolder { path: path.to_owned() });
            }
            if !kind.is_file() {
                return Err(CaptureError::NotAFile { path: path.to_owned() });
            }
            Box::new(File::open(path).map_err(fail)?)
        };
        let mut counted = Counted { inner: raw, progress: progress.clone(), digest };
        let mut head = [0; 4];
        let (filled, result) = read_up_to(&mut counted, &mut head);
        result.map_err(fail)?;
        let head = &head[..filled];
        if head.is_empty() {
            return Err(CaptureError::Empty { path: path.to_owned() });
        }
        let (gzip, zstd) = (head.starts_with(&GZIP_MAGIC), head.starts_with(&ZSTD_MAGIC));
        let whole = io::Cursor::new(head.to_vec()).chain(ReadAhead::of(counted).map_err(fail)?);
        let reader: Box<dyn Read + Send> = if gzip {
            Box::new(flate2::read::MultiGzDecoder::new(io::BufReader::with_capacity(1 << 18, whole)))
        } else if zstd {
            Box::new(zstd::stream::read::Decoder::new(whole).map_err(fail)?)
        } else {
            Box::new(whole)
        };
        Ok(Self { path: path.to_owned(), reader })
    }
}

/// Fills as much of a buffer as there is input; tells how much that is, and what ended it before its time.
pub(super) fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> (usize, io::Result<()>) {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Err(error)),
        }
    }
    (filled, Ok(()))
}

struct Counted<R> {
    inner: R,
    progress: Progress,
    digest: Option<Digest>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.progress.bytes.fetch_add(n as u64, Ordering::Relaxed);
        if let Some(digest) = &self.digest {
            digest.update(&buffer[..n]);
        }
        Ok(n)
    }
}
