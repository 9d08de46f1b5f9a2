//! Which byte ranges of a file were touched last, and by which chains.

use std::collections::BTreeMap;

/// An access to bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RangeAccess {
    pub(super) start: u64,
    /// The first byte behind it.
    pub(super) end: u64,
    pub(super) write: bool,
}

impl RangeAccess {
    /// Every byte there is, for writing.
    pub(super) const WHOLE: Self = Self { start: 0, end: u64::MAX, write: true };
}

#[derive(Clone, Debug, Default)]
struct Segment {
    end: u64,
    writer: Option<u32>,
    readers: Vec<u32>,
}

/// The bytes of one file, in segments that were touched alike.
#[derive(Debug, Default)]
pub(super) struct Ranges(BTreeMap<u64, Segment>);

impl Ranges {
    /// Records an access of `chain`, and calls `depend` for every chain that it must follow.
    pub(super) fn touch(&mut self, access: RangeAccess, chain: u32, depend: &mut impl FnMut(u32)) {
        if access.start >= access.end {
            return;
        }
        self.split(access.start);
        self.split(access.end);
        let mut gaps = Vec::new();
        let mut reached = access.start;
        for (start, segment) in self.0.range_mut(access.start..access.end) {
            if *start > reached {
                gaps.push((reached, *start));
            }
            reached = segment.end;
            segment.writer.into_iter().for_each(&mut *depend);
            if access.write {
                segment.readers.iter().copied().for_each(&mut *depend);
            } else if segment.readers.last() != Some(&chain) {
                segment.readers.push(chain);
            }
        }
        if access.write {
            let covered: Vec<u64> = self.0.range(access.start..access.end).map(|(start, _)| *start).collect();
            covered.iter().for_each(|start| drop(self.0.remove(start)));
            self.0.insert(access.start, Segment { end: access.end, writer: Some(chain), readers: Vec::new() });
            return;
        }
        if reached < access.end {
            gaps.push((reached, access.end));
        }
        for (start, end) in gaps {
            self.0.insert(start, Segment { end, writer: None, readers: vec![chain] });
        }
    }

    /// Makes `at` a boundary of segments.
    fn split(&mut self, at: u64) {
        let Some((_, segment)) = self.0.range_mut(..at).next_back() else { return };
        if segment.end > at {
            let tail = segment.clone();
            segment.end = at;
            self.0.insert(at, tail);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever the accesses: two that overlap, one of them a write, are connected through what was recorded.
        #[test]
        fn overlapping_accesses_are_ordered_and_others_are_not(
            accesses in proptest::collection::vec((0u64..40, 1u64..12, any::<bool>()), 1..25),
        ) {
            let accesses: Vec<_> = accesses
                .into_iter()
                .map(|(start, length, write)| RangeAccess { start, end: start + length, write })
                .collect();
            let mut ranges = Ranges::default();
            let mut follows: Vec<BTreeSet<u32>> = Vec::new();
            for (chain, access) in accesses.iter().enumerate() {
                let mut direct = BTreeSet::new();
                ranges.touch(*access, chain as u32, &mut |before| {
                    direct.insert(before);
                });
                for before in &direct {
                    let other = accesses[*before as usize];
                    prop_assert!(other.start < access.end && access.start < other.end, "only overlapping ones");
                    prop_assert!(other.write || access.write, "never two reads");
                }
                let all: BTreeSet<u32> =
                    direct.iter().flat_map(|before| follows[*before as usize].iter().copied().chain([*before])).collect();
                for (before, other) in accesses[..chain].iter().enumerate() {
                    if other.start < access.end && access.start < other.end && (other.write || access.write) {
                        prop_assert!(all.contains(&(before as u32)), "{before} before {chain}");
                    }
                }
                follows.push(all);
            }
        }
    }
}
