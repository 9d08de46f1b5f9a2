//! From the command line to a command, and from its result to the exit status.

use std::io::IsTerminal;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::Parser;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::args::{Cli, ColorChoice, Command};
use super::commands;
use super::config::Config;
use super::exit_status::ExitStatus;
use super::failure::Failure;

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are asked for, and end with 0; a closed pipe is nobody's fault.
            let _ = error.print();
            return if error.use_stderr() { ExitStatus::Usage.into() } else { ExitStatus::Done.into() };
        }
    };
    match run(&cli) {
        Ok(status) => status.into(),
        Err(failure) if failure.is_closed_pipe() => ExitStatus::Done.into(),
        Err(failure) => {
            let red = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
            anstream::eprintln!("{red}error:{red:#} {failure}");
            failure.status().into()
        }
    }
}

fn run(cli: &Cli) -> Result<ExitStatus, Failure> {
    choose_color(cli.color);
    // `config` repairs a file that cannot be read, and so cannot need it; the others take it as it is.
    if let Command::Config(args) = &cli.command {
        start_log(cli.verbose.into());
        return commands::config::run(args);
    }
    let config = Config::load()?;
    start_log(config.verbosity(cli.verbose)?);
    match &cli.command {
        Command::Config(args) => commands::config::run(args),
        Command::Ingest(args) => commands::ingest::run(args, &config),
        Command::List(args) => commands::list::run(args, &config),
        Command::Session(args) => commands::session::run(args, &config),
        Command::Query(args) => commands::query::run(args, &config),
        Command::Export(args) => commands::export::run(args, &config),
        Command::Validate(args) => commands::validate::run(args, &config),
        Command::Setup(args) => commands::setup::run(args, &config),
        Command::Stats(args) => commands::stats::run(args, &config),
        Command::Opens(args) => commands::opens::run(args, &config),
        Command::Files(args) => commands::files::run(args, &config),
        Command::Extract(args) => commands::extract::run(args, &config),
        Command::Lifecycle(args) => commands::lifecycle::run(args, &config),
        Command::Auth(args) => commands::auth::run(args, &config),
        Command::Smb1(args) => commands::smb1::run(args),
        Command::Replay(args) => commands::replay::run(args, &config),
        Command::Cleanup(args) => commands::cleanup::run(args, &config),
        Command::Run(args) => commands::run::run(args, &config),
        Command::Diff(args) => commands::diff::run(args, &config),
        Command::Report(args) => commands::report::run(args, &config),
        Command::Doctor(args) => commands::doctor::run(args, &config),
        Command::Completions(args) => commands::completions::run(args),
        Command::Man(args) => commands::man::run(args),
    }
}

fn choose_color(choice: ColorChoice) {
    match choice {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}

/// Messages go to stderr; `SMBREPLAY_LOG` may hold a filter as tracing understands it.
fn start_log(verbosity: u32) {
    let level = match verbosity {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::WARN.into())
        .parse_lossy(std::env::var("SMBREPLAY_LOG").unwrap_or_else(|_| format!("warn,smbreplay={level}")));
    let ansi = match anstream::ColorChoice::global() {
        anstream::ColorChoice::Never => false,
        anstream::ColorChoice::Always | anstream::ColorChoice::AlwaysAnsi => true,
        anstream::ColorChoice::Auto => std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi);
    // Only a second start in one process fails, and then the first goes on.
    let _ = log.without_time().with_target(false).try_init();
}
