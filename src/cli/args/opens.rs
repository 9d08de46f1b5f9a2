//! `smbreplay opens` and `smbreplay files`

use clap::Args;

use super::shared::TraceArgs;
use crate::app::Moment;
use crate::cli::output::Format;

/// Arguments of `opens`.
#[derive(Clone, Debug, Args)]
#[command(
    before_help = "\
Examples:
  smbreplay opens                               every open of the capture, and how it ended
  smbreplay opens --at 12.5                     what was open 12.5 seconds after the first packet
  smbreplay opens 1 --at 02:32:13.7 --path '*.docx'
  smbreplay opens --format csv",
    after_help = "\
Times count from the first packet of the capture. access and sharing: r read, w write, d delete, m whatever is allowed,
- attributes only. An open without a beginning was there before the capture began."
)]
pub struct OpensArgs {
    /// The session: its id, its number in `session --list`, or any unique beginning of its id; else all
    #[arg(value_name = "ID")]
    pub session: Option<String>,
    /// Only what was open at this time: seconds from the first packet, 02:32:13.5 (UTC), or RFC 3339
    #[arg(long, value_name = "TIME")]
    pub at: Option<Moment>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub listing: ListingArgs,
}

/// Arguments of `files`.
#[derive(Clone, Debug, Args)]
#[command(
    before_help = "\
Examples:
  smbreplay files                               every file that was touched
  smbreplay files --path 'docs/*'
  smbreplay files 1 --format json",
    after_help = "Times count from the first packet of the capture. Pipes are left out; `opens` has them."
)]
pub struct FilesArgs {
    /// The session: its id, its number in `session --list`, or any unique beginning of its id; else all
    #[arg(value_name = "ID")]
    pub session: Option<String>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub listing: ListingArgs,
}

/// What lists of things with paths have.
#[derive(Clone, Debug, Default, Args)]
pub struct ListingArgs {
    /// Only paths that match, with * and ? (as in a shell, case-insensitive)
    #[arg(long, visible_alias = "file-filter", value_name = "GLOB")]
    pub path: Option<String>,
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
