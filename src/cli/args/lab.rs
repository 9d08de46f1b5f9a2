//! `smbreplay setup`, `validate`, `cleanup` and `run`

use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};

use super::ingest::ExtractorArg;
use super::replay::ReplayArgs;
use super::shared::{KeyArgs, PlaceArgs, TargetArgs, TraceArgs};
use crate::cli::output::Format;

/// The sessions, the target, and where captured names go there: as for `replay`.
#[derive(Clone, Debug, Args)]
pub struct LabArgs {
    /// The session: its id, its number in `session --list`, or any unique beginning of its id
    #[arg(value_name = "ID", conflicts_with = "all")]
    pub session: Option<String>,
    /// Every session of the capture
    #[arg(long)]
    pub all: bool,
    /// How to print what is listed
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: PlaceArgs,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub target: TargetArgs,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub trace: TraceArgs,
}

impl LabArgs {
    /// The same for a replay, with all else as it is when nothing is typed.
    pub(in crate::cli) fn replay_args(&self, dry_run: bool) -> Result<ReplayArgs, clap::Error> {
        #[derive(Parser)]
        struct Bare {
            #[command(flatten)]
            replay: ReplayArgs,
        }
        let mut args = Bare::try_parse_from(["smbreplay"])?.replay;
        args.session.clone_from(&self.session);
        args.all = self.all;
        args.dry_run = dry_run;
        args.place = self.place.clone();
        args.target = self.target.clone();
        args.trace = self.trace.clone();
        Ok(args)
    }
}

/// What stands for bytes that the capture does not show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FillArg {
    /// Zeroes; they need no room where files can have holes
    #[default]
    Zero,
    /// A text that says so, with the offset
    Pattern,
}

/// Arguments of `setup`.
#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  smbreplay setup 1 --dry-run                          what the share held before the capture began
  smbreplay setup 1 --export before/                   the same as files of a local folder
  smbreplay setup 1 --username testuser --tree-name testshare --base-dir run7
  smbreplay setup 1 --clones 3 --base-dir run7         three times, for `replay 1 --clones 3 --base-dir run7`
  smbreplay setup --all --image image.json --dry-run   infer it once, save it, load it from then on")]
pub struct SetupArgs {
    #[allow(missing_docs)]
    #[command(flatten)]
    pub lab: LabArgs,
    /// Show what would be made, make nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write it to a local folder, which must be empty, instead of the target
    #[arg(long, value_name = "DIR", conflicts_with = "dry_run")]
    pub export: Option<PathBuf>,
    /// For so many copies at once, each in a folder of its own (clone-1 …), as `replay --clones` has them
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000), conflicts_with = "export")]
    pub clones: u32,
    /// Take the image from this file; when it is not there, save it there
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,
    /// What stands for bytes that the capture does not show
    #[arg(long, value_enum, default_value_t)]
    pub fill: FillArg,
    /// Do not ask before something is made
    #[arg(long)]
    pub yes: bool,
}

/// Arguments of `validate`.
#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  smbreplay validate 1 --username testuser --tree-name testshare
  smbreplay validate 1 --image image.json --base-dir run7 --format json

Connects and looks; nothing is changed. Exit status 1: something is not as it must be.")]
pub struct ValidateArgs {
    #[allow(missing_docs)]
    #[command(flatten)]
    pub lab: LabArgs,
    /// For so many copies at once, each in a folder of its own (clone-1 …), as `replay --clones` has them
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub clones: u32,
    /// Take the image from this file
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,
}

/// Arguments of `cleanup`.
#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  smbreplay cleanup 1 --dry-run                        what would be removed
  smbreplay cleanup 1 --username testuser --yes

Removes what `setup` and `replay` made for a session, and nothing else: names that were free before, by the list that both
write down before they begin. What existed before stays, changed or not.")]
pub struct CleanupArgs {
    #[allow(missing_docs)]
    #[command(flatten)]
    pub lab: LabArgs,
    /// Show what would be removed, remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask before something is removed
    #[arg(long)]
    pub yes: bool,
}

/// Arguments of `run`.
#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  smbreplay run capture.pcapng --username testuser --tree-name testshare --base-dir run7
  smbreplay run capture.pcapng 1 --yes --keep --fill pattern

Ingests the capture, looks whether the target is fit, makes what the share held before, replays, reports, and removes what it
made. All sessions are replayed when none is named.")]
pub struct RunArgs {
    /// The capture
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Leave on the target what was made
    #[arg(long)]
    pub keep: bool,
    /// What stands for bytes that the capture does not show
    #[arg(long, value_enum, default_value_t)]
    pub fill: FillArg,
    /// A server port of the capture beside 445 and 139; may be given several times
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..))]
    pub capture_port: Vec<u16>,
    /// Do without tshark: no logins, no decryption, no pipe operations
    #[arg(long, conflicts_with_all = ["nt_password_file", "keytab", "session_key", "session_key_file"])]
    pub no_tshark: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub keys: KeyArgs,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub replay: ReplayArgs,
}

impl RunArgs {
    /// How its capture is ingested.
    pub(in crate::cli) fn ingest_args(&self) -> super::IngestArgs {
        super::IngestArgs {
            files: vec![self.file.clone()],
            trace: None,
            case: self.replay.trace.case.clone(),
            force: false,
            output: self.replay.trace.output.clone(),
            port: self.capture_port.clone(),
            jobs: None,
            repair: false,
            extractor: ExtractorArg::Native,
            no_tshark: self.no_tshark,
            tshark: None,
            keys: self.keys.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        lab: LabArgs,
    }

    #[test]
    fn what_is_typed_for_a_setup_is_what_a_replay_would_be_given() {
        let typed =
            ["setup", "2", "--base-dir", "lab", "--tree-name", "data", "--map-share", "a=b", "--server-ip", "h"];
        let replay = Line::try_parse_from(typed).unwrap().lab.replay_args(true).unwrap();
        assert_eq!((replay.session.as_deref(), replay.place.base_dir.as_deref()), (Some("2"), Some("lab")));
        assert_eq!(replay.target.tree_name.as_deref(), Some("data"));
        assert_eq!(replay.place.map_share.len(), 1);
        assert!(replay.dry_run && !replay.yes && !replay.all);
    }
}
