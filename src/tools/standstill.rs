//! Notices that a tool has stopped for good.
//!
//! A tool stands still when all that it could wait for is there, and it does nothing: its input is closed, or what was written
//! to it does not go away; what it prints is being waited for; no byte comes or goes; and it uses no processor time. A tshark
//! that dissects a large file without printing a line computes; one whose input nobody has written yet waits for us.

use std::fs;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a tool may stand still before it is ended.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// How much longer where the system does not show how much a process computes: silence says less then.
const UNSEEN: u32 = 12;

/// Processes below a tool that are looked at: a script in its place starts the tool itself.
const PROCESSES: usize = 64;

/// What is known of a running tool by those who write to it, read from it and wait for its end.
#[derive(Debug)]
pub(super) struct Standstill {
    process: u32,
    patience: Duration,
    /// Bytes that went either way.
    moved: AtomicU64,
    /// Its input is there to be written.
    pub(super) input_open: AtomicBool,
    /// Something is being written to it.
    pub(super) writing: AtomicBool,
    /// Its output is there to be read.
    pub(super) output_open: AtomicBool,
    /// Somebody waits for its output.
    pub(super) reading: AtomicBool,
    found: AtomicBool,
    quiet: Mutex<Quiet>,
}

/// Since when nothing has changed.
#[derive(Debug)]
struct Quiet {
    since: Instant,
    looked: Instant,
    moved: u64,
    computed: Option<u64>,
}

impl Standstill {
    pub(super) fn new(process: u32, patience: Duration) -> Self {
        let now = Instant::now();
        let quiet = Quiet { since: now, looked: now, moved: 0, computed: None };
        Self {
            process,
            patience,
            moved: AtomicU64::new(0),
            input_open: AtomicBool::new(false),
            writing: AtomicBool::new(false),
            output_open: AtomicBool::new(false),
            reading: AtomicBool::new(false),
            found: AtomicBool::new(false),
            quiet: Mutex::new(quiet),
        }
    }

    /// How long it may stand still.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// How often those who wait look.
    pub(super) fn between_looks(&self) -> Duration {
        (self.patience / 10).clamp(Duration::from_millis(1), Duration::from_secs(1))
    }

    /// Bytes have come or gone.
    pub(super) fn moved(&self, bytes: usize) {
        self.moved.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Whether it was found to stand still.
    pub(super) fn was_found(&self) -> bool {
        self.found.load(Ordering::Acquire)
    }

    /// Looks, and says whether it stands still. Whoever waits for the tool calls it now and then.
    pub(super) fn look(&self) -> bool {
        if self.was_found() {
            return true;
        }
        let mut quiet = self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        let time = Instant::now();
        let now = Quiet {
            since: time,
            looked: time,
            moved: self.moved.load(Ordering::Relaxed),
            computed: processor_time(self.process),
        };
        // Nobody has looked for long: nobody waited for the tool.
        let unwatched = time.duration_since(quiet.looked) > self.between_looks() * 10 + Duration::from_secs(5);
        let changed = now.moved != quiet.moved || now.computed != quiet.computed;
        if unwatched || changed || !self.it_is_the_tools_turn() {
            *quiet = now;
            return false;
        }
        quiet.looked = time;
        let patience = if now.computed.is_some() { self.patience } else { self.patience * UNSEEN };
        let found = time.duration_since(quiet.since) >= patience;
        self.found.store(found, Ordering::Release);
        found
    }

    fn it_is_the_tools_turn(&self) -> bool {
        let is = |flag: &AtomicBool| flag.load(Ordering::Acquire);
        (is(&self.writing) || !is(&self.input_open)) && (is(&self.reading) || !is(&self.output_open))
    }
}

/// What a process and those that it started have computed, in the system's units; None where the system does not show it.
fn processor_time(process: u32) -> Option<u64> {
    let (mut waiting, mut seen, mut sum) = (vec![process], 0, None);
    while let Some(process) = waiting.pop() {
        seen += 1;
        if seen > PROCESSES {
            break;
        }
        if let Some(own) = own_processor_time(process) {
            sum = Some(sum.unwrap_or(0) + own);
        }
        let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
        waiting.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
    }
    sum
}

/// Fields 14 and 15 of `/proc/PID/stat`, proc(5). The name in the second field can have blanks and brackets in it.
fn own_processor_time(process: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    /// Looks for twenty times its patience; whether it is found to stand still.
    fn found(still: &Standstill, meanwhile: impl Fn()) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < SHORT * 20 {
            if still.look() {
                return true;
            }
            meanwhile();
            sleep(Duration::from_millis(5));
        }
        false
    }

    fn idle() -> (std::process::Child, Standstill) {
        let child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep");
        let still = Standstill::new(child.id(), SHORT);
        (child, still)
    }

    #[test]
    fn what_has_all_it_needs_and_does_nothing_stands_still() {
        let (mut child, still) = idle();
        assert!(found(&still, || {}));
        assert!(still.was_found());
        child.kill().and_then(|()| child.wait()).expect("ended");
    }

    #[test]
    fn what_waits_for_us_does_not() {
        let (mut child, still) = idle();
        still.input_open.store(true, Ordering::Release);
        assert!(!found(&still, || {}), "nobody writes to it");
        still.writing.store(true, Ordering::Release);
        still.output_open.store(true, Ordering::Release);
        assert!(!found(&still, || {}), "nobody reads from it");
        still.reading.store(true, Ordering::Release);
        assert!(!found(&still, || still.moved(1)), "bytes move");
        assert!(found(&still, || {}));
        child.kill().and_then(|()| child.wait()).expect("ended");
    }

    #[test]
    fn what_computes_does_not_even_in_a_process_below() {
        let script = "(while :; do :; done) & wait";
        let mut child = std::process::Command::new("sh").args(["-c", script]).spawn().expect("sh");
        let still = Standstill::new(child.id(), Duration::from_millis(500));
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(3) {
            assert!(!still.look());
            sleep(Duration::from_millis(50));
        }
        let below = fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).expect("children");
        child.kill().and_then(|()| child.wait()).expect("ended");
        for process in below.split_whitespace() {
            let killed = std::process::Command::new("kill").args(["-9", process]).status();
            assert!(killed.expect("kill").success());
        }
    }
}
