//! Stretches of time of one width, which grows when there would be too many of them.

/// Widths in nanoseconds, from a millisecond on: rates over less say little. Each divides the next, so that neighbours merge without being cut.
const WIDTHS: [i64; 25] = [
    1_000_000,
    5_000_000,
    10_000_000,
    50_000_000,
    100_000_000,
    500_000_000,
    SECOND,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    60 * SECOND,
    300 * SECOND,
    600 * SECOND,
    1_800 * SECOND,
    3_600 * SECOND,
    21_600 * SECOND,
    DAY,
    5 * DAY,
    10 * DAY,
    100 * DAY,
    1_000 * DAY,
    5_000 * DAY,
    10_000 * DAY,
    50_000 * DAY,
    100_000 * DAY,
];
const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// What is counted in a stretch of time.
pub(super) trait Counted: Default {
    /// Adds what a neighbour counted.
    fn absorb(&mut self, other: Self);
}

/// At most so many stretches, one behind the other, without a gap. The first begins at a multiple of the width.
#[derive(Clone, Debug)]
pub(super) struct TimeBuckets<T> {
    most: i64,
    rung: usize,
    /// The number of the first one: where it begins, in widths.
    first: i64,
    buckets: Vec<T>,
}

impl<T: Counted> TimeBuckets<T> {
    /// `most` is at least 4: so many of the widest hold all of time, half of them before 0.
    pub(super) fn new(most: u16) -> Self {
        Self { most: i64::from(most.max(4)), rung: 0, first: 0, buckets: Vec::new() }
    }

    /// The stretch that a moment is in.
    pub(super) fn at(&mut self, time_ns: i64) -> &mut T {
        loop {
            let number = time_ns.div_euclid(self.width_ns());
            if self.buckets.is_empty() {
                self.first = number;
            }
            let first = self.first.min(number);
            let end = (self.first + self.buckets.len() as i64).max(number + 1);
            if end - first > self.most && self.rung + 1 < WIDTHS.len() {
                self.widen();
                continue;
            }
            let before = usize::try_from(self.first - first).unwrap_or(0);
            self.buckets.splice(0..0, std::iter::repeat_with(T::default).take(before));
            self.first = first;
            let at = usize::try_from(number - first).unwrap_or(0);
            if at >= self.buckets.len() {
                self.buckets.resize_with(at + 1, T::default);
            }
            return &mut self.buckets[at];
        }
    }

    /// Nanoseconds that each is wide.
    pub(super) fn width_ns(&self) -> i64 {
        WIDTHS.get(self.rung).copied().unwrap_or(DAY)
    }

    /// Where the first one begins.
    pub(super) fn begin_ns(&self) -> i64 {
        self.first.saturating_mul(self.width_ns())
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.buckets.iter()
    }

    fn widen(&mut self) {
        let before = self.width_ns();
        self.rung += 1;
        let factor = self.width_ns() / before;
        let first = self.first.div_euclid(factor);
        let mut merged: Vec<T> = Vec::new();
        for (number, bucket) in (self.first..).zip(std::mem::take(&mut self.buckets)) {
            let at = usize::try_from(number.div_euclid(factor) - first).unwrap_or(0);
            if at >= merged.len() {
                merged.resize_with(at + 1, T::default);
            }
            merged[at].absorb(bucket);
        }
        (self.first, self.buckets) = (first, merged);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Counted for u64 {
        fn absorb(&mut self, other: Self) {
            *self += other;
        }
    }

    #[test]
    fn each_width_divides_the_next() {
        assert!(WIDTHS.windows(2).all(|pair| pair[0] < pair[1] && pair[1] % pair[0] == 0));
    }

    proptest! {
        #[test]
        fn every_moment_is_in_the_stretch_that_holds_it(
            times in proptest::collection::vec(prop_oneof![any::<i64>(), 0..10_000_000_000i64, -5_000_000i64..5_000_000], 1..60),
            most in 4u16..50,
        ) {
            let mut buckets = TimeBuckets::<u64>::new(most);
            times.iter().for_each(|time| *buckets.at(*time) += 1);
            let width = i128::from(buckets.width_ns());
            prop_assert!(buckets.iter().len() <= usize::from(most));
            for (at, count) in buckets.iter().enumerate() {
                let from = i128::from(buckets.first) * width + at as i128 * width;
                let within = |time: &&i64| (from..from + width).contains(&i128::from(**time));
                prop_assert_eq!(times.iter().filter(within).count() as u64, *count);
            }
        }
    }
}
