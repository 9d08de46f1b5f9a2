//! Operations to Arrow to Parquet and back; the schema, the dataset folder, its metadata, the results of replays. Imports
//! `model` only.
//!
//! ```text
//! operations ─ columns (Arrow, by 1,024 rows) ─ row groups (encoded on any number of threads) ─ session file (appended in order)
//! ```

mod atomic_file;
pub(crate) mod cells;
mod dataset;
mod digests;
pub(crate) mod draft;
mod error;
mod flat_file;
mod image_export;
mod image_file;
mod journal;
mod late_rows;
mod manifest;
mod narrowed;
mod operation_columns;
mod operation_draft;
mod reader;
mod result_columns;
mod results;
mod results_reader;
mod row_group;
mod run_folder;
mod schema;
mod session_columns;
mod session_file;
mod staging;
pub(crate) mod table;
mod values;
mod view;

pub use atomic_file::AtomicFile;
pub use dataset::{Dataset, DatasetPath};
pub use digests::for_each_digest;
pub use error::StoreError;
pub use flat_file::{FlatFile, flat_columns};
pub use image_export::{Exported, export_image};
pub use image_file::{IMAGE_VERSION, content_path, read_image, write_image};
pub use journal::Journal;
pub use manifest::{CaptureEntry, ConnectionEndEntry, Manifest, Quality, ToolVersions, fingerprint};
pub use operation_columns::{COLUMNS, operations_schema, operations_to_batch};
pub use reader::{OperationReader, Projection};
pub use result_columns::{RESULT_COLUMNS, RESULTS_VERSION, results_schema};
pub use results::ResultsFile;
pub use results_reader::{ResultsReader, read_run};
pub use row_group::{EncodedRowGroup, RowGroupEncoder};
pub use run_folder::{HTML_REPORT, RUN_REPORT, RUN_RESULTS, RunFolder, run_folders};
pub(crate) use schema::name;
pub use schema::{CAPTURE_COLUMN, Column, Kind, RUN_COLUMN, SCHEMA_VERSION, image_content_schema};
pub use session_columns::{SESSION_COLUMNS, session_arrays};
pub use session_file::{SessionFile, session_file_name};
pub use staging::{StagedDataset, StagedFile};
pub use values::{column, rows_of};
