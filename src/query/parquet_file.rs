//! A result as a Parquet file.

use std::io::Write;

use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::WriterProperties;

use super::error::QueryError;
use super::rows::Rows;

/// A row group ends when it holds so much, so that memory stays bounded.
const ROW_GROUP_BYTES: usize = 32 << 20;

/// Writes a result; returns its number of rows.
pub async fn write_parquet(mut rows: Rows, file: impl Write + Send) -> Result<u64, QueryError> {
    let fail = |error: ParquetError| QueryError::Writing(error.to_string());
    let properties = WriterProperties::builder()
        .set_created_by(concat!("smbreplay ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
        .build();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).map_err(fail)?;
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        count += batch.num_rows() as u64;
        writer.write(&batch).map_err(fail)?;
        if writer.in_progress_size() > ROW_GROUP_BYTES {
            writer.flush().map_err(fail)?;
        }
    }
    writer.close().map_err(fail)?;
    Ok(count)
}
