//! A command line that the user gave us to run.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::error::ToolError;

/// Runs a command line by `sh -c`, without input, and waits for its end. What it prints goes to stderr: stdout is for data.
pub fn run_shell(line: &str) -> Result<(), ToolError> {
    let fail = |source| ToolError::Run { path: PathBuf::from("sh"), source };
    let mut command = Command::new("sh");
    command.arg("-c").arg(line).stdin(Stdio::null()).stdout(Stdio::from(io::stderr()));
    let status = command.status().map_err(fail)?;
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
        run_shell(&format!("echo x > {}", file.display())).unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), "x\n");
        let error = run_shell("exit 3").unwrap_err();
        assert!(matches!(error, ToolError::CommandLine { code: Some(3), .. }), "{error}");
        assert!(error.to_string().contains("\"exit 3\""), "{error}");
    }
}
