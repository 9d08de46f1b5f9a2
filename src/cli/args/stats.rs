//! `smbreplay stats`

use clap::{Args, ValueEnum};

use super::shared::TraceArgs;
use crate::app::GroupBy;
use crate::cli::output::Format;

/// Arguments of `stats`.
#[derive(Clone, Debug, Args)]
#[command(
    before_help = "\
Examples:
  smbreplay stats                               all sessions: commands, errors, sizes, files, what was slow
  smbreplay stats 1 --slowest 30                one session
  smbreplay stats --by user                     who did how much, and how long it took
  smbreplay stats --by file --top 50 --format csv
  smbreplay stats --format json                 everything",
    after_help = "\
Latencies are from request to final response, as seen where the capture was made. Quantiles are exact up to 256 values, and
within 0.4 % beyond. `depth` is how many requests of the session waited for an answer when one was sent, itself included (mean
and most); CHANGE_NOTIFY is not counted there, as it waits for a change. `sequential` are the READs and WRITEs that begin where
the one before on the same open ended, in percent of all but the first of each open."
)]
pub struct StatsArgs {
    /// The session: its id, its number in `session --list`, or any unique beginning of its id; else all
    #[arg(value_name = "ID")]
    pub session: Option<String>,
    /// Put operations together by this, one line each
    #[arg(long, value_enum, value_name = "WHAT")]
    pub by: Option<GroupByArg>,
    /// So many files, or so many lines of --by file
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub top: usize,
    /// So many of the slowest operations
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub slowest: usize,
    /// How to print them
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Do not start a pager (PAGER, else less), as is done when output goes to a terminal
    #[arg(long)]
    pub no_pager: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub trace: TraceArgs,
}

/// What operations are put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GroupByArg {
    /// Session
    Session,
    /// Address of the client
    Client,
    /// User who logged in
    User,
    /// Share
    Share,
    /// Path in its share
    File,
    /// Command
    Command,
}

impl From<GroupByArg> for GroupBy {
    fn from(by: GroupByArg) -> Self {
        match by {
            GroupByArg::Session => Self::Session,
            GroupByArg::Client => Self::Client,
            GroupByArg::User => Self::User,
            GroupByArg::Share => Self::Share,
            GroupByArg::File => Self::File,
            GroupByArg::Command => Self::Command,
        }
    }
}
