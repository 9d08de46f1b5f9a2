//! Options that several commands have.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

pub use crate::app::parse_seconds as seconds;
use crate::replay::{PathRule, ShareRule};

/// Which capture.
#[derive(Clone, Debug, Default, Args)]
pub struct TraceArgs {
    /// The capture; else the configured trace_name, else the one last ingested
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// The case, a folder below traces_folder that FILE is looked up in
    #[arg(long, value_name = "ID")]
    pub case: Option<String>,
    /// The folder that `ingest --output` was given
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// Which captures.
#[derive(Clone, Debug, Default, Args)]
pub struct CapturesArgs {
    /// A capture, or several: in quotes, * ? [..] {..} stand for any of their names; may be repeated. Else those of --case,
    /// else the configured trace_name, else the one last ingested
    #[arg(long, value_name = "GLOB")]
    pub trace: Vec<PathBuf>,
    /// The case, a folder below traces_folder: all its captures, or those that GLOB names
    #[arg(long, value_name = "ID")]
    pub case: Option<String>,
    /// The folder that `ingest --output` was given
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// The lab server, and who logs in.
#[derive(Clone, Debug, Default, Args)]
pub struct TargetArgs {
    /// Address or name of the lab server
    #[arg(long, value_name = "ADDRESS")]
    pub server_ip: Option<String>,
    /// Its TCP port
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Domain of the user
    #[arg(long)]
    pub domain: Option<String>,
    /// Who logs in
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// Share that stands for the captured one
    #[arg(long, value_name = "SHARE")]
    pub tree_name: Option<String>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub password: PasswordArgs,
}

/// Where the password comes from, never the password itself: others can read a command line.
#[derive(Clone, Debug, Default, Args)]
pub struct PasswordArgs {
    /// Read the password from the first line of a file (else SMBREPLAY_PASSWORD, else a prompt)
    #[arg(long, value_name = "FILE", conflicts_with = "password_stdin")]
    pub password_file: Option<PathBuf>,
    /// Read the password from the first line of standard input
    #[arg(long)]
    pub password_stdin: bool,
}

/// What opens sealed (SMB 3 encrypted) traffic.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Keys of sealed traffic")]
pub struct KeyArgs {
    /// File whose first line is the password of the NTLM logins in the capture
    #[arg(long, value_name = "FILE")]
    pub nt_password_file: Option<PathBuf>,
    /// Kerberos keytab with the server's key
    #[arg(long, value_name = "FILE")]
    pub keytab: Option<PathBuf>,
    /// Key of a session, both in hex (others on this machine can read a command line: a file is better)
    #[arg(long, value_name = "ID:KEY")]
    pub session_key: Vec<String>,
    /// File with a line ID:KEY for each session
    #[arg(long, value_name = "FILE")]
    pub session_key_file: Option<PathBuf>,
}

/// Where captured names go on the target, and who can log in there.
#[derive(Clone, Debug, Args)]
pub struct PlaceArgs {
    /// Keep everything below this folder of the share
    #[arg(long, value_name = "FOLDER")]
    pub base_dir: Option<String>,
    /// The target's share for a captured one, by name or as \\server\share; --tree-name is for all others
    #[arg(long, value_name = "CAPTURED=TARGET", value_parser = ShareRule::from_str)]
    pub map_share: Vec<ShareRule>,
    /// What becomes of paths: in the first REGEX that fits a path (any case, \ written \\), what fits is replaced by TEXT with
    /// $1, ${2} for its groups
    #[arg(long, value_name = "REGEX=TEXT", value_parser = PathRule::from_str)]
    pub map_path: Vec<PathRule>,
    /// File (mode 600) with lines DOMAIN\user:password of those who can log in; captured users of the same name do
    #[arg(long, value_name = "FILE")]
    pub credentials: Option<PathBuf>,
    /// Allow a target that is a server of the capture itself
    #[arg(long)]
    pub allow_captured_server: bool,
}
