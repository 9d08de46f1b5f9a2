//! `smbreplay extract`

use std::path::PathBuf;

use clap::Args;

use super::opens::ListingArgs;

/// Arguments of `extract`.
#[derive(Clone, Debug, Args)]
#[command(
    before_help = "\
Examples:
  smbreplay extract --to out                    the contents of all files that were read or written
  smbreplay extract 1 --to out --path '*.docx'
  smbreplay extract --to out --format json      with every gap",
    after_help = "\
A file lies in DIR/SERVER_SHARE/its path. A name that could do harm is escaped with % and hex. A file that was changed after an
open that used it was closed, or that somebody else changed in between, has several versions: report.v2.docx. What the capture
does not hold is a gap: the stretch is there, filled with zeros, and told as a range of bytes."
)]
pub struct ExtractArgs {
    /// The session: its id, its number in `session --list`, or any unique beginning of its id; else all
    #[arg(value_name = "ID")]
    pub session: Option<String>,
    /// The folder for the files; it is made, and must be empty if it is there
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub listing: ListingArgs,
}
