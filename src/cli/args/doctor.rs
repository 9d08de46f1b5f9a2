//! `smbreplay doctor`

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::shared::seconds;
use crate::cli::output::Format;

/// Arguments of `doctor`.
#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  smbreplay doctor
  smbreplay doctor --server-ip 192.0.2.10 --port 445
  smbreplay doctor --format json")]
pub struct DoctorArgs {
    /// tshark's program file (else SMBREPLAY_TSHARK, else PATH)
    #[arg(long, value_name = "FILE")]
    pub tshark: Option<PathBuf>,
    /// The lab server to try
    #[arg(long, value_name = "ADDRESS")]
    pub server_ip: Option<String>,
    /// Its TCP port
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// How long to wait for it
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub timeout: Duration,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}
