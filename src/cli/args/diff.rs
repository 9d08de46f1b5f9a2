//! `smbreplay diff`

use clap::Args;

use super::shared::TraceArgs;
use crate::cli::output::Format;

/// Arguments of `diff`.
#[derive(Clone, Debug, Args)]
#[command(
    before_help = "\
Examples:
  smbreplay diff last-1 last                     the two latest replays of the capture: server A, server B
  smbreplay diff 20261122T0406 20261122T0410     by the beginnings of their names
  smbreplay diff /cases/1/.tracer/a.pcap/replays/20261122T040649962Z-all last --format ndjson",
    after_help = "\
Compared are, step by step, class, NT status, payload bytes and hashes, and the decoded fields that diverged from the
capture. Times are told and not compared. `smbreplay list runs` shows the runs.
Exit status: 0 no step differs · 1 some do."
)]
pub struct DiffArgs {
    /// The first run: its folder, the beginning of its name, last, or last-1 for the one before
    pub a: String,
    /// The second run
    pub b: String,
    /// Compare runs of different captures or sessions too; sessions are then taken by their order
    #[arg(long)]
    pub allow_different: bool,
    /// How to print the differences
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub trace: TraceArgs,
}
