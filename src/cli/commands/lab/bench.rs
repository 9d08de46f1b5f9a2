//! What the commands about the lab server have in common: dataset, sessions, target, image, signals, bars.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;

use crate::cli::args::{FillArg, LabArgs, ReplayArgs};
use crate::cli::commands::replay::target;
use crate::cli::config::Config;
use crate::cli::datasets::{choose_session, open};
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::images::infer_image;
use crate::model::{Fill, Image, SessionEntry};
use crate::replay::Target;
use crate::store::{Dataset, Journal, read_image, write_image};
use crate::wire::WireError;

/// A dataset with the chosen sessions.
pub(in crate::cli::commands) struct Bench {
    pub(in crate::cli::commands) dataset: Dataset,
    pub(in crate::cli::commands) sessions: Vec<SessionEntry>,
    pub(in crate::cli::commands) replay: ReplayArgs,
}

impl Bench {
    pub(in crate::cli::commands) fn open(args: &LabArgs, config: &Config, dry_run: bool) -> Result<Self, Failure> {
        let dataset = open(config, &args.trace)?;
        let sessions = if args.all {
            dataset.sessions().to_vec()
        } else {
            vec![choose_session(&dataset, config, args.session.as_deref())?.clone()]
        };
        let replay = args.replay_args(dry_run).map_err(|error| Failure::new(ExitStatus::Usage, error))?;
        Ok(Self { dataset, sessions, replay })
    }

    /// The chosen sessions.
    pub(in crate::cli::commands) fn chosen(&self) -> Vec<&SessionEntry> {
        self.sessions.iter().collect()
    }

    /// The target, in words too; a server of the capture is refused.
    pub(in crate::cli::commands) fn target(&self, config: &Config) -> Result<(Target, String), Failure> {
        let (target, described) = target(&self.replay, config, &self.chosen())?;
        if !self.replay.place.allow_captured_server {
            refuse_captured_server(&self.dataset, &target)?;
        }
        Ok((target, described))
    }

    /// The image: from a file that is there, else inferred, and saved where a file was named.
    pub(in crate::cli::commands) fn image(&self, file: Option<&Path>) -> Result<Image, Failure> {
        if let Some(file) = file.filter(|file| file.exists()) {
            let image = read_image(file)?;
            anstream::eprintln!("image: read from {}", file.display());
            return Ok(image);
        }
        let image = infer_image(&self.dataset, &self.chosen())?;
        if let Some(file) = file {
            write_image(&image, file)?;
            anstream::eprintln!("image: written to {}", file.display());
        }
        Ok(image)
    }
}

/// Whose the names are that these sessions need.
pub(in crate::cli::commands) fn run_key(sessions: &[&SessionEntry]) -> String {
    match sessions {
        [one] => one.id.clone(),
        _ => "all".to_owned(),
    }
}

/// The list of names made on a target.
pub(in crate::cli::commands) fn journal(dataset: &Dataset, target: &Target) -> Journal {
    Journal::of(dataset.place(), target.connect.address)
}

/// Any session of the capture counts, chosen or not.
fn refuse_captured_server(dataset: &Dataset, target: &Target) -> Result<(), Failure> {
    let address = target.connect.address;
    let servers = dataset.sessions().iter().filter_map(|session| session.server.parse().ok());
    match crate::replay::same_server(servers, address) {
        Some(captured) => Err(crate::replay::ReplayError::CapturedServer { target: address, captured }.into()),
        None => Ok(()),
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self::new(ExitStatus::Target, error)
    }
}

impl From<FillArg> for Fill {
    fn from(fill: FillArg) -> Self {
        match fill {
            FillArg::Zero => Self::Zero,
            FillArg::Pattern => Self::Pattern,
        }
    }
}

pub(in crate::cli::commands) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(ExitStatus::Target, error))
}

/// Turns true on ^C; a second one ends the program.
pub(in crate::cli::commands) fn stop_on_signal() -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if stop.send_replace(true) {
                std::process::exit(ExitStatus::Interrupted as i32);
            }
        }
    });
    stopped
}

/// A bar on a terminal.
pub(in crate::cli::commands) fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {eta} left  {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
