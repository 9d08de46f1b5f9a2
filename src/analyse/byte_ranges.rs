//! Sets of byte ranges: what of a file was read, written, seen.

use std::collections::BTreeMap;
use std::ops::Range;

/// A set of bytes, kept as ranges that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByteRanges {
    ranges: BTreeMap<u64, u64>,
    bytes: u64,
}

impl ByteRanges {
    /// Adds a range.
    pub fn insert(&mut self, range: Range<u64>) {
        let Range { mut start, mut end } = range;
        if start >= end {
            return;
        }
        if let Some((before, before_end)) = self.ranges.range(..=start).next_back().map(|(a, b)| (*a, *b))
            && before_end >= start
        {
            if before_end >= end {
                return;
            }
            start = before;
            self.bytes -= before_end - before;
        }
        while let Some((next, next_end)) = self.ranges.range(start..=end).next_back().map(|(a, b)| (*a, *b)) {
            if next != start {
                self.bytes -= next_end - next;
            }
            self.ranges.remove(&next);
            end = end.max(next_end);
        }
        self.ranges.insert(start, end);
        self.bytes += end - start;
    }

    /// Takes away everything from an offset on.
    pub fn truncate(&mut self, length: u64) {
        let beyond = self.ranges.split_off(&length);
        self.bytes -= beyond.iter().map(|(start, end)| end - start).sum::<u64>();
        if let Some((_, end)) = self.ranges.iter_mut().next_back()
            && *end > length
        {
            self.bytes -= *end - length;
            *end = length;
        }
    }

    /// The number of bytes in the set.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The end of the last range; 0 for the empty set.
    pub fn end(&self) -> u64 {
        self.ranges.last_key_value().map_or(0, |(_, end)| *end)
    }

    /// Its ranges, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Range<u64>> {
        self.ranges.iter().map(|(start, end)| *start..*end)
    }

    /// What of the first `length` bytes is not in the set.
    pub fn gaps(&self, length: u64) -> Vec<Range<u64>> {
        let mut gaps = Vec::new();
        let mut at = 0;
        for range in self.iter().take_while(|range| range.start < length) {
            if range.start > at {
                gaps.push(at..range.start);
            }
            at = range.end;
        }
        if at < length {
            gaps.push(at..length);
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_set_of_its_bytes(
            ranges in proptest::collection::vec((0u64..60, 0u64..12), 0..20),
            length in 0u64..80,
            cut in proptest::option::of(0u64..80),
        ) {
            let (mut set, mut bytes) = (ByteRanges::default(), BTreeSet::new());
            for (start, size) in ranges {
                set.insert(start..start + size);
                bytes.extend(start..start + size);
            }
            if let Some(cut) = cut {
                set.truncate(cut);
                bytes.retain(|byte| *byte < cut);
            }
            prop_assert_eq!(set.bytes(), bytes.len() as u64);
            prop_assert_eq!(set.end(), bytes.last().map_or(0, |last| last + 1));
            prop_assert_eq!(set.iter().flatten().collect::<Vec<_>>(), bytes.iter().copied().collect::<Vec<_>>());
            let missing: Vec<_> = (0..length).filter(|byte| !bytes.contains(byte)).collect();
            prop_assert_eq!(set.gaps(length).into_iter().flatten().collect::<Vec<_>>(), missing);
            let ranges: Vec<_> = set.iter().collect();
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
        }
    }
}
