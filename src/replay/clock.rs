//! The engine's clock: what became ready is sent when it is due.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use super::engine::Running;
use super::readiness::Readiness;

/// A timer is about a millisecond late: up to this long before something is due, the loop turns instead of sleeping.
const TURNING: Duration = Duration::from_micros(1500);

impl Running<'_> {
    /// Lets go what waited for something. What becomes ready by it could have been sent since that was there: an answer is
    /// there when it has arrived, not when the engine comes to it.
    pub(super) fn release(&mut self, arrived: Option<Duration>, done: impl FnOnce(&mut Readiness<'_>)) {
        let before = self.readiness.ready.len();
        done(&mut self.readiness);
        let since = arrived.unwrap_or_else(|| self.now());
        for chain in self.readiness.ready.iter().skip(before) {
            if let Some((_, ready)) = self.timing.get_mut(*chain as usize) {
                *ready = since;
            }
        }
    }

    /// Sends the chains that are ready and due.
    pub(super) fn send_due(&mut self) {
        loop {
            let now = self.now();
            for chain in std::mem::take(&mut self.readiness.ready) {
                let Some((due, ready)) = self.timing.get_mut(chain as usize) else { continue };
                *due = self.schedule.due(chain, *ready);
                self.due.push(Reverse((*due, chain)));
            }
            match self.due.peek() {
                Some(Reverse((due, chain))) if *due <= now => {
                    let (due, chain) = (*due, *chain);
                    self.due.pop();
                    self.send_chain(chain, due);
                }
                _ => return,
            }
        }
    }

    /// What a chain had waited for beside answers, its connection or login, is there: when it is due.
    pub(super) fn ready_again(&mut self, chain: u32) -> Duration {
        let now = self.now();
        let Some((due, ready)) = self.timing.get_mut(chain as usize) else { return now };
        *ready = now;
        *due
    }

    /// Sends a chain later; it could not be sent before.
    pub(super) fn put_off(&mut self, chain: u32, until: Duration) {
        if let Some(timing) = self.timing.get_mut(chain as usize) {
            *timing = (until, until);
            self.due.push(Reverse((until, chain)));
        }
    }

    /// Whether something is due so soon that there is no time to sleep.
    pub(super) fn is_turning(&self) -> bool {
        let next = self.due.peek().map(|Reverse((due, _))| *due);
        !self.readiness.ready.is_empty() || next.is_some_and(|due| due <= self.now() + TURNING)
    }

    /// When the next thing has to be done, whatever happens until then.
    pub(super) fn wake_at(&self, at_latest: Instant) -> Instant {
        let due = self.due.peek().map(|Reverse((due, _))| self.start + due.saturating_sub(TURNING));
        let deadline = self.deadlines.peek().map(|Reverse((deadline, _))| self.start + *deadline);
        let ahead = self.ahead.next().map(|at| self.start + at);
        [due, deadline, ahead].into_iter().flatten().fold(at_latest, Instant::min)
    }
}
