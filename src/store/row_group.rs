//! Runs of operations to encoded row groups. A pure function of its input, so that row groups can be made on any number of
//! threads and appended in their order: the files do not depend on the number of threads.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, SchemaDescriptor};

use super::operation_columns::{COLUMNS, operations_schema, operations_to_batch};
use super::schema::{Kind, name};
use crate::model::Operation;

/// Operations that are turned to Arrow at once; their structs stay in the processor's cache while each column is read.
const BATCH: usize = 1024;
/// Bytes of PDUs that end such a run early: Arrow copies what Parquet then copies again.
const BATCH_BYTES: usize = 1 << 20;

/// One encoded row group, to be appended to a file.
pub struct EncodedRowGroup {
    pub(super) chunks: Vec<ArrowColumnChunk>,
    /// Its rows.
    pub rows: usize,
}

/// Encodes row groups.
#[derive(Clone)]
pub struct RowGroupEncoder {
    factory: Arc<ArrowRowGroupWriterFactory>,
    pub(super) properties: WriterPropertiesPtr,
    schema: SchemaRef,
}

impl RowGroupEncoder {
    /// Row groups for files with these key-value pairs in their footer.
    pub fn new(footer: &[(String, String)]) -> Result<Self, ParquetError> {
        let schema = operations_schema();
        let mut properties = properties(footer);
        parquet::arrow::add_encoded_arrow_schema_to_metadata(&schema, &mut properties);
        let properties = Arc::new(properties);
        let writer = SerializedFileWriter::new(
            std::io::sink(),
            parquet_schema(&schema)?.root_schema_ptr(),
            properties.clone(),
        )?;
        let factory = Arc::new(ArrowRowGroupWriterFactory::new(&writer, schema.clone()));
        Ok(Self { factory, properties, schema })
    }

    /// Encodes one row group.
    pub fn encode(&self, rows: &[Operation]) -> Result<EncodedRowGroup, ParquetError> {
        // The index of the row group plays a role for encrypted files only.
        let mut writers = self.factory.create_column_writers(0)?;
        let mut done = 0;
        while done < rows.len() {
            let run = next_run(&rows[done..]);
            let batch = operations_to_batch(run)?;
            done += run.len();
            let mut writer = writers.iter_mut();
            for (field, array) in self.schema.fields().iter().zip(batch.columns()) {
                for leaf in compute_leaves(field, array)? {
                    if let Some(writer) = writer.next() {
                        writer.write(&leaf)?;
                    }
                }
            }
        }
        let chunks = writers.into_iter().map(|writer| writer.close()).collect::<Result<_, _>>()?;
        Ok(EncodedRowGroup { chunks, rows: rows.len() })
    }
}

/// The operations at the front that are turned to Arrow at once, one at least.
fn next_run(rows: &[Operation]) -> &[Operation] {
    let mut bytes = 0;
    let fitting = rows.iter().take(BATCH).take_while(|row| {
        bytes += row.parts().map(|part| part.pdu.len()).sum::<usize>();
        bytes <= BATCH_BYTES
    });
    &rows[..fitting.count().max(1)]
}

/// The Parquet schema of `operations`.
pub(super) fn parquet_schema(schema: &SchemaRef) -> Result<SchemaDescriptor, ParquetError> {
    ArrowSchemaConverter::new().convert(schema)
}

fn properties(footer: &[(String, String)]) -> WriterProperties {
    let pairs = footer.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
    let level = ZstdLevel::try_new(1).unwrap_or_default();
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("smbreplay ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_key_value_metadata(Some(pairs));
    for column in &COLUMNS {
        let path = || ColumnPath::from(column.name);
        match column.kind {
            Kind::Binary => {
                builder = builder
                    .set_column_dictionary_enabled(path(), false)
                    .set_column_statistics_enabled(path(), EnabledStatistics::None);
            }
            Kind::Time | Kind::I64 => builder = delta(builder, path()),
            Kind::Id | Kind::Text => {
                builder = builder.set_column_statistics_enabled(path(), EnabledStatistics::None);
            }
            _ => {}
        }
    }
    for ascending in
        [name::OP_INDEX, name::REQUEST_FRAME, name::RESPONSE_FRAME, name::INTERIM_FRAME, name::MESSAGE_ID]
    {
        builder = delta(builder, ColumnPath::from(ascending));
    }
    builder = builder.set_column_dictionary_enabled(ColumnPath::from(name::DATA_HASH), false);
    builder.build()
}

/// Numbers that grow slowly or differ in each row: a dictionary would only cost.
fn delta(
    builder: parquet::file::properties::WriterPropertiesBuilder,
    path: ColumnPath,
) -> parquet::file::properties::WriterPropertiesBuilder {
    builder
        .set_column_dictionary_enabled(path.clone(), false)
        .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED)
}
