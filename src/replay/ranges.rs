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

/// Who is told of the order in which chains touched bytes.
pub(super) trait Follow {
    /// `after` must follow `before`.
    fn follow(&mut self, before: u32, after: u32);

    /// Whether whoever follows `after` needs not be told of `before`: `after` waited for all that comes of it.
    fn settled(&self, before: u32, after: u32) -> bool;
}

#[derive(Clone, Debug, Default)]
struct Segment {
    end: u64,
    writer: Option<u32>,
    /// Those before the writer that had not ended when it was sent, and whether they write.
    unsettled: Vec<(u32, bool)>,
    readers: Vec<u32>,
}

/// The bytes of one file, in segments that were touched alike.
#[derive(Debug, Default)]
pub(super) struct Ranges(BTreeMap<u64, Segment>);

impl Ranges {
    /// Records an access of `chain`, and tells of every chain that it must follow.
    pub(super) fn touch(&mut self, access: RangeAccess, chain: u32, order: &mut impl Follow) {
        if access.start >= access.end {
            return;
        }
        self.split(access.start);
        self.split(access.end);
        let mut gaps = Vec::new();
        let mut reached = access.start;
        let mut all_settled = true;
        for (start, segment) in self.0.range_mut(access.start..access.end) {
            if *start > reached {
                gaps.push((reached, *start));
            }
            reached = segment.end;
            let unsettled = segment.unsettled.iter().filter(|(_, writes)| access.write || *writes);
            segment
                .writer
                .iter()
                .chain(unsettled.map(|(before, _)| before))
                .for_each(|before| order.follow(*before, chain));
            if access.write {
                segment.readers.iter().for_each(|before| order.follow(*before, chain));
                segment.unsettled.extend(segment.writer.replace(chain).map(|before| (before, true)));
                segment.unsettled.extend(segment.readers.drain(..).map(|before| (before, false)));
                segment.unsettled.retain(|(before, _)| *before != chain && !order.settled(*before, chain));
                all_settled &= segment.unsettled.is_empty();
            } else if segment.readers.last() != Some(&chain) {
                segment.readers.push(chain);
            }
        }
        if access.write && all_settled {
            let covered: Vec<u64> = self.0.range(access.start..access.end).map(|(start, _)| *start).collect();
            covered.iter().for_each(|start| drop(self.0.remove(start)));
            let writer = Some(chain);
            self.0.insert(access.start, Segment { end: access.end, writer, ..Segment::default() });
            return;
        }
        if reached < access.end {
            gaps.push((reached, access.end));
        }
        for (start, end) in gaps {
            let (writer, readers) = if access.write { (Some(chain), Vec::new()) } else { (None, vec![chain]) };
            self.0.insert(start, Segment { end, writer, readers, ..Segment::default() });
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

    /// Chains that are never answered settle nothing for those that come later.
    struct Recorded<'a> {
        slow: &'a BTreeSet<u32>,
        direct: BTreeSet<u32>,
    }

    impl Follow for Recorded<'_> {
        fn follow(&mut self, before: u32, _: u32) {
            self.direct.insert(before);
        }

        fn settled(&self, before: u32, _: u32) -> bool {
            !self.slow.contains(&before)
        }
    }

    proptest! {
        /// Whatever the accesses: two that overlap, one of them a write, are connected through what was recorded.
        #[test]
        fn overlapping_accesses_are_ordered_and_others_are_not(
            accesses in proptest::collection::vec((0u64..40, 1u64..12, any::<bool>()), 1..25),
            slow in proptest::collection::btree_set(0u32..25, 0..6),
        ) {
            let accesses: Vec<_> = accesses
                .into_iter()
                .map(|(start, length, write)| RangeAccess { start, end: start + length, write })
                .collect();
            let mut ranges = Ranges::default();
            let mut follows: Vec<BTreeSet<u32>> = Vec::new();
            for (chain, access) in accesses.iter().enumerate() {
                let mut order = Recorded { slow: &slow, direct: BTreeSet::new() };
                ranges.touch(*access, chain as u32, &mut order);
                let direct = order.direct;
                for before in &direct {
                    let other = accesses[*before as usize];
                    prop_assert!(other.start < access.end && access.start < other.end, "only overlapping ones");
                    prop_assert!(other.write || access.write, "never two reads");
                }
                let all: BTreeSet<u32> =
                    direct.iter().flat_map(|before| follows[*before as usize].iter().copied().chain([*before])).collect();
                for (before, other) in accesses[..chain].iter().enumerate() {
                    if other.start < access.end && access.start < other.end && (other.write || access.write) {
                        let before = before as u32;
                        prop_assert!(all.contains(&before), "{before} before {chain}");
                        prop_assert!(!slow.contains(&before) || direct.contains(&before), "{before} never settled");
                    }
                }
                follows.push(all);
            }
        }
    }
}
