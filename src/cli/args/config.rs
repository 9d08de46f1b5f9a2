//! `smbreplay config`

use clap::{Args, Subcommand};

use crate::cli::output::Format;

/// Arguments of `config`.
#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  smbreplay config set server_ip 192.0.2.10
  smbreplay config set username testuser
  smbreplay config show --origin
  smbreplay config unset domain

Keys: server_ip, port, domain, username, tree_name, max_wait, case_id, trace_name, session_id, traces_folder, verbosity.
Each can also come from the environment: SMBREPLAY_SERVER_IP, SMBREPLAY_PORT …")]
pub struct ConfigArgs {
    /// What to do
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What `config` does.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show all settings
    Show {
        /// Also show where each comes from
        #[arg(long)]
        origin: bool,
        /// How to print them
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print one setting
    Get {
        /// Its key
        key: String,
    },
    /// Store a setting in the configuration file
    Set {
        /// Its key
        key: String,
        /// Its value
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Remove a setting from the configuration file
    Unset {
        /// Its key
        key: String,
    },
    /// Print where the configuration file is
    Path,
}
