//! `smbreplay ingest`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::shared::KeyArgs;

/// Arguments of `ingest`.
#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  smbreplay ingest capture.pcapng
  smbreplay ingest capture.pcap00 capture.pcap01       one capture in several files
  ssh HOST tcpdump -w - port 445 | smbreplay ingest -  from standard input
  smbreplay ingest capture.pcapng --port 1445 --force
  smbreplay ingest sealed.pcapng --nt-password-file pw
  smbreplay ingest --case 2010203 --trace capture.pcapng")]
pub struct IngestArgs {
    /// The capture; several files are one capture, in the order of their time; - is standard input
    #[arg(value_name = "FILE", conflicts_with = "trace")]
    pub files: Vec<PathBuf>,
    /// The capture; else the configured trace_name
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// The case, a folder below traces_folder that the file is looked up in
    #[arg(long, value_name = "ID")]
    pub case: Option<String>,
    /// Write the dataset anew even if it is up to date
    #[arg(long)]
    pub force: bool,
    /// Put the dataset into DIR/.tracer instead of beside the capture
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// A server port beside 445 and 139; may be given several times
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Vec<u16>,
    /// Threads that write; as many as there are processors when not given
    #[arg(long, value_name = "N")]
    pub jobs: Option<std::num::NonZeroUsize>,
    /// Repair a damaged capture with pcapfix, in a copy, before it is read
    #[arg(long)]
    pub repair: bool,
    /// Who takes the messages out of the capture
    #[arg(long, value_enum, default_value_t, value_name = "WHO")]
    pub extractor: ExtractorArg,
    /// Do without tshark: nothing sealed, compressed or in tunnels is opened; users of Kerberos are not named
    #[arg(long, conflicts_with_all = ["nt_password_file", "keytab", "session_key", "session_key_file", "tshark"])]
    pub no_tshark: bool,
    /// tshark's program file (else SMBREPLAY_TSHARK, else PATH)
    #[arg(long, value_name = "FILE")]
    pub tshark: Option<PathBuf>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub keys: KeyArgs,
}

/// Who takes the messages out of the capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExtractorArg {
    /// smbreplay's own reader: fast, loses nothing around holes
    #[default]
    Native,
    /// tshark alone: the independent witness
    Tshark,
}
