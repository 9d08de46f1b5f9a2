//! `smbreplay replay`

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::shared::{TargetArgs, TraceArgs, seconds};
use crate::cli::output::Format;
use crate::model::Dialect;
use crate::replay::{PathRule, ShareRule};

/// Arguments of `replay`.
#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  smbreplay replay 1 --server-ip 127.0.0.1 --port 1445 --username testuser --tree-name testshare
  smbreplay replay 0x0000040000000021 --dry-run
  smbreplay replay --all --yes --password-file pw --pacing captured
  smbreplay replay 1 --read-only --format json > report.json
  smbreplay replay 1 --map-share 'data=testshare' --map-path '^home\\\\(\\w+)=users\\$1' --base-dir run7
  smbreplay replay --all --credentials lab.txt --map-user 'CORP\\alice=LAB\\tester1' --map-user '*=LAB\\tester2'")]
pub struct ReplayArgs {
    /// The session: its id, its number in `session --list`, or any unique beginning of its id
    #[arg(value_name = "ID", conflicts_with = "all")]
    pub session: Option<String>,
    /// Every session of the capture
    #[arg(long)]
    pub all: bool,
    /// Speak this dialect: 2.0.2, 2.1, 3.0, 3.0.2 or 3.1.1; else the best the server knows
    #[arg(long, value_parser = Dialect::from_str)]
    pub dialect: Option<Dialect>,
    /// Which steps wait for which
    #[arg(long, value_enum, default_value_t)]
    pub ordering: OrderingArg,
    /// How fast: asap, captured, think, or a factor such as x2.5
    #[arg(long, default_value = "asap")]
    pub pacing: PacingArg,
    /// No pause is longer than this
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub max_gap: Option<Duration>,
    /// How long to wait for an answer; else the configured max_wait
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub timeout: Option<Duration>,
    /// Do not ask before something is changed on the server
    #[arg(long)]
    pub yes: bool,
    /// Show what would be sent, send nothing
    #[arg(long)]
    pub dry_run: bool,
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
    /// Who logs in for a captured user: user, DOMAIN\user, guest, anonymous, * for all
    #[arg(long, value_name = "CAPTURED=TARGET")]
    pub map_user: Vec<String>,
    /// File (mode 600) with lines DOMAIN\user:password of those who can log in; captured users of the same name do
    #[arg(long, value_name = "FILE")]
    pub credentials: Option<PathBuf>,
    /// Send nothing that could change the server
    #[arg(long)]
    pub read_only: bool,
    /// Allow a target that is a server of the capture itself
    #[arg(long)]
    pub allow_captured_server: bool,
    /// How to print the results
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub target: TargetArgs,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub trace: TraceArgs,
}

/// Which steps wait for which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OrderingArg {
    /// For every operation whose answer the client had seen
    #[default]
    Captured,
    /// Only for what they depend on: session, tree, open, path, byte range
    Resource,
    /// One after the other
    Serial,
}

/// How fast steps are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PacingArg {
    /// As soon as they may be.
    Asap,
    /// On the captured timeline, this many times as fast.
    Captured(f64),
    /// With the captured pauses after what a step waited for.
    Think,
}

impl FromStr for PacingArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "asap" => Ok(Self::Asap),
            "captured" => Ok(Self::Captured(1.0)),
            "think" => Ok(Self::Think),
            _ => {
                let factor = text.strip_prefix('x').and_then(|factor| factor.parse::<f64>().ok());
                let factor = factor.filter(|factor| factor.is_finite() && *factor > 0.0);
                factor
                    .map(Self::Captured)
                    .ok_or_else(|| "one of asap, captured, think, or a factor such as x2.5".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pacing_is_a_word_or_a_factor() {
        assert_eq!("x2.5".parse(), Ok(PacingArg::Captured(2.5)));
        assert_eq!("think".parse(), Ok(PacingArg::Think));
        for text in ["x0", "x-1", "xnan", "2.5", "fast"] {
            assert!(text.parse::<PacingArg>().is_err(), "{text}");
        }
    }
}
