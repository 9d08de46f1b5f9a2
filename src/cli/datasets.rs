//! Which capture, and which session, a command is about: from arguments and configuration to requests.

use super::args::{CapturesArgs, TraceArgs};
use super::config::{Config, ConfigError, Key};
use super::failure::Failure;
use crate::app::{CapturesRequest, TraceRequest, Workspace, user_state_folder};
use crate::model::{ConnectionIndex, SessionEntry, Timestamp};
use crate::replay::Closing;
use crate::store::Dataset;

/// When the captured connections ended. A dataset numbers connections by their `tcp_stream`.
pub(super) fn closings(dataset: &Dataset) -> Vec<Closing> {
    let ends = dataset.manifest().connection_ends.iter();
    ends.map(|end| Closing {
        frame: end.frame,
        time: Timestamp(end.time_ns),
        connection: ConnectionIndex(end.tcp_stream),
    })
    .collect()
}

/// What the configuration says of captures.
pub(super) fn workspace(config: &Config) -> Result<Workspace, ConfigError> {
    Ok(Workspace {
        traces_folder: config.traces_folder()?,
        case: config.text(Key::CaseId, None)?,
        trace: config.text(Key::TraceName, None)?.map(Into::into),
        state_folder: user_state_folder(),
    })
}

/// The capture that the arguments name.
pub(super) fn trace(config: &Config, args: &TraceArgs) -> Result<TraceRequest, ConfigError> {
    Ok(TraceRequest {
        trace: args.trace.clone(),
        case: args.case.clone(),
        output: args.output.clone(),
        workspace: workspace(config)?,
    })
}

/// The captures that the arguments name.
pub(super) fn captures(config: &Config, args: &CapturesArgs) -> Result<CapturesRequest, ConfigError> {
    Ok(CapturesRequest {
        traces: args.trace.clone(),
        case: args.case.clone(),
        output: args.output.clone(),
        workspace: workspace(config)?,
    })
}

/// The dataset that a command is about.
pub(super) fn open(config: &Config, args: &TraceArgs) -> Result<Dataset, Failure> {
    Ok(trace(config, args)?.open()?)
}

/// The session that was named or is configured.
pub(super) fn choose_session<'a>(
    dataset: &'a Dataset,
    config: &Config,
    name: Option<&str>,
) -> Result<&'a SessionEntry, Failure> {
    Ok(crate::app::choose_session(dataset, config.text(Key::SessionId, name)?.as_deref())?)
}
