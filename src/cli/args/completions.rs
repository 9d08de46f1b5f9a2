//! `smbreplay completions`

use clap::Args;
use clap_complete::Shell;

/// Arguments of `completions`.
#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  smbreplay completions bash > /etc/bash_completion.d/smbreplay
  smbreplay completions zsh > ~/.zfunc/_smbreplay")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}
