//! `smbreplay smb1`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::output::Format;

/// Arguments of `smb1`.
#[derive(Clone, Debug, Args)]
#[command(
    before_help = "\
Examples:
  smbreplay smb1 old.pcap                       who logged in over SMB1, and what came to each file
  smbreplay smb1 old.pcap --show operations     every request with its answer
  smbreplay smb1 old.pcap --format json         all of it
  smbreplay smb1 old.pcap --show files --format csv",
    after_help = "\
SMB1 is another protocol than SMB2: its messages are counted by ingest, and have no place in a dataset. They are read by tshark here,
straight from the capture, to be looked at. They cannot be replayed.

Exit status: 0 done · 3 no SMB1 in the capture, or read only in part · 5 tshark is missing"
)]
pub struct Smb1Args {
    /// The capture: pcap or pcapng, plain, or compressed as tshark reads it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What of it: by default logins and files as tables, operations as csv and ndjson, and everything as json
    #[arg(long, value_enum)]
    pub show: Option<Smb1Part>,
    /// A port of SMB beside 445 and 139; repeatable
    #[arg(long, value_name = "N")]
    pub port: Vec<u16>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// tshark's program
    #[arg(long, value_name = "FILE")]
    pub tshark: Option<PathBuf>,
    /// Do not start a pager (PAGER, else less), as is done when output goes to a terminal
    #[arg(long)]
    pub no_pager: bool,
}

/// A part of what is told of SMB1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Smb1Part {
    /// Who logged in
    Logins,
    /// What came to each file
    Files,
    /// Every request with its answer
    Operations,
}
