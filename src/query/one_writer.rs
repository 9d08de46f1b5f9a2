//! A workaround for a deadlock in DataFusion, apache/datafusion#24883. Remove this file when `Cargo.lock` has a release with its
//! cure, #24891; `tests/tidy/workarounds.rs` fails as soon as there is a newer release to look at.
//!
//! A `RepartitionExec` that cannot reserve memory for a batch writes it to a file and puts a marker into the channel of the
//! output. Several of its inputs can write at once; each then has a file of its own. The reader of an output reads the oldest file
//! alone. If that file has no unread batch, and the batch of the marker is in another, the reader waits. As long as it waits the
//! channel stays full, the inputs wait for the channel, nobody writes to the oldest file, and the query never ends.
//!
//! One input has one file at a time, and writes a batch before its marker: there the reader always finds its batch. So do the
//! repartitions that keep an order, which have files for each pair of input and output. The rule therefore puts the inputs of
//! every other repartition together first. What is below and above it runs on as many threads as before; only the rows'
//! distribution is done by one thread.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

/// Leaves no repartition to which several inputs write at once. Must be the last rule: others put new repartitions into a plan.
#[derive(Debug)]
pub(super) struct OneWriter;

impl PhysicalOptimizerRule for OneWriter {
    fn name(&self) -> &'static str {
        "one_writer_per_repartition"
    }

    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let changed = plan.transform_up(|node| match several_writers(node.as_ref()) {
            None => Ok(Transformed::no(node)),
            Some(repartition) => {
                let together = Arc::new(CoalescePartitionsExec::new(Arc::clone(repartition.input())));
                let partitioning = repartition.partitioning().clone();
                Ok(Transformed::yes(Arc::new(RepartitionExec::try_new(together, partitioning)?)))
            }
        });
        Ok(changed?.data)
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The repartition that a node is, if it is one that can come to a deadlock.
fn several_writers(node: &dyn ExecutionPlan) -> Option<&RepartitionExec> {
    let repartition = node.downcast_ref::<RepartitionExec>()?;
    let several = repartition.input().output_partitioning().partition_count() > 1;
    (several && !repartition.preserve_order()).then_some(repartition)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use datafusion::arrow::array::{Int64Array, RecordBatch};
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::datasource::memory::MemorySourceConfig;
    use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryConsumer, MemoryPool};
    use datafusion::physical_expr::expressions::col;
    use datafusion::physical_optimizer::sanity_checker::SanityCheckPlan;
    use datafusion::physical_plan::{Partitioning, collect};
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::*;

    /// 40,000 rows in as many partitions as the configuration has, with 13 groups.
    async fn context(bytes: usize, config: SessionConfig) -> SessionContext {
        let context = crate::query::context::context(bytes, config).unwrap();
        let made = "CREATE TABLE t AS SELECT value AS v, value % 13 AS g, repeat(to_hex(value % 337), 16) AS name \
                    FROM generate_series(1, 40000)";
        context.sql(made).await.unwrap().collect().await.unwrap();
        context
    }

    fn count(plan: &dyn ExecutionPlan, matches: &dyn Fn(&dyn ExecutionPlan) -> bool) -> usize {
        let below: usize = plan.children().iter().map(|child| count(child.as_ref(), matches)).sum();
        below + usize::from(matches(plan))
    }

    const QUERIES: [&str; 10] = [
        "SELECT g, count(*) FROM t GROUP BY g",
        "SELECT DISTINCT name, v FROM t",
        "SELECT g, count(DISTINCT name) FROM t GROUP BY g ORDER BY g",
        "SELECT * FROM t a JOIN t b ON a.v = b.v JOIN t c ON c.v = a.v",
        "SELECT * FROM t a LEFT JOIN t b ON a.v = b.v WHERE b.v IS NULL OR a.g = 1",
        "SELECT v, row_number() OVER (PARTITION BY g ORDER BY v) FROM t",
        "SELECT g, sum(v) FROM (SELECT v, g FROM t UNION ALL SELECT v + 1, g FROM t) GROUP BY g",
        "SELECT count(*) FROM t WHERE v > (SELECT count(DISTINCT name) FROM t) GROUP BY g",
        "WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n WHERE x < 9) \
         SELECT g, count(*) FROM t JOIN n ON g = x GROUP BY g",
        "SELECT g FROM t WHERE v IN (SELECT v FROM t WHERE g < 5) GROUP BY g LIMIT 3",
    ];

    #[tokio::test]
    async fn no_plan_has_a_repartition_with_several_writers() {
        for hash_joins in [true, false] {
            let mut config = SessionConfig::new().with_target_partitions(4);
            config.options_mut().optimizer.prefer_hash_join = hash_joins;
            // No side of a join is small enough to be gathered: both are repartitioned.
            config.options_mut().optimizer.hash_join_single_partition_threshold = 0;
            config.options_mut().optimizer.hash_join_single_partition_threshold_rows = 0;
            let context = context(1 << 30, config).await;
            for query in QUERIES {
                let plan = context.sql(query).await.unwrap().create_physical_plan().await.unwrap();
                let found = |matches: &dyn Fn(&dyn ExecutionPlan) -> bool| count(plan.as_ref(), matches);
                assert_eq!(found(&|node| several_writers(node).is_some()), 0, "{query}");
                assert!(found(&|node| node.downcast_ref::<RepartitionExec>().is_some()) > 0, "{query}: runs alone");
                let options = context.copied_config();
                let sane = SanityCheckPlan::new().optimize(Arc::clone(&plan), options.options());
                assert!(sane.is_ok(), "{query}: {sane:?}");
            }
        }
    }

    #[tokio::test]
    async fn results_are_those_of_one_partition() {
        let several = context(1 << 30, SessionConfig::new().with_target_partitions(4)).await;
        let alone = context(1 << 30, SessionConfig::new().with_target_partitions(1)).await;
        for query in QUERIES.iter().filter(|query| !query.contains("LIMIT")) {
            let mut printed = Vec::new();
            for context in [&several, &alone] {
                let batches = context.sql(query).await.unwrap().collect().await.unwrap();
                let rows = datafusion::arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
                let mut rows: Vec<_> = rows.lines().map(str::to_owned).collect();
                rows.sort_unstable();
                printed.push(rows);
            }
            assert_eq!(printed[0], printed[1], "{query}");
        }
    }

    /// Rows that come from several partitions in many small batches.
    fn small_batches(partitions: i64, batches: i64) -> Arc<dyn ExecutionPlan> {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
        let batch = |number: i64| {
            let rows = Int64Array::from_iter_values(number * 4..number * 4 + 4);
            RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(rows)]).unwrap()
        };
        let partition = |at: i64| (at * batches..(at + 1) * batches).map(batch).collect::<Vec<_>>();
        let partitions: Vec<_> = (0..partitions).map(partition).collect();
        MemorySourceConfig::try_new_exec(&partitions, Arc::clone(&schema), None).unwrap()
    }

    /// The rows of a plan that repartitions, when there is no memory left in which to hold a batch: each goes to a file.
    fn rows_without_memory(plan: Arc<dyn ExecutionPlan>, limit: Duration) -> Option<usize> {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(2 << 20));
        let all = MemoryConsumer::new("others").register(&pool);
        all.try_grow(2 << 20).unwrap();
        let config = SessionConfig::new().with_batch_size(4);
        let context = crate::query::context::context_with(pool, config).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let rows = runtime.block_on(async {
            let batches = tokio::time::timeout(limit, collect(plan, context.task_ctx())).await.ok()?.unwrap();
            Some(batches.iter().map(RecordBatch::num_rows).sum())
        });
        runtime.shutdown_background();
        rows
    }

    /// The deadlock at its barest: two inputs, two outputs, small batches, each of which goes to a file. Without the rule
    /// nearly every attempt hangs.
    #[test]
    fn a_repartition_without_memory_always_ends() {
        const ATTEMPTS: u32 = 24;
        const LIMIT: Duration = Duration::from_secs(60);
        for attempt in 1..=ATTEMPTS {
            let input = small_batches(2, 4000);
            let hash = Partitioning::Hash(vec![col("n", &input.schema()).unwrap()], 2);
            let plan =
                Arc::new(CoalescePartitionsExec::new(Arc::new(RepartitionExec::try_new(input, hash).unwrap())));
            let plan = OneWriter.optimize(plan, &ConfigOptions::new()).unwrap();
            let rows = rows_without_memory(plan, LIMIT);
            assert!(rows.is_some(), "attempt {attempt} of {ATTEMPTS} has not ended in {LIMIT:?}");
            assert_eq!(rows, Some(2 * 4000 * 4));
        }
    }

    /// The same from SQL to rows, where it depends on the moment whether batches go to files.
    #[test]
    fn a_group_query_in_little_memory_always_ends() {
        const ATTEMPTS: u32 = 24;
        const LIMIT: Duration = Duration::from_secs(60);
        for attempt in 1..=ATTEMPTS {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let query = async {
                let config = SessionConfig::new().with_target_partitions(2).with_batch_size(64);
                let context = context(2 << 20, config).await;
                context.sql("SELECT g, count(DISTINCT name) FROM t GROUP BY g").await.unwrap().collect().await
            };
            let asked = runtime.block_on(async { tokio::time::timeout(LIMIT, query).await });
            runtime.shutdown_background();
            let asked =
                asked.unwrap_or_else(|_| panic!("attempt {attempt} of {ATTEMPTS} has not ended in {LIMIT:?}"));
            let rows: usize = asked.unwrap().iter().map(RecordBatch::num_rows).sum();
            assert_eq!(rows, 13);
        }
    }
}
