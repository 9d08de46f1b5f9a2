//! `smbreplay replay`

use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::judging::{JUDGING_HELP, JudgingArgs};
use super::shared::{PlaceArgs, TargetArgs, TraceArgs, seconds};
use crate::cli::output::Format;
use crate::model::{Dialect, Timestamp};

/// The heading of the options that select.
const SELECTION: &str = "What is replayed (what that needs is sent too)";

/// Arguments of `replay`.
#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  smbreplay replay 1 --server-ip 127.0.0.1 --port 1445 --username testuser --tree-name testshare
  smbreplay replay 0x0000040000000021 --dry-run
  smbreplay replay --all --yes --password-file pw --pacing captured
  smbreplay replay 1 --read-only --format json > report.json
  smbreplay replay --all --from 12.5s --to 60s --path 'home/alice/**' --command create,read --user alice
  smbreplay replay 1 --map-share 'data=testshare' --map-path '^home\\\\(\\w+)=users\\$1' --base-dir run7
  smbreplay replay --all --credentials lab.txt --map-user 'CORP\\alice=LAB\\tester1' --map-user '*=LAB\\tester2'
  smbreplay replay 1 --yes --fail-on 'p99(READ)>50ms' --fail-on 'match<99%' --junit report.xml", after_help = JUDGING_HELP)]
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
    /// Only these sessions of --all
    #[arg(long = "session", value_name = "ID", requires = "all", help_heading = SELECTION)]
    pub sessions: Vec<String>,
    /// Only what was sent at this time or later: RFC 3339, or seconds since the capture began (12.5s)
    #[arg(long, value_name = "TIME", help_heading = SELECTION)]
    pub from: Option<TimeArg>,
    /// Only what was sent before this time
    #[arg(long, value_name = "TIME", help_heading = SELECTION)]
    pub to: Option<TimeArg>,
    /// Only what is about paths that match, with * and ? (as in a shell, any case)
    #[arg(long, value_name = "GLOB", help_heading = SELECTION)]
    pub path: Vec<String>,
    /// Only these commands: create, read, query_info …
    #[arg(long, value_name = "CMD", value_delimiter = ',', help_heading = SELECTION)]
    pub command: Vec<String>,
    /// Only sessions of these captured users: user, DOMAIN\user, guest, anonymous
    #[arg(long, value_name = "NAME", help_heading = SELECTION)]
    pub user: Vec<String>,
    /// Who logs in for a captured user: user, DOMAIN\user, guest, anonymous, * for all
    #[arg(long, value_name = "CAPTURED=TARGET")]
    pub map_user: Vec<String>,
    /// So many copies at once, each in a folder of its own (clone-1 …), with connections and sessions of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub clones: u32,
    /// So many times, one after another
    #[arg(long = "loop", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub iterations: u32,
    /// Send nothing that could change the server
    #[arg(long)]
    pub read_only: bool,
    /// How to print the results
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: PlaceArgs,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub judging: JudgingArgs,
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

/// A point in time of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeArg {
    /// As such.
    At(Timestamp),
    /// After the beginning of the capture.
    Since(Duration),
}

impl FromStr for TimeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(time) = chrono::DateTime::parse_from_rfc3339(text) {
            let nanoseconds = time.timestamp_nanos_opt();
            return nanoseconds
                .map(|at| Self::At(Timestamp(at)))
                .ok_or_else(|| "a year of this age is expected".to_owned());
        }
        seconds(text).map(Self::Since).map_err(|_| {
            "a time is expected: 2026-11-22T02:32:13.5Z, or seconds since the capture began: 12.5s".to_owned()
        })
    }
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
    fn times_are_points_or_seconds_since_the_beginning() {
        assert_eq!("12.5s".parse(), Ok(TimeArg::Since(Duration::from_millis(12_500))));
        assert_eq!("250ms".parse(), Ok(TimeArg::Since(Duration::from_millis(250))));
        assert_eq!("1970-01-01T01:00:00.5+01:00".parse(), Ok(TimeArg::At(Timestamp(500_000_000))));
        assert!("yesterday".parse::<TimeArg>().is_err_and(|error| error.contains("12.5s")));
    }

    #[test]
    fn pacing_is_a_word_or_a_factor() {
        assert_eq!("x2.5".parse(), Ok(PacingArg::Captured(2.5)));
        assert_eq!("think".parse(), Ok(PacingArg::Think));
        for text in ["x0", "x-1", "xnan", "2.5", "fast"] {
            assert!(text.parse::<PacingArg>().is_err(), "{text}");
        }
    }
}
