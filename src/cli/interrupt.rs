//! Ctrl-C and its kin: the first asks the work to end and to clean up, the second ends the program.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use super::exit_status::ExitStatus;

/// Whether the user wants an end.
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on; `stop` is set together with this.
    pub(super) fn listen(stop: &Arc<AtomicBool>) -> io::Result<Self> {
        let seen = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // In this order: the first signal finds the flag unset, and only then sets it.
            flag::register_conditional_shutdown(signal, ExitStatus::Interrupted as i32, seen.clone())?;
            flag::register(signal, seen.clone())?;
            flag::register(signal, stop.clone())?;
        }
        Ok(Self(seen))
    }

    /// Whether a signal came.
    pub(super) fn was_seen(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
