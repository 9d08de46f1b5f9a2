//! `smbreplay lifecycle`

use clap::Args;

use super::shared::TraceArgs;
use crate::cli::output::Format;

/// Arguments of `lifecycle`.
#[derive(Clone, Debug, Args)]
#[command(
    before_help = "\
Examples:
  smbreplay lifecycle 1                         the story of a session, from the handshake to the end
  smbreplay lifecycle 1 --no-tshark             what the dataset knows of it
  smbreplay lifecycle 1 --format json",
    after_help = "\
ARP and TCP come from the capture itself, which tshark reads for it. Paste a display filter into Wireshark to see what a line is
about."
)]
pub struct LifecycleArgs {
    /// The session: its id, its number in `session --list`, or any unique beginning of its id; else the configured session_id
    #[arg(value_name = "ID")]
    pub session: Option<String>,
    /// Do without tshark: no ARP, and of TCP only how the connection ended
    #[arg(long)]
    pub no_tshark: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Do not start a pager (PAGER, else less), as is done when output goes to a terminal
    #[arg(long)]
    pub no_pager: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub trace: TraceArgs,
}
