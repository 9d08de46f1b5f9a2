//! What a replay is judged by, in `replay`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::shared::seconds;
use crate::replay::Threshold;

/// What a run is judged by.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Judging")]
pub struct JudgingArgs {
    /// The run has failed (exit status 1) when this holds, and not for what diverged; repeatable, see below
    #[arg(long, value_name = "EXPR")]
    pub fail_on: Vec<Threshold>,
    /// Do not count what a calibration has found to differ by itself; FILE is noise.json of the dataset unless given
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub noise: Option<Option<PathBuf>>,
    /// Replay twice, and write what differs between the two to FILE (noise.json of the dataset); see below
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true,
        conflicts_with_all = ["noise", "fail_on", "dry_run", "clones", "iterations"])]
    pub calibrate: Option<Option<PathBuf>>,
    /// A command line that puts the share into its state again, run before each of the two
    #[arg(long, value_name = "COMMAND", requires = "calibrate")]
    pub reset_command: Option<String>,
    /// How long the --reset-command may take; it is killed after that
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "3600", requires = "reset_command")]
    pub reset_timeout: Duration,
    /// Write the report as JUnit XML to a file of its own, for CI
    #[arg(long, value_name = "FILE", conflicts_with = "calibrate")]
    pub junit: Option<PathBuf>,
}

/// What `replay --help` says about judging.
pub(super) const JUDGING_HELP: &str = "\
What has failed:
  A run fails, with exit status 1, when anything diverged or was skipped. With --fail-on only
  the conditions given decide: what diverged is told, and not judged.
  --fail-on 'diverged>0' --fail-on 'skipped>0' is the default again.
  EXPR is METRIC[(COMMAND)] RELATION NUMBER[UNIT], the relation one of < <= > >= == !=
    status>0  match<99%  data(READ)>0  diverged>5   steps of a class: a number, or % of the steps
    p99>20ms  p99(READ)>50ms  p50(WRITE)>2x         latencies p50 p90 p99 p99.9 max; x: captured
    ops/s<1000  bytes/s<100MiB  elapsed>1.1x        over the whole run
    late>1%                                         steps that smbreplay was more than 2 ms late with
  Classes: match status data length info missing_response timeout connection_lost skipped
  not_replayable not_selected not_reached; diverged is all in which the server differs.
  What should have been measured and was not has failed; a command that the run has not got
  is not judged.

Calibration:
  --calibrate replays twice, and takes for noise, step by step and field by field, what
  differs between the two. The share must be in the same state before each: --reset-command
  gets it there (a snapshot rolled back, files copied anew), or you are asked to. A replay
  that changes nothing, or --read-only, needs neither. Then replay with --noise.";
