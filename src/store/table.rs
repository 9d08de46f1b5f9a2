//! A column of a table, defined once: its name, type and meaning, how it is written and how it is read.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, Schema, SchemaRef};

use super::draft::Drafts;
use super::schema::{Column, Kind};

/// Values in this column are never null.
pub(crate) const NEVER: bool = false;
/// Values in this column may be null.
pub(crate) const NULLABLE: bool = true;

/// A column of a table with rows `R`; rows that are read back begin as drafts `D`.
pub(crate) struct TableColumn<R, D = ()> {
    /// What it is.
    pub(crate) column: Column,
    /// The array of its values.
    pub(crate) write: fn(&[R]) -> Result<ArrayRef, ArrowError>,
    /// Puts the values of an array into the drafts; false when the array is of another type. None for a column that repeats what
    /// others say, or of a table that is never read back.
    pub(crate) read: Option<fn(&ArrayRef, &mut Drafts<'_, D>) -> bool>,
}

/// The descriptions of a table's columns.
pub(crate) const fn described<R, D, const N: usize>(table: &[TableColumn<R, D>; N]) -> [Column; N] {
    let mut columns = [table[0].column; N];
    let mut at = 0;
    while at < N {
        columns[at] = table[at].column;
        at += 1;
    }
    columns
}

/// The Arrow schema of a table.
pub(crate) fn schema_of(columns: &[Column]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(Column::field).collect::<Vec<_>>()))
}

/// The arrays of a run of rows, in the order of the columns.
pub(crate) fn arrays<R, D>(table: &[TableColumn<R, D>], rows: &[R]) -> Result<Vec<ArrayRef>, ArrowError> {
    table.iter().map(|column| (column.write)(rows)).collect()
}

/// Reads the columns of a batch into drafts. PDUs may be missing, since projections leave them out; another column that is
/// missing or of another type is the error.
pub(crate) fn read_into<R, D>(
    table: &[TableColumn<R, D>],
    batch: &RecordBatch,
    drafts: &mut Drafts<'_, D>,
) -> Result<(), &'static str> {
    for TableColumn { column, read, .. } in table {
        let Some(read) = read else { continue };
        let done = match batch.column_by_name(column.name) {
            Some(array) => read(array, drafts),
            None => column.kind == Kind::Binary,
        };
        if !done {
            return Err(column.name);
        }
    }
    Ok(())
}

/// The array that holds a kind of values.
#[rustfmt::skip]
macro_rules! written {
    (U8, $rows:ident, $of:expr) => { $crate::store::cells::numbers::<arrow_array::types::UInt8Type, _>($rows, $of) };
    (U16, $rows:ident, $of:expr) => { $crate::store::cells::numbers::<arrow_array::types::UInt16Type, _>($rows, $of) };
    (U32, $rows:ident, $of:expr) => { $crate::store::cells::numbers::<arrow_array::types::UInt32Type, _>($rows, $of) };
    (U64, $rows:ident, $of:expr) => { $crate::store::cells::numbers::<arrow_array::types::UInt64Type, _>($rows, $of) };
    (SessionId, $rows:ident, $of:expr) => { $crate::store::cells::numbers::<arrow_array::types::UInt64Type, _>($rows, $of) };
    (I64, $rows:ident, $of:expr) => { $crate::store::cells::numbers::<arrow_array::types::Int64Type, _>($rows, $of) };
    (Bool, $rows:ident, $of:expr) => { $crate::store::cells::bools($rows, $of) };
    (Text, $rows:ident, $of:expr) => { $crate::store::cells::texts($rows, $of) };
    (Time, $rows:ident, $of:expr) => { $crate::store::cells::times($rows, $of) };
    (Id, $rows:ident, $of:expr) => { $crate::store::cells::ids($rows, $of) };
    (Binary, $rows:ident, $of:expr) => { $crate::store::cells::binaries($rows, $of) };
    (Texts, $rows:ident, $of:expr) => { $crate::store::cells::text_lists($rows, $of) };
    (Numbers, $rows:ident, $of:expr) => { $crate::store::cells::number_lists($rows, $of) };
    (Differences, $rows:ident, $of:expr) => { $crate::store::cells::difference_lists($rows, $of) };
    (Locks, $rows:ident, $of:expr) => { $crate::store::cells::lock_lists($rows, $of) };
}

/// The way of its values back into the rows.
#[rustfmt::skip]
macro_rules! read {
    (U8, $array:ident, $rows:ident, $put:expr) => { $crate::store::draft::numbers::<arrow_array::types::UInt8Type, _>($array, $rows, $put) };
    (U16, $array:ident, $rows:ident, $put:expr) => { $crate::store::draft::numbers::<arrow_array::types::UInt16Type, _>($array, $rows, $put) };
    (U32, $array:ident, $rows:ident, $put:expr) => { $crate::store::draft::numbers::<arrow_array::types::UInt32Type, _>($array, $rows, $put) };
    (U64, $array:ident, $rows:ident, $put:expr) => { $crate::store::draft::numbers::<arrow_array::types::UInt64Type, _>($array, $rows, $put) };
    (SessionId, $array:ident, $rows:ident, $put:expr) => { $crate::store::draft::numbers::<arrow_array::types::UInt64Type, _>($array, $rows, $put) };
    (Bool, $array:ident, $rows:ident, $put:expr) => { $crate::store::draft::bools($array, $rows, $put) };
    (Text, $array:ident, $rows:ident, $put:expr) => { $crate::store::draft::texts($array, $rows, $put) };
    (Name, $array:ident, $rows:ident, $put:expr) => { $crate::store::draft::names($array, $rows, $put) };
    (Time, $array:ident, $rows:ident, $put:expr) => { $crate::store::draft::numbers::<arrow_array::types::TimestampNanosecondType, _>($array, $rows, $put) };
    (Id, $array:ident, $rows:ident, $put:expr) => { $crate::store::draft::ids($array, $rows, $put) };
    (Binary, $array:ident, $rows:ident, $put:expr) => { $crate::store::draft::binaries($array, $rows, $put) };
    (Texts, $array:ident, $rows:ident, $put:expr) => { $crate::store::draft::text_lists($array, $rows, $put) };
    (I64, $array:ident, $rows:ident, $put:expr) => { $crate::store::draft::numbers::<arrow_array::types::Int64Type, _>($array, $rows, $put) };
    (Differences, $array:ident, $rows:ident, $put:expr) => { $crate::store::draft::difference_lists($array, $rows, $put) };
    (Locks, $array:ident, $rows:ident, $put:expr) => { $crate::store::draft::lock_lists($array, $rows, $put) };
}

#[rustfmt::skip]
macro_rules! define {
    (@ $name:ident, $kind:ident, $null:expr, $wireshark:expr, $meaning:expr, $write:expr, $($read:expr)?) => {
        $crate::store::table::TableColumn {
            column: $crate::store::Column { name: $name, kind: $crate::store::Kind::$kind, nullable: $null, meaning: $meaning, wireshark: $wireshark },
            write: $write,
            read: $crate::store::table::define!(@read $($read)?),
        }
    };
    (@read) => { None };
    (@read $read:expr) => { Some($read) };
    // Text in few variants: `same` says that a row has the value of the row before, which saves looking the text up.
    ($name:ident: Name, $null:expr, $wireshark:expr, $meaning:expr,
        write same $same:expr, of $of:expr $(, read $put:expr)?) => {
        $crate::store::table::define!(@ $name, Name, $null, $wireshark, $meaning, |rows| $crate::store::cells::names(rows, $same, $of),
            $(|array, rows| $crate::store::draft::names(array, rows, $put))?)
    };
    ($name:ident: $kind:ident, $null:expr, $wireshark:expr, $meaning:expr, write $of:expr $(, read $put:expr)?) => {
        $crate::store::table::define!(@ $name, $kind, $null, $wireshark, $meaning, |rows| $crate::store::table::written!($kind, rows, $of),
            $(|array, rows| $crate::store::table::read!($kind, array, rows, $put))?)
    };
}

pub(crate) use {define, read, written};
