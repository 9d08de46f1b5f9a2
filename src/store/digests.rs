//! A session's file to digests, column by column: nothing is built for a row.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use arrow_array::types::{TimestampNanosecondType, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{PrimitiveArray, RecordBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::error::StoreError;
use super::schema::name;
use super::view::{Names, View, id, text, value};
use crate::model::{Command, FileId, NtStatus, OperationDigest, Timestamp};

/// Rows that are decoded at once; their columns stay in the processor's cache.
const BATCH: usize = 8192;

/// The columns that digests have.
const WANTED: [&str; 13] = [
    name::COMMAND_CODE,
    name::CLIENT_IP,
    name::REQUEST_FRAME,
    name::REQUEST_TIME,
    name::RESPONSE_FRAME,
    name::RESPONSE_TIME,
    name::STATUS,
    name::SHARE,
    name::PATH,
    name::FILE_ID,
    name::OFFSET,
    name::LENGTH,
    name::BYTES,
];

/// Hands on the digests of a file's operations, in order.
pub fn for_each_digest(path: &Path, mut take: impl FnMut(&OperationDigest<'_>)) -> Result<(), StoreError> {
    let fail = |source| StoreError::Parquet { path: path.to_owned(), source };
    let file = File::open(path).map_err(|source| StoreError::Io { path: path.to_owned(), source })?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(fail)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), WANTED);
    for batch in builder.with_projection(mask).with_batch_size(BATCH).build().map_err(fail)? {
        let batch = batch.map_err(|source| StoreError::Arrow { path: path.to_owned(), source })?;
        digests_of(&batch, path, &mut take)?;
    }
    Ok(())
}

fn digests_of(
    batch: &RecordBatch,
    path: &Path,
    take: &mut impl FnMut(&OperationDigest<'_>),
) -> Result<(), StoreError> {
    type Frames = PrimitiveArray<UInt64Type>;
    type Times = PrimitiveArray<TimestampNanosecondType>;
    let view = View { batch, path };
    let command = view.numbers::<UInt16Type>(name::COMMAND_CODE)?;
    let clients = view.names(name::CLIENT_IP)?;
    let addresses = addresses(&clients);
    let request: (&Frames, &Times) = (view.numbers(name::REQUEST_FRAME)?, view.numbers(name::REQUEST_TIME)?);
    let response: (&Frames, &Times) = (view.numbers(name::RESPONSE_FRAME)?, view.numbers(name::RESPONSE_TIME)?);
    let status = view.numbers::<UInt32Type>(name::STATUS)?;
    let share = view.names(name::SHARE)?;
    let paths = view.texts(name::PATH)?;
    let file_id = view.ids(name::FILE_ID)?;
    let offset = view.numbers::<UInt64Type>(name::OFFSET)?;
    let length = view.numbers::<UInt64Type>(name::LENGTH)?;
    let bytes = view.numbers::<UInt64Type>(name::BYTES)?;
    let part = |(frames, times): (&Frames, &Times), row| Some((value(frames, row)?, Timestamp(value(times, row)?)));
    for row in 0..batch.num_rows() {
        let client = value(clients.keys, row).and_then(|key| addresses.get(key as usize));
        take(&OperationDigest {
            command: Command::from_code(command.value(row)),
            client: client.copied().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            request: part(request, row),
            response: part(response, row),
            status: value(status, row).map(NtStatus),
            share: share.text(row),
            path: text(paths, row),
            file_id: id(file_id, row).map(FileId),
            offset: value(offset, row),
            length: value(length, row),
            bytes: value(bytes, row),
        });
    }
    Ok(())
}

/// The dictionary's values: few, where each row has one.
fn addresses(names: &Names<'_>) -> Vec<IpAddr> {
    let parse = |text: Option<&str>| text.and_then(|text| text.parse().ok());
    names.values.iter().map(|text| parse(text).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))).collect()
}
