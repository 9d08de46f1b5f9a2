//! From SQL to rows.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::config::Dialect;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};

use super::error::QueryError;
use super::file_table::FileTable;
use super::memory_tables;
use super::rows::Rows;
use super::stall::PATIENCE;
use super::tables::Table;
use crate::analyse::FileActivity;
use crate::store::{Dataset, StoreError};

/// A dataset that is asked.
#[derive(Clone, Debug)]
pub struct QuerySource {
    /// What its rows have in the column `capture`.
    pub capture: String,
    /// The dataset.
    pub dataset: Dataset,
    /// The names and results of its runs.
    pub runs: Vec<(String, PathBuf)>,
}

/// How the files of a dataset are found: it takes reading all its operations, and is done when a query asks for them.
pub type FilesOf = fn(&Dataset) -> Result<Vec<FileActivity>, StoreError>;

/// Runs queries.
pub struct QueryEngine {
    sources: Vec<QuerySource>,
    files_of: FilesOf,
    mebibytes: usize,
}

impl QueryEngine {
    /// An engine that may use so much memory; sorts and joins that need more go to temporary files.
    pub fn new(sources: Vec<QuerySource>, files_of: FilesOf, mebibytes: usize) -> Self {
        Self { sources, files_of, mebibytes }
    }

    /// Runs a query. Only tables that it names are made.
    ///
    /// # Errors
    /// What is no query, or names what is not there; what would change anything; datasets that cannot be read.
    pub fn run(&self, sql: &str) -> Result<Rows, QueryError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| QueryError::Start(error.to_string()))?;
        let context = self.context()?;
        let failed = |error: DataFusionError| QueryError::of(&error, self.mebibytes);
        let named = {
            let state = context.state();
            let statement = state.sql_to_statement(sql, &Dialect::Generic).map_err(failed)?;
            state.resolve_table_references(&statement).map_err(failed)?
        };
        // SHOW TABLES and DESCRIBE name none, and need no rows.
        for table in Table::ALL {
            let wanted = named.iter().any(|name| name.table() == table.name());
            let provider = self.table(table, wanted)?;
            context.register_table(table.name(), provider).map_err(failed)?;
        }
        let planned = runtime.block_on(async {
            let only_reading =
                SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
            let frame = context.sql_with_options(sql, only_reading).await?;
            let task = Arc::new(frame.task_ctx());
            Ok((frame.create_physical_plan().await?, task))
        });
        let (plan, task) = planned.map_err(failed)?;
        Rows::start(runtime, plan, task, self.mebibytes, PATIENCE)
    }

    fn context(&self) -> Result<SessionContext, QueryError> {
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        super::context::context(self.mebibytes << 20, SessionConfig::new().with_target_partitions(threads))
    }

    fn table(&self, table: Table, wanted: bool) -> Result<Arc<dyn TableProvider>, QueryError> {
        let sources = if wanted { self.sources.as_slice() } else { &[] };
        let mut batches = Vec::new();
        let mut parquet = FileTable::new(table);
        let arrow = |source: &QuerySource, error| {
            let path = source.dataset.place().manifest_path();
            QueryError::Store(StoreError::Arrow { path, source: error })
        };
        for source in sources {
            let capture = source.capture.as_str();
            match table {
                Table::Operations => {
                    for session in source.dataset.sessions() {
                        parquet.add(&source.dataset.file(session), &[capture])?;
                    }
                }
                Table::Results => {
                    for (run, results) in &source.runs {
                        parquet.add(results, &[capture, run])?;
                    }
                }
                Table::Sessions => {
                    let batch = memory_tables::sessions(capture, source.dataset.sessions());
                    batches.push(batch.map_err(|error| arrow(source, error))?);
                }
                Table::Files => {
                    let batch = memory_tables::files(capture, &(self.files_of)(&source.dataset)?);
                    batches.push(batch.map_err(|error| arrow(source, error))?);
                }
            }
        }
        match table {
            Table::Operations | Table::Results => Ok(Arc::new(parquet)),
            Table::Sessions | Table::Files => {
                let memory = MemTable::try_new(table.schema(), vec![batches]);
                Ok(Arc::new(memory.map_err(|error| QueryError::of(&error, self.mebibytes))?))
            }
        }
    }
}
