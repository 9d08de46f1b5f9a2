//! Paths by pattern, as people type them: with `/` or `\`, in any case.

use globset::GlobMatcher;

use super::failure::Failure;
use super::filter;

/// Paths that match a pattern; all when there is none.
pub(super) struct PathFilter(Option<GlobMatcher>);

impl PathFilter {
    pub(super) fn new(pattern: Option<&String>) -> Result<Self, Failure> {
        Ok(Self(pattern.map(|pattern| filter::paths("--path", pattern)).transpose()?))
    }

    /// Whether any of them matches.
    pub(super) fn takes<'a>(&self, paths: impl IntoIterator<Item = &'a str>) -> bool {
        self.0.as_ref().is_none_or(|glob| paths.into_iter().any(|path| glob.is_match(path.replace('\\', "/"))))
    }
}
