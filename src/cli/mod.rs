//! The command line: arguments, configuration, exit statuses, one file per command. Nobody imports it.

pub mod args;
pub mod commands;
mod config;
mod credentials;
mod datasets;
mod exit_status;
mod failure;
mod filter;
mod images;
mod interrupt;
mod keys;
mod output;
mod password;
mod run;
mod shown;
mod terminal;

pub use config::{Config, ConfigError, Key, Origin, Setting};
pub use exit_status::ExitStatus;
pub use failure::Failure;
pub use keys::read_keys;
pub use output::{Align, Cell, Column, Format, Output, OutputError, TableWriter};
pub use password::{PasswordError, read_password};
pub use run::main;
