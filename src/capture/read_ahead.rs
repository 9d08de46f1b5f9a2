//! Reading ahead: a file is read, and hashed, on a thread of its own while the packets before are looked at.

use std::io::{self, Read};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

/// What is read at once.
const CHUNK: usize = 1 << 20;
/// How far ahead, in chunks.
const CHUNKS: usize = 4;

/// A chunk, and how much of it is filled.
type Filled = (Vec<u8>, usize);

/// Reads what a thread has read before. The thread ends with its input, or when this is dropped.
pub(super) struct ReadAhead {
    chunks: Receiver<io::Result<Filled>>,
    /// Chunks to be filled anew.
    spent: Sender<Vec<u8>>,
    current: Filled,
    at: usize,
}

impl ReadAhead {
    /// Begins to read. Fails when there can be no thread.
    pub(super) fn of(input: impl Read + Send + 'static) -> io::Result<Self> {
        let (chunks_out, chunks) = bounded(CHUNKS);
        let (spent, spent_out) = bounded(CHUNKS);
        thread::Builder::new().name("read".to_owned()).spawn(move || read(input, &chunks_out, &spent_out))?;
        Ok(Self { chunks, spent, current: (Vec::new(), 0), at: 0 })
    }
}

fn read(mut input: impl Read, chunks: &Sender<io::Result<Filled>>, spent: &Receiver<Vec<u8>>) {
    loop {
        let mut chunk = spent.try_recv().unwrap_or_else(|_| vec![0; CHUNK]);
        let next = match input.read(&mut chunk) {
            Ok(0) => return,
            Ok(filled) => Ok((chunk, filled)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let failed = next.is_err();
        if chunks.send(next).is_err() || failed {
            return;
        }
    }
}

impl Read for ReadAhead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.current.1 {
            let Ok(next) = self.chunks.recv() else { return Ok(0) };
            let (chunk, _) = std::mem::replace(&mut self.current, next?);
            self.at = 0;
            if !chunk.is_empty() {
                // One too many is given up.
                let _ = self.spent.try_send(chunk);
            }
        }
        let (chunk, filled) = &self.current;
        let n = buffer.len().min(filled - self.at);
        buffer[..n].copy_from_slice(&chunk[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives so many bytes at once, then fails.
    struct Pieces {
        bytes: io::Cursor<Vec<u8>>,
        most: usize,
        fails: bool,
    }

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = self.most.min(buffer.len());
            match self.bytes.read(&mut buffer[..most])? {
                0 if self.fails => Err(io::ErrorKind::InvalidData.into()),
                n => Ok(n),
            }
        }
    }

    #[test]
    fn everything_comes_in_order_and_a_failure_behind_it() {
        let bytes: Vec<u8> = (0..3 * CHUNK + 17).map(|at| (at / 7 + at) as u8).collect();
        for most in [4_000, CHUNK, 2 * CHUNK] {
            for fails in [false, true] {
                let pieces = Pieces { bytes: io::Cursor::new(bytes.clone()), most, fails };
                let mut ahead = ReadAhead::of(pieces).unwrap();
                let mut read = Vec::new();
                assert_eq!(ahead.read_to_end(&mut read).is_err(), fails);
                assert!(read == bytes, "{} bytes", read.len());
                assert_eq!(ahead.read(&mut [0; 8]).unwrap(), 0);
            }
        }
    }

    #[test]
    fn nobody_waits_for_a_reader_that_is_gone() {
        let mut ahead = ReadAhead::of(io::repeat(7)).unwrap();
        ahead.read_exact(&mut [0; 100]).unwrap();
        drop(ahead);
    }
}
