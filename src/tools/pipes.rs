//! A tool's input and output. Threads do the reading and writing, so that nobody is stuck in a pipe whose other end a process
//! holds that does nothing any more.

use std::io::{self, BufRead, Read, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded};

use super::standstill::Standstill;

/// Bytes of a piece.
const PIECE: usize = 1 << 16;
/// Pieces under way.
const PIECES: usize = 4;

/// A child's stdin. Dropping it tells the child that there is no more.
#[derive(Debug)]
pub struct ToolInput {
    // None once the tool does not take any more.
    pieces: Option<Sender<Vec<u8>>>,
    still: Arc<Standstill>,
}

impl ToolInput {
    pub(super) fn start(mut stdin: ChildStdin, still: Arc<Standstill>) -> io::Result<Self> {
        let (sender, pieces) = bounded::<Vec<u8>>(PIECES);
        still.input_open.store(true, Ordering::Release);
        let told = Arc::clone(&still);
        let write = move || {
            for piece in pieces {
                told.writing.store(true, Ordering::Release);
                let written = stdin.write_all(&piece).and_then(|()| stdin.flush());
                told.moved(piece.len());
                told.writing.store(false, Ordering::Release);
                if written.is_err() {
                    break;
                }
            }
            drop(stdin);
            told.input_open.store(false, Ordering::Release);
        };
        thread::Builder::new().name("tool-input".to_owned()).spawn(write)?;
        Ok(Self { pieces: Some(sender), still })
    }
}

impl Write for ToolInput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(pieces) = &self.pieces else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let mut piece = bytes[..bytes.len().min(PIECE)].to_vec();
        let length = piece.len();
        loop {
            match pieces.send_timeout(piece, self.still.between_looks()) {
                Ok(()) => return Ok(length),
                Err(SendTimeoutError::Timeout(unsent)) if !self.still.look() => piece = unsent,
                Err(SendTimeoutError::Timeout(_)) => return Err(stands_still(&self.still)),
                Err(SendTimeoutError::Disconnected(_)) => {
                    self.pieces = None;
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
            }
        }
    }

    /// Pieces are written as soon as the tool takes them.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A child's stdout.
#[derive(Debug)]
pub struct Output {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    at: usize,
    ended: bool,
    printed: Arc<AtomicBool>,
    still: Arc<Standstill>,
}

impl Output {
    pub(super) fn start(
        mut stdout: ChildStdout,
        printed: Arc<AtomicBool>,
        still: Arc<Standstill>,
    ) -> io::Result<Self> {
        let (sender, pieces) = bounded(PIECES);
        still.output_open.store(true, Ordering::Release);
        let told = Arc::clone(&still);
        let read = move || {
            loop {
                let mut piece = vec![0; PIECE];
                let read = match stdout.read(&mut piece) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Ok(0) => break,
                    Ok(length) => {
                        piece.truncate(length);
                        told.moved(length);
                        Ok(piece)
                    }
                    Err(error) => Err(error),
                };
                let failed = read.is_err();
                if sender.send(read).is_err() || failed {
                    break;
                }
            }
            told.output_open.store(false, Ordering::Release);
        };
        thread::Builder::new().name("tool-output".to_owned()).spawn(read)?;
        Ok(Self { pieces, piece: Vec::new(), at: 0, ended: false, printed, still })
    }

    /// Waits for the next piece; false at the end.
    fn next_piece(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.still.reading.store(true, Ordering::Release);
        let next = loop {
            match self.pieces.recv_timeout(self.still.between_looks()) {
                Ok(piece) => break piece.map(Some),
                Err(RecvTimeoutError::Disconnected) => break Ok(None),
                Err(RecvTimeoutError::Timeout) if self.still.look() => break Err(stands_still(&self.still)),
                Err(RecvTimeoutError::Timeout) => {}
            }
        };
        self.still.reading.store(false, Ordering::Release);
        match next {
            Ok(Some(piece)) => {
                self.printed.store(true, Ordering::Release);
                (self.piece, self.at) = (piece, 0);
                Ok(true)
            }
            Ok(None) => {
                self.ended = true;
                Ok(false)
            }
            Err(error) => {
                self.ended = true;
                Err(error)
            }
        }
    }
}

impl Drop for Output {
    /// Nobody will read the rest: whatever the tool waits for, it is not us.
    fn drop(&mut self) {
        self.still.output_open.store(false, Ordering::Release);
    }
}

fn stands_still(still: &Standstill) -> io::Error {
    let text = format!("it did nothing for {} s and was ended", still.patience().as_secs());
    io::Error::new(io::ErrorKind::TimedOut, text)
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(buffer.len());
        buffer[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Output {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.piece.len() {
            self.piece.clear();
            self.at = 0;
            self.next_piece()?;
        }
        Ok(self.piece.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.at = (self.at + amount).min(self.piece.len());
    }
}
