//! SQL over datasets and the results of replays.

use std::io;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::cancel::CancelToken;
use super::error::{DatasetError, ErrorKind, UseCaseError};
use super::events::Events;
use super::find::{CapturesRequest, NamedDataset, choose_run, listed_runs, run_name};
use super::opens::opens_of;
use crate::analyse::files_of;
use crate::query::{QueryEngine, QueryError as StageError, QuerySource, Rows, Table, write_parquet};
use crate::store::{AtomicFile, RUN_RESULTS};

/// A query, and what it is asked of.
#[derive(Clone, Debug)]
pub struct QueryRequest {
    /// The captures.
    pub captures: CapturesRequest,
    /// Only this run in `results`: a folder, the beginning of a name, `last`, or `last-1` for the one before; else all.
    pub run: Option<String>,
    /// The query.
    pub sql: String,
    /// Memory that it may use, in MiB; sorts and joins that need more go to temporary files.
    pub mebibytes: usize,
}

impl Default for QueryRequest {
    fn default() -> Self {
        Self { captures: CapturesRequest::default(), run: None, sql: String::new(), mebibytes: 1024 }
    }
}

/// A query without a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// A dataset or a run.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The run is given by its folder, and several captures were chosen.
    #[error("the run is a folder, and several captures were chosen")]
    RunOfSeveral,
    /// The query.
    #[error(transparent)]
    Query(#[from] StageError),
    /// The result's file cannot be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl UseCaseError for QueryError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Dataset(error) => error.kind(),
            Self::RunOfSeveral => ErrorKind::Request,
            Self::Query(error) if error.is_usage() => ErrorKind::Request,
            Self::Query(_) | Self::Write { .. } => ErrorKind::Unreadable,
        }
    }
}

/// The rows of a result, which are computed as they are asked for.
pub struct QueryRows {
    rows: Rows,
    cancel: CancelToken,
}

impl QueryRows {
    /// The columns of the result.
    pub fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    /// The next of the batches that the result comes in.
    ///
    /// # Errors
    /// What is read or computed for it cannot be; the work was cancelled.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, QueryError>> {
        if self.cancel.is_cancelled() {
            return Some(Err(DatasetError::Cancelled.into()));
        }
        Some(self.rows.next().await?.map_err(QueryError::from))
    }

    /// Writes all of them to a Parquet file, which gets its name when it is complete; returns their number.
    ///
    /// # Errors
    /// What is read or computed for them cannot be; the file cannot be written.
    pub async fn write_parquet(self, path: &Path) -> Result<u64, QueryError> {
        let unwritable = |source| QueryError::Write { path: path.to_owned(), source };
        let place = AtomicFile::create(path).map_err(unwritable)?;
        let count = write_parquet(self.rows, place.file().map_err(unwritable)?).await?;
        place.finish().map_err(unwritable)?;
        Ok(count)
    }
}

/// Runs a query on the caller's runtime, which has to have several threads and time. Queries only read.
///
/// A query that stands still is noticed by the runtime's idleness: on a runtime that others use as well it is noticed when they
/// are idle too.
///
/// ```
/// use smbreplay::app::{self, CapturesRequest, IngestRequest, QueryRequest, Quiet};
///
/// let folder = tempfile::tempdir()?;
/// let capture = "fixtures/quickstart/capture.pcapng";
/// app::ingest(&IngestRequest::of(capture).with_output(folder.path()).without_tshark(), &Quiet)?;
///
/// let request = QueryRequest {
///     captures: CapturesRequest::of([capture]).with_output(folder.path()),
///     sql: "SELECT command, count(*) FROM operations GROUP BY command".to_owned(),
///     ..QueryRequest::default()
/// };
/// let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
/// let commands = runtime.block_on(async {
///     let mut rows = app::query(&request, &Quiet).await?;
///     let mut commands = 0;
///     while let Some(batch) = rows.next().await {
///         commands += batch?.num_rows();
///     }
///     Ok::<_, app::QueryError>(commands)
/// })?;
/// assert!(commands > 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A dataset or the run is not there, or cannot be read; what is no query, names what is not there, or would change anything.
pub async fn query(request: &QueryRequest, events: &dyn Events) -> Result<QueryRows, QueryError> {
    let cancel = events.cancel();
    let captures = request.captures.open(events)?;
    let several = captures.len() > 1;
    let mut sources = Vec::new();
    for capture in captures {
        sources.push(source(capture, request.run.as_deref(), several, events)?);
    }
    let engine = QueryEngine::new(request.mebibytes)?;
    // It takes reading all operations.
    if engine.tables_of(&request.sql)?.contains(&Table::Files) {
        for source in &mut sources {
            let (opens, failed) = opens_of(&source.dataset, source.dataset.sessions(), &cancel)?.finish();
            source.files = files_of(&opens, &failed);
        }
    }
    Ok(QueryRows { rows: engine.run(&request.sql, &sources).await?, cancel })
}

/// A capture with its runs, or with the one that was named.
fn source(
    capture: NamedDataset,
    run: Option<&str>,
    several: bool,
    events: &dyn Events,
) -> Result<QuerySource, QueryError> {
    let NamedDataset { capture, dataset } = capture;
    let place = dataset.place().clone();
    let runs = match run {
        Some(run) if several && Path::new(run).join(RUN_RESULTS).exists() => return Err(QueryError::RunOfSeveral),
        Some(run) => {
            let folder = choose_run(run, || Ok(place))?;
            vec![(run_name(&folder), folder.join(RUN_RESULTS))]
        }
        None => {
            let folder = place.replays_folder();
            let file = |name: String| (name.clone(), folder.join(name).join(RUN_RESULTS));
            listed_runs(&place, events)?.into_iter().map(|run| file(run.name)).collect()
        }
    };
    Ok(QuerySource { capture, dataset, runs, files: Vec::new() })
}
