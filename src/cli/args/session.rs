//! `smbreplay session`

use clap::Args;

use super::shared::TraceArgs;
use crate::cli::output::Format;

/// Arguments of `session`.
#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  smbreplay session --list
  smbreplay session 1 --brief
  smbreplay session 0x0000040000000021 --errors
  smbreplay session 1 --file-filter '*.docx' --command create
  smbreplay session 1 --fields request_frame,command,path,status_name --format csv")]
pub struct SessionArgs {
    /// The session: its id, its number in --list, or any unique beginning of its id; else the configured session_id
    #[arg(value_name = "ID", conflicts_with = "list")]
    pub session: Option<String>,
    /// List the sessions of the capture
    #[arg(long)]
    pub list: bool,
    /// Only the most telling fields
    #[arg(long, conflicts_with_all = ["list", "fields"])]
    pub brief: bool,
    /// Only operations on paths that match, with * and ? (as in a shell, case-insensitive)
    #[arg(long, value_name = "GLOB", conflicts_with = "list")]
    pub file_filter: Option<String>,
    /// Only these commands: create, tree_connect …
    #[arg(long, value_name = "CMD", value_delimiter = ',', conflicts_with = "list")]
    pub command: Vec<String>,
    /// Only operations that failed
    #[arg(long, conflicts_with = "list")]
    pub errors: bool,
    /// These fields, by their column names in the dataset
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', conflicts_with = "list")]
    pub fields: Vec<String>,
    /// How to print them
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub trace: TraceArgs,
}
