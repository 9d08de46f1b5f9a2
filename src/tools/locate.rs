//! Where the tools are.

use std::fmt;
use std::path::{Path, PathBuf};

use super::child::Command;
use super::error::ToolError;
use super::version::Version;

/// A program that smbreplay runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tool {
    /// Dissects: logins, pipes, sealed PDUs, unusual encapsulations.
    Tshark,
    /// Says what a capture file is and whether it is whole.
    Capinfos,
    /// Repairs damaged captures.
    Pcapfix,
}

impl Tool {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tshark, Self::Capinfos, Self::Pcapfix];

    /// The program's name.
    pub fn program(self) -> &'static str {
        match self {
            Self::Tshark => "tshark",
            Self::Capinfos => "capinfos",
            Self::Pcapfix => "pcapfix",
        }
    }

    /// The environment variable that names another program file.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Tshark => "SMBREPLAY_TSHARK",
            Self::Capinfos => "SMBREPLAY_CAPINFOS",
            Self::Pcapfix => "SMBREPLAY_PCAPFIX",
        }
    }

    /// The command that installs it on Debian.
    pub fn install_command(self) -> &'static str {
        match self {
            Self::Tshark => "apt-get install tshark",
            Self::Capinfos => "apt-get install wireshark-common",
            Self::Pcapfix => "apt-get install pcapfix",
        }
    }

    /// What goes on without it, as the end of a sentence.
    pub(super) fn way_on(self) -> &'static str {
        match self {
            Self::Tshark => ", and `--no-tshark` goes on without it: no logins, no decryption, no pipe operations",
            Self::Capinfos => "; captures are read without it, only not checked beforehand",
            Self::Pcapfix => "; captures are read up to their damage without it",
        }
    }

    /// Finds the program: at `explicit` if given, else where its environment variable says, else in `PATH`.
    pub fn locate(self, explicit: Option<&Path>) -> Result<Located, ToolError> {
        let from_environment = || std::env::var_os(self.variable()).filter(|value| !value.is_empty());
        let (name, origin) = match explicit {
            Some(path) => (path.to_owned(), PathOrigin::Given),
            None => match from_environment() {
                Some(path) => (PathBuf::from(path), PathOrigin::Environment(self.variable())),
                None => (PathBuf::from(self.program()), PathOrigin::SearchPath),
            },
        };
        match which::which(&name) {
            Ok(path) => Ok(Located { tool: self, path, origin }),
            Err(_) if origin == PathOrigin::SearchPath => Err(ToolError::Missing { tool: self }),
            Err(_) => Err(ToolError::NotThere { tool: self, path: name, origin }),
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.program())
    }
}

/// Who named a tool's program file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathOrigin {
    /// An option.
    Given,
    /// This environment variable.
    Environment(&'static str),
    /// It was found in `PATH`.
    SearchPath,
}

impl fmt::Display for PathOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given => f.pad("as given"),
            Self::Environment(variable) => write!(f, "from {variable}"),
            Self::SearchPath => f.pad("from PATH"),
        }
    }
}

/// A tool that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Which one.
    pub tool: Tool,
    /// Its program file, absolute.
    pub path: PathBuf,
    /// Who named it.
    pub origin: PathOrigin,
}

impl Located {
    /// A command that runs it, still without arguments.
    pub fn command(&self) -> Command {
        Command::new(self.tool, &self.path)
    }

    /// Asks it for its version.
    pub fn version(&self) -> Result<Version, ToolError> {
        // pcapfix has no option for its version, but prints it before its usage, with a non-zero exit status.
        let option = if self.tool == Tool::Pcapfix { "-h" } else { "--version" };
        let (output, exit) = self.command().arg(option).run()?;
        let mut texts = [output.as_str()].into_iter().chain(exit.messages.iter().map(String::as_str));
        texts
            .find_map(Version::parse)
            .ok_or_else(|| ToolError::UnexpectedOutput { tool: self.tool, text: first_line(&output).to_owned() })
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leads_nowhere_is_named_with_its_origin() {
        let error = Tool::Tshark.locate(Some(Path::new("/nowhere/tshark"))).expect_err("there is none");
        assert!(error.is_missing_tool());
        let text = error.to_string();
        assert!(text.contains("/nowhere/tshark") && text.contains("as given"), "{text}");
    }

    #[test]
    fn a_missing_tool_is_told_with_its_remedy() {
        let text = ToolError::Missing { tool: Tool::Tshark }.to_string();
        assert!(text.contains("apt-get install tshark") && text.contains("--no-tshark"), "{text}");
    }

    #[test]
    fn installed_tools_tell_their_versions() {
        for tool in Tool::ALL {
            let located = tool.locate(None).expect("the tests need all tools: scripts/install-deps.sh");
            let version = located.version().expect("a version");
            assert!(version.major > 0 && version.text.contains(&version.number()), "{version:?}");
        }
    }
}
