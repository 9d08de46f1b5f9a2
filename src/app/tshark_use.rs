//! Whether a use case takes tshark, and which.

use std::path::PathBuf;

use crate::tools::{Located, Tool, ToolError};

/// Which tshark is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TsharkUse {
    /// The one that `SMBREPLAY_TSHARK` or `PATH` leads to.
    #[default]
    Found,
    /// This program.
    At(PathBuf),
    /// None.
    Without,
}

impl TsharkUse {
    /// A program if one is named, else the one that is found.
    pub fn of(program: Option<PathBuf>) -> Self {
        program.map_or(Self::Found, Self::At)
    }

    /// Where it is; nowhere if it is not used.
    pub(super) fn locate(&self) -> Result<Option<Located>, ToolError> {
        match self {
            Self::Found => Tool::Tshark.locate(None).map(Some),
            Self::At(program) => Tool::Tshark.locate(Some(program)).map(Some),
            Self::Without => Ok(None),
        }
    }
}
