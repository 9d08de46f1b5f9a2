//! The end of a child's stderr, read by a thread of its own: a pipe that nobody reads blocks the child.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::thread::JoinHandle;

/// Lines kept.
const LINES: usize = 12;
/// Bytes kept of a line.
const LINE_BYTES: u64 = 500;

/// Starts the thread; joining it gives the last lines that mean something.
pub(super) fn drain(stderr: impl Read + Send + 'static) -> std::io::Result<JoinHandle<Vec<String>>> {
    std::thread::Builder::new().name("stderr".to_owned()).spawn(move || tail(BufReader::new(stderr)))
}

fn tail(mut reader: impl BufRead) -> Vec<String> {
    let mut lines = VecDeque::with_capacity(LINES);
    let mut line = Vec::new();
    // A read error ends the tail as the end of the stream does: there is nobody else to tell.
    while let Ok(1..) = (&mut reader).take(LINE_BYTES).read_until(b'\n', &mut line) {
        let text = String::from_utf8_lossy(&line);
        if matters(text.trim()) {
            if lines.len() == LINES {
                lines.pop_front();
            }
            lines.push_back(text.trim().to_owned());
        }
        line.clear();
    }
    lines.into()
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
        let lines = tail(text.as_bytes());
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines.last().map(String::as_str), Some("line 99"));
        assert!(tail(&b"Running as user \"root\" and group \"root\".\n"[..]).is_empty());
    }
}
