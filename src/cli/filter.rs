//! Filters by command and by path, as several commands take them.

use globset::{GlobBuilder, GlobMatcher};

use super::exit_status::ExitStatus;
use super::failure::Failure;
use crate::app::PathPattern;

/// The pattern of `--path`.
pub(super) fn path(pattern: Option<&str>) -> Result<Option<PathPattern>, Failure> {
    let pattern = pattern.map(str::parse).transpose();
    pattern.map_err(|error| Failure::message(ExitStatus::Usage, format!("--path: {error}")))
}

/// A pattern for paths, in any case, with either `/` or `\` between its parts. It is held against paths with `/`.
pub(super) fn paths(option: &str, pattern: &str) -> Result<GlobMatcher, Failure> {
    let glob = GlobBuilder::new(&pattern.replace('\\', "/")).case_insensitive(true).build();
    glob.map(|glob| glob.compile_matcher())
        .map_err(|error| Failure::message(ExitStatus::Usage, format!("{option}: {error}")))
}
