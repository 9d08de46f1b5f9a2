//! `smbreplay config`: shows and changes the settings.

use crate::cli::args::{ConfigArgs, ConfigCommand};
use crate::cli::config::{Config, Key};
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Format, Output};

/// Runs it.
pub fn run(args: &ConfigArgs) -> Result<ExitStatus, Failure> {
    match &args.command {
        ConfigCommand::Show { origin, format } => show(&Config::load()?, *origin, *format)?,
        ConfigCommand::Get { key } => get(&Config::load()?, Key::parse(key)?)?,
        ConfigCommand::Set { key, value } => {
            let key = Key::parse(key)?;
            Config::load()?.set(key, value)?;
        }
        ConfigCommand::Unset { key } => {
            let key = Key::parse(key)?;
            Config::load()?.unset(key)?;
        }
        ConfigCommand::Path => {
            let mut output = Output::stdout();
            output.line(&Config::default_path()?.display().to_string())?;
            output.flush()?;
        }
    }
    Ok(ExitStatus::Done)
}

fn show(config: &Config, origin: bool, format: Format) -> Result<(), Failure> {
    let mut columns = vec![Column::text("key"), Column::text("value")];
    if origin {
        columns.push(Column::text("origin"));
    }
    let mut table = Output::stdout().table(format, columns);
    for key in Key::ALL {
        let setting = config.setting(key, None)?;
        let value = match setting.value {
            Some(value) => Cell::new(value),
            None => Cell::empty().shown("-"),
        };
        let mut row = vec![Cell::new(key.name()), value];
        if origin {
            row.push(Cell::new(setting.origin.to_string()));
        }
        table.row(row)?;
    }
    table.finish()?;
    Ok(())
}

fn get(config: &Config, key: Key) -> Result<(), Failure> {
    let Some(value) = config.setting(key, None)?.value else {
        let failure = Failure::message(ExitStatus::Usage, format!("{key} is not set"));
        return Err(failure.remedy(format!("`smbreplay config set {key} VALUE` sets it")));
    };
    let mut output = Output::stdout();
    output.line(&value)?;
    output.flush()?;
    Ok(())
}
