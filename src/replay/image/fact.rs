//! Something known, and how well.

/// How good a source is. A better one takes the place of a worse one without contradicting it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// An operation of a session that is not replayed.
    Other,
    /// An entry of a listing, which servers may keep up to date or not.
    Listed,
    /// An answer about the open file itself.
    Seen,
}

/// A value, once known, with its rank.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact<T>(Option<(T, Rank)>);

impl<T> Default for Fact<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Copy + PartialEq> Fact<T> {
    /// Takes a value in: the first one of the best rank stays. False when it contradicts one of its own rank.
    pub(super) fn observe(&mut self, value: T, rank: Rank) -> bool {
        match self.0 {
            Some((known, at)) if at == rank => known == value,
            Some((_, at)) if at > rank => true,
            _ => {
                self.0 = Some((value, rank));
                true
            }
        }
    }

    /// The value.
    pub(super) fn get(&self) -> Option<T> {
        self.0.map(|(value, _)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_best_source_counts() {
        let mut size = Fact::default();
        assert!(size.observe(1, Rank::Other) && size.observe(2, Rank::Listed) && size.observe(3, Rank::Seen));
        assert!(size.observe(9, Rank::Listed), "a worse source contradicts nothing");
        assert!(!size.observe(4, Rank::Seen) && size.observe(3, Rank::Seen));
        assert_eq!(size.get(), Some(3));
    }
}
