//! Numbers and names as people read them.

use super::output::Cell;
use crate::report::duration;
pub(super) use crate::report::{bytes, counted, thousands as count};

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

/// Nanoseconds with a unit: `850 ns`, `1.20 ms`, `-3.40 s`.
pub(super) fn nanoseconds(count: i64) -> String {
    let sign = if count < 0 { "-" } else { "" };
    format!("{sign}{}", duration(count.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units_and_few_digits() {
        assert_eq!([nanoseconds(850), nanoseconds(-1_200_000)], ["850 ns", "-1.20 ms"]);
    }
}
