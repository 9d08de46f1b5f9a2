//! The operations of several sessions as one stream.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::cancel::CancelToken;
use super::error::DatasetError;
use crate::model::{Operation, SessionEntry};
use crate::store::{Dataset, OperationReader, Projection};

/// Where an operation stands among those of all sessions, in the order in which the clients sent them: the frame of its first
/// message, then its connection, then its MessageId (messages that one frame completes), then the place of its session.
/// Within a session the order of its file holds, which is that of the requests.
type Place = (u64, u32, u64, usize);

/// Iterates over the operations of several sessions in the order in which they were sent, one operation of each session in
/// memory. Each is given with the place of its session in the list.
pub(crate) struct InOrder {
    readers: Vec<OperationReader>,
    waiting: BinaryHeap<Reverse<Next>>,
    cancel: CancelToken,
}

struct Next {
    place: Place,
    operation: Operation,
}

impl InOrder {
    /// Opens the sessions. Each takes a file handle for as long as this lives.
    pub(crate) fn open(
        dataset: &Dataset,
        sessions: &[&SessionEntry],
        projection: Projection,
        cancel: &CancelToken,
    ) -> Result<Self, DatasetError> {
        let readers = sessions.iter().map(|session| dataset.operations(session, projection));
        let readers = readers.collect::<Result<Vec<_>, _>>()?;
        let mut merged = Self { waiting: BinaryHeap::with_capacity(readers.len()), readers, cancel: cancel.clone() };
        for session in 0..merged.readers.len() {
            merged.advance(session)?;
        }
        Ok(merged)
    }

    /// Reads the next operation of a session.
    fn advance(&mut self, session: usize) -> Result<(), DatasetError> {
        if let Some(operation) = self.readers.get_mut(session).and_then(Iterator::next) {
            let operation = operation?;
            let frame = operation.parts().next().map_or(0, |part| part.frame);
            let place = (frame, operation.connection.index.0, operation.message_id.0, session);
            self.waiting.push(Reverse(Next { place, operation }));
        }
        Ok(())
    }
}

impl Iterator for InOrder {
    type Item = Result<(usize, Operation), DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse(Next { place, operation }) = self.waiting.pop()?;
        let (.., session) = place;
        let ready = if self.cancel.is_cancelled() { Err(DatasetError::Cancelled) } else { self.advance(session) };
        if ready.is_err() {
            // What follows an error would have a hole.
            self.waiting.clear();
        }
        Some(ready.map(|()| (session, operation)))
    }
}

impl PartialEq for Next {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl Eq for Next {}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.place.cmp(&other.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{IngestRequest, Quiet, TraceRequest, ingest};

    #[test]
    fn operations_of_all_sessions_come_in_the_order_of_their_frames() {
        let folder = tempfile::tempdir().unwrap();
        let capture = "fixtures/many-sessions/capture.pcapng";
        ingest(&IngestRequest::of(capture).with_output(folder.path()).without_tshark(), &Quiet).unwrap();
        let dataset = TraceRequest::of(capture).with_output(folder.path()).open().unwrap();
        let sessions: Vec<_> = dataset.sessions().iter().collect();
        let cancel = CancelToken::default();
        let merged = InOrder::open(&dataset, &sessions, Projection::WithoutPdus, &cancel).unwrap();
        let merged: Vec<_> = merged.collect::<Result<_, _>>().unwrap();
        let frame = |operation: &Operation| operation.parts().next().map(|part| part.frame);
        assert!(merged.is_sorted_by_key(|(_, operation)| frame(operation)));
        let switches = merged.windows(2).filter(|pair| pair[0].0 != pair[1].0).count();
        assert!(sessions.len() > 2 && switches > sessions.len(), "the sessions of this fixture overlap");
        for (at, session) in sessions.iter().enumerate() {
            let alone = dataset.operations(session, Projection::WithoutPdus).unwrap();
            let alone: Vec<_> = alone.map(|operation| operation.unwrap().message_id).collect();
            let ours: Vec<_> =
                merged.iter().filter(|(of, _)| *of == at).map(|(_, operation)| operation.message_id).collect();
            assert_eq!(ours, alone);
        }
        cancel.cancel();
        let mut ended = InOrder::open(&dataset, &sessions, Projection::WithoutPdus, &cancel).unwrap();
        assert!(matches!(ended.next(), Some(Err(DatasetError::Cancelled))) && ended.next().is_none());
    }
}
