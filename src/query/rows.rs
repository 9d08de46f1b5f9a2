//! The result of a query, batch by batch.

use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use std::sync::Arc;
use tokio::runtime::Handle;

use super::error::QueryError;
use super::stall::StallWatch;

/// The batches of a result as they are computed: no more of them are held than are under way.
pub struct Rows {
    /// None once the query has ended.
    running: Option<Running>,
    schema: SchemaRef,
    mebibytes: usize,
    patience: Duration,
}

struct Running {
    stream: SendableRecordBatchStream,
    watch: StallWatch,
}

impl Rows {
    /// Starts a plan on the runtime that this is called on. A query that stands still for so long is ended.
    pub(super) fn start(
        plan: Arc<dyn ExecutionPlan>,
        task: Arc<TaskContext>,
        mebibytes: usize,
        patience: Duration,
    ) -> Result<Self, QueryError> {
        let start = |error: std::io::Error| QueryError::Start(error.to_string());
        let watch = StallWatch::start(Arc::clone(&plan), Handle::current().metrics(), patience).map_err(start)?;
        let stream =
            execute_stream(plan, task).map_err(|error: DataFusionError| QueryError::of(&error, mebibytes))?;
        let schema = stream.schema();
        Ok(Self { running: Some(Running { stream, watch }), schema, mebibytes, patience })
    }

    /// The columns of the result.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The next batch.
    ///
    /// # Errors
    /// It cannot be read or computed, or the query stands still.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, QueryError>> {
        let Running { stream, watch } = self.running.as_mut()?;
        let next = watch.next(stream).await;
        if !matches!(next, Some(Some(Ok(_)))) {
            self.running = None;
        }
        match next {
            Some(batch) => Some(batch?.map_err(|error| QueryError::of(&error, self.mebibytes))),
            None => Some(Err(QueryError::Stalled { seconds: self.patience.as_secs() })),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::time::Instant;

    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::common::Result;
    use datafusion::physical_expr::EquivalenceProperties;
    use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
    use datafusion::physical_plan::{DisplayAs, DisplayFormatType, Partitioning, PlanProperties};
    use futures::Stream;
    use futures::stream;

    use super::*;

    /// A plan with one partition, made of a function.
    #[derive(Debug)]
    struct Made {
        properties: Arc<PlanProperties>,
        batches: fn(SchemaRef) -> SendableRecordBatchStream,
    }

    impl Made {
        fn of(batches: fn(SchemaRef) -> SendableRecordBatchStream) -> Arc<dyn ExecutionPlan> {
            let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
            let properties = PlanProperties::new(
                EquivalenceProperties::new(schema),
                Partitioning::UnknownPartitioning(1),
                EmissionType::Incremental,
                Boundedness::Bounded,
            );
            Arc::new(Self { properties: Arc::new(properties), batches })
        }
    }

    impl DisplayAs for Made {
        fn fmt_as(&self, _: DisplayFormatType, text: &mut fmt::Formatter<'_>) -> fmt::Result {
            text.write_str("Made")
        }
    }

    impl ExecutionPlan for Made {
        fn name(&self) -> &'static str {
            "Made"
        }

        fn properties(&self) -> &Arc<PlanProperties> {
            &self.properties
        }

        fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
            Vec::new()
        }

        fn replace_children(
            self: Arc<Self>,
            _: Vec<Arc<dyn ExecutionPlan>>,
            _: ReplaceChildrenOptions,
        ) -> Result<Arc<dyn ExecutionPlan>> {
            Ok(self)
        }

        fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
            Ok(self)
        }

        fn apply_expressions(
            &self,
            _: &mut dyn FnMut(
                &Arc<dyn datafusion::physical_plan::PhysicalExpr>,
            ) -> Result<datafusion::common::tree_node::TreeNodeRecursion>,
        ) -> Result<datafusion::common::tree_node::TreeNodeRecursion> {
            Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
        }

        fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
            Ok((self.batches)(Arc::clone(self.properties.eq_properties.schema())))
        }
    }

    fn adapted(
        schema: SchemaRef,
        batches: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
    ) -> SendableRecordBatchStream {
        Box::pin(RecordBatchStreamAdapter::new(schema, batches))
    }

    /// Rows with the runtime that they are computed on, as a front end holds them.
    struct Asked {
        runtime: Option<tokio::runtime::Runtime>,
        rows: Rows,
    }

    impl Asked {
        fn next(&mut self) -> Option<std::result::Result<RecordBatch, QueryError>> {
            self.runtime.as_ref()?.block_on(self.rows.next())
        }
    }

    impl Drop for Asked {
        fn drop(&mut self) {
            if let Some(runtime) = self.runtime.take() {
                runtime.shutdown_timeout(Duration::from_secs(1));
            }
        }
    }

    fn ask(batches: fn(SchemaRef) -> SendableRecordBatchStream, patience: Duration) -> Asked {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let plan = Made::of(batches);
        let rows =
            runtime.block_on(async { Rows::start(plan, Arc::new(TaskContext::default()), 16, patience).unwrap() });
        Asked { runtime: Some(runtime), rows }
    }

    #[test]
    fn a_plan_that_never_goes_on_is_an_error_that_says_so() {
        let begun = Instant::now();
        let mut rows = ask(|schema| adapted(schema, stream::pending()), Duration::from_secs(1));
        let error = rows.next().unwrap().unwrap_err();
        assert!(matches!(error, QueryError::Stalled { seconds: 1 }), "{error}");
        assert!(error.to_string().contains("stood still for 1 s"), "{error}");
        assert!(rows.next().is_none());
        assert!(begun.elapsed() >= Duration::from_secs(1));
    }

    #[test]
    fn a_plan_that_wakes_again_and_again_for_nothing_is_one_too() {
        let waking = |schema| {
            let batches = stream::unfold((), |()| async {
                loop {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
            });
            adapted(schema, batches)
        };
        let error = ask(waking, Duration::from_secs(8)).next().unwrap().unwrap_err();
        assert!(matches!(error, QueryError::Stalled { .. }), "{error}");
    }

    #[test]
    fn a_plan_that_computes_for_long_on_any_thread_is_waited_for() {
        let computing = |schema: SchemaRef| {
            let empty = RecordBatch::new_empty(Arc::clone(&schema));
            let batches = stream::once(async move {
                let task = tokio::spawn(async { std::thread::sleep(Duration::from_secs(3)) });
                task.await.unwrap();
                std::thread::sleep(Duration::from_secs(3));
                Ok(empty)
            });
            adapted(schema, batches)
        };
        let mut rows = ask(computing, Duration::from_secs(1));
        assert!(rows.next().unwrap().is_ok());
        assert!(rows.next().is_none());
    }

    #[test]
    fn a_caller_that_takes_its_time_is_no_stall() {
        let two = |schema: SchemaRef| {
            let empty = RecordBatch::new_empty(Arc::clone(&schema));
            adapted(schema, stream::iter([Ok(empty.clone()), Ok(empty)]))
        };
        let mut rows = ask(two, Duration::from_millis(500));
        assert!(rows.next().unwrap().is_ok());
        std::thread::sleep(Duration::from_secs(2));
        assert!(rows.next().unwrap().is_ok());
        assert!(rows.next().is_none());
    }

    #[test]
    fn a_thread_that_never_ends_does_not_hold_up_the_end() {
        let stuck = |schema| {
            tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_secs(120)));
            adapted(schema, stream::empty())
        };
        let begun = Instant::now();
        assert!(ask(stuck, Duration::from_secs(60)).next().is_none());
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
}
