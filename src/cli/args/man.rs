//! `smbreplay man`

use clap::Args;

/// Arguments of `man`.
#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  smbreplay man | man -l -
  smbreplay man config > /usr/local/share/man/man1/smbreplay-config.1")]
pub struct ManArgs {
    /// The command whose page is wanted; else the page of smbreplay itself
    pub command: Option<String>,
}
