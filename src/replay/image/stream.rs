//! The data of a file or stream: what of it is still as it was, what the replayed operations made of the rest, and what
//! responses show of the beginning.

use bytes::Bytes;

use super::extents::{Extents, Piece};
use super::fact::{Fact, Rank};
use crate::model::ImageData;

/// A stream's place in [`super::world::World`].
pub(super) type StreamId = usize;

/// What replayed operations put into a range.
#[derive(Clone, Debug)]
pub(super) enum Made {
    /// Bytes of their own: writes, truncations, zeroes.
    Ours,
    /// Bytes that the server copied from where they lay at the beginning.
    Copied { from: StreamId, offset: u64 },
}

impl Piece for Made {
    fn cut(&self, at: u64, _length: u64) -> Self {
        match self {
            Self::Ours => Self::Ours,
            Self::Copied { from, offset } => Self::Copied { from: *from, offset: offset + at },
        }
    }
}

/// Bytes that a response shows.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) bytes: Bytes,
    pub(super) rank: Rank,
}

impl Piece for Shown {
    fn cut(&self, from: u64, length: u64) -> Self {
        Self { bytes: self.bytes.cut(from, length), rank: self.rank }
    }
}

/// What is known of the beginning.
#[derive(Debug, Default)]
pub(super) struct Initial {
    pub(super) size: Fact<u64>,
    /// It was at least so long, since that much was read.
    at_least: u64,
    /// It was at most so long, since there was an end.
    at_most: Option<u64>,
    shown: Extents<Shown>,
    contradictory: u64,
}

/// One stream.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// None for a stream that replayed operations made.
    pub(super) initial: Option<Initial>,
    made: Extents<Made>,
    /// The length is what replayed operations set it to: it says nothing about the beginning any more.
    resized: bool,
    /// The end of the furthest write.
    extended_to: u64,
}

impl Stream {
    /// One that was there at the beginning.
    pub(super) fn existing() -> Self {
        Self { initial: Some(Initial::default()), ..Self::default() }
    }

    /// A length that the server told. False when it contradicts an earlier one.
    pub(super) fn observe_size(&mut self, size: u64, rank: Rank) -> bool {
        let Some(initial) = self.initial.as_mut().filter(|_| !self.resized) else { return true };
        if self.extended_to == 0 || size > self.extended_to {
            return initial.size.observe(size, rank);
        }
        // What was written hides how long it was before.
        initial.at_most = Some(initial.at_most.map_or(size, |most| most.min(size)));
        true
    }

    /// The file ends at or before an offset.
    pub(super) fn observe_end(&mut self, offset: u64) {
        if let Some(initial) = self.initial.as_mut().filter(|_| !self.resized) {
            initial.at_most = Some(initial.at_most.map_or(offset, |most| most.min(offset)));
        }
    }

    /// The length now is surely no more than this.
    fn is_within(&self, length: u64) -> bool {
        let known = self.initial.as_ref().is_none_or(|initial| initial.size.get().is_some_and(|size| size <= length));
        !self.resized && known && self.extended_to <= length
    }

    /// Whether replayed operations changed anything.
    #[cfg(test)]
    fn is_touched(&self) -> bool {
        self.resized || self.made.iter().next().is_some()
    }

    /// Replayed operations wrote a range.
    pub(super) fn write(&mut self, offset: u64, length: u64) {
        let end = offset.saturating_add(length);
        if offset < end {
            self.made.insert(offset..end, Made::Ours);
            self.extended_to = self.extended_to.max(end);
        }
    }

    /// Replayed operations zeroed a range; the length stays.
    pub(super) fn zero(&mut self, offset: u64, end: u64) {
        self.made.insert(offset..end, Made::Ours);
    }

    /// Replayed operations set the length.
    pub(super) fn resize(&mut self, length: u64) {
        self.made.insert(length..u64::MAX, Made::Ours);
        self.resized = true;
    }

    /// Replayed operations limited the room of the file: what lies behind is cut off.
    pub(super) fn allocate(&mut self, room: u64) {
        if !self.is_within(room) {
            self.resize(room);
        }
    }

    /// Everything is replaced.
    pub(super) fn replace(&mut self) {
        self.resize(0);
    }

    /// Where the bytes of a range come from, for whoever copies them; `me` is this stream.
    pub(super) fn origin(&self, offset: u64, length: u64, me: StreamId) -> Vec<(u64, u64, Made)> {
        let pieces = self.made.pieces(offset..offset.saturating_add(length)).into_iter();
        pieces
            .map(|(range, made)| {
                let made = match made {
                    Some(made) => made,
                    None if self.initial.is_some() => Made::Copied { from: me, offset: range.start },
                    None => Made::Ours,
                };
                (range.start - offset, range.end - range.start, made)
            })
            .collect()
    }

    /// Replayed operations let the server copy a piece to an offset.
    pub(super) fn copy_in(&mut self, offset: u64, length: u64, made: Made) {
        let end = offset.saturating_add(length);
        if offset < end {
            self.made.insert(offset..end, made);
            self.extended_to = self.extended_to.max(end);
        }
    }

    /// Bytes that a READ of this stream returned, in pieces: where each lay at the beginning (None: in this stream).
    pub(super) fn read(&mut self, offset: u64, bytes: &Bytes) -> Vec<(Option<StreamId>, u64, Bytes)> {
        let end = offset.saturating_add(bytes.len() as u64);
        if let Some(initial) = self.initial.as_mut().filter(|_| !self.resized && self.extended_to == 0) {
            initial.at_least = initial.at_least.max(end);
        }
        let pieces = self.made.pieces(offset..end).into_iter();
        pieces
            .filter_map(|(range, made)| {
                let part = bytes.cut(range.start - offset, range.end - range.start);
                match made {
                    None => Some((None, range.start, part)),
                    Some(Made::Copied { from, offset }) => Some((Some(from), offset, part)),
                    Some(Made::Ours) => None,
                }
            })
            .collect()
    }

    /// Bytes as they were at the beginning. Returns how many contradict what was shown before.
    pub(super) fn learn(&mut self, offset: u64, bytes: &Bytes, rank: Rank) -> u64 {
        let Some(initial) = &mut self.initial else { return 0 };
        let mut different = 0;
        for (range, shown) in initial.shown.pieces(offset..offset.saturating_add(bytes.len() as u64)) {
            let part = bytes.cut(range.start - offset, range.end - range.start);
            match shown {
                Some(shown) if shown.rank == rank => {
                    different += shown.bytes.iter().zip(&part).filter(|(was, is)| was != is).count() as u64;
                }
                Some(shown) if shown.rank > rank => {}
                _ => initial.shown.insert(range, Shown { bytes: part, rank }),
            }
        }
        initial.contradictory += different;
        different
    }

    /// What the image says of it; None when it was not there at the beginning.
    pub(super) fn image(&self) -> Option<ImageData> {
        let initial = self.initial.as_ref()?;
        let shown_to = initial.shown.iter().last().map_or(0, |(range, _)| range.end);
        let (size, size_known) = match initial.size.get() {
            Some(size) => (size, true),
            None => {
                let least = initial.at_least.max(shown_to);
                (initial.at_most.map_or(least, |most| least.min(most)), initial.at_most == Some(least))
            }
        };
        let mut data = ImageData { size, size_known, contradictory: initial.contradictory, ..ImageData::default() };
        for (range, shown) in initial.shown.iter().filter(|(range, _)| range.start < size) {
            let bytes = shown.bytes.cut(0, size - range.start);
            data.known += bytes.len() as u64;
            data.extents.push((range.start, bytes));
        }
        Some(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    fn learn_all(stream: &mut Stream, offset: u64, text: &str) {
        for (from, at, part) in stream.read(offset, &bytes(text)) {
            assert!(from.is_none());
            stream.learn(at, &part, Rank::Seen);
        }
    }

    #[test]
    fn what_is_read_before_it_is_written_is_known() {
        let mut stream = Stream::existing();
        assert!(stream.observe_size(10, Rank::Seen));
        stream.write(2, 3);
        learn_all(&mut stream, 0, "ab___fgh");
        let image = stream.image().unwrap();
        assert_eq!((image.size, image.size_known, image.known, image.filled()), (10, true, 5, 5));
        assert_eq!(image.extents, [(0, bytes("ab")), (5, bytes("fgh"))]);
    }

    #[test]
    fn a_size_after_writes_is_the_first_size_only_when_it_lies_behind_them() {
        let mut longer = Stream::existing();
        longer.write(0, 4);
        assert!(longer.observe_size(10, Rank::Seen));
        assert_eq!(longer.image().unwrap().size, 10);
        let mut grown = Stream::existing();
        grown.write(0, 4);
        assert!(grown.observe_size(4, Rank::Seen));
        let image = grown.image().unwrap();
        assert_eq!((image.size, image.size_known), (0, false));
    }

    #[test]
    fn a_truncated_file_says_no_more_about_its_beginning() {
        let mut stream = Stream::existing();
        stream.resize(3);
        assert!(stream.observe_size(3, Rank::Seen));
        learn_all(&mut stream, 0, "abc\0\0");
        let image = stream.image().unwrap();
        assert_eq!((image.size, image.size_known), (3, false), "at least what was read of the rest");
        assert_eq!(image.extents, [(0, bytes("abc"))]);
        let mut replaced = Stream::existing();
        replaced.replace();
        learn_all(&mut replaced, 0, "new");
        assert_eq!(replaced.image().unwrap().size, 0);
    }

    #[test]
    fn a_first_size_beyond_which_zeroes_were_read_stays() {
        let mut stream = Stream::existing();
        assert!(stream.observe_size(2, Rank::Seen));
        stream.write(6, 2);
        learn_all(&mut stream, 0, "ab\0\0\0\0__");
        let image = stream.image().unwrap();
        assert_eq!((image.size, image.known), (2, 2));
    }

    #[test]
    fn other_bytes_in_a_later_read_are_counted_and_the_first_stay() {
        let mut stream = Stream::existing();
        learn_all(&mut stream, 0, "abcd");
        assert_eq!(stream.learn(1, &bytes("xc"), Rank::Seen), 1);
        assert_eq!(stream.learn(0, &bytes("zzzz"), Rank::Other), 0);
        let image = stream.image().unwrap();
        assert_eq!((image.contradictory, &image.extents[0].1[..]), (1, &b"abcd"[..]));
    }

    #[test]
    fn room_that_is_enough_changes_nothing() {
        let mut stream = Stream::existing();
        assert!(stream.observe_size(10, Rank::Seen));
        stream.allocate(4096);
        assert!(!stream.is_touched());
        stream.allocate(4);
        assert!(stream.is_touched());
    }
}
