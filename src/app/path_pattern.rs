//! Paths by pattern, as people type them: with `/` or `\`, in any case.

use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};

/// A pattern for paths in shares: `*` and `?` as in a shell, with either `/` or `\` between its parts, in any case.
#[derive(Clone, Debug)]
pub struct PathPattern(GlobMatcher);

/// What is no pattern.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct PatternError(#[from] globset::Error);

impl FromStr for PathPattern {
    type Err = PatternError;

    fn from_str(pattern: &str) -> Result<Self, PatternError> {
        let glob = GlobBuilder::new(&pattern.replace('\\', "/")).case_insensitive(true).build()?;
        Ok(Self(glob.compile_matcher()))
    }
}

impl PathPattern {
    /// Whether a path matches.
    pub fn matches(&self, path: &str) -> bool {
        self.0.is_match(path.replace('\\', "/"))
    }
}

/// Whether one of the paths matches a pattern; without a pattern all do.
pub(super) fn takes<'a>(pattern: Option<&PathPattern>, paths: impl IntoIterator<Item = &'a str>) -> bool {
    pattern.is_none_or(|pattern| paths.into_iter().any(|path| pattern.matches(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_in_any_case_with_either_slash() {
        let pattern: PathPattern = r"Docs\*.TXT".parse().unwrap();
        assert!(pattern.matches(r"docs\a.txt") && pattern.matches("DOCS/b.txt"));
        assert!(!pattern.matches(r"other\a.txt"));
        assert!(takes(None, [] as [&str; 0]) && !takes(Some(&pattern), []));
        assert!("a[".parse::<PathPattern>().is_err());
    }
}
