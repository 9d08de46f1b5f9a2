//! The user's pager, for output that is longer than the screen.

use std::env;
use std::io::{self, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

/// What is started when the user names none; it ends at once when all fits the screen.
const DEFAULT: &str = "less";
/// Its options, unless the user has others: quit if one screen, colours, leave the screen as it is.
const LESS: &str = "FRX";

/// A running pager. Dropping it ends its input and waits until the user has left it.
#[derive(Debug)]
pub struct Pager {
    child: Child,
    input: Option<ChildStdin>,
}

impl Pager {
    /// Starts `$PAGER` as a shell would, else `less`. None when the user wants none (`PAGER=` or `PAGER=cat`), or it is not
    /// there: then output goes where it would go without.
    pub fn start() -> Option<Self> {
        let named = env::var("PAGER").unwrap_or_else(|_| DEFAULT.to_owned());
        let program = named.split_whitespace().next()?;
        if program == "cat" || which::which(program).is_err() {
            return None;
        }
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(&named).stdin(Stdio::piped());
        if env::var_os("LESS").is_none() {
            command.env("LESS", LESS);
        }
        let mut child = command.spawn().ok()?;
        let input = child.stdin.take();
        Some(Self { child, input })
    }
}

impl Write for Pager {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.input {
            Some(input) => input.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.input.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Pager {
    fn drop(&mut self) {
        drop(self.input.take());
        // It has ended already, or ends when the user wants.
        let _ = self.child.wait();
    }
}
