//! A capture that tshark reads twice, because its segments are not all in order: once it puts them in order, once it takes
//! them as they come. Both readings are compared first; then what either has is read in full.

use std::iter::Peekable;
use std::ops::ControlFlow;
use std::thread::{Scope, ScopedJoinHandle};

use crossbeam_channel::{IntoIter, bounded};

use super::error::IngestError;
use super::reading::Reading;
use crate::dissect::{Disagreement, EkRecord, Selection, Tally};
use crate::tools::SegmentOrder;

/// The readings. The first is taken where both find as much.
const ORDERS: [SegmentOrder; 2] = [SegmentOrder::BySequence, SegmentOrder::AsCaptured];
/// What Wireshark calls their difference: TRUE for the first, FALSE for the second.
const PREFERENCE: &str = "tcp.reassemble_out_of_order";
/// Records of a reading under way.
const QUEUE: usize = 16;
/// Directions that are named where the readings disagree.
const NAMED: usize = 4;

/// Two readings whose messages were compared.
pub(super) struct TwoReadings<'a> {
    reading: Reading<'a>,
    selection: Selection,
    /// What tshark said about damage.
    pub messages: Vec<String>,
}

impl<'a> TwoReadings<'a> {
    /// Has tshark read both ways, and keeps only what tells the messages apart.
    pub(super) fn compared(reading: Reading<'a>) -> Result<Self, IngestError> {
        let tally = |order| {
            let mut tally = Tally::default();
            let messages = reading.records(order, &mut |record| {
                tally.add(&record);
                ControlFlow::Continue(())
            })?;
            Ok::<_, IngestError>((tally, messages))
        };
        let ((first, messages), (second, _)) = std::thread::scope(|scope| {
            let second = scope.spawn(move || tally(ORDERS[1]));
            let first = tally(ORDERS[0]);
            Ok::<_, IngestError>((first?, second.join().map_err(|_| worker())??))
        })?;
        Ok(Self { reading, selection: Selection::of([first, second]), messages })
    }

    /// How the readings differ, and what is taken.
    pub(super) fn disagreement(&self) -> Option<String> {
        let disagreements: Vec<_> = self.selection.disagreements().collect();
        if disagreements.is_empty() {
            return None;
        }
        let [first, second] = self.selection.found();
        let mut directions: Vec<_> = disagreements.iter().take(NAMED).map(direction).collect();
        if disagreements.len() > NAMED {
            directions.push(format!("{} more directions", disagreements.len() - NAMED));
        }
        Some(format!(
            "tshark found {first} messages with {PREFERENCE}:TRUE and {second} with {PREFERENCE}:FALSE; {} were taken ({})",
            self.selection.taken(),
            directions.join("; ")
        ))
    }

    /// Hands on the records with what is taken, in the order of the frames.
    pub(super) fn records(&mut self, take: &mut impl FnMut(&EkRecord)) -> Result<(), IngestError> {
        let Self { reading, selection, .. } = self;
        let needed: Vec<_> = (0..ORDERS.len()).filter(|number| selection.needs(*number)).collect();
        let mut take = |number: usize, mut record: EkRecord| {
            selection.retain(number, &mut record);
            take(&record);
        };
        if let [number] = needed[..] {
            let mut all = |record| {
                take(number, record);
                ControlFlow::Continue(())
            };
            return reading.records(ORDERS[number], &mut all).map(|_| ());
        }
        if needed.is_empty() {
            return Ok(());
        }
        std::thread::scope(|scope| {
            let mut sides = ORDERS.map(|order| Side::start(scope, *reading, order));
            while let Some(number) = next_of(&mut sides) {
                if let Some(record) = sides[number].records.next() {
                    take(number, record);
                }
            }
            sides.into_iter().try_for_each(|side| side.thread.join().map_err(|_| worker())?.map(|_| ()))
        })
    }
}

/// A reading in full.
struct Side<'scope> {
    records: Peekable<IntoIter<EkRecord>>,
    thread: ScopedJoinHandle<'scope, Result<Vec<String>, IngestError>>,
}

impl<'scope> Side<'scope> {
    fn start<'a: 'scope>(scope: &'scope Scope<'scope, '_>, reading: Reading<'a>, order: SegmentOrder) -> Self {
        let (sender, receiver) = bounded(QUEUE);
        let thread = scope.spawn(move || {
            reading.records(order, &mut |record| match sender.send(record) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            })
        });
        Self { records: receiver.into_iter().peekable(), thread }
    }
}

/// The side whose record comes next; the first of two with the same frame.
fn next_of(sides: &mut [Side<'_>; 2]) -> Option<usize> {
    let frames = sides.each_mut().map(|side| side.records.peek().map(|record| record.frame));
    match frames {
        [None, None] => None,
        [Some(first), Some(second)] => Some(usize::from(second < first)),
        [first, _] => Some(usize::from(first.is_none())),
    }
}

fn direction(disagreement: &Disagreement) -> String {
    let Disagreement { tcp_stream, source, found: [first, second], taken, added } = *disagreement;
    let (taken, other) = if taken == 0 { ("TRUE", "FALSE") } else { ("FALSE", "TRUE") };
    let more = if added == 0 { String::new() } else { format!(" and {added} of {other}") };
    format!("TCP stream {tcp_stream} from {source}: TRUE {first}, FALSE {second}, taken {taken}{more}")
}

fn worker() -> IngestError {
    IngestError::Worker { what: "comparing two readings of tshark" }
}
