//! The columns of the table `files`: what `smbreplay files` lists.

#[cfg(feature = "query")]
use arrow_array::ArrayRef;
#[cfg(feature = "query")]
use arrow_schema::ArrowError;

use crate::analyse::FileActivity;
use crate::store::table::{self, NEVER, NULLABLE, TableColumn, define};
use crate::store::{Column, name::*};

/// The columns, in their order.
#[rustfmt::skip]
static FILE_TABLE: [TableColumn<FileActivity>; 21] = [
    define!(SHARE: Text, NULLABLE, "", r"`\\server\share`",
        write |row| row.share.as_deref()),
    define!(PATH: Text, NULLABLE, "", r"Path in the share, `\`-separated; empty for its root; null when it is not known.",
        write |row| row.path.as_deref()),
    define!(DIRECTORY: Bool, NULLABLE, "", "Whether it is a directory; null when nothing tells.",
        write |row| row.directory),
    define!(OPENS: U64, NEVER, "", "Opens that were granted.",
        write |row| Some(row.opens)),
    define!(FAILED_OPENS: U64, NEVER, "", "Opens that failed.",
        write |row| Some(row.failed_opens)),
    define!(FAILURES: Texts, NEVER, "", "With which statuses, each once.",
        write |row| Some(&row.failures)),
    define!(READS: U64, NEVER, "", "READs that were answered with data.",
        write |row| Some(row.reads)),
    define!(BYTES_READ: U64, NEVER, "", "Their bytes.",
        write |row| Some(row.bytes_read)),
    define!(WRITES: U64, NEVER, "", "WRITEs that were accepted.",
        write |row| Some(row.writes)),
    define!(BYTES_WRITTEN: U64, NEVER, "", "Their bytes.",
        write |row| Some(row.bytes_written)),
    define!(SIZE: U64, NULLABLE, "", "Size in bytes, as it was told last.",
        write |row| row.size),
    define!(USERS: Texts, NEVER, "", "Who opened it, each once.",
        write |row| Some(&row.users)),
    define!(FIRST_FRAME: U64, NULLABLE, "", "The frame where it is first seen.",
        write |row| row.first.map(|point| point.frame)),
    define!(FIRST_TIME: Time, NULLABLE, "", "The time of that frame.",
        write |row| row.first.map(|point| point.time.0)),
    define!(LAST_FRAME: U64, NULLABLE, "", "The frame where it is last seen.",
        write |row| row.last.map(|point| point.frame)),
    define!(LAST_TIME: Time, NULLABLE, "", "The time of that frame.",
        write |row| row.last.map(|point| point.time.0)),
    define!(CREATED_FRAME: U64, NULLABLE, "", "Frame of the CREATE that made it.",
        write |row| row.created.map(|point| point.frame)),
    define!(OVERWRITTEN_FRAME: U64, NULLABLE, "", "Frame of the last CREATE that emptied it.",
        write |row| row.overwritten.map(|point| point.frame)),
    define!(DELETED_FRAME: U64, NULLABLE, "", "Frame where it was deleted, the last time.",
        write |row| row.deleted.map(|point| point.frame)),
    define!(RENAMED_FROM: Text, NULLABLE, "", "What it was called before.",
        write |row| row.renamed_from.as_deref()),
    define!(RENAMED_TO: Text, NULLABLE, "", "What it was called afterwards.",
        write |row| row.renamed_to.as_deref()),
];

/// Their descriptions.
pub(crate) const FILE_COLUMNS: [Column; FILE_TABLE.len()] = table::described(&FILE_TABLE);

/// The arrays of a capture's files, in the order of the columns.
#[cfg(feature = "query")]
pub(super) fn file_arrays(files: &[FileActivity]) -> Result<Vec<ArrayRef>, ArrowError> {
    table::arrays(&FILE_TABLE, files)
}
