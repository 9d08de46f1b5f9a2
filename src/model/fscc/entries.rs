//! Lists of entries that each say where the next begins, [MS-FSCC] 2.4.

use crate::model::{Layout, Malformed};

/// Walks a list whose entries start with `NextEntryOffset`; the last one has 0. `decode` gets the bytes from the start of
/// an entry to the end of the buffer. An entry that leaves the buffer ends the walk with an error.
pub(super) fn walk<'a, T>(
    buffer: &'a [u8],
    decode: impl Fn(&'a [u8]) -> Result<T, Malformed> + 'a,
) -> impl Iterator<Item = Result<T, Malformed>> + 'a {
    let mut next = (!buffer.is_empty()).then_some(0usize);
    std::iter::from_fn(move || {
        let at = next.take()?;
        let entry = buffer.get(at..).unwrap_or_default();
        let step = match Layout(entry).u32("NextEntryOffset", 0) {
            Ok(step) => step as usize,
            Err(malformed) => return Some(Err(malformed)),
        };
        let decoded = decode(entry);
        if decoded.is_ok() && step != 0 {
            next = at.checked_add(step);
        }
        Some(decoded)
    })
}
