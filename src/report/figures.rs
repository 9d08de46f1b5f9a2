//! Numbers as people read them.

/// A time in nanoseconds, with three digits: `870 µs`, `1.24 ms`, `12.4 s`.
pub fn duration(nanoseconds: u64) -> String {
    let (value, unit) = match nanoseconds {
        0..1_000 => return format!("{nanoseconds} ns"),
        1_000..1_000_000 => (nanoseconds as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (nanoseconds as f64 / 1e6, "ms"),
        _ => (nanoseconds as f64 / 1e9, "s"),
    };
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$} {unit}")
}

/// A number of bytes, in powers of 1024 as transfer sizes are: `512 B`, `1.5 KiB`, `128 KiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(value < 100.0);
    format!("{value:.digits$} {}", UNITS.get(unit).copied().unwrap_or("B"))
}

/// Bytes as part of a sentence: `1 byte`, `17 bytes`, `1.2 KiB`.
pub fn bytes_in_words(number: u64) -> String {
    if number < 1024 { counted(number, "byte", "bytes") } else { bytes(number) }
}

/// A number of things: `1 packet`, `1,234 packets`.
pub fn counted(number: u64, one: &str, several: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { several })
}

/// Whole numbers with thousands apart: `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group)).collect();
    groups.join(",")
}

/// `1 step`, `2 steps`.
pub(super) fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// Text from a capture on one line of a terminal: control characters are shown, not obeyed; what is too long is cut.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let mut line = String::with_capacity(text.len().min(4 * most));
    for (at, character) in text.chars().enumerate() {
        if at + 1 >= most && text.chars().nth(most).is_some() {
            line.push('…');
            break;
        }
        match character {
            c if c.is_control() || is_direction(c) => line.extend(c.escape_unicode()),
            c => line.push(c),
        }
    }
    line
}

/// Marks that turn the direction of text around on a terminal.
fn is_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_a_unit() {
        let times = [999, 1_000, 12_345, 870_000, 1_240_000, 99_960_000, 12_400_000_000];
        let texts: Vec<_> = times.into_iter().map(duration).collect();
        assert_eq!(texts, ["999 ns", "1.00 µs", "12.3 µs", "870 µs", "1.24 ms", "100.0 ms", "12.4 s"]);
        assert_eq!(
            [bytes(5), bytes(1536), bytes(131_072), bytes(2_500_000)],
            ["5 B", "1.5 KiB", "128 KiB", "2.4 MiB"]
        );
    }

    #[test]
    fn numbers_of_things_agree_with_their_words() {
        assert_eq!(
            [bytes_in_words(1), bytes_in_words(1023), bytes_in_words(2048)],
            ["1 byte", "1,023 bytes", "2.0 KiB"]
        );
        assert_eq!(counted(1, "packet", "packets"), "1 packet");
        assert_eq!(counted(1234, "packet", "packets"), "1,234 packets");
        assert_eq!([thousands(7), thousands(1_234_567)], ["7", "1,234,567"]);
    }

    #[test]
    fn names_from_a_capture_cannot_move_the_cursor() {
        assert_eq!(one_line("a\tb\x1b[2J\u{202e}c", 80), "a\\u{9}b\\u{1b}[2J\\u{202e}c");
        assert_eq!(one_line("abcdef", 4), "abc…");
        assert_eq!(one_line("abcd", 4), "abcd");
    }
}
