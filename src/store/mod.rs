//! Operations to Arrow to Parquet and back; the schema, the dataset folder, its metadata, the results of replays. Imports
//! `model` only.
//!
//! ```text
//! operations ─ columns (Arrow, by 1,024 rows) ─ row groups (encoded on any number of threads) ─ session file (appended in order)
//! ```

mod cells;
mod columns;
mod dataset;
mod digests;
mod error;
mod flat_file;
mod image_export;
mod image_file;
mod journal;
mod late_rows;
mod manifest;
mod narrowed;
mod reader;
mod results;
mod results_reader;
mod row_group;
mod run_folder;
mod schema;
mod session_file;
mod staging;
mod values;

pub use columns::operations_to_batch;
pub use dataset::{Dataset, DatasetPath};
pub use digests::for_each_digest;
pub use error::StoreError;
pub use flat_file::{FlatFile, flat_columns};
pub use image_export::{Exported, export_image};
pub use image_file::{IMAGE_VERSION, content_path, read_image, write_image};
pub use journal::Journal;
pub use manifest::{CaptureEntry, ConnectionEndEntry, Manifest, Quality, ToolVersions, fingerprint};
pub use reader::{OperationReader, Projection};
pub use results::ResultsFile;
pub use results_reader::{ResultsReader, read_run};
pub use row_group::{EncodedRowGroup, RowGroupEncoder};
pub use run_folder::{HTML_REPORT, RUN_REPORT, RUN_RESULTS, RunFolder, run_folders};
pub use schema::{
    CAPTURE_COLUMN, COLUMNS, Column, FILE_COLUMNS, Kind, RESULT_COLUMNS, RESULTS_VERSION, RUN_COLUMN, SCHEMA_VERSION,
    SESSION_COLUMNS, image_content_schema, operations_schema, results_schema,
};
pub use session_file::{SessionFile, session_file_name};
pub use staging::{StagedDataset, StagedFile};
pub use values::{column, rows_of};
