//! Only some rows of a file: a predicate over small columns is evaluated first, and of row groups in which nothing fits no
//! other column is read.

use std::fs::File;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, UInt16Type, UInt64Type};
use arrow_array::{Array, BooleanArray, RecordBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicateFn, ParquetRecordBatchReaderBuilder, RowFilter};

use super::schema::name;
use crate::model::Command;

type Builder = ParquetRecordBatchReaderBuilder<File>;

/// The rows of some commands.
pub(super) fn of_commands(builder: Builder, commands: &'static [Command]) -> Builder {
    let codes: Vec<_> = commands.iter().map(|command| command.code()).collect();
    where_any::<UInt16Type>(builder, &[name::COMMAND_CODE], move |code| codes.contains(&code))
}

/// The rows with a PDU that a frame completed. Those of one compound share their frame.
pub(super) fn at_frame(builder: Builder, frame: u64) -> Builder {
    let columns = [name::REQUEST_FRAME, name::INTERIM_FRAME, name::RESPONSE_FRAME];
    where_any::<UInt64Type>(builder, &columns, move |found| found == frame)
}

/// The rows in which the value of any of these columns fits.
fn where_any<T: ArrowPrimitiveType>(
    builder: Builder,
    columns: &[&'static str],
    fits: impl Fn(T::Native) -> bool + Send + 'static,
) -> Builder {
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    let predicate = ArrowPredicateFn::new(mask, move |batch: RecordBatch| {
        let columns: Vec<_> = batch.columns().iter().filter_map(|column| column.as_primitive_opt::<T>()).collect();
        let fits = |row| columns.iter().any(|column| column.is_valid(row) && fits(column.value(row)));
        Ok((0..batch.num_rows()).map(|row| Some(fits(row))).collect::<BooleanArray>())
    });
    builder.with_row_filter(RowFilter::new(vec![Box::new(predicate)]))
}
