//! `smbreplay report`

use std::path::PathBuf;

use clap::Args;

use super::shared::TraceArgs;

/// Arguments of `report`.
#[derive(Clone, Debug, Args)]
#[command(
    before_help = "\
Examples:
  smbreplay report                               the whole capture: .tracer/NAME/report.html
  smbreplay report 1 -o /tmp/session-1.html      one session, where it is wanted
  smbreplay report --run last                    the latest replay: report.html in its folder
  smbreplay report --run 20261122T0406 -o -      on standard output",
    after_help = "\
The page is one file: any browser shows it, without a network. Its figures are those of `smbreplay stats`, or of the run's
report.json; `replay` writes the page of each run by itself. Beyond 100,000 operations, the timeline of single operations
draws every second, fourth … of them, and says so; everything else counts all. The page holds names of files, users and
servers: pass it on to those only who may see them."
)]
pub struct ReportArgs {
    /// The session: its id, its number in `session --list`, or any unique beginning of its id; else all
    #[arg(value_name = "ID", conflicts_with = "run")]
    pub session: Option<String>,
    /// The replay run: its folder, the beginning of its name, last, or last-1 for the one before
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Where the page goes; - is standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub trace: TraceArgs,
}
