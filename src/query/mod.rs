//! SQL over datasets and the results of replays, by DataFusion (`docs/adr/0020-datafusion-for-sql.md`). Behind the cargo feature
//! `query`, all but the description of the tables. Imports `model`, `store`, `analyse`.
//!
//! ```text
//! session files ─┬ operations ┐
//! metadata ──────┼ sessions   ├─ plan ─ record batches ─ JSON values, or Parquet
//! opens ─────────┼ files      │
//! results.parquet┴ results    ┘
//! ```

#[cfg(feature = "query")]
mod context;
#[cfg(feature = "query")]
mod engine;
#[cfg(feature = "query")]
mod error;
mod file_columns;
#[cfg(feature = "query")]
mod file_table;
#[cfg(feature = "query")]
mod functions;
#[cfg(feature = "query")]
mod memory_tables;
#[cfg(feature = "query")]
mod one_writer;
#[cfg(feature = "query")]
mod parquet_file;
#[cfg(feature = "query")]
mod rows;
#[cfg(feature = "query")]
mod stall;
mod tables;
#[cfg(feature = "query")]
mod values;

#[cfg(feature = "query")]
pub use engine::{QueryEngine, QuerySource};
#[cfg(feature = "query")]
pub use error::QueryError;
#[cfg(feature = "query")]
pub use parquet_file::write_parquet;
#[cfg(feature = "query")]
pub use rows::Rows;
pub use tables::{FUNCTIONS, Function, Table};
#[cfg(feature = "query")]
pub use values::{is_number, rows_of_batch};
