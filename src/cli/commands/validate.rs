//! `smbreplay validate`: is the target fit for a replay?

use anstyle::AnsiColor;

use super::lab::{Bench, runtime};
use crate::cli::args::ValidateArgs;
use crate::cli::commands::replay::prepare;
use crate::cli::config::Config;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Output};
use crate::replay::{Check, CheckState, Layout, name_maps, validate};

/// Runs it.
pub fn run(args: &ValidateArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let mut bench = Bench::open(&args.lab, config, false)?;
    bench.replay.clones = args.clones;
    let image = bench.image(args.image.as_deref().filter(|file| file.exists()))?;
    let (prepared, _) = prepare(&bench.replay, config, &bench.dataset, &bench.chosen())?;
    let layout = Layout::of_copies(&image, &name_maps(&prepared));
    let checks = runtime()?.block_on(validate(&layout, &prepared, true))?;
    let mut table = Output::stdout().table(args.lab.format, ["check", "state", "detail"].map(Column::text).into());
    for check in &checks {
        table.row(vec![check.what.as_str().into(), state(check.state), check.detail.as_str().into()])?;
    }
    table.finish()?;
    Ok(status(&checks))
}

fn state(state: CheckState) -> Cell {
    match state {
        CheckState::Ok => Cell::new("ok").color(AnsiColor::Green),
        CheckState::Note => Cell::new("note").color(AnsiColor::Yellow),
        CheckState::Failed => Cell::new("failed").color(AnsiColor::Red),
    }
}

/// A target that cannot be reached or refuses the login is told apart from one that is not as it must be.
pub(super) fn status(checks: &[Check]) -> ExitStatus {
    let failed = |what: &str| checks.iter().any(|check| check.what == what && check.state == CheckState::Failed);
    if failed("server") || failed("login") {
        ExitStatus::Target
    } else if checks.iter().any(|check| check.state == CheckState::Failed) {
        ExitStatus::Diverged
    } else {
        ExitStatus::Done
    }
}
