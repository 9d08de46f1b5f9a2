//! Ctrl-C and its kin: the first asks the work to end and to clean up, the second ends the program.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use super::exit_status::ExitStatus;
use super::failure::Failure;
use crate::app::CancelToken;

/// Listens from now on: the first signal sets the token.
pub(super) fn listen(cancel: &CancelToken) -> Result<(), Failure> {
    let failed = |error| Failure::new(ExitStatus::Unreadable, anyhow::Error::from(error));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // In this order: the first signal finds the flag unset, and only then sets it.
        flag::register_conditional_shutdown(signal, ExitStatus::Interrupted as i32, cancel.flag()).map_err(failed)?;
        flag::register(signal, cancel.flag()).map_err(failed)?;
    }
    Ok(())
}

/// Leaves Ctrl-C to the pager, which stays: who reads decides when to leave. Without a handler we end, and that is all.
pub(super) fn leave_to_pager() {
    let _ = flag::register(SIGINT, Arc::new(AtomicBool::new(false)));
}
