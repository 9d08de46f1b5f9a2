//! What tshark prints, line by line.

use std::io::BufRead;

use super::events::Events;
use crate::tools::{Command, Ending, Input, ToolError, Tshark};

/// How the reading of a capture by tshark ended.
pub(super) enum Reading {
    /// All of it was read.
    Whole,
    /// Only a part of it; with what tshark says of that.
    Partial(Vec<String>),
    /// It was ended from outside.
    Cancelled,
}

/// Runs a command line of tshark and hands on its lines.
pub(super) fn each_line(
    tshark: &Tshark,
    command: Command,
    events: &dyn Events,
    mut take: impl FnMut(&str),
) -> Result<Reading, ToolError> {
    let cancel = events.cancel();
    let mut child = command.spawn(Input::Null)?;
    if let Some(output) = child.take_output() {
        for line in output.lines() {
            let run = |source| ToolError::Run { path: tshark.located().path.clone(), source };
            take(&line.map_err(run)?);
            if cancel.is_cancelled() {
                // The child is killed when it is dropped.
                return Ok(Reading::Cancelled);
            }
        }
    }
    Ok(match child.finish()? {
        Ending::Partial { messages } => Reading::Partial(messages),
        _ => Reading::Whole,
    })
}
