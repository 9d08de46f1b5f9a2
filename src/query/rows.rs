//! The result of a query, batch by batch.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use tokio::runtime::Runtime;

use super::error::QueryError;

/// Iterates over the batches of a result as they are computed: no more of them are held than are under way.
pub struct Rows {
    pub(super) runtime: Runtime,
    pub(super) stream: SendableRecordBatchStream,
    pub(super) mebibytes: usize,
}

impl Rows {
    /// The columns of the result.
    pub fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.runtime.block_on(self.stream.next())?;
        Some(batch.map_err(|error| QueryError::of(&error, self.mebibytes)))
    }
}
