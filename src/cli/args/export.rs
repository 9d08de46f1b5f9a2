//! `smbreplay export`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::shared::CapturesArgs;

/// Arguments of `export`.
#[derive(Clone, Debug, Args)]
#[command(
    before_help = "\
Examples:
  smbreplay export --to zeek -o logs            smb_files.log, smb_mapping.log, ntlm.log, dce_rpc.log
  smbreplay export --to zeek --log smb_files --format json
  smbreplay export --to ocsf -o events.ndjson   events of OCSF's class SMB Activity (4006), one a line
  smbreplay export --to ecs --command create,set_info --path '*.docx'
  smbreplay export --to csv --trace 'mon*.pcapng' -o week.csv
  smbreplay export --to parquet --case 2010203 -o case.parquet",
    after_help = "\
zeek: what Zeek logs by default: opens, renames and deletes of files, trees, NTLM logins, calls on pipes; what failed is left out of smb_files. OCSF
and ECS: one event for each operation. csv and parquet: all columns of the dataset but the messages themselves, and the capture.
Sessions follow one after the other, each in the order of its requests."
)]
pub struct ExportArgs {
    /// The session: its id, its number in `session --list`, or any unique beginning of its id; else all
    #[arg(value_name = "ID")]
    pub session: Option<String>,
    /// Whose names and shape
    #[arg(long, value_enum, value_name = "WHAT")]
    pub to: ExportTarget,
    /// Where to: a file; a folder for Zeek's logs, if --log does not name one. Else standard output
    #[arg(short, long = "out", value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// Zeek: tab-separated values with header lines, or JSON lines
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: ZeekFormatArg,
    /// Zeek: this log only
    #[arg(long, value_enum, value_name = "LOG")]
    pub log: Option<ZeekLogArg>,
    /// Only operations of these commands: create, tree_connect …
    #[arg(long, value_name = "CMD,…", value_delimiter = ',')]
    pub command: Vec<String>,
    /// Only operations on paths that match, with * and ? (as in a shell, case-insensitive)
    #[arg(long, value_name = "GLOB")]
    pub path: Option<String>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub captures: CapturesArgs,
}

/// Whose names and shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportTarget {
    /// Zeek's logs
    Zeek,
    /// Open Cybersecurity Schema Framework
    Ocsf,
    /// Elastic Common Schema
    Ecs,
    /// Comma-separated values
    Csv,
    /// One Parquet file
    Parquet,
}

/// How Zeek's logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ZeekFormatArg {
    /// Tab-separated, as Zeek's default
    #[default]
    Tsv,
    /// JSON lines
    Json,
}

/// One of Zeek's logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum ZeekLogArg {
    /// Files
    SmbFiles,
    /// Trees
    SmbMapping,
    /// Logins
    Ntlm,
    /// Calls on named pipes
    DceRpc,
}
