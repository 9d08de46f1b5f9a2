//! `smbreplay auth`

use clap::Args;

use super::shared::TraceArgs;
use crate::cli::output::Format;

/// Arguments of `auth`.
#[derive(Clone, Debug, Args)]
#[command(
    before_help = "\
Examples:
  smbreplay auth                                every login, and what stands out
  smbreplay auth 1
  smbreplay auth --findings --format csv        only what stands out
  smbreplay auth --format json",
    after_help = "\
What stands out is named as what it is, without a verdict: SMB1, old dialects, sessions neither signed nor sealed, guests, failed
logins, admin shares, pipes for services, tasks, the registry and accounts, 20 or more renames or deletes within a minute."
)]
pub struct AuthArgs {
    /// The session: its id, its number in `session --list`, or any unique beginning of its id; else all
    #[arg(value_name = "ID")]
    pub session: Option<String>,
    /// Only what stands out
    #[arg(long)]
    pub findings: bool,
    /// How to print it; csv has the logins, or with --findings what stands out
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Do not start a pager (PAGER, else less), as is done when output goes to a terminal
    #[arg(long)]
    pub no_pager: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub trace: TraceArgs,
}
