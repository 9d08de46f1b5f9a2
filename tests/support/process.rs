//! Programs that tests start: as in `std::process`, with a time limit. A program that outlives it is ended, with what it started
//! in its process group, and its test fails. Standard input is empty unless set.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{self, ChildStderr, ChildStdin, ChildStdout, CommandEnvs, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longer than any of them takes on one busy core, and shorter than the limit of a test (`scripts/limit-tests.py`).
const LIMIT: Duration = Duration::from_secs(400);

/// How long pipes are read once a program has ended, in case that something it started still holds them.
const GRACE: Duration = Duration::from_secs(5);

/// A program about to be started.
pub(crate) struct Command {
    command: process::Command,
    limit: Duration,
    sets_stdout: bool,
    sets_stderr: bool,
}

impl Command {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = process::Command::new(program);
        command.process_group(0).stdin(Stdio::null());
        Self { command, limit: LIMIT, sets_stdout: false, sets_stderr: false }
    }

    /// Another limit than usual.
    pub(crate) fn limit(&mut self, limit: Duration) -> &mut Self {
        self.limit = limit;
        self
    }

    pub(crate) fn arg(&mut self, argument: impl AsRef<OsStr>) -> &mut Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(&mut self, arguments: impl IntoIterator<Item = A>) -> &mut Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(
        &mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> &mut Self {
        self.command.envs(variables);
        self
    }

    pub(crate) fn env_remove(&mut self, name: impl AsRef<OsStr>) -> &mut Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn env_clear(&mut self) -> &mut Self {
        self.command.env_clear();
        self
    }

    pub(crate) fn current_dir(&mut self, folder: impl AsRef<Path>) -> &mut Self {
        self.command.current_dir(folder);
        self
    }

    pub(crate) fn stdin(&mut self, stdin: impl Into<Stdio>) -> &mut Self {
        self.command.stdin(stdin);
        self
    }

    pub(crate) fn stdout(&mut self, stdout: impl Into<Stdio>) -> &mut Self {
        self.command.stdout(stdout);
        self.sets_stdout = true;
        self
    }

    pub(crate) fn stderr(&mut self, stderr: impl Into<Stdio>) -> &mut Self {
        self.command.stderr(stderr);
        self.sets_stderr = true;
        self
    }

    pub(crate) fn get_program(&self) -> &OsStr {
        self.command.get_program()
    }

    pub(crate) fn get_args(&self) -> process::CommandArgs<'_> {
        self.command.get_args()
    }

    pub(crate) fn get_envs(&self) -> CommandEnvs<'_> {
        self.command.get_envs()
    }

    pub(crate) fn spawn(&mut self) -> io::Result<Child> {
        let mut process = self.command.spawn()?;
        let (stdin, stdout, stderr) = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let watched = Arc::new(Watched {
            id: process.id(),
            line: format!("{:?}", self.command),
            process: Mutex::new(process),
            limit: self.limit,
            overdue: AtomicBool::new(false),
        });
        let watching = Arc::clone(&watched);
        std::thread::spawn(move || watching.end_when_overdue());
        Ok(Child { stdin, stdout, stderr, watched })
    }

    pub(crate) fn status(&mut self) -> io::Result<ExitStatus> {
        self.spawn()?.wait()
    }

    pub(crate) fn output(&mut self) -> io::Result<Output> {
        if !self.sets_stdout {
            self.command.stdout(Stdio::piped());
        }
        if !self.sets_stderr {
            self.command.stderr(Stdio::piped());
        }
        self.spawn()?.wait_with_output()
    }
}

/// A program that was started. Unlike the standard library's it is waited for in any case, by a thread.
pub(crate) struct Child {
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<ChildStdout>,
    pub(crate) stderr: Option<ChildStderr>,
    watched: Arc<Watched>,
}

impl Child {
    pub(crate) fn id(&self) -> u32 {
        self.watched.id
    }

    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.watched.process().kill()
    }

    pub(crate) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.watched.process().try_wait()?;
        if status.is_some() {
            self.watched.fail_if_overdue("");
        }
        Ok(status)
    }

    pub(crate) fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        let status = self.watched.wait()?;
        self.watched.fail_if_overdue("");
        Ok(status)
    }

    pub(crate) fn wait_with_output(mut self) -> io::Result<Output> {
        drop(self.stdin.take());
        let (stdout, stderr) = (self.stdout.take().map(Pipe::read), self.stderr.take().map(Pipe::read));
        let status = self.watched.wait()?;
        // What it left running may hold its pipes open, as servers do.
        let end = Instant::now() + GRACE;
        let said = |pipe: Option<Pipe>| pipe.map(|pipe| pipe.said_until(end)).unwrap_or_default();
        let (stdout, stderr) = (said(stdout), said(stderr));
        self.watched.fail_if_overdue(&String::from_utf8_lossy(&stderr));
        Ok(Output { status, stdout, stderr })
    }
}

/// A pipe that is read by a thread.
struct Pipe {
    said: Arc<Mutex<Vec<u8>>>,
    ended: Receiver<()>,
}

impl Pipe {
    fn read(mut pipe: impl Read + Send + 'static) -> Self {
        let (said, (sender, ended)) = (Arc::new(Mutex::new(Vec::new())), channel());
        let reading = Arc::clone(&said);
        std::thread::spawn(move || {
            let mut buffer = [0; 1 << 16];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                reading.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..count]);
            }
            let _ = sender.send(());
        });
        Self { said, ended }
    }

    fn said_until(self, end: Instant) -> Vec<u8> {
        let _ = self.ended.recv_timeout(end.saturating_duration_since(Instant::now()));
        std::mem::take(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Watched {
    id: u32,
    line: String,
    process: Mutex<process::Child>,
    limit: Duration,
    overdue: AtomicBool,
}

impl Watched {
    fn process(&self) -> MutexGuard<'_, process::Child> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self) -> io::Result<ExitStatus> {
        let mut pause = Duration::from_micros(200);
        loop {
            if let Some(status) = self.process().try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    fn end_when_overdue(&self) {
        let begun = Instant::now();
        loop {
            let mut process = self.process();
            if !matches!(process.try_wait(), Ok(None)) {
                return;
            }
            if begun.elapsed() >= self.limit {
                self.overdue.store(true, Ordering::Release);
                // Not waited for yet, so that the number is still its own.
                let _ = process::Command::new("kill").args(["-KILL", "--", &format!("-{}", self.id)]).status();
                let _ = process.kill();
                return;
            }
            drop(process);
            std::thread::sleep((self.limit / 20).min(Duration::from_millis(100)));
        }
    }

    fn fail_if_overdue(&self, said: &str) {
        let overdue = self.overdue.load(Ordering::Acquire);
        assert!(!overdue, "ended after {} s, its time limit: {}\n{said}", self.limit.as_secs(), self.line);
    }
}
