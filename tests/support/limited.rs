//! Programs that tests start, with a limit on their time: one that hangs is ended, and the test that started it fails and says
//! which command line it was.

#![allow(dead_code)] // Not every test binary uses all of it.
#![allow(clippy::expect_used, clippy::panic)]

use std::io;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Far above what any program of the tests takes on a busy machine, and below the limit of a test.
pub(crate) const LIMIT: Duration = Duration::from_secs(400);

/// Starting a program and waiting for its end, up to the limit.
pub(crate) trait Limited {
    /// Like [`Command::output`]: with nothing on standard input, and all output captured.
    fn finished(&mut self) -> io::Result<Output>;

    /// Like [`Command::status`].
    fn ended(&mut self) -> io::Result<ExitStatus>;
}

impl Limited for Command {
    fn finished(&mut self) -> io::Result<Output> {
        let child = self.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        within(child, &format!("{self:?}"), LIMIT, Child::wait_with_output)
    }

    fn ended(&mut self) -> io::Result<ExitStatus> {
        let child = self.spawn()?;
        within(child, &format!("{self:?}"), LIMIT, |mut child| child.wait())
    }
}

/// The same for a program that runs already.
pub(crate) trait LimitedChild {
    /// Like [`Child::wait_with_output`].
    fn finished(self) -> io::Result<Output>;

    /// Like [`Child::wait`].
    fn ended(self) -> io::Result<ExitStatus>;
}

impl LimitedChild for Child {
    fn finished(self) -> io::Result<Output> {
        within(self, "a program", LIMIT, Child::wait_with_output)
    }

    fn ended(self) -> io::Result<ExitStatus> {
        within(self, "a program", LIMIT, |mut child| child.wait())
    }
}

fn within<T: Send + 'static>(
    child: Child,
    what: &str,
    limit: Duration,
    wait: impl FnOnce(Child) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let pid = child.id();
    let (tell, told) = channel();
    std::thread::spawn(move || tell.send(wait(child)));
    match told.recv_timeout(limit) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => {
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
            panic!("{what} had not ended after {} s (process {pid}, killed)", limit.as_secs());
        }
        Err(RecvTimeoutError::Disconnected) => panic!("{what}: the thread that waited for it is gone"),
    }
}

#[test]
fn a_program_that_hangs_is_ended_and_named() {
    let mut command = Command::new("sleep");
    command.arg("600");
    let child = command.spawn().expect("sleep");
    let pid = child.id();
    let waited = std::panic::catch_unwind(|| within(child, "sleep 600", Duration::from_millis(50), |mut c| c.wait()));
    let text = waited.expect_err("it is a panic").downcast::<String>().expect("with a text");
    assert!(text.contains("sleep 600 had not ended") && text.contains(&pid.to_string()), "{text}");
}
