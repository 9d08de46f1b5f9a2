//! Operations in the names and the shape that other programs know.

mod flat;
mod logins;
mod output;
mod zeek;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use parquet::errors::ParquetError;

use super::cancel::CancelToken;
use super::error::{DatasetError, ErrorKind, UseCaseError};
use super::events::Events;
use super::find::{CapturesRequest, NamedDataset, chosen_sessions};
use super::path_pattern::{PathPattern, takes};
use super::reading::operations;
use crate::model::{Command, Operation, TreeId};
use crate::report::{Origin, ShareKind, ZeekLog, ecs_document, ocsf_event};
use crate::store::{Projection, StoreError};
pub use output::ExportTo;

/// Which operations, and in what shape.
#[derive(Clone, Debug, Default)]
pub struct ExportRequest {
    /// The captures.
    pub captures: CapturesRequest,
    /// The session; else all.
    pub session: Option<String>,
    /// Only operations of these commands; else all.
    pub commands: Vec<Command>,
    /// Only operations on paths that match.
    pub path: Option<PathPattern>,
    /// The shape.
    pub shape: ExportShape,
}

/// Whose names and shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExportShape {
    /// Zeek's logs: one of them, or all.
    Zeek {
        /// The log; else all.
        log: Option<ZeekLog>,
        /// JSON lines instead of tab-separated values.
        json: bool,
    },
    /// Open Cybersecurity Schema Framework, an event a line.
    Ocsf,
    /// Elastic Common Schema, a document a line.
    Ecs,
    /// Comma-separated values.
    #[default]
    Csv,
    /// Parquet, which takes a file.
    Parquet,
}

/// Operations that cannot be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A dataset or a session.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// Parquet is to go elsewhere than to a file.
    #[error("Parquet needs a file")]
    NeedsFile,
    /// The folder for Zeek's logs cannot be made.
    #[error("{}: cannot be made: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("{}: cannot be written: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The writer takes no more.
    #[error(transparent)]
    Output(#[from] io::Error),
    /// Columns cannot be made of operations.
    #[error(transparent)]
    Columns(#[from] arrow_schema::ArrowError),
    /// Columns cannot be written as Parquet.
    #[error(transparent)]
    Parquet(#[from] ParquetError),
}

impl UseCaseError for ExportError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Dataset(error) => error.kind(),
            Self::NeedsFile => ErrorKind::Request,
            Self::Folder { .. } | Self::File { .. } | Self::Output(_) | Self::Columns(_) | Self::Parquet(_) => {
                ErrorKind::Unreadable
            }
        }
    }
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        Self::Dataset(error.into())
    }
}

/// Writes operations in a shape that other programs know. Sessions follow one after the other, each in the order of its
/// requests.
///
/// ```
/// use smbreplay::app::{self, CapturesRequest, ExportRequest, ExportShape, ExportTo, IngestRequest, Quiet};
///
/// let folder = tempfile::tempdir()?;
/// let capture = "fixtures/quickstart/capture.pcapng";
/// app::ingest(&IngestRequest::of(capture).with_output(folder.path()).without_tshark(), &Quiet)?;
///
/// let captures = CapturesRequest::of([capture]).with_output(folder.path());
/// let request = ExportRequest { captures, shape: ExportShape::Ecs, ..ExportRequest::default() };
/// let mut lines = Vec::new();
/// app::export(&request, ExportTo::Writer(&mut lines), &Quiet)?;
/// assert!(lines.starts_with(b"{") && lines.ends_with(b"}\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A dataset or the session is not there, or cannot be read; the output cannot be written.
pub fn export(request: &ExportRequest, to: ExportTo<'_>, events: &dyn Events) -> Result<(), ExportError> {
    if request.shape == ExportShape::Parquet && !matches!(to, ExportTo::Path(_)) {
        return Err(ExportError::NeedsFile);
    }
    let export = Export { captures: request.captures.open(events)?, request, cancel: events.cancel() };
    match request.shape {
        ExportShape::Zeek { log, json } => export.zeek(log, json, to),
        ExportShape::Ocsf => to.write(|out| export.events(out, ocsf_event)),
        ExportShape::Ecs => to.write(|out| export.events(out, ecs_document)),
        ExportShape::Csv => to.write(|out| export.csv(out)),
        ExportShape::Parquet => export.parquet(to),
    }
}

/// What is exported.
struct Export<'a> {
    captures: Vec<NamedDataset>,
    request: &'a ExportRequest,
    cancel: CancelToken,
}

impl Export<'_> {
    /// Hands on the operations that were asked for, each with where it is from.
    fn each(
        &self,
        projection: Projection,
        mut take: impl FnMut(Operation, Origin<'_>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        for NamedDataset { capture, dataset } in &self.captures {
            for session in chosen_sessions(dataset, self.request.session.as_deref())? {
                let mut trees = BTreeMap::new();
                for operation in operations(dataset, session, projection, &self.cancel)? {
                    let operation = operation?;
                    let share_kind = kind_of(&operation, &mut trees);
                    if self.takes(&operation) {
                        take(operation, Origin { capture, session, share_kind })?;
                    }
                }
            }
        }
        Ok(())
    }

    fn takes(&self, operation: &Operation) -> bool {
        let commands = &self.request.commands;
        let paths = [operation.path.as_deref(), operation.new_path.as_deref()];
        (commands.is_empty() || commands.contains(&operation.command))
            && takes(self.request.path.as_ref(), paths.into_iter().flatten())
    }

    fn events(
        &self,
        out: &mut dyn Write,
        event: fn(&Operation, Origin<'_>) -> Option<serde_json::Value>,
    ) -> Result<(), ExportError> {
        self.each(Projection::PdusOf(&[Command::TreeConnect]), |operation, origin| {
            event(&operation, origin).map_or(Ok(()), |event| Ok(writeln!(out, "{event}")?))
        })
    }
}

/// What the share of an operation is: what its TREE_CONNECT was told, else what the name tells.
fn kind_of(operation: &Operation, trees: &mut BTreeMap<TreeId, ShareKind>) -> Option<ShareKind> {
    if let Some(kind) = ShareKind::told_by(operation) {
        trees.insert(operation.tree_id, kind);
    }
    let share = operation.share.as_deref()?;
    trees.get(&operation.tree_id).copied().or_else(|| ShareKind::of_name(share))
}
