//! The initial image of a dataset: inferred from its sessions, or read from a file.

use super::datasets::closings;
use super::failure::Failure;
use crate::app::{CancelToken, InOrder};
use crate::model::{Image, SessionEntry};
use crate::replay::Inference;
use crate::store::{Dataset, Projection};

/// Infers the image that a replay of some sessions needs. All sessions are read, one operation at a time: what the others did
/// is a part of what the replayed ones found.
pub(super) fn infer_image(dataset: &Dataset, replayed: &[&SessionEntry]) -> Result<Image, Failure> {
    let sessions: Vec<_> = dataset.sessions().iter().collect();
    let chosen: Vec<_> =
        sessions.iter().map(|session| replayed.iter().any(|entry| entry.file == session.file)).collect();
    let mut inference = Inference::new(closings(dataset));
    for operation in InOrder::open(dataset, &sessions, Projection::Everything, &CancelToken::default())? {
        let (session, operation) = operation?;
        inference.push(operation, chosen.get(session).copied().unwrap_or(false));
    }
    Ok(inference.finish())
}
