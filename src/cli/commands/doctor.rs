//! `smbreplay doctor`: is everything there that is needed?

use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use anstyle::AnsiColor;

use crate::cli::args::DoctorArgs;
use crate::cli::config::Config;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Output};
use crate::tools::{Tool, ToolError};

/// What was found of one thing.
struct Finding {
    what: String,
    state: State,
    detail: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    /// Something can be done about it, but smbreplay works.
    Note,
    Missing,
}

impl State {
    fn cell(self) -> Cell {
        match self {
            Self::Ok => Cell::new("ok").color(AnsiColor::Green),
            Self::Note => Cell::new("note").color(AnsiColor::Yellow),
            Self::Missing => Cell::new("missing").color(AnsiColor::Red),
        }
    }
}

/// Runs it. A missing tshark is what the exit status tells; a target that does not answer is only shown, for most commands
/// need none.
pub fn run(args: &DoctorArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let mut findings = vec![Finding {
        what: "smbreplay".to_owned(),
        state: State::Ok,
        detail: format!("version {}", env!("CARGO_PKG_VERSION")),
    }];
    findings.extend(Tool::ALL.map(|tool| tool_finding(tool, args)));
    findings.push(config_finding(config));
    findings.push(traces_finding(config)?);
    let server = config.server_ip(args.server_ip.as_deref())?;
    findings.push(target_finding(&server, config.port(args.port)?, args.timeout));

    let columns = vec![Column::text("what"), Column::text("state"), Column::text("detail")];
    let mut table = Output::stdout().table(args.format, columns);
    for finding in &findings {
        table.row(vec![
            Cell::new(finding.what.as_str()),
            finding.state.cell(),
            Cell::new(finding.detail.as_str()),
        ])?;
    }
    table.finish()?;
    let tshark_missing = findings.iter().any(|f| f.what == Tool::Tshark.program() && f.state == State::Missing);
    Ok(if tshark_missing { ExitStatus::ToolMissing } else { ExitStatus::Done })
}

fn tool_finding(tool: Tool, args: &DoctorArgs) -> Finding {
    let explicit = args.tshark.as_deref().filter(|_| tool == Tool::Tshark);
    let found = tool.locate(explicit).and_then(|located| Ok((located.version()?, located)));
    let (state, detail) = match found {
        Ok((version, located)) => {
            let enough = tool != Tool::Tshark || version.major >= 4;
            let advice = if enough { "" } else { "; 4.0 or later is what smbreplay is tested with" };
            let state = if enough { State::Ok } else { State::Note };
            (state, format!("{version} at {} ({}){advice}", located.path.display(), located.origin))
        }
        Err(error @ ToolError::Missing { .. }) => (State::Missing, error.to_string()),
        Err(error) => (State::Missing, Failure::from(error).to_string()),
    };
    Finding { what: tool.program().to_owned(), state, detail }
}

fn config_finding(config: &Config) -> Finding {
    let path = config.path();
    let (state, detail) = match std::fs::metadata(path) {
        Err(_) => (State::Ok, format!("{} (not written yet; defaults are in force)", path.display())),
        Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
            let path = path.display();
            (State::Note, format!("{path} can be read by others; `chmod 600 {path}` changes that"))
        }
        Ok(_) => (State::Ok, path.display().to_string()),
    };
    Finding { what: "configuration".to_owned(), state, detail }
}

fn traces_finding(config: &Config) -> Result<Finding, Failure> {
    let folder = config.traces_folder()?;
    let (state, detail) = if folder.is_dir() {
        (State::Ok, folder.display().to_string())
    } else {
        (State::Note, format!("{} is no folder; captures can still be given by their path", folder.display()))
    };
    Ok(Finding { what: "traces folder".to_owned(), state, detail })
}

fn target_finding(server: &str, port: u16, timeout: Duration) -> Finding {
    let started = Instant::now();
    let (state, detail) = match connect(server, port, timeout) {
        Ok(()) => (
            State::Ok,
            format!("{server} port {port} answers, after {:.1} ms", started.elapsed().as_secs_f64() * 1e3),
        ),
        Err(error) => (State::Note, format!("{server} port {port} does not answer: {error}; replay needs a target")),
    };
    Finding { what: "target".to_owned(), state, detail }
}

/// Connects to any of the addresses of a name.
fn connect(server: &str, port: u16, timeout: Duration) -> std::io::Result<()> {
    let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
    for address in (server, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}
