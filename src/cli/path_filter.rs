//! Paths by pattern, as people type them: with `/` or `\`, in any case.

use globset::{GlobBuilder, GlobMatcher};

use super::exit_status::ExitStatus;
use super::failure::Failure;

/// Paths that match a pattern; all when there is none.
pub(super) struct PathFilter(Option<GlobMatcher>);

impl PathFilter {
    pub(super) fn new(pattern: Option<&String>) -> Result<Self, Failure> {
        let glob = |pattern: &String| {
            let pattern = pattern.replace('\\', "/");
            let glob = GlobBuilder::new(&pattern).case_insensitive(true).build();
            glob.map(|glob| glob.compile_matcher())
                .map_err(|error| Failure::message(ExitStatus::Usage, format!("--path: {error}")))
        };
        Ok(Self(pattern.map(glob).transpose()?))
    }

    /// Whether any of them matches.
    pub(super) fn takes<'a>(&self, paths: impl IntoIterator<Item = &'a str>) -> bool {
        self.0.as_ref().is_none_or(|glob| paths.into_iter().any(|path| glob.is_match(path.replace('\\', "/"))))
    }
}
