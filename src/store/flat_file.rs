//! Operations of any number of sessions and captures in one Parquet file, without their messages.

use std::io::Write;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{DictionaryArray, RecordBatch, StringArray};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::operation_columns::{COLUMNS, operations_to_batch};
use super::schema::{CAPTURE_COLUMN, Column, Kind, SCHEMA_VERSION};
use crate::model::Operation;

/// Rows of a row group.
const ROW_GROUP: usize = 128 * 1024;

/// The columns of operations that are not a message's bytes.
pub fn flat_columns() -> impl Iterator<Item = &'static Column> {
    COLUMNS.iter().filter(|column| column.kind != Kind::Binary)
}

/// The file in the making.
pub struct FlatFile<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: SchemaRef,
}

impl<W: Write + Send> FlatFile<W> {
    /// Begins it.
    pub fn create(out: W) -> Result<Self, ParquetError> {
        let fields = flat_columns().chain([&CAPTURE_COLUMN]).map(Column::field).collect::<Vec<_>>();
        let schema = Arc::new(Schema::new(fields));
        let version = KeyValue::new("smbreplay.schema_version".to_owned(), SCHEMA_VERSION.to_string());
        let properties = WriterProperties::builder()
            .set_created_by(concat!("smbreplay ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .set_key_value_metadata(Some(vec![version]))
            .build();
        Ok(Self { writer: ArrowWriter::try_new(out, schema.clone(), Some(properties))?, schema })
    }

    /// Appends operations of a capture.
    pub fn push(&mut self, capture: &str, operations: &[Operation]) -> Result<(), ParquetError> {
        let batch = self.batch(capture, operations).map_err(ParquetError::from)?;
        self.writer.write(&batch)
    }

    /// Writes what is left, and the footer.
    pub fn finish(self) -> Result<(), ParquetError> {
        self.writer.close().map(drop)
    }

    fn batch(&self, capture: &str, operations: &[Operation]) -> Result<RecordBatch, ArrowError> {
        let whole = operations_to_batch(operations)?;
        let column = |column: &Column| {
            let array = whole.column_by_name(column.name).cloned();
            array.ok_or_else(|| ArrowError::SchemaError(column.name.to_owned()))
        };
        let mut columns = flat_columns().map(column).collect::<Result<Vec<_>, _>>()?;
        let keys = std::iter::repeat_n(Some(0), operations.len()).collect();
        let names = Arc::new(StringArray::from(vec![capture]));
        columns.push(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, names)?));
        RecordBatch::try_new(self.schema.clone(), columns)
    }
}
