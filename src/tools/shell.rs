//! A command line that the user gave us to run.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::child::end_of;
use super::error::ToolError;

/// Runs a command line by `sh -c`, without input, and waits for its end. What it prints goes to stderr: stdout is for data.
/// After `limit` it is killed; what it has started in the background lives on.
pub fn run_shell(line: &str, limit: Duration) -> Result<(), ToolError> {
    let fail = |source| ToolError::Run { path: PathBuf::from("sh"), source };
    let mut command = Command::new("sh");
    command.arg("-c").arg(line).stdin(Stdio::null()).stdout(Stdio::from(io::stderr()));
    let mut process = command.spawn().map_err(fail)?;
    let begun = Instant::now();
    let Some(status) = end_of(&mut process, || begun.elapsed() >= limit).map_err(fail)? else {
        process.kill().and_then(|()| process.wait()).map_err(fail)?;
        return Err(ToolError::TookTooLong { line: line.to_owned(), limit });
    };
    if status.success() {
        return Ok(());
    }
    Err(ToolError::CommandLine { line: line.to_owned(), code: status.code() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_named_with_its_exit_status() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("made");
        run_shell(&format!("echo x > {}", file.display()), Duration::from_secs(60)).unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), "x\n");
        let error = run_shell("exit 3", Duration::from_secs(60)).unwrap_err();
        assert!(matches!(error, ToolError::CommandLine { code: Some(3), .. }), "{error}");
        assert!(error.to_string().contains("\"exit 3\""), "{error}");
    }
    #[test]
    fn a_command_that_does_not_end_is_killed_after_its_limit() {
        let begun = Instant::now();
        let error = run_shell("exec sleep 120", Duration::from_millis(500)).unwrap_err();
        assert!(error.to_string().contains("not ended in 0.5 s"), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(100));
    }
}
