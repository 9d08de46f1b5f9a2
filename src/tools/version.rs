//! Version numbers of tools.

use std::fmt;

/// A tool's version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number; 0 when there is none.
    pub patch: u32,
    /// The line that said it, as the tool prints it.
    pub text: String,
}

impl Version {
    /// Finds `a.b` or `a.b.c` in the first line of a text that has one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.lines().find_map(|line| {
            let (major, minor, patch) = line.split_whitespace().find_map(numbers)?;
            Some(Self { major, minor, patch, text: line.trim().to_owned() })
        })
    }

    /// Only the number: `4.0.17`.
    pub fn number(&self) -> String {
        format!("{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.number())
    }
}

fn numbers(word: &str) -> Option<(u32, u32, u32)> {
    let word = word.strip_prefix('v').unwrap_or(word).trim_end_matches(['.', ',', ')']);
    // Pre-releases look like 4.1.0rc1 or 4.3.0-dev.
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let mut parts = word[..end].split('.').map(str::parse);
    let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else { return None };
    let patch = parts.next().and_then(Result::ok).unwrap_or(0);
    Some((major, minor, patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_the_tools_print() {
        for (text, expected) in [
            ("TShark (Wireshark) 4.0.17 (Git v4.0.17 packaged as 4.0.17-0+deb12u3).\n\nCopyright", Some((4, 0, 17))),
            ("Capinfos (Wireshark) 4.3.0rc1 (v4.3.0rc1-0-g1)", Some((4, 3, 0))),
            ("\npcapfix 1.1.7 (c) 2012-2021 Robert Krause", Some((1, 1, 7))),
            ("TShark 4.2", Some((4, 2, 0))),
            ("no version at all", None),
        ] {
            let found = Version::parse(text).map(|version| (version.major, version.minor, version.patch));
            assert_eq!(found, expected, "{text}");
        }
    }
}
