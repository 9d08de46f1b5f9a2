//! What can go wrong with a query.

use std::path::PathBuf;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use super::tables::Table;
use crate::store::StoreError;

/// A query that has no result.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum QueryError {
    #[error("{0}")]
    Sql(String),
    #[error(
        "{0} is not run: queries only read (SELECT, EXPLAIN, DESCRIBE, SHOW TABLES); -o FILE writes a result to a file"
    )]
    NotReadOnly(String),
    #[error("the query needs more memory than the {mebibytes} MiB it may use: {what}")]
    Memory { mebibytes: usize, what: String },
    #[error(
        "the query stood still for {seconds} s, with all its threads asleep, and was ended: a fault of the query engine"
    )]
    Stalled { seconds: u64 },
    #[error("the datasets cannot be read: {0}; ingest the captures again")]
    Reading(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("the result cannot be written: {0}")]
    Writing(String),
    #[error("DataFusion cannot be started: {0}")]
    Start(String),
}

impl QueryError {
    /// Whether what was asked for is at fault, and not what was read.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Sql(_) | Self::NotReadOnly(_) | Self::Memory { .. })
    }

    /// Of what DataFusion says, in the words of who typed a query.
    pub(super) fn of(error: &DataFusionError, mebibytes: usize) -> Self {
        // Backtraces and the chain of contexts are for developers of DataFusion.
        let root = error.find_root();
        let text = || {
            let text = root.strip_backtrace();
            let text = text.split("\nbacktrace:").next().unwrap_or_default();
            let known =
                ["Error during planning: ", "SQL error: ", "Schema error: ", "This feature is not implemented: "];
            let text = known.iter().find_map(|lead| text.strip_prefix(lead)).unwrap_or(text);
            text.trim_end_matches('.').to_owned()
        };
        match root {
            DataFusionError::ResourcesExhausted(_) => Self::Memory { mebibytes, what: text() },
            DataFusionError::ParquetError(_) | DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => {
                Self::Reading(text())
            }
            DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
                // The list of all valid fields fills a screen; its nearest is enough.
                SchemaError::FieldNotFound { .. } => {
                    let text = text();
                    let first = text.lines().next().unwrap_or_default().trim_end_matches('.');
                    let first =
                        first.replace("No field named", "there is no column").replace(". Did you", "; did you");
                    Self::Sql(format!("{first} (`smbreplay query --tables` lists the columns)"))
                }
                _ => Self::Sql(text()),
            },
            DataFusionError::SQL(parser, _) => {
                let text = parser.to_string();
                Self::Sql(text.strip_prefix("sql parser error: ").unwrap_or(&text).to_owned())
            }
            DataFusionError::Plan(plan) if is_forbidden(plan) => {
                Self::NotReadOnly(plan.rsplit(": ").next().unwrap_or(plan).to_owned())
            }
            DataFusionError::Plan(plan) => match missing_table(plan) {
                Some(name) => {
                    let names = Table::ALL.map(Table::name).join(", ");
                    Self::Sql(format!("there is no table {name}; there are {names}"))
                }
                None => Self::Sql(text()),
            },
            _ => Self::Sql(text()),
        }
    }
}

fn is_forbidden(plan: &str) -> bool {
    ["DDL not supported", "DML not supported", "Statement not supported"].iter().any(|lead| plan.starts_with(lead))
}

/// The table of "table 'datafusion.public.operation' not found".
fn missing_table(plan: &str) -> Option<&str> {
    let name = plan.strip_prefix("table '")?.strip_suffix("' not found")?;
    Some(name.strip_prefix("datafusion.public.").unwrap_or(name))
}
