//! Two readings of one capture by tshark, which puts TCP segments together in two ways. Neither finds every message of
//! every capture; what each finds is counted per direction of a conversation, and the message that one of them alone has is
//! taken from there.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_128;

use super::ek::EkRecord;

/// How much of a message tells it from the others of its direction: the header of SMB2, which holds its id and signature.
const TOLD_APART_BY: usize = 64;

/// One direction of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Way {
    tcp_stream: u32,
    source: SocketAddr,
}

impl Way {
    fn of(record: &EkRecord) -> Option<Self> {
        Some(Self { tcp_stream: record.tcp_stream?, source: record.source? })
    }
}

/// A message, and the frame that it is shown with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Found {
    message: u128,
    frame: u64,
}

impl Found {
    fn new(message: &Bytes, frame: u64) -> Self {
        Self { message: xxh3_128(&message[..message.len().min(TOLD_APART_BY)]), frame }
    }
}

/// What one reading finds.
#[derive(Debug, Default)]
pub struct Tally {
    ways: FxHashMap<Way, Vec<Found>>,
}

impl Tally {
    /// Counts the messages of a record.
    pub fn add(&mut self, record: &EkRecord) {
        let Some(way) = Way::of(record) else { return };
        let messages = record.messages.iter().map(|message| &message.bytes).chain(&record.smb1);
        self.ways.entry(way).or_default().extend(messages.map(|bytes| Found::new(bytes, record.frame)));
    }

    fn messages(&self) -> u64 {
        self.ways.values().map(|found| found.len() as u64).sum()
    }
}

/// Which of two readings is taken for each direction, and what is taken from the other in addition.
#[derive(Debug)]
pub struct Selection {
    found: [u64; 2],
    ways: BTreeMap<Way, Taken>,
}

#[derive(Debug)]
struct Taken {
    found: [u64; 2],
    /// The reading with more messages; the first when both have as many.
    from: usize,
    /// How many messages the other alone has.
    added: u64,
    /// Those of them that were not taken yet, with how often they stand in their frame.
    wanted: FxHashMap<Found, u32>,
}

/// A direction in which the readings differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// Wireshark's number of the conversation.
    pub tcp_stream: u32,
    /// Who sends in this direction.
    pub source: SocketAddr,
    /// The messages that each reading finds.
    pub found: [u64; 2],
    /// Which reading is taken.
    pub taken: usize,
    /// Messages that are taken from the other in addition.
    pub added: u64,
}

impl Selection {
    /// Compares what two readings found.
    pub fn of(tallies: [Tally; 2]) -> Self {
        let found = [tallies[0].messages(), tallies[1].messages()];
        let mut ways: BTreeMap<Way, [Vec<Found>; 2]> = BTreeMap::new();
        for (reading, tally) in tallies.into_iter().enumerate() {
            for (way, mut messages) in tally.ways {
                messages.sort_unstable();
                ways.entry(way).or_default()[reading] = messages;
            }
        }
        let ways = ways.into_iter().map(|(way, messages)| (way, Taken::of(&messages))).collect();
        Self { found, ways }
    }

    /// Messages that each reading finds.
    pub fn found(&self) -> [u64; 2] {
        self.found
    }

    /// Messages that are taken.
    pub fn taken(&self) -> u64 {
        self.ways.values().map(|taken| taken.found[taken.from] + taken.added).sum()
    }

    /// Whether anything is taken from a reading.
    pub fn needs(&self, reading: usize) -> bool {
        self.ways.values().any(|taken| taken.from == reading || taken.added > 0)
    }

    /// Directions in which the readings found other messages.
    pub fn disagreements(&self) -> impl Iterator<Item = Disagreement> {
        self.ways.iter().filter(|(_, taken)| taken.found[0] != taken.found[1] || taken.added > 0).map(
            |(way, taken)| {
                let Taken { found, from, added, .. } = *taken;
                Disagreement { tcp_stream: way.tcp_stream, source: way.source, found, taken: from, added }
            },
        )
    }

    /// Leaves in a record of a reading what is taken from it.
    pub fn retain(&mut self, reading: usize, record: &mut EkRecord) {
        let taken = Way::of(record).and_then(|way| self.ways.get_mut(&way));
        let Some(taken) = taken else {
            // Not told apart by direction, and used by nobody.
            record.messages.clear();
            record.smb1.clear();
            return;
        };
        if taken.from == reading {
            return;
        }
        let frame = record.frame;
        record.messages.retain(|message| taken.add(&message.bytes, frame));
        record.smb1.retain(|message| taken.add(message, frame));
    }
}

impl Taken {
    fn of(messages: &[Vec<Found>; 2]) -> Self {
        let found = [messages[0].len() as u64, messages[1].len() as u64];
        let from = usize::from(found[1] > found[0]);
        let more = beyond(&messages[1 - from], &messages[from]);
        let mut wanted = FxHashMap::default();
        for found in &more {
            *wanted.entry(*found).or_default() += 1;
        }
        Self { found, from, added: more.len() as u64, wanted }
    }

    fn add(&mut self, message: &Bytes, frame: u64) -> bool {
        match self.wanted.get_mut(&Found::new(message, frame)) {
            Some(count @ 1..) => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }
}

/// The messages that `other` has more often than `base`, both sorted. Of a message that stands several times, those count that
/// `base` does not have with the same frame, the last first.
fn beyond(other: &[Found], base: &[Found]) -> Vec<Found> {
    let mut more = Vec::new();
    let same = |a: &Found, b: &Found| a.message == b.message;
    let mut base = base.chunk_by(same).peekable();
    for group in other.chunk_by(same) {
        while base.next_if(|known| known[0].message < group[0].message).is_some() {}
        let known = base.next_if(|known| known[0].message == group[0].message).unwrap_or_default();
        let count = group.len().saturating_sub(known.len());
        let mut frames = known.iter().map(|found| found.frame).peekable();
        let mut unknown = Vec::new();
        for found in group {
            while frames.next_if(|frame| *frame < found.frame).is_some() {}
            if frames.next_if_eq(&found.frame).is_none() {
                unknown.push(*found);
            }
        }
        more.extend(unknown.into_iter().rev().take(count));
    }
    more
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::ek::EkMessage;
    use super::*;
    use crate::model::Timestamp;

    /// A record of one direction with messages, each of one byte.
    fn record(tcp_stream: u32, frame: u64, messages: &[u8]) -> EkRecord {
        let message = |byte: &u8| EkMessage { bytes: vec![*byte].into(), ..EkMessage::default() };
        EkRecord {
            frame,
            time: Timestamp(0),
            cut: false,
            source: "10.0.0.1:445".parse().ok(),
            destination: "10.0.0.2:50000".parse().ok(),
            tcp_stream: Some(tcp_stream),
            smb1: Vec::new(),
            messages: messages.iter().map(message).collect(),
            fields: Default::default(),
        }
    }

    fn tally(records: &[EkRecord]) -> Tally {
        let mut tally = Tally::default();
        records.iter().for_each(|record| tally.add(record));
        tally
    }

    /// What is taken of two readings, by conversation: frame and message.
    fn taken(readings: [&[EkRecord]; 2]) -> (Selection, BTreeMap<u32, Vec<(u64, u8)>>) {
        let mut selection = Selection::of(readings.map(tally));
        let mut taken: BTreeMap<u32, Vec<_>> = BTreeMap::new();
        for (reading, records) in readings.into_iter().enumerate() {
            for record in records {
                let mut record = record.clone();
                selection.retain(reading, &mut record);
                let messages = record.messages.iter().map(|message| (record.frame, message.bytes[0]));
                taken.entry(record.tcp_stream.unwrap_or_default()).or_default().extend(messages);
            }
        }
        taken.values_mut().for_each(|messages| messages.sort_unstable());
        (selection, taken)
    }

    #[test]
    fn of_readings_that_agree_the_first_is_taken() {
        let both = [record(0, 1, &[1, 2]), record(0, 2, &[3])];
        let late = [record(0, 1, &[1]), record(0, 9, &[2, 3])];
        let (selection, taken) = taken([&both, &late]);
        assert_eq!(taken[&0], [(1, 1), (1, 2), (2, 3)]);
        assert_eq!((selection.disagreements().count(), selection.found(), selection.taken()), (0, [3, 3], 3));
        assert!(selection.needs(0) && !selection.needs(1));
    }

    #[test]
    fn each_direction_is_taken_from_the_reading_that_finds_more_of_it() {
        let first = [record(0, 1, &[1]), record(1, 2, &[1, 2]), record(1, 3, &[3])];
        let second = [record(0, 1, &[1]), record(1, 3, &[3]), record(0, 4, &[2])];
        let (selection, taken) = taken([&first, &second]);
        assert_eq!(taken[&0], [(1, 1), (4, 2)]);
        assert_eq!(taken[&1], [(2, 1), (2, 2), (3, 3)]);
        let source = "10.0.0.1:445".parse().unwrap();
        let disagreements: Vec<_> = selection.disagreements().collect();
        assert_eq!(
            disagreements,
            [
                Disagreement { tcp_stream: 0, source, found: [1, 2], taken: 1, added: 0 },
                Disagreement { tcp_stream: 1, source, found: [3, 1], taken: 0, added: 0 },
            ]
        );
        assert!(selection.needs(0) && selection.needs(1));
    }

    #[test]
    fn what_the_other_reading_alone_has_is_added() {
        // The first stops behind frame 2, the second loses message 1.
        let first = [record(0, 1, &[1]), record(0, 2, &[2])];
        let second = [record(0, 2, &[2]), record(0, 3, &[3, 7]), record(0, 4, &[7])];
        let mut selection = Selection::of([tally(&first), tally(&second)]);
        assert_eq!((selection.found(), selection.taken()), ([2, 4], 5));
        let mut only = first[1].clone();
        selection.retain(0, &mut only);
        assert!(only.messages.is_empty());
        assert_eq!(taken([&first, &second]).1[&0], [(1, 1), (2, 2), (3, 3), (3, 7), (4, 7)]);
    }

    #[test]
    fn a_record_without_a_conversation_is_left_out() {
        let mut elsewhere = record(0, 1, &[1]);
        elsewhere.tcp_stream = None;
        assert!(taken([&[elsewhere], &[]]).1.values().all(Vec::is_empty));
    }

    proptest! {
        /// Whatever each reading has, each message is there as often as in the reading that has it more often.
        #[test]
        fn nothing_is_lost_and_nothing_doubled(
            first in proptest::collection::vec((0u32..2, proptest::collection::vec(0u8..6, 0..4)), 0..12),
            second in proptest::collection::vec((0u32..2, proptest::collection::vec(0u8..6, 0..4)), 0..12),
        ) {
            let records = |reading: &[(u32, Vec<u8>)]| -> Vec<EkRecord> {
                (1..).zip(reading).map(|(frame, (stream, messages))| record(*stream, frame, messages)).collect()
            };
            let readings = [records(&first), records(&second)];
            let count = |records: &[EkRecord], stream: u32, byte: u8| {
                let of_it = records.iter().filter(|record| record.tcp_stream == Some(stream));
                of_it.flat_map(|record| &record.messages).filter(|message| message.bytes[0] == byte).count()
            };
            let (selection, taken) = taken([&readings[0], &readings[1]]);
            let mut whole = 0;
            for stream in 0..2 {
                for byte in 0..6 {
                    let expected = count(&readings[0], stream, byte).max(count(&readings[1], stream, byte));
                    let got = taken.get(&stream).map_or(0, |messages| messages.iter().filter(|(_, b)| *b == byte).count());
                    prop_assert_eq!(got, expected);
                    whole += expected as u64;
                }
            }
            let agree = selection.disagreements().next().is_none();
            prop_assert!(!agree || !selection.needs(1));
            prop_assert_eq!(selection.taken(), whole);
        }
    }
}
