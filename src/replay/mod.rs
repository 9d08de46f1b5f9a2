//! Replay: captured operations are sent to a lab server, and what it answers is compared with what was captured.
//!
//! [`Plan`] says what will be sent and what each step waits for; [`IdMap`] learns which live id stands for which captured
//! one; [`Rewriter`] makes the bodies; the engine sends, waits and compares; [`RunReport`] tells.

mod ahead;
mod breaks;
mod classify;
mod clock;
mod closing;
mod compare_info;
mod compare_quota;
mod compare_security;
mod copies;
mod divergence;
#[cfg(test)]
mod divergence_tests;
mod engine;
mod image;
mod lab;
mod lane;
mod latency;
mod listing;
mod merged_names;
mod name_map;
mod names;
mod needs;
mod negotiated;
mod negotiated_causes;
#[cfg(test)]
mod negotiated_tests;
mod negotiations;
mod noise;
mod options;
mod order;
mod order_resource;
#[cfg(test)]
mod order_resource_tests;
mod origins;
mod outcome;
mod pacing;
mod picks;
#[cfg(test)]
mod picks_tests;
mod plan;
#[cfg(test)]
mod plan_tests;
mod probe;
mod ranges;
mod readiness;
mod reason;
mod receiving;
mod remap;
mod reopen;
mod resources;
mod results;
mod rewrite;
#[cfg(test)]
mod rewrite_tests;
mod rpc;
mod run;
mod run_diff;
mod safety;
mod selection;
mod sending;
mod sid_map;
mod summary;
#[cfg(test)]
mod testing;
mod threshold;
mod threshold_parse;
#[cfg(test)]
mod threshold_tests;
mod trees;
mod users;

pub use closing::Closing;
pub use copies::{CopyNumber, Pass, PassTally, clone_folder};
pub use divergence::{Comparison, Context, compare};
pub use image::{Inference, infer};
pub use lab::{
    Check, CheckState, Cleaned, Conflict, Found, Lab, Layout, Left, LeftOut, Made, Placed, PlanNames, SetupPlan,
    SetupProgress, ShareLayout, Survey, Trouble, cleanup, name_maps, record, survey, validate,
};
pub use latency::{Latencies, Percentiles};
pub use merged_names::MergedPaths;
pub use name_map::{NameMap, PathRule, ShareRule, UnusableRule};
pub use negotiated::{NegotiatedDifference, NegotiatedKind, NegotiatedValue};
pub use negotiations::TargetDifference;
pub use noise::{NoiseEntry, NoiseModel};
pub use options::{OnConnectionLoss, Options, Ordering, Pacing, UnknownPacing};
pub use outcome::{Class, Finding, Outcome};
pub use picks::{Pick, Picked};
pub use plan::{
    Plan, PlanCounts, PlanOptions, PlannedChain, PlannedConnection, PlannedSession, Step, StepIndex, StepKind, merge,
};
pub use probe::Probed;
pub use reason::Reason;
pub use remap::{IdMap, ResumeKey};
pub use rewrite::Rewriter;
pub use run::{Prepared, Progress, ReplayError, Run, RunReport, Target, Verdict, Workload};
pub use run_diff::{CommandChange, FieldDiff, RunDiff, RunDiffer, StepDiff};
pub use safety::{Changes, captured_server, could_change, same_server};
pub use selection::Selection;
pub use sid_map::SidMap;
pub use summary::{CommandSummary, RootCause, Row, RunSummary};
pub use threshold::{Judged, Judgement, Limit, Metric, Rank, Relation, Threshold};
pub use threshold_parse::ThresholdError;
pub use users::{CapturedUser, UserRule, UserUse, credentials_for};
