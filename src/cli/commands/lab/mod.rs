//! The commands about what the lab server holds: what they share, and their steps, which `run` takes one after the other.

mod bench;
mod tree;

pub(in crate::cli::commands) use bench::{Bench, bar, journal, run_key, runtime, stop_on_signal};
pub(in crate::cli::commands) use tree::{print_tree, summary};
