//! Where captured names go on the target: shares, paths, the base folder.

use std::borrow::Cow;
use std::str::FromStr;

use regex::{Regex, RegexBuilder};

use crate::model::path::{is_ipc, share_name};

/// Where captured names go on the target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NameMap {
    /// Host name or address in the `\\server\share` of a TREE_CONNECT.
    pub server: String,
    /// Share for captured shares that `shares` does not name; None keeps their names. IPC$ always stays IPC$.
    pub share: Option<String>,
    /// Which captured share goes to which of the target. The first that fits counts.
    pub shares: Vec<ShareRule>,
    /// What becomes of share-relative paths. The first that fits counts.
    pub paths: Vec<PathRule>,
    /// Folder of the target share that everything goes below, `\`-separated, without `\` at its ends.
    pub base_dir: Option<String>,
}

/// `captured=target` for shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareRule {
    captured: String,
    target: String,
}

/// `REGEX=TEXT` for share-relative paths.
#[derive(Clone, Debug)]
pub struct PathRule {
    pattern: Regex,
    text: String,
}

/// A mapping that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableRule {
    /// There is no `=` between its two sides.
    #[error("{given:?} has no '=': {expected} is expected")]
    NoTarget {
        /// What was given.
        given: String,
        /// How it should look.
        expected: &'static str,
    },
    /// A share has no name.
    #[error("{given:?} leaves a share without a name: {expected} is expected")]
    NoName {
        /// What was given.
        given: String,
        /// How it should look.
        expected: &'static str,
    },
    /// The share's name is a path.
    #[error(
        "the target {0:?} is no share's name; the server is that of --server-ip, a folder is given with --base-dir"
    )]
    NotAShare(String),
    /// The regular expression is none.
    #[error("{pattern:?} is no regular expression: {reason} (a backslash of a path is written \\\\)")]
    Pattern {
        /// What was given.
        pattern: String,
        /// What is wrong, without the picture that the parser draws.
        reason: String,
    },
    /// The path would leave the share or the base folder.
    #[error("the text {0:?} has a part '..', which would lead out of the folder")]
    Climbs(String),
}

const SHARE_FORM: &str = "CAPTURED=TARGET, such as data=testshare or '\\\\server\\data=testshare'";
const PATH_FORM: &str = "REGEX=TEXT, such as '^home\\\\(\\w+)=users\\$1'";

impl FromStr for ShareRule {
    type Err = UnusableRule;

    fn from_str(text: &str) -> Result<Self, UnusableRule> {
        let parts = text.split_once('=');
        let (captured, target) =
            parts.ok_or_else(|| UnusableRule::NoTarget { given: text.to_owned(), expected: SHARE_FORM })?;
        let captured = captured.trim().replace('/', "\\");
        let captured = captured.trim_end_matches('\\');
        let target = target.trim();
        if share_name(captured).is_empty() || target.is_empty() {
            return Err(UnusableRule::NoName { given: text.to_owned(), expected: SHARE_FORM });
        }
        if target.contains(['\\', '/', ':']) {
            return Err(UnusableRule::NotAShare(target.to_owned()));
        }
        Ok(Self { captured: captured.to_owned(), target: target.to_owned() })
    }
}

impl ShareRule {
    /// Whether it is about a captured `\\server\share`.
    pub fn fits(&self, captured: &str) -> bool {
        let whole = self.captured.starts_with("\\\\");
        self.captured.eq_ignore_ascii_case(if whole { captured } else { share_name(captured) })
    }
}

impl std::fmt::Display for ShareRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.captured, self.target)
    }
}

impl FromStr for PathRule {
    type Err = UnusableRule;

    /// The first `=` that no backslash stands before parts the sides.
    fn from_str(text: &str) -> Result<Self, UnusableRule> {
        let mut escaped = false;
        let at = text.char_indices().find_map(|(at, character)| {
            let parts = character == '=' && !escaped;
            escaped = character == '\\' && !escaped;
            parts.then_some(at)
        });
        match at {
            Some(at) => Self::new(&text[..at], &text[at + 1..]),
            None => Err(UnusableRule::NoTarget { given: text.to_owned(), expected: PATH_FORM }),
        }
    }
}

impl PathRule {
    /// A rule. The pattern fits in any case, as SMB names do, unless it says `(?-i)`; in the text `$1`, `${name}` stand for
    /// its groups, and `/` for `\`.
    pub fn new(pattern: &str, text: &str) -> Result<Self, UnusableRule> {
        let built = RegexBuilder::new(pattern).case_insensitive(true).build();
        let pattern = built.map_err(|error| UnusableRule::Pattern {
            pattern: pattern.to_owned(),
            reason: match &error {
                // The last line of the picture says it.
                regex::Error::Syntax(picture) => {
                    let last = picture.lines().last().unwrap_or_default();
                    last.trim_start_matches("error: ").to_owned()
                }
                other => other.to_string(),
            },
        })?;
        let text = text.replace('/', "\\");
        if text.split('\\').any(|part| part == "..") {
            return Err(UnusableRule::Climbs(text));
        }
        Ok(Self { pattern, text })
    }

    /// The path that it makes of one; None where it does not fit.
    fn apply(&self, path: &str) -> Option<String> {
        let new = self.pattern.is_match(path).then(|| self.pattern.replace_all(path, self.text.as_str()))?;
        Some(new.trim_matches('\\').to_owned())
    }
}

impl PartialEq for PathRule {
    fn eq(&self, other: &Self) -> bool {
        self.pattern.as_str() == other.pattern.as_str() && self.text == other.text
    }
}

impl std::fmt::Display for PathRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.pattern, self.text)
    }
}

impl NameMap {
    /// The target's share for a captured `\\server\share`.
    pub fn target_share<'a>(&'a self, captured: &'a str) -> &'a str {
        if is_ipc(captured) {
            return "IPC$";
        }
        let mapped = self.shares.iter().find(|rule| rule.fits(captured));
        mapped.map(|rule| rule.target.as_str()).or(self.share.as_deref()).unwrap_or_else(|| share_name(captured))
    }

    /// The `\\server\share` that a TREE_CONNECT to a captured one asks the target for.
    pub fn target_path(&self, captured: &str) -> String {
        format!("\\\\{}\\{}", self.server, self.target_share(captured))
    }

    /// What the rules make of a share-relative path, the base folder aside. The name of a stream stays.
    pub fn mapped<'a>(&self, captured: &'a str) -> Cow<'a, str> {
        let (file, stream) = captured.split_at(captured.find(':').unwrap_or(captured.len()));
        match self.paths.iter().find_map(|rule| rule.apply(file)) {
            Some(new) => Cow::Owned(new + stream),
            None => Cow::Borrowed(captured),
        }
    }

    /// The share-relative path on the target for a captured one.
    pub fn target_name(&self, captured: &str) -> String {
        let mapped = self.mapped(captured);
        match &self.base_dir {
            // The root itself, or a stream of it.
            Some(base) if mapped.is_empty() || mapped.starts_with(':') => format!("{base}{mapped}"),
            Some(base) => format!("{base}\\{mapped}"),
            None => mapped.into_owned(),
        }
    }

    /// The name that an entry of a captured folder has on the target; None when it lies in another folder there.
    pub fn mapped_entry(&self, folder: &str, entry: &str) -> Option<String> {
        if self.paths.is_empty() || entry == "." || entry == ".." {
            return Some(entry.to_owned());
        }
        let whole = if folder.is_empty() { entry.to_owned() } else { format!("{folder}\\{entry}") };
        let mapped = self.mapped(&whole);
        let (parent, name) = mapped.rsplit_once('\\').unwrap_or(("", &mapped));
        (parent.to_lowercase() == self.mapped(folder).to_lowercase()).then(|| name.to_owned())
    }
}

/// Whether a path with parts `..` would lead out of the folder that it begins in.
pub(super) fn climbs(path: &str) -> bool {
    let mut depth = 0;
    path.split(['\\', '/']).any(|part| {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        depth < 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(rules: &[&str]) -> NameMap {
        NameMap { paths: rules.iter().map(|rule| rule.parse().unwrap()).collect(), ..NameMap::default() }
    }

    #[test]
    fn shares_go_where_they_are_mapped_and_ipc_stays() {
        let names = NameMap {
            server: "lab".into(),
            share: Some("testshare".into()),
            shares: vec!["//FILER2/data=second".parse().unwrap(), "Archive=cold".parse().unwrap()],
            ..NameMap::default()
        };
        assert_eq!(names.target_path("\\\\10.0.0.1\\data"), "\\\\lab\\testshare");
        assert_eq!(names.target_path("\\\\filer2\\DATA"), "\\\\lab\\second");
        assert_eq!(names.target_path("\\\\10.0.0.1\\ARCHIVE"), "\\\\lab\\cold");
        assert_eq!(names.target_path("\\\\10.0.0.1\\ipc$"), "\\\\lab\\IPC$");
        let kept = NameMap { server: "lab".into(), ..NameMap::default() };
        assert_eq!(kept.target_path("\\\\10.0.0.1\\data"), "\\\\lab\\data");
    }

    #[test]
    fn paths_go_where_the_first_rule_that_fits_sends_them_and_streams_stay() {
        let names = paths(&["^home\\\\(\\w+)\\\\=users/$1/", "^home\\\\(.*)$=rest\\${1}", "^tmp$=scratch"]);
        for (captured, target) in [
            ("home\\alice\\a.txt", "users\\alice\\a.txt"),
            ("HOME\\Bob\\dir\\b.txt:stream:$DATA", "users\\Bob\\dir\\b.txt:stream:$DATA"),
            ("home\\carol", "rest\\carol"),
            ("tmp", "scratch"),
            ("tmp:s", "scratch:s"),
            ("tmp\\x", "tmp\\x"),
            ("", ""),
        ] {
            assert_eq!(names.mapped(captured), target);
        }
        let below = NameMap { base_dir: Some("base\\b".into()), ..names };
        assert_eq!(below.target_name("tmp"), "base\\b\\scratch");
        assert_eq!(below.target_name(""), "base\\b");
    }

    #[test]
    fn entries_of_a_listing_are_named_as_their_files_are() {
        let names = paths(&["^dir\\\\a\\.=dir\\b.", "^dir\\\\away=else\\where", "^old=new"]);
        assert_eq!(names.mapped_entry("dir", "a.txt").as_deref(), Some("b.txt"));
        assert_eq!(names.mapped_entry("dir", "away"), None);
        assert_eq!(names.mapped_entry("old", "x").as_deref(), Some("x"), "the folder goes along");
        assert_eq!(names.mapped_entry("", "old").as_deref(), Some("new"));
        assert_eq!(names.mapped_entry("dir", "..").as_deref(), Some(".."));
    }

    #[test]
    fn rules_that_cannot_be_used_say_why() {
        for (text, part) in
            [("data", "'='"), ("=x", "without a name"), ("a=", "without a name"), ("a=b\\c", "--base-dir")]
        {
            let error = text.parse::<ShareRule>().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        for (text, part) in [("abc", "'='"), ("a\\=b", "'='"), ("(a=b", "unclosed group"), ("a=..\\b", "'..'")] {
            let error = text.parse::<PathRule>().unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains('\n'), "{error}");
        }
        assert_eq!(paths(&["a\\=b=c"]).mapped("xa=b"), "xc");
    }

    #[test]
    fn a_path_that_climbs_out_is_known() {
        for (path, out) in
            [("a\\..\\b", false), ("..", true), ("a\\..\\..\\b", true), ("a\\b", false), ("./../x", true)]
        {
            assert_eq!(climbs(path), out, "{path}");
        }
    }
}
