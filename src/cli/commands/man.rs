//! `smbreplay man`: prints the manual page of smbreplay or of one command.

use clap::CommandFactory;
use clap_mangen::Man;

use crate::cli::args::{Cli, ManArgs};
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Output, OutputError};

/// Runs it.
pub fn run(args: &ManArgs) -> Result<ExitStatus, Failure> {
    let mut program = Cli::command();
    program.build();
    let command = match &args.command {
        None => program,
        Some(name) => {
            let found = program.get_subcommands().find(|command| command.get_name() == name).cloned();
            let unknown = || {
                let names: Vec<_> = program.get_subcommands().map(clap::Command::get_name).collect();
                Failure::message(ExitStatus::Usage, format!("there is no command {name:?}"))
                    .remedy(format!("there are {}", names.join(", ")))
            };
            found.ok_or_else(unknown)?
        }
    };
    let mut page = Vec::new();
    Man::new(command).render(&mut page).map_err(OutputError)?;
    let mut output = Output::stdout();
    output.bytes(&page)?;
    output.flush()?;
    Ok(ExitStatus::Done)
}
