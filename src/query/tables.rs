//! What can be asked for: the tables with their columns, and the functions beside those of SQL.

use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};

use super::file_columns::FILE_COLUMNS;
use crate::store::{CAPTURE_COLUMN, COLUMNS, Column, RESULT_COLUMNS, RUN_COLUMN, SESSION_COLUMNS};

/// A table of `query`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// The operations of all sessions.
    Operations,
    /// The sessions, as the metadata describes them.
    Sessions,
    /// The files that were touched.
    Files,
    /// The steps of replays.
    Results,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Operations, Self::Sessions, Self::Files, Self::Results];

    /// Its name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operations => "operations",
            Self::Sessions => "sessions",
            Self::Files => "files",
            Self::Results => "results",
        }
    }

    /// The columns that its rows have of themselves.
    pub fn own_columns(self) -> &'static [Column] {
        match self {
            Self::Operations => &COLUMNS,
            Self::Sessions => &SESSION_COLUMNS,
            Self::Files => &FILE_COLUMNS,
            Self::Results => &RESULT_COLUMNS,
        }
    }

    /// The columns that tell where a row is from; behind its own.
    pub fn origin_columns(self) -> &'static [Column] {
        match self {
            Self::Results => &[CAPTURE_COLUMN, RUN_COLUMN],
            _ => &[CAPTURE_COLUMN],
        }
    }

    /// All its columns.
    pub fn columns(self) -> impl Iterator<Item = &'static Column> {
        self.own_columns().iter().chain(self.origin_columns())
    }

    /// The Arrow schema of its own columns.
    pub fn own_schema(self) -> SchemaRef {
        Arc::new(Schema::new(self.own_columns().iter().map(Column::field).collect::<Vec<_>>()))
    }

    /// The Arrow schema of all its columns.
    pub fn schema(self) -> SchemaRef {
        Arc::new(Schema::new(self.columns().map(Column::field).collect::<Vec<_>>()))
    }
}

/// A function that SQL has here and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// As it is called.
    pub usage: &'static str,
    /// What it gives.
    pub meaning: &'static str,
}

/// The functions beside those of DataFusion.
pub const FUNCTIONS: [Function; 3] = [
    Function { usage: "hex(bytes)", meaning: "Bytes as hex digits: of file_id, data_hash, a PDU." },
    Function { usage: "is_error(status)", meaning: "Whether `stats` counts an NT status as an error." },
    Function {
        usage: "status_name(status)", meaning: "Name of an NT status in [MS-ERREF]; `0x…` when it has none."
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_tells_the_capture_and_no_column_twice() {
        for table in Table::ALL {
            let names: Vec<_> = table.columns().map(|column| column.name).collect();
            let mut unique = names.clone();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!(unique.len(), names.len(), "{}", table.name());
            assert!(names.contains(&CAPTURE_COLUMN.name));
            assert_eq!(table.schema().fields().len(), names.len());
        }
    }
}
