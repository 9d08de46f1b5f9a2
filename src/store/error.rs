//! What can go wrong with a dataset.

use std::io;
use std::path::PathBuf;

/// A dataset that cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum StoreError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Parquet { path: PathBuf, source: parquet::errors::ParquetError },
    #[error("{}: {source}", path.display())]
    Arrow { path: PathBuf, source: arrow_schema::ArrowError },
    #[error("{}: not a metadata file of smbreplay: {source}; ingest the capture again", path.display())]
    Manifest { path: PathBuf, source: serde_json::Error },
    #[error("{}: written with schema version {found}, this smbreplay reads {expected}; ingest the capture again", path.display())]
    SchemaVersion { path: PathBuf, found: u32, expected: u32 },
    #[error("{}: no dataset; ingest the capture first: smbreplay ingest {}", path.display(), capture.display())]
    NoDataset { path: PathBuf, capture: PathBuf },
    #[error("{}: results of version {found}, this smbreplay reads {expected}; replay again", path.display())]
    ResultsVersion { path: PathBuf, found: String, expected: u32 },
    #[error("{}: no results of a run: {what}", path.display())]
    NotResults { path: PathBuf, what: String },
    #[error("{}: column {column} is missing or of another type; the file was not written by smbreplay", path.display())]
    Column { path: PathBuf, column: &'static str },
    #[error("{}: not an image of smbreplay: {source}; `smbreplay setup ID --image FILE` writes one", path.display())]
    Image { path: PathBuf, source: serde_json::Error },
    #[error("{}: an image of version {found}, this smbreplay reads {expected}; write it anew with `smbreplay setup ID --image FILE`", path.display())]
    ImageVersion { path: PathBuf, found: u32, expected: u32 },
    #[error("{}: line {line} of the list of made names cannot be read: {source}; what it names has to be removed by hand", path.display())]
    Journal { path: PathBuf, line: usize, source: serde_json::Error },
    #[error("{}: the capture has no file name to name the dataset after", path.display())]
    NamelessCapture { path: PathBuf },
}
