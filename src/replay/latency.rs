//! Percentiles of times.

use serde::Serialize;

/// Collected times in nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<u64>);

/// Nearest-rank percentiles of times in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// How many there are.
    pub count: usize,
    /// Half are no longer than this.
    pub p50_ns: u64,
    /// Nine of ten.
    pub p90_ns: u64,
    /// 99 of 100.
    pub p99_ns: u64,
    /// 999 of 1000.
    pub p999_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

impl Latencies {
    /// Adds one.
    pub fn add(&mut self, nanoseconds: u64) {
        self.0.push(nanoseconds);
    }

    /// The percentiles; None of nothing.
    pub fn percentiles(mut self) -> Option<Percentiles> {
        self.0.sort_unstable();
        let max_ns = *self.0.last()?;
        let rank = |per_mille: usize| {
            let rank = (self.0.len() * per_mille).div_ceil(1000).max(1);
            self.0.get(rank - 1).copied().unwrap_or(max_ns)
        };
        Some(Percentiles {
            count: self.0.len(),
            p50_ns: rank(500),
            p90_ns: rank(900),
            p99_ns: rank(990),
            p999_ns: rank(999),
            max_ns,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let hundred = Latencies((1..=100).rev().collect()).percentiles().unwrap();
        assert_eq!((hundred.p50_ns, hundred.p90_ns, hundred.p99_ns, hundred.max_ns), (50, 90, 99, 100));
        let one = Latencies(vec![7]).percentiles().unwrap();
        assert_eq!((one.count, one.p50_ns, one.p999_ns), (1, 7, 7));
        assert_eq!(Latencies::default().percentiles(), None);
    }
}
