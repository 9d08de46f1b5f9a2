//! A replay while it runs: the bar, and what ends it before its time.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::replay::{Prepared, Progress, RunReport};

/// Replays with a bar on a terminal; ^C ends the run with what was done, and a second one at once.
pub(super) async fn execute(prepared: &Prepared) -> Result<RunReport, Failure> {
    let (stop, stopped) = watch::channel(false);
    let signals = tokio::spawn(async move {
        if wanted_end().await.is_ok() {
            let _ = stop.send(true);
            if wanted_end().await.is_ok() {
                std::process::exit(ExitStatus::Interrupted as i32);
            }
        }
        // Nobody can ask for an end any more, and the run goes on: the channel has to stay open.
        std::future::pending::<()>().await;
    });
    let bar = bar();
    let started = Instant::now();
    let result = prepared.execute(|progress| show(&bar, progress, started.elapsed()), stopped).await;
    bar.finish_and_clear();
    signals.abort();
    Ok(result?)
}

/// Waits for ^C and its kin.
pub(super) async fn wanted_end() -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

fn show(bar: &ProgressBar, progress: Progress, elapsed: Duration) {
    let rate = progress.done as f64 / elapsed.as_secs_f64().max(1e-3);
    bar.set_length(progress.total as u64);
    bar.set_position(progress.done as u64);
    bar.set_message(format!(
        "{rate:.0} ops/s, {} in flight, {} late, {} diverged",
        progress.in_flight, progress.late, progress.divergences
    ));
}

fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:16} {pos}/{len}  {msg}  {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
