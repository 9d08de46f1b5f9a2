//! The initial image of a dataset: inferred from its sessions, or read from a file.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::datasets::closings;
use super::failure::Failure;
use crate::model::{Image, Operation, SessionEntry};
use crate::replay::Inference;
use crate::store::{Dataset, OperationReader, Projection};

/// The next operation of a session, by what sessions are merged by.
struct Next {
    key: (u64, u32, u64, usize),
    operation: Operation,
}

impl PartialEq for Next {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
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
        self.key.cmp(&other.key)
    }
}

/// Infers the image that a replay of some sessions needs. All sessions are read, one operation at a time: what the others did
/// is a part of what the replayed ones found.
pub(super) fn infer_image(dataset: &Dataset, replayed: &[&SessionEntry]) -> Result<Image, Failure> {
    let mut readers = Vec::new();
    let mut waiting = BinaryHeap::new();
    for session in dataset.sessions() {
        let chosen = replayed.iter().any(|entry| entry.file == session.file);
        readers.push((dataset.operations(session, Projection::Everything)?, chosen));
    }
    for at in 0..readers.len() {
        advance(&mut readers, at, &mut waiting)?;
    }
    let mut inference = Inference::new(closings(dataset));
    while let Some(Reverse(Next { key, operation })) = waiting.pop() {
        inference.push(operation, readers[key.3].1);
        advance(&mut readers, key.3, &mut waiting)?;
    }
    Ok(inference.finish())
}

fn advance(
    readers: &mut [(OperationReader, bool)],
    at: usize,
    waiting: &mut BinaryHeap<Reverse<Next>>,
) -> Result<(), Failure> {
    if let Some(operation) = readers[at].0.next() {
        let operation = operation?;
        let frame = operation.parts().next().map_or(0, |part| part.frame);
        let key = (frame, operation.connection.index.0, operation.message_id.0, at);
        waiting.push(Reverse(Next { key, operation }));
    }
    Ok(())
}
