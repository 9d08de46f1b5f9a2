//! Values by byte range.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;

/// A value that stands for a range of bytes and can stand for a part of it.
pub(super) trait Piece: Clone {
    /// The value for `length` bytes from `from` on, counted from the start of its own range.
    fn cut(&self, from: u64, length: u64) -> Self;
}

impl Piece for Bytes {
    fn cut(&self, from: u64, length: u64) -> Self {
        let start = (from as usize).min(self.len());
        let end = start.saturating_add(length as usize).min(self.len());
        self.slice(start..end)
    }
}

/// Ranges that do not overlap, with a value each.
#[derive(Clone, Debug)]
pub(super) struct Extents<T>(BTreeMap<u64, (u64, T)>);

impl<T> Default for Extents<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Piece> Extents<T> {
    /// Gives a range a value, whatever it had.
    pub(super) fn insert(&mut self, range: Range<u64>, value: T) {
        if range.start < range.end {
            self.remove(range.clone());
            self.0.insert(range.start, (range.end, value));
        }
    }

    /// Takes the values of a range away.
    pub(super) fn remove(&mut self, range: Range<u64>) {
        self.split(range.start);
        self.split(range.end);
        let inside: Vec<u64> = self.0.range(range).map(|(start, _)| *start).collect();
        for start in inside {
            self.0.remove(&start);
        }
    }

    /// A range in pieces that have one value or none, in order.
    pub(super) fn pieces(&self, range: Range<u64>) -> Vec<(Range<u64>, Option<T>)> {
        let mut pieces = Vec::new();
        let mut at = range.start;
        let first = self.0.range(..range.start).next_back().map_or(range.start, |(start, _)| *start);
        if range.start >= range.end {
            return pieces;
        }
        for (start, (end, value)) in self.0.range(first..range.end) {
            let (from, to) = ((*start).max(range.start), (*end).min(range.end));
            if from >= to {
                continue;
            }
            if at < from {
                pieces.push((at..from, None));
            }
            pieces.push((from..to, Some(value.cut(from - start, to - from))));
            at = to;
        }
        if at < range.end {
            pieces.push((at..range.end, None));
        }
        pieces
    }

    /// All of them, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Range<u64>, &T)> {
        self.0.iter().map(|(start, (end, value))| (*start..*end, value))
    }

    /// Makes `at` a boundary.
    fn split(&mut self, at: u64) {
        let Some((start, (end, value))) = self.0.range_mut(..at).next_back() else { return };
        if *end > at {
            let tail = (*end, value.cut(at - start, *end - at));
            *value = value.cut(0, at - start);
            *end = at;
            self.0.insert(at, tail);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against an array with one cell a byte.
        #[test]
        fn a_range_has_the_value_it_was_given_last(
            acts in proptest::collection::vec((0u64..60, 0u64..30, proptest::option::of(any::<u8>())), 0..40),
            asked in (0u64..60, 0u64..60),
        ) {
            let mut model = [None::<u8>; 130];
            let mut extents = Extents::default();
            for (start, length, value) in acts {
                let range = start..start + length;
                model[start as usize..(start + length) as usize].fill(value);
                match value {
                    // Each byte of a piece is its own, so that a wrong cut would show.
                    Some(value) => extents.insert(range, Bytes::from(vec![value; length as usize])),
                    None => extents.remove(range),
                }
            }
            let range = asked.0..asked.0 + asked.1;
            let mut at = range.start;
            for (piece, value) in extents.pieces(range.clone()) {
                prop_assert_eq!(piece.start, at);
                prop_assert!(piece.start < piece.end);
                at = piece.end;
                if let Some(value) = &value {
                    prop_assert_eq!(value.len() as u64, piece.end - piece.start);
                }
                for byte in piece {
                    prop_assert_eq!(model[byte as usize], value.as_ref().map(|value| value[0]));
                }
            }
            prop_assert_eq!(at, range.end.max(range.start));
        }
    }
}
