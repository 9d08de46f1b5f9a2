//! `smbreplay report`: a page for browsers about a capture or a replay.

use std::path::Path;

use crate::app::{self, ReportRequest};
use crate::cli::args::ReportArgs;
use crate::cli::config::Config;
use crate::cli::datasets::trace;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::terminal::Terminal;

/// Runs it.
pub fn run(args: &ReportArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let (session, run) = (args.session.clone(), args.run.clone());
    let request = ReportRequest { trace: trace(config, &args.trace)?, session, run };
    let page = app::report(&request, &Terminal::default())?;
    let mut output = Output::stdout();
    match &args.html {
        Some(path) if path == Path::new("-") => output.bytes(page.html.as_bytes())?,
        path => output.line(&page.write(path.as_deref())?.display().to_string())?,
    }
    output.flush()?;
    Ok(ExitStatus::Done)
}
