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
    /// Its files, for queries that name the table `files`: it takes reading all operations to find them.
    pub files: Vec<FileActivity>,
}

/// Runs queries.
pub struct QueryEngine {
    context: SessionContext,
    mebibytes: usize,
}

impl QueryEngine {
    /// An engine that may use so much memory; sorts and joins that need more go to temporary files.
    ///
    /// # Errors
    /// DataFusion cannot be started.
    pub fn new(mebibytes: usize) -> Result<Self, QueryError> {
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let config = SessionConfig::new().with_target_partitions(threads);
        Ok(Self { context: super::context::context(mebibytes << 20, config)?, mebibytes })
    }

    /// The tables that a query names.
    ///
    /// # Errors
    /// What is no query.
    pub fn tables_of(&self, sql: &str) -> Result<Vec<Table>, QueryError> {
        let failed = |error: DataFusionError| QueryError::of(&error, self.mebibytes);
        let state = self.context.state();
        let statement = state.sql_to_statement(sql, &Dialect::Generic).map_err(failed)?;
        let named = state.resolve_table_references(&statement).map_err(failed)?;
        Ok(Table::ALL.into_iter().filter(|table| named.iter().any(|name| name.table() == table.name())).collect())
    }

    /// Runs a query on the caller's runtime. Only tables that it names are made.
    ///
    /// # Errors
    /// What is no query, or names what is not there; what would change anything; datasets that cannot be read.
    pub async fn run(&self, sql: &str, sources: &[QuerySource]) -> Result<Rows, QueryError> {
        let failed = |error: DataFusionError| QueryError::of(&error, self.mebibytes);
        let named = self.tables_of(sql)?;
        // SHOW TABLES and DESCRIBE name none, and need no rows.
        for table in Table::ALL {
            let provider = self.table(table, if named.contains(&table) { sources } else { &[] })?;
            self.context.register_table(table.name(), provider).map_err(failed)?;
        }
        let only_reading = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        let frame = self.context.sql_with_options(sql, only_reading).await.map_err(failed)?;
        let task = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await.map_err(failed)?;
        Rows::start(plan, task, self.mebibytes, PATIENCE)
    }

    fn table(&self, table: Table, sources: &[QuerySource]) -> Result<Arc<dyn TableProvider>, QueryError> {
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
                    let batch = memory_tables::files(capture, &source.files);
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
