//! `smbreplay list`

use clap::{Args, Subcommand};

use super::shared::TraceArgs;
use crate::cli::output::Format;

/// Arguments of `list`.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// What to list
    #[command(subcommand)]
    pub command: ListCommand,
}

/// What can be listed.
#[derive(Clone, Debug, Subcommand)]
pub enum ListCommand {
    /// The captures of a case
    Traces(ListTracesArgs),
    /// The replays of a capture
    Runs(ListRunsArgs),
}

/// Arguments of `list traces`.
#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  smbreplay list traces
  smbreplay list traces --case 2010203 --format json")]
pub struct ListTracesArgs {
    /// The case, a folder below traces_folder; else the configured case_id, else traces_folder itself
    #[arg(long, value_name = "ID")]
    pub case: Option<String>,
    /// How to print them
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of `list runs`.
#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  smbreplay list runs
  smbreplay list runs --trace capture.pcapng --format json")]
pub struct ListRunsArgs {
    /// How to print them
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub trace: TraceArgs,
}
