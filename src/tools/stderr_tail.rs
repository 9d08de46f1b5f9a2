//! The end of a child's stderr, read by a thread of its own: a pipe that nobody reads blocks the child.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};

/// Lines kept.
const LINES: usize = 12;
/// Bytes kept of a line.
const LINE_BYTES: u64 = 500;

/// How long the rest is waited for once the child has ended. A process that it started may hold the pipe for ever.
const REST: Duration = Duration::from_secs(2);

/// The thread, and what it has read.
#[derive(Debug)]
pub(super) struct StderrTail {
    lines: Arc<Mutex<VecDeque<String>>>,
    // Disconnected when the thread ends.
    ended: Receiver<()>,
}

impl StderrTail {
    /// The last lines that mean something, of a child that has ended.
    pub(super) fn lines(self) -> Vec<String> {
        // Nothing is sent: this waits for the end.
        let _ = self.ended.recv_timeout(REST);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *lines).into()
    }
}

/// Starts the thread.
pub(super) fn drain(stderr: impl Read + Send + 'static) -> std::io::Result<StderrTail> {
    let lines = Arc::default();
    let (ends, ended) = bounded::<()>(0);
    let kept = Arc::clone(&lines);
    std::thread::Builder::new().name("stderr".to_owned()).spawn(move || {
        tail(BufReader::new(stderr), &kept);
        drop(ends);
    })?;
    Ok(StderrTail { lines, ended })
}

fn tail(mut reader: impl BufRead, lines: &Mutex<VecDeque<String>>) {
    let mut line = Vec::new();
    // A read error ends the tail as the end of the stream does: there is nobody else to tell.
    while let Ok(1..) = (&mut reader).take(LINE_BYTES).read_until(b'\n', &mut line) {
        let text = String::from_utf8_lossy(&line);
        if matters(text.trim()) {
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() == LINES {
                lines.pop_front();
            }
            lines.push_back(text.trim().to_owned());
        }
        line.clear();
    }
}

/// tshark warns whoever runs it as root; that is no error.
fn matters(line: &str) -> bool {
    !line.is_empty() && !line.starts_with("Running as user ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_stay_and_the_root_warning_goes() {
        let mut text = String::from("Running as user \"root\" and group \"root\". This could be dangerous.\n\n");
        (0..100).for_each(|i| text.push_str(&format!("line {i}\n")));
        let lines = drain(std::io::Cursor::new(text)).unwrap().lines();
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines.last().map(String::as_str), Some("line 99"));
        let root = &b"Running as user \"root\" and group \"root\".\n"[..];
        assert!(drain(root).unwrap().lines().is_empty());
    }
}
