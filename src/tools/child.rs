//! The only place that spawns processes.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{self, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::error::ToolError;
use super::locate::Tool;
use super::pipes::{Output, ToolInput};
use super::profile::Profile;
use super::standstill::{PATIENCE, Standstill};
use super::stderr_tail::{self, StderrTail};

/// tshark's exit status for a capture that it could read only in part.
const EXIT_DAMAGED: i32 = 2;

/// How long a killed process may take to be gone: one that the system cannot end (it waits for a disk) is left behind.
const KILLED: Duration = Duration::from_secs(5);

/// The pauses between two looks whether a process has ended.
const PAUSES: (Duration, Duration) = (Duration::from_micros(200), Duration::from_millis(20));

/// A tool with its arguments. It holds no secret: those travel in a [`Profile`].
#[derive(Clone, Debug)]
pub struct Command {
    tool: Tool,
    program: PathBuf,
    arguments: Vec<OsString>,
    folder: Option<PathBuf>,
    profile: Option<Arc<Profile>>,
    patience: Duration,
}

impl Command {
    pub(super) fn new(tool: Tool, program: &Path) -> Self {
        Self {
            tool,
            program: program.to_owned(),
            arguments: Vec::new(),
            folder: None,
            profile: None,
            patience: PATIENCE,
        }
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

    /// Ends it after so long without doing anything (see [`ToolError::StoodStill`]); 5 minutes unless this is called.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
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
        let (stdin, stdout, stderr) = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let printed = Arc::new(AtomicBool::new(false));
        let still = Arc::new(Standstill::new(process.id(), self.patience));
        let mut child = Child {
            tool: self.tool,
            program: self.program.clone(),
            process: Some(process),
            input: None,
            output: None,
            printed: Arc::clone(&printed),
            stderr: None,
            still: Arc::clone(&still),
            _profile: self.profile.clone(),
        };
        // From here on a failure drops the child, and so ends it.
        child.stderr = stderr.map(stderr_tail::drain).transpose().map_err(run_error)?;
        let input = stdin.map(|stdin| ToolInput::start(stdin, Arc::clone(&still)));
        child.input = input.transpose().map_err(run_error)?;
        let output = stdout.map(|stdout| Output::start(stdout, printed, still));
        child.output = output.transpose().map_err(run_error)?;
        Ok(child)
    }

    /// Runs it without input to its end and returns what it printed.
    pub fn run(&self) -> Result<(String, Exit), ToolError> {
        let mut child = self.spawn(Input::Null)?;
        let mut printed = Vec::new();
        if let Some(mut output) = child.take_output() {
            let read = output.read_to_end(&mut printed);
            // Of a tool that stood still waiting says so.
            read.or_else(|source| {
                let run = || ToolError::Run { path: self.program.clone(), source };
                if child.still.was_found() { Ok(0) } else { Err(run()) }
            })?;
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
    input: Option<ToolInput>,
    output: Option<Output>,
    printed: Arc<AtomicBool>,
    stderr: Option<StderrTail>,
    still: Arc<Standstill>,
    // The folder must outlive the process that reads from it.
    _profile: Option<Arc<Profile>>,
}

impl Child {
    /// Its stdin, once, when it was spawned with [`Input::Piped`]. Dropping it tells the child that there is no more.
    pub fn take_input(&mut self) -> Option<ToolInput> {
        self.input.take()
    }

    /// Its stdout, once.
    pub fn take_output(&mut self) -> Option<Output> {
        self.output.take()
    }

    /// Waits for its end, whatever its exit status. Whoever took its input must have dropped it. A tool that stands still is
    /// ended, and an error.
    pub fn wait(mut self) -> Result<Exit, ToolError> {
        drop(self.input.take());
        drop(self.output.take());
        let Some(process) = &mut self.process else {
            return Ok(Exit { code: None, messages: Vec::new() });
        };
        let still = Arc::clone(&self.still);
        let ended = end_of(process, || still.look());
        let ended = ended.map_err(|source| ToolError::Run { path: self.program.clone(), source })?;
        let Some(status) = ended else {
            // Dropping this ends it.
            return Err(ToolError::StoodStill { tool: self.tool, seconds: still.patience().as_secs() });
        };
        self.process = None;
        let messages = self.stderr.take().map(StderrTail::lines).unwrap_or_default();
        if still.was_found() {
            return Err(ToolError::StoodStill { tool: self.tool, seconds: still.patience().as_secs() });
        }
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
        // It fails only when the process has ended already.
        let _ = process.kill();
        let begun = Instant::now();
        let _ = end_of(&mut process, || begun.elapsed() > KILLED);
    }
}

/// Waits for the end of a process; None if it is given up.
pub(super) fn end_of(
    process: &mut process::Child,
    give_up: impl Fn() -> bool,
) -> std::io::Result<Option<ExitStatus>> {
    let (mut pause, longest) = PAUSES;
    loop {
        if let Some(status) = process.try_wait()? {
            return Ok(Some(status));
        }
        if give_up() {
            return Ok(None);
        }
        sleep(pause);
        pause = (pause * 2).min(longest);
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

#[cfg(test)]
mod tests {
    use std::io::{BufRead, Write};

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

    /// Shells that do nothing, some with a process below that holds the pipes when the shell itself is killed.
    const STUCK: [&str; 3] = ["exec sleep 120", "sleep 120; true", "echo begun; sleep 120; true"];

    #[test]
    fn a_tool_that_stands_still_is_ended_and_an_error_that_says_so() {
        let begun = Instant::now();
        for script in STUCK {
            let stuck = || shell(script).patience(Duration::from_secs(1));
            let stood_still = |error: ToolError| {
                assert_eq!(error.to_string(), "tshark did nothing for 1 s and was ended", "{script}");
            };
            // Waited for; read from; written to; run as a whole.
            stood_still(stuck().spawn(Input::Null).expect("a shell").finish().expect_err("no end"));
            let mut child = stuck().spawn(Input::Null).expect("a shell");
            let read = child.take_output().expect("stdout").lines().find_map(Result::err).expect("no end");
            assert!(read.to_string().contains("did nothing for 1 s"), "{read}");
            stood_still(child.finish().expect_err("no end"));
            let mut child = stuck().spawn(Input::Piped).expect("a shell");
            let mut input = child.take_input().expect("stdin");
            // Nobody looks at the output, as when it was expected to be short.
            drop(child.take_output());
            let written = std::iter::repeat_with(|| input.write_all(&[0; 1 << 16])).find_map(Result::err);
            assert!(written.expect("no end").to_string().contains("did nothing for 1 s"));
            drop(input);
            stood_still(child.finish().expect_err("no end"));
            stood_still(stuck().run().expect_err("no end"));
        }
        assert!(begun.elapsed() < Duration::from_secs(100), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_tool_that_waits_for_us_or_computes_is_waited_for() {
        let patient = |script| shell(script).patience(Duration::from_millis(300));
        let mut child = patient("cat").spawn(Input::Piped).expect("a shell");
        let (mut input, mut output) = (child.take_input().expect("stdin"), child.take_output().expect("stdout"));
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            output.read_to_string(&mut text).map(|_| text)
        });
        sleep(Duration::from_secs(2));
        input.write_all(b"late").expect("written");
        drop(input);
        assert_eq!(reader.join().expect("no panic").expect("read"), "late");
        assert_eq!(child.finish().expect("ends well"), Ending::Complete);
        // It prints nothing for a while, and then ends.
        let computing = "i=0; while [ $i -lt 2000000 ]; do i=$((i+1)); done; echo $i";
        let (text, exit) = shell(computing).patience(Duration::from_secs(1)).run().expect("ends");
        assert_eq!((text.as_str(), exit.code), ("2000000\n", Some(0)));
    }

    #[test]
    fn a_program_that_cannot_be_started_is_named() {
        let error = Command::new(Tool::Tshark, Path::new("/nowhere/tshark")).spawn(Input::Null).expect_err("none");
        assert!(error.to_string().contains("/nowhere/tshark"), "{error}");
    }
}
