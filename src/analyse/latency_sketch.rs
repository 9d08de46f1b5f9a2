//! Quantiles of latencies in bounded memory.

use serde::Serialize;

/// Up to so many values are kept as they are, and their quantiles are exact.
const EXACT: usize = 256;

/// Buckets for each power of two: a bucket is at most 1/128 of its values wide, and its middle at most 0.4 % off.
const BITS: u32 = 7;

/// A distribution of nanoseconds. Count, sum, least and greatest are exact; quantiles are exact up to 256 values and within
/// 0.4 % beyond. It never takes more than 60 KiB, and a few for what happens in captures.
#[derive(Clone, Debug, Default)]
pub struct LatencySketch {
    count: u64,
    sum: u64,
    least: u64,
    greatest: u64,
    values: Vec<u64>,
    /// Counts by bucket, from `first_bucket` on.
    buckets: Vec<u64>,
    first_bucket: usize,
}

/// What is told of a distribution; all in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LatencySummary {
    /// Values.
    pub count: u64,
    /// The least.
    pub min_ns: u64,
    /// Half of the values are no greater.
    pub p50_ns: u64,
    /// 90 of 100 are no greater.
    pub p90_ns: u64,
    /// 99 of 100 are no greater.
    pub p99_ns: u64,
    /// The greatest.
    pub max_ns: u64,
    /// Their mean.
    pub mean_ns: u64,
    /// Their sum.
    pub sum_ns: u64,
}

impl LatencySketch {
    /// Adds a value; one below 0, as clocks that step back give, counts as 0.
    pub fn add(&mut self, nanoseconds: i64) {
        let value = nanoseconds.max(0).unsigned_abs();
        self.least = if self.count == 0 { value } else { self.least.min(value) };
        self.greatest = self.greatest.max(value);
        self.count += 1;
        self.sum = self.sum.saturating_add(value);
        if !self.buckets.is_empty() {
            self.count_in_bucket(value);
        } else if self.values.len() < EXACT {
            self.values.push(value);
        } else {
            for value in std::mem::take(&mut self.values) {
                self.count_in_bucket(value);
            }
            self.count_in_bucket(value);
        }
    }

    /// The summary; None when there is no value.
    pub fn summary(&self) -> Option<LatencySummary> {
        let mean_ns = self.sum.checked_div(self.count)?;
        let mut sorted = self.values.clone();
        sorted.sort_unstable();
        let quantile = |percent: u64| self.quantile(&sorted, percent);
        Some(LatencySummary {
            count: self.count,
            min_ns: self.least,
            p50_ns: quantile(50),
            p90_ns: quantile(90),
            p99_ns: quantile(99),
            max_ns: self.greatest,
            mean_ns,
            sum_ns: self.sum,
        })
    }

    /// Points of the cumulative distribution, both ascending: nanoseconds, and how many values are no greater. All values, up to
    /// 256 of them; beyond, those at each half percent, and closer at the end. Quantiles read off here are those of the
    /// summary.
    pub fn distribution(&self) -> Vec<(u64, u64)> {
        let mut sorted = self.values.clone();
        sorted.sort_unstable();
        let mut points: Vec<(u64, u64)> = Vec::new();
        let ranks = match self.buckets.is_empty() {
            true => (1..=self.count).collect(),
            false => self.ranks(),
        };
        for rank in ranks {
            let value = self.at_rank(&sorted, rank);
            match points.last_mut() {
                Some(last) if last.0 == value => last.1 = rank,
                _ => points.push((value, rank)),
            }
        }
        points
    }

    /// The ranks of each half percent, of each tenth beyond 99 %, of 99.99 %, and the last.
    fn ranks(&self) -> Vec<u64> {
        let of_ten_thousand = (0..=9_900).step_by(50).chain((9_910..=9_990).step_by(10)).chain([9_999, 10_000]);
        let ranks = of_ten_thousand.map(|part: u64| (self.count.saturating_mul(part)).div_ceil(10_000).max(1));
        let mut ranks: Vec<_> = ranks.collect();
        ranks.dedup();
        ranks
    }

    /// The value of the nearest rank.
    fn quantile(&self, sorted: &[u64], percent: u64) -> u64 {
        self.at_rank(sorted, (self.count * percent).div_ceil(100).max(1))
    }

    fn at_rank(&self, sorted: &[u64], rank: u64) -> u64 {
        // The greatest is known exactly, also where buckets are counted.
        if rank >= self.count {
            return self.greatest;
        }
        if self.buckets.is_empty() {
            return sorted.get(rank as usize - 1).copied().unwrap_or(self.greatest);
        }
        let mut below = 0;
        for (at, count) in self.buckets.iter().enumerate() {
            below += count;
            if below >= rank {
                return middle_of(self.first_bucket + at).clamp(self.least, self.greatest);
            }
        }
        self.greatest
    }

    fn count_in_bucket(&mut self, value: u64) {
        let bucket = bucket_of(value);
        if self.buckets.is_empty() {
            self.first_bucket = bucket;
        }
        if bucket < self.first_bucket {
            self.buckets.splice(0..0, std::iter::repeat_n(0, self.first_bucket - bucket));
            self.first_bucket = bucket;
        }
        let at = bucket - self.first_bucket;
        if at >= self.buckets.len() {
            self.buckets.resize(at + 1, 0);
        }
        self.buckets[at] += 1;
    }
}

/// Values below 2^BITS have buckets of their own; each power of two above has 2^BITS.
fn bucket_of(value: u64) -> usize {
    let magnitude = value.checked_ilog2().unwrap_or(0);
    if magnitude < BITS {
        return value as usize;
    }
    let shift = magnitude - BITS;
    (((shift + 1) as usize) << BITS) + ((value >> shift) as usize - (1 << BITS))
}

fn middle_of(bucket: usize) -> u64 {
    let octave = bucket >> BITS;
    if octave == 0 {
        return bucket as u64;
    }
    let shift = octave as u32 - 1;
    let base = ((bucket & ((1 << BITS) - 1)) + (1 << BITS)) as u64;
    (base << shift) + ((1u64 << shift) >> 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nearest_rank(values: &[u64], percent: usize) -> u64 {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
    }

    fn summary(values: &[u64]) -> LatencySummary {
        let mut sketch = LatencySketch::default();
        values.iter().for_each(|value| sketch.add(*value as i64));
        sketch.summary().unwrap()
    }

    #[test]
    fn few_values_have_exact_quantiles() {
        let values: Vec<_> = (1..=100).rev().map(|value| value * 1_000_003).collect();
        let found = summary(&values);
        assert_eq!((found.p50_ns, found.p90_ns, found.p99_ns), (50 * 1_000_003, 90 * 1_000_003, 99 * 1_000_003));
        assert_eq!((found.min_ns, found.max_ns, found.count), (1_000_003, 100 * 1_000_003, 100));
        assert_eq!(LatencySketch::default().summary(), None);
    }

    #[test]
    fn a_distribution_has_the_quantiles_of_the_summary() {
        for count in [1, 2, 200, 256, 257, 100_000u64] {
            let mut sketch = LatencySketch::default();
            (0..count).for_each(|at| sketch.add((at * 7_919 % 99_991 * 1_000) as i64));
            let (points, summary) = (sketch.distribution(), sketch.summary().unwrap());
            assert!(
                points.len() <= 256 && points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1)
            );
            assert_eq!(points.last(), Some(&(summary.max_ns, count)));
            for (percent, value) in [(50, summary.p50_ns), (90, summary.p90_ns), (99, summary.p99_ns)] {
                let rank = (count * percent).div_ceil(100);
                assert_eq!(
                    points.iter().find(|(_, below)| *below >= rank).unwrap().0,
                    value,
                    "{percent} % of {count}"
                );
            }
        }
        assert!(LatencySketch::default().distribution().is_empty());
    }

    proptest! {
        #[test]
        fn quantiles_of_many_values_are_near(seed in proptest::collection::vec(0u64..4_000_000_000_000, 300..900), shift in 0u32..30) {
            let values: Vec<_> = seed.iter().enumerate().map(|(i, value)| value >> (shift + i as u32 % 9)).collect();
            let found = summary(&values);
            for (percent, quantile) in [(50, found.p50_ns), (90, found.p90_ns), (99, found.p99_ns)] {
                let exact = nearest_rank(&values, percent);
                prop_assert!(quantile.abs_diff(exact) as f64 <= exact as f64 * 0.004, "{quantile} for {exact}");
            }
            prop_assert_eq!(found.sum_ns, values.iter().sum::<u64>());
            prop_assert_eq!(found.max_ns, *values.iter().max().unwrap());
        }

        #[test]
        fn a_bucket_holds_its_middle(value: u64) {
            prop_assert_eq!(bucket_of(middle_of(bucket_of(value))), bucket_of(value));
        }
    }
}
