//! Numbers and names as people read them.

use super::output::Cell;
use crate::model::LoginFacts;
pub(super) use crate::report::bytes;
use crate::report::duration;

/// Who logged in: `DOMAIN\user`, or nothing.
pub(super) fn user(login: &LoginFacts) -> String {
    match (&login.user, &login.domain) {
        (Some(user), Some(domain)) if !domain.is_empty() => format!("{domain}\\{user}"),
        (Some(user), _) => user.clone(),
        (None, _) => String::new(),
    }
}

/// A path in its share, whose root has an empty one. Directories end in a backslash for people.
pub(super) fn path(path: Option<&str>, directory: Option<bool>) -> Cell {
    match path {
        Some(path) => Cell::new(path).shown(marked(path, directory)),
        None => Cell::empty().shown("?"),
    }
}

/// A path for people: that of a directory ends in a backslash.
pub(super) fn marked(path: &str, directory: Option<bool>) -> String {
    let mark = if path.is_empty() || directory == Some(true) { "\\" } else { "" };
    format!("{path}{mark}")
}

/// Seconds with a fraction, from nanoseconds.
pub(super) fn seconds(nanoseconds: i64) -> String {
    format!("{:.6}", nanoseconds as f64 / 1e9)
}

/// Bytes as part of a sentence: `1 byte`, `17 bytes`, `1.2 KiB`.
pub(super) fn bytes_in_words(number: u64) -> String {
    if number < 1024 { counted(number, "byte", "bytes") } else { bytes(number) }
}

/// A number of things: `1 packet`, `1,234 packets`.
pub(super) fn counted(number: u64, one: &str, several: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { several })
}

/// Nanoseconds with a unit: `850 ns`, `1.20 ms`, `-3.40 s`.
pub(super) fn nanoseconds(count: i64) -> String {
    let sign = if count < 0 { "-" } else { "" };
    format!("{sign}{}", duration(count.unsigned_abs()))
}

/// Whole numbers with thousands apart: `1,234,567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group)).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units_and_few_digits() {
        assert_eq!([nanoseconds(850), nanoseconds(-1_200_000)], ["850 ns", "-1.20 ms"]);
        assert_eq!(
            [bytes_in_words(1), bytes_in_words(1023), bytes_in_words(2048)],
            ["1 byte", "1,023 bytes", "2.0 KiB"]
        );
        assert_eq!(counted(1, "packet", "packets"), "1 packet");
        assert_eq!(counted(1234, "packet", "packets"), "1,234 packets");
        assert_eq!([count(7), count(1_234_567)], ["7", "1,234,567"]);
    }
}
