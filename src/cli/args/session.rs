//! `smbreplay session`

use std::time::Duration;

use clap::Args;

use super::shared::{TraceArgs, seconds};
use crate::app::Moment;
use crate::cli::output::Format;

/// Arguments of `session`.
#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  smbreplay session --list
  smbreplay session 1 --brief
  smbreplay session 0x0000040000000021 --errors
  smbreplay session 1 --path '*.docx' --command create,close
  smbreplay session 1 --slow 10ms --from 2.5 --to 02:32:14
  smbreplay session 1 --status object_name_not_found,access_denied
  smbreplay session 1 --fields request_frame,command,path,status_name --format csv
  smbreplay session 1 --frame 62                one operation in full, with the bytes of its messages
  smbreplay session 1 --frame 62 --dissect      and what tshark says of its frames")]
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
    #[allow(missing_docs)]
    #[command(flatten)]
    pub filter: FilterArgs,
    /// These fields, by their column names in the dataset
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', conflicts_with = "list")]
    pub fields: Vec<String>,
    /// The operations that this frame is a part of, in full: decoded fields and the bytes of the messages
    #[arg(long, value_name = "N", conflicts_with_all = ["list", "brief", "fields", "file_filter", "command", "status",
        "errors", "slow", "from", "to"])]
    pub frame: Option<u64>,
    /// With --frame: also what tshark says of the frames
    #[arg(long, requires = "frame")]
    pub dissect: bool,
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

/// Which operations.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Only some operations")]
pub struct FilterArgs {
    /// Those on paths that match, with * and ? (as in a shell, case-insensitive)
    #[arg(long, visible_alias = "path", value_name = "GLOB", conflicts_with = "list")]
    pub file_filter: Option<String>,
    /// Those of these commands: create, tree_connect …
    #[arg(long, value_name = "CMD,…", value_delimiter = ',', conflicts_with = "list")]
    pub command: Vec<String>,
    /// Those that ended with one of these: access_denied, STATUS_SUCCESS, 0xC0000022 …
    #[arg(long, value_name = "STATUS,…", value_delimiter = ',', conflicts_with = "list")]
    pub status: Vec<String>,
    /// Those that failed
    #[arg(long, conflicts_with = "list")]
    pub errors: bool,
    /// Those that took at least this long: 10ms, 0.5
    #[arg(long, value_name = "TIME", value_parser = seconds, conflicts_with = "list")]
    pub slow: Option<Duration>,
    /// Those that began at this time or later: seconds as the time column has them, 02:32:13.5, or RFC 3339
    #[arg(long, value_name = "TIME", conflicts_with = "list")]
    pub from: Option<Moment>,
    /// Those that began before this time
    #[arg(long, value_name = "TIME", conflicts_with = "list")]
    pub to: Option<Moment>,
}
