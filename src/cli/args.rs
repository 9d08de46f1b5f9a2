//! What can be typed. Arguments are kept as they were typed; what they mean with environment and configuration is settled
//! in [`super::Config`] and the commands.

mod auth;
mod completions;
mod config;
mod diff;
mod doctor;
mod export;
mod extract;
mod ingest;
mod judging;
mod lab;
mod lifecycle;
mod list;
mod man;
mod opens;
mod query;
mod replay;
mod report;
mod session;
mod shared;
mod smb1;
mod stats;

use clap::{Parser, Subcommand, ValueEnum};

pub use auth::AuthArgs;
pub use completions::CompletionsArgs;
pub use config::{ConfigArgs, ConfigCommand};
pub use diff::DiffArgs;
pub use doctor::DoctorArgs;
pub use export::{ExportArgs, ExportTarget, ZeekFormatArg, ZeekLogArg};
pub use extract::ExtractArgs;
pub use ingest::{ExtractorArg, IngestArgs};
pub use judging::JudgingArgs;
pub use lab::{CleanupArgs, FillArg, LabArgs, RunArgs, SetupArgs, ValidateArgs};
pub use lifecycle::LifecycleArgs;
pub use list::{ListArgs, ListCommand, ListRunsArgs, ListTracesArgs};
pub use man::ManArgs;
pub use opens::{FilesArgs, ListingArgs, OpensArgs};
pub use query::{QueryArgs, QueryFormat};
pub use replay::{OrderingArg, PacingArg, ReplayArgs, TimeArg};
pub use report::ReportArgs;
pub use session::{FilterArgs, SessionArgs};
pub use shared::{CapturesArgs, KeyArgs, PasswordArgs, TargetArgs, TraceArgs, seconds};
pub use smb1::{Smb1Args, Smb1Part};
pub use stats::{GroupByArg, StatsArgs};

/// Turn captures of SMB2/3 traffic into datasets, and replay them against a lab server
#[derive(Clone, Debug, Parser)]
#[command(
    name = "smbreplay",
    version,
    propagate_version = true,
    max_term_width = 110,
    arg_required_else_help = true,
    before_help = "\
Examples:
  smbreplay ingest capture.pcapng               a capture becomes a dataset
  smbreplay session --list                      its sessions
  smbreplay session 1 --brief                   what happened in the first
  smbreplay stats                               how much, how fast, how often it failed
  smbreplay query 'SELECT DISTINCT path FROM operations'
  smbreplay replay 1 --server-ip 127.0.0.1 --username testuser --tree-name testshare
  smbreplay run capture.pcapng --base-dir run7  all of it: ingest, make the share what it was, replay, clean up
  smbreplay diff last-1 last                    how two replays differ
  smbreplay report --run last                   a page about the latest replay, for a browser
  smbreplay config set server_ip 127.0.0.1      where replays go to
  smbreplay config show --origin                every setting, and where it comes from
  smbreplay doctor                              is everything there that is needed?",
    after_help = "\
Exit status: 0 done, nothing diverged · 1 divergences, or a failed threshold · 2 usage · 3 capture or dataset unreadable or partly read ·
4 target unreachable or login refused · 5 a needed tool is missing · 130 interrupted"
)]
pub struct Cli {
    /// More messages on stderr; twice for even more
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// When to use colour
    #[arg(long, value_enum, default_value_t, global = true, value_name = "WHEN")]
    pub color: ColorChoice,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Turn a capture into a dataset
    Ingest(IngestArgs),
    /// List captures, list replays
    List(ListArgs),
    /// List the sessions of a capture, show the operations of one
    Session(SessionArgs),
    /// Count: operations, errors, bytes, latencies, sizes, by command, user, file …
    Stats(StatsArgs),
    /// List opens: who had which file open, when, how it ended
    Opens(OpensArgs),
    /// List files that were touched, and what happened to them
    Files(FilesArgs),
    /// Put the contents of files together from READs and WRITEs
    Extract(ExtractArgs),
    /// Tell the story of a session, with the frames and display filters that show it
    Lifecycle(LifecycleArgs),
    /// Tell who logged in and how, and what stands out
    Auth(AuthArgs),
    /// Look at SMB1, which has no place in a dataset
    Smb1(Smb1Args),
    /// Ask datasets and results in SQL
    Query(QueryArgs),
    /// Write operations in the shape of Zeek's logs, OCSF, ECS, CSV or Parquet
    Export(ExportArgs),
    /// Look whether a lab server is fit for a replay; change nothing
    Validate(ValidateArgs),
    /// Make what the share held before the capture began
    Setup(SetupArgs),
    /// Send captured operations to a lab server, and compare its answers
    Replay(Box<ReplayArgs>),
    /// Remove from a lab server what setup and replay made there
    Cleanup(CleanupArgs),
    /// All of it: ingest, validate, setup, replay, report, cleanup
    Run(Box<RunArgs>),
    /// Compare two replays: server A, server B
    Diff(DiffArgs),
    /// Write a page for browsers about a capture or a replay
    Report(ReportArgs),
    /// Show and change the configuration
    Config(ConfigArgs),
    /// Check tools, configuration and target
    Doctor(DoctorArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man(ManArgs),
}
