//! The operations of a session as rows of the dataset's columns.

use std::path::PathBuf;
use std::vec;

use serde_json::Value;

use super::operations::{SessionOperations, SessionRequest};
use crate::app::error::{DatasetError, ErrorKind, UseCaseError};
use crate::app::events::Events;
use crate::store::{COLUMNS, Column, Kind, Projection, StoreError, column, rows_of};

/// Operations that are turned to values at once.
const ROWS: usize = 256;

/// Columns that are not there, or a session that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowsError {
    /// The dataset has no such column.
    #[error("the dataset has no column {name:?}")]
    NoColumn {
        /// The name.
        name: String,
    },
    /// The dataset or the session.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

impl RowsError {
    /// The names of all columns.
    pub fn known_columns() -> Vec<&'static str> {
        COLUMNS.iter().map(|column| column.name).collect()
    }
}

impl UseCaseError for RowsError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoColumn { .. } => ErrorKind::Request,
            Self::Dataset(error) => error.kind(),
        }
    }
}

/// Iterates over the rows of a session. They are read as they are asked for, some hundreds at once.
pub struct SessionRows {
    columns: Vec<&'static Column>,
    operations: SessionOperations,
    /// The session's file.
    file: PathBuf,
    at_once: usize,
    rows: vec::IntoIter<Vec<Value>>,
}

impl SessionRows {
    /// The names of the columns.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|column| column.name)
    }

    fn read(&mut self) -> Result<(), DatasetError> {
        let operations = self.operations.by_ref().take(self.at_once).collect::<Result<Vec<_>, _>>()?;
        let fail = |source| StoreError::Arrow { path: self.file.clone(), source };
        self.rows = rows_of(&operations, &self.columns).map_err(fail)?.into_iter();
        Ok(())
    }
}

impl Iterator for SessionRows {
    type Item = Result<Vec<Value>, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rows.len() == 0
            && let Err(error) = self.read()
        {
            return Some(Err(error));
        }
        self.rows.next().map(Ok)
    }
}

/// Reads rows of a session, a value for each of the columns; all columns but those with the bytes of messages, if none is named.
///
/// ```
/// use smbreplay::app::{self, IngestRequest, Quiet, SessionRequest, TraceRequest};
///
/// let folder = tempfile::tempdir()?;
/// let capture = "fixtures/quickstart/capture.pcapng";
/// app::ingest(&IngestRequest::of(capture).with_output(folder.path()).without_tshark(), &Quiet)?;
///
/// let trace = TraceRequest::of(capture).with_output(folder.path());
/// let request = SessionRequest { trace, session: Some("1".to_owned()), ..SessionRequest::default() };
/// let columns = ["request_frame".to_owned(), "command".to_owned()];
/// let rows = app::session_rows(&request, &columns, &Quiet)?.collect::<Result<Vec<_>, _>>()?;
/// assert!(rows.iter().all(|row| row.len() == 2 && row[0].is_u64()));
/// # assert!(!rows.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A column, the dataset or the session is not there, or cannot be read.
pub fn session_rows(
    request: &SessionRequest,
    columns: &[String],
    events: &dyn Events,
) -> Result<SessionRows, RowsError> {
    let (dataset, session) = request.open()?;
    let named = |name: &String| column(name).ok_or_else(|| RowsError::NoColumn { name: name.clone() });
    let mut columns = columns.iter().map(named).collect::<Result<Vec<_>, _>>()?;
    if columns.is_empty() {
        columns = COLUMNS.iter().filter(|column| column.kind != Kind::Binary).collect();
    }
    let with_pdus = columns.iter().any(|column| column.kind == Kind::Binary);
    let projection = if with_pdus { Projection::Everything } else { Projection::WithoutPdus };
    let reader = dataset.operations(&session, projection).map_err(DatasetError::from)?;
    Ok(SessionRows {
        columns,
        operations: SessionOperations::new(reader, request.filter.clone(), events.cancel()),
        file: dataset.file(&session),
        // Messages can be megabytes.
        at_once: if with_pdus { 1 } else { ROWS },
        rows: Vec::new().into_iter(),
    })
}
