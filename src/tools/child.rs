//! The only place that spawns processes.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{self, ChildStdin, ChildStdout, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::error::ToolError;
use super::locate::Tool;
use super::profile::Profile;
use super::stderr_tail;

/// tshark's exit status for a capture that it could read only in part.
const EXIT_DAMAGED: i32 = 2;

/// A tool with its arguments. It holds no secret: those travel in a [`Profile`].
#[derive(Clone, Debug)]
pub struct Command {
    tool: Tool,
    program: PathBuf,
    arguments: Vec<OsString>,
    folder: Option<PathBuf>,
    profile: Option<Arc<Profile>>,
}

impl Command {
    pub(super) fn new(tool: Tool, program: &Path) -> Self {
        Self { tool, program: program.to_owned(), arguments: Vec::new(), folder: None, profile: None }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Runs it in another working folder.
    #[must_use]
    pub fn folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Runs it with these preferences and keys; they live as long as the command and its children do.
    #[must_use]
    pub fn profile(mut self, profile: Arc<Profile>) -> Self {
        self.profile = Some(profile);
        self
    }

    /// The arguments so far.
    pub fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// Starts it.
    pub fn spawn(&self, input: Input) -> Result<Child, ToolError> {
        let run_error = |source| ToolError::Run { path: self.program.clone(), source };
        let mut command = process::Command::new(&self.program);
        command.args(&self.arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(match input {
            Input::Null => Stdio::null(),
            Input::Piped => Stdio::piped(),
        });
        // What a tool prints must not depend on the user's language and time zone.
        command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
        if let Some(profile) = &self.profile {
            command.env("WIRESHARK_CONFIG_DIR", profile.folder());
        }
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        let mut process = command.spawn().map_err(run_error)?;
        let input = process.stdin.take();
        let printed = Arc::new(AtomicBool::new(false));
        let output = process.stdout.take();
        let output = output.map(|stdout| Output { stdout: BufReader::new(stdout), printed: Arc::clone(&printed) });
        let stderr = process.stderr.take();
        let mut child = Child {
            tool: self.tool,
            program: self.program.clone(),
            process: Some(process),
            input,
            output,
            printed,
            stderr: None,
            _profile: self.profile.clone(),
        };
        child.stderr = stderr.map(stderr_tail::drain).transpose().map_err(run_error)?;
        Ok(child)
    }

    /// Runs it without input to its end and returns what it printed.
    pub fn run(&self) -> Result<(String, Exit), ToolError> {
        let mut child = self.spawn(Input::Null)?;
        let mut printed = Vec::new();
        if let Some(mut output) = child.take_output() {
            let read = output.read_to_end(&mut printed);
            read.map_err(|source| ToolError::Run { path: self.program.clone(), source })?;
        }
        Ok((String::from_utf8_lossy(&printed).into_owned(), child.wait()?))
    }
}

/// What a child reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Nothing.
    Null,
    /// What is written to [`Child::take_input`].
    Piped,
}

/// A running tool. Dropping it kills and reaps it.
#[derive(Debug)]
pub struct Child {
    tool: Tool,
    program: PathBuf,
    process: Option<process::Child>,
    input: Option<ChildStdin>,
    output: Option<Output>,
    printed: Arc<AtomicBool>,
    stderr: Option<JoinHandle<Vec<String>>>,
    // The folder must outlive the process that reads from it.
    _profile: Option<Arc<Profile>>,
}

impl Child {
    /// Its stdin, once, when it was spawned with [`Input::Piped`]. Dropping it tells the child that there is no more.
    pub fn take_input(&mut self) -> Option<ChildStdin> {
        self.input.take()
    }

    /// Its stdout, once.
    pub fn take_output(&mut self) -> Option<Output> {
        self.output.take()
    }

    /// Waits for its end, whatever its exit status. Whoever took its input must have dropped it.
    pub fn wait(mut self) -> Result<Exit, ToolError> {
        drop(self.input.take());
        drop(self.output.take());
        let Some(mut process) = self.process.take() else {
            return Ok(Exit { code: None, messages: Vec::new() });
        };
        let status = process.wait().map_err(|source| ToolError::Run { path: self.program.clone(), source })?;
        let messages = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        Ok(Exit { code: status.code(), messages })
    }

    /// Waits for its end and turns a non-zero exit status into an error, save one: tshark's 2 after rows were read says
    /// that the capture is damaged further on.
    pub fn finish(self) -> Result<Ending, ToolError> {
        let (tool, printed) = (self.tool, Arc::clone(&self.printed));
        let Exit { code, messages } = self.wait()?;
        match code {
            Some(0) => Ok(Ending::Complete),
            Some(EXIT_DAMAGED) if tool == Tool::Tshark && printed.load(Ordering::Acquire) => {
                Ok(Ending::Partial { messages })
            }
            code => Err(ToolError::Failed { tool, code, messages }),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        // Both fail only when the process has ended already.
        let _ = process.kill();
        let _ = process.wait();
    }
}

/// How a tool ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Its exit status; None when a signal ended it.
    pub code: Option<i32>,
    /// The last lines of its stderr.
    pub messages: Vec<String>,
}

/// How a tool ended that did its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It read everything.
    Complete,
    /// It printed rows, and then met damage that it could not read past.
    Partial {
        /// What it said about that.
        messages: Vec<String>,
    },
}

/// A child's stdout.
#[derive(Debug)]
pub struct Output {
    stdout: BufReader<ChildStdout>,
    printed: Arc<AtomicBool>,
}

impl Output {
    fn saw(&self, bytes: usize) {
        if bytes > 0 {
            self.printed.store(true, Ordering::Release);
        }
    }
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stdout.read(buffer)?;
        self.saw(read);
        Ok(read)
    }
}

impl BufRead for Output {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let available = self.stdout.fill_buf()?.len();
        self.saw(available);
        Ok(self.stdout.buffer())
    }

    fn consume(&mut self, amount: usize) {
        self.stdout.consume(amount);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::{Duration, Instant};

    use super::*;

    /// A shell in place of the tool: what counts here is how processes are treated, not what they are.
    fn shell(script: &str) -> Command {
        Command::new(Tool::Tshark, Path::new("/bin/sh")).args(["-c", script])
    }

    #[test]
    fn a_failing_child_is_an_error_with_its_last_words() {
        let child = shell("echo 'Running as user \"root\"' >&2; echo 'the reason' >&2; exit 3").spawn(Input::Null);
        let error = child.expect("a shell").finish().expect_err("exit status 3");
        assert_eq!(error.to_string(), "tshark failed (exit status 3): the reason");
    }

    #[test]
    fn exit_status_2_is_partial_only_when_rows_were_read() {
        let mut child = shell("echo row; echo damaged >&2; exit 2").spawn(Input::Null).expect("a shell");
        let mut text = String::new();
        child.take_output().expect("stdout").read_to_string(&mut text).expect("text");
        assert_eq!(child.finish().expect("partial"), Ending::Partial { messages: vec!["damaged".into()] });
        let child = shell("exit 2").spawn(Input::Null).expect("a shell");
        assert!(matches!(child.finish(), Err(ToolError::Failed { code: Some(2), .. })));
    }

    #[test]
    fn a_child_that_floods_stderr_does_not_block() {
        let script = "i=0; while [ $i -lt 3000 ]; do echo 'a line of a hundred bytes or so, to fill the pipe, \
                      which holds 64 KiB, more than once over' >&2; i=$((i+1)); done; cat";
        let mut child = shell(script).spawn(Input::Piped).expect("a shell");
        let mut input = child.take_input().expect("stdin");
        input.write_all(b"through").expect("written");
        drop(input);
        let mut text = String::new();
        child.take_output().expect("stdout").read_to_string(&mut text).expect("text");
        assert_eq!(text, "through");
        assert_eq!(child.finish().expect("ends well"), Ending::Complete);
    }

    #[test]
    fn a_dropped_child_is_killed_and_reaped() {
        let started = Instant::now();
        let child = shell("exec sleep 600").spawn(Input::Null).expect("a shell");
        let pid = child.process.as_ref().expect("it runs").id();
        drop(child);
        assert!(started.elapsed() < Duration::from_secs(60));
        assert!(!Path::new(&format!("/proc/{pid}/status")).exists(), "process {pid} is still there");
    }

    #[test]
    fn a_program_that_cannot_be_started_is_named() {
        let error = Command::new(Tool::Tshark, Path::new("/nowhere/tshark")).spawn(Input::Null).expect_err("none");
        assert!(error.to_string().contains("/nowhere/tshark"), "{error}");
    }
}
