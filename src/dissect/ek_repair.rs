//! What tshark prints that is no JSON.
//!
//! tshark 4.0 writes memory garbage into the seconds of times that are out of range (-1, "leave as it is", in SET_INFO):
//! `"60056-05-28T05:36:…garbage….955161500Z"`. The garbage differs from run to run and may hold control characters, quotes,
//! backslashes and line ends.

use std::borrow::Cow;

/// The end of keys of times, with the beginning of their value.
const TIME_KEY_END: &[u8] = b"time\":\"";
/// The end of a time, with what follows it.
const TIME_END: &[u8] = b"Z\"";
/// How long a time with garbage in it may be.
const LONGEST_TIME: usize = 96;

/// Makes a line JSON again, if that is what is wrong with it.
pub(super) fn repaired(line: &[u8]) -> Vec<u8> {
    let mut line = line.to_vec();
    let keys: Vec<_> = memchr::memmem::find_iter(&line, TIME_KEY_END).map(|at| at + TIME_KEY_END.len()).collect();
    for value in keys {
        let window = &line[value..line.len().min(value + LONGEST_TIME)];
        let Some(length) = memchr::memmem::find(window, TIME_END) else { continue };
        for byte in &mut line[value..value + length] {
            if !matches!(byte, b'0'..=b'9' | b'-' | b':' | b'.' | b'T') {
                *byte = b'?';
            }
        }
    }
    // tshark escapes control characters; one that stands as it is can only be garbage.
    line.iter_mut().filter(|byte| **byte < b' ').for_each(|byte| *byte = b'?');
    line
}

/// Whether a line that ends here goes on behind a line end that is garbage. None when `after` is too short to tell.
pub(super) fn goes_on(line: &[u8], after: &[u8]) -> Option<bool> {
    if line.last().is_none_or(|byte| matches!(byte, b'}' | b'\r')) {
        return Some(false);
    }
    if after.len() < 2 { None } else { Some(!after.starts_with(b"{\"")) }
}

/// The line as text. Names with unpaired surrogates, and garbage, are not UTF-8; messages are hex, so nothing of the data is
/// lost by replacing what is not.
pub(super) fn text(line: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(line)
}
