//! The operations of a session, until the work is to end.

use super::cancel::CancelToken;
use super::error::DatasetError;
use crate::model::{Operation, SessionEntry};
use crate::store::{Dataset, Projection};

/// Reads the operations of a session in the order of their requests.
pub(super) fn operations(
    dataset: &Dataset,
    session: &SessionEntry,
    projection: Projection,
    cancel: &CancelToken,
) -> Result<impl Iterator<Item = Result<Operation, DatasetError>> + use<>, DatasetError> {
    let reader = dataset.operations(session, projection)?;
    let cancel = cancel.clone();
    Ok(reader.map(move |operation| {
        if cancel.is_cancelled() {
            return Err(DatasetError::Cancelled);
        }
        Ok(operation?)
    }))
}
