//! Notices that a query has stopped for good: all its threads sleep, and its plan counts nothing any more.
//!
//! Time alone says nothing, for a sort may compute for minutes between two rows. So a look at the query is quiet only if
//! - the caller's thread, which drives the top of the plan, waits;
//! - all threads of the runtime sleep, and were hardly awake since the last look. A thread that computes, or that the system
//!   does not let run, is awake;
//! - no node of the plan counts more rows, batches, bytes or spills than at the last look.
//!
//! The looks are those of a thread of its own, so that they wake none of the threads that they watch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricValue;
use futures::{Stream, StreamExt};
use tokio::runtime::RuntimeMetrics;
use tokio::sync::oneshot;

/// So long all has to be quiet. No single read from a disk takes that long, and nothing else leaves all threads asleep.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// So many looks in that time have to be quiet, one after the other.
const LOOKS: u32 = 20;

/// Threads that are awake for less than a hundredth of the time between two looks have done nothing.
const IDLE_SHARE: u32 = 100;

/// Watches a query while somebody waits for its next batch.
#[derive(Debug)]
pub(super) struct StallWatch {
    caller: Arc<Caller>,
    stalled: oneshot::Receiver<()>,
    // Dropping it ends the thread.
    _stop: Sender<()>,
}

/// The thread that polls the top of the plan.
#[derive(Debug, Default)]
struct Caller {
    /// It waits for the plan; not so while it polls, and while it does something else with what it got.
    waits: AtomicBool,
    /// How long it polled, in nanoseconds.
    polled: AtomicU64,
}

/// What a look sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sight {
    all_asleep: bool,
    awake: Duration,
    counted: usize,
}

impl StallWatch {
    /// Starts the thread.
    pub(super) fn start(
        plan: Arc<dyn ExecutionPlan>,
        runtime: RuntimeMetrics,
        patience: Duration,
    ) -> std::io::Result<Self> {
        let caller = Arc::new(Caller::default());
        let (tell, stalled) = oneshot::channel();
        let (stop, stopped) = channel();
        let watched = Arc::clone(&caller);
        let looks = move || {
            if quiet_for_long(&stopped, patience / LOOKS, || sight(&watched, &runtime, plan.as_ref())) {
                // Nobody listens any more when the query has just ended.
                let _ = tell.send(());
            }
        };
        thread::Builder::new().name("query-watch".to_owned()).spawn(looks)?;
        Ok(Self { caller, stalled, _stop: stop })
    }

    /// The next item of a stream; None if the query has stopped for good.
    pub(super) async fn next<S: Stream + Unpin>(&mut self, stream: &mut S) -> Option<Option<S::Item>> {
        let caller = Arc::clone(&self.caller);
        let next = std::future::poll_fn(|context| {
            caller.waits.store(false, Ordering::Release);
            let begun = Instant::now();
            let poll = stream.poll_next_unpin(context);
            let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
            caller.polled.fetch_add(took, Ordering::AcqRel);
            caller.waits.store(poll.is_pending(), Ordering::Release);
            match poll {
                Poll::Ready(item) => Poll::Ready(item),
                Poll::Pending => Poll::Pending,
            }
        });
        tokio::select! {
            biased;
            item = next => Some(item),
            Ok(()) = &mut self.stalled => None,
        }
    }
}

/// Whether so many looks were quiet one after the other; false when it is told to stop.
fn quiet_for_long(stopped: &Receiver<()>, between: Duration, look: impl Fn() -> Sight) -> bool {
    let (mut last, mut quiet) = (look(), 0);
    // Looks are counted, not time: a machine that slept, or did not let this thread run, has not watched.
    while quiet < LOOKS {
        if stopped.recv_timeout(between) != Err(RecvTimeoutError::Timeout) {
            return false;
        }
        let now = look();
        quiet = if is_quiet(last, now, between) { quiet + 1 } else { 0 };
        last = now;
    }
    true
}

fn is_quiet(last: Sight, now: Sight, between: Duration) -> bool {
    last.all_asleep
        && now.all_asleep
        && now.counted == last.counted
        && now.awake.saturating_sub(last.awake) < between / IDLE_SHARE
}

fn sight(caller: &Caller, runtime: &RuntimeMetrics, plan: &dyn ExecutionPlan) -> Sight {
    let workers = || 0..runtime.num_workers();
    let polled = Duration::from_nanos(caller.polled.load(Ordering::Acquire));
    Sight {
        // tokio counts parking and unparking: odd is parked.
        all_asleep: caller.waits.load(Ordering::Acquire)
            && workers().all(|worker| runtime.worker_park_unpark_count(worker) % 2 == 1),
        awake: workers().map(|worker| runtime.worker_total_busy_duration(worker)).sum::<Duration>() + polled,
        counted: counted(plan),
    }
}

/// The sum of all that the plan's nodes count. Times are left out: they grow with each poll, also of what has stopped.
fn counted(plan: &dyn ExecutionPlan) -> usize {
    let own = plan.metrics().map_or(0, |metrics| {
        let counts = metrics.iter().filter(|metric| {
            !matches!(
                metric.value(),
                MetricValue::ElapsedCompute(_)
                    | MetricValue::Time { .. }
                    | MetricValue::StartTimestamp(_)
                    | MetricValue::EndTimestamp(_)
            )
        });
        counts.fold(0_usize, |sum, metric| sum.wrapping_add(metric.value().as_usize()))
    });
    plan.children().into_iter().fold(own, |sum, child| sum.wrapping_add(counted(child.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BETWEEN: Duration = Duration::from_millis(1000);
    const ASLEEP: Sight = Sight { all_asleep: true, awake: Duration::from_secs(9), counted: 5 };

    #[test]
    fn only_sleep_without_counts_is_quiet() {
        assert!(is_quiet(ASLEEP, ASLEEP, BETWEEN));
        assert!(!is_quiet(ASLEEP, Sight { all_asleep: false, ..ASLEEP }, BETWEEN));
        assert!(!is_quiet(Sight { all_asleep: false, ..ASLEEP }, ASLEEP, BETWEEN));
        assert!(!is_quiet(ASLEEP, Sight { counted: 6, ..ASLEEP }, BETWEEN));
        // A thread that computed for 10 ms between two looks; one that woke and found nothing to do.
        let awake = |more| Sight { awake: ASLEEP.awake + Duration::from_micros(more), ..ASLEEP };
        assert!(!is_quiet(ASLEEP, awake(10_000), BETWEEN));
        assert!(is_quiet(ASLEEP, awake(500), BETWEEN));
    }

    #[test]
    fn one_look_that_is_not_quiet_begins_the_count_anew() {
        let (_keep, stopped) = channel();
        let looks = AtomicU64::new(0);
        let look = || {
            let number = looks.fetch_add(1, Ordering::SeqCst);
            Sight { counted: usize::from(number > 15), ..ASLEEP }
        };
        assert!(quiet_for_long(&stopped, Duration::from_millis(1), look));
        assert_eq!(looks.load(Ordering::SeqCst), 17 + u64::from(LOOKS));
    }

    #[test]
    fn the_thread_ends_with_the_query() {
        let (stop, stopped) = channel();
        let begun = Instant::now();
        let watching = thread::spawn(move || quiet_for_long(&stopped, Duration::from_secs(60), || ASLEEP));
        drop(stop);
        assert!(!watching.join().unwrap());
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
