//! What can be typed. Arguments are kept as they were typed; what they mean with environment and configuration is settled
//! in [`super::Config`] and the commands.

mod completions;
mod config;
mod diff;
mod doctor;
mod ingest;
mod judging;
mod list;
mod man;
mod replay;
mod session;
mod shared;

use clap::{Parser, Subcommand, ValueEnum};

pub use completions::CompletionsArgs;
pub use config::{ConfigArgs, ConfigCommand};
pub use diff::DiffArgs;
pub use doctor::DoctorArgs;
pub use ingest::{ExtractorArg, IngestArgs};
pub use judging::JudgingArgs;
pub use list::{ListArgs, ListCommand, ListRunsArgs, ListTracesArgs};
pub use man::ManArgs;
pub use replay::{OrderingArg, PacingArg, ReplayArgs, TimeArg};
pub use session::SessionArgs;
pub use shared::{KeyArgs, PasswordArgs, TargetArgs, TraceArgs, seconds};

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
  smbreplay replay 1 --server-ip 127.0.0.1 --username testuser --tree-name testshare
  smbreplay diff last-1 last                    how two replays differ
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
    /// Send captured operations to a lab server, and compare its answers
    Replay(Box<ReplayArgs>),
    /// Compare two replays: server A, server B
    Diff(DiffArgs),
    /// Show and change the configuration
    Config(ConfigArgs),
    /// Check tools, configuration and target
    Doctor(DoctorArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man(ManArgs),
}
