//! Sessions and files as record batches. Both are small: what `session --list` and `files` hold, too.

use std::sync::Arc;

use datafusion::arrow::array::builder::{ListBuilder, PrimitiveBuilder, StringBuilder};
use datafusion::arrow::array::types::{Int32Type, UInt32Type};
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, RecordBatch, StringArray, TimestampNanosecondArray, UInt32Array,
    UInt64Array,
};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::arrow::error::ArrowError;

use super::tables::Table;
use crate::analyse::{FileActivity, Point};
use crate::model::SessionEntry;

/// The rows of `sessions` for a capture.
pub(super) fn sessions(capture: &str, sessions: &[SessionEntry]) -> Result<RecordBatch, ArrowError> {
    let text = |of: fn(&SessionEntry) -> Option<&str>| texts(sessions, of);
    let count = |of: fn(&SessionEntry) -> Option<u64>| numbers(sessions, of);
    let truth = |of: fn(&SessionEntry) -> bool| -> ArrayRef {
        Arc::new(sessions.iter().map(|session| Some(of(session))).collect::<BooleanArray>())
    };
    let columns = vec![
        Arc::new((1..).take(sessions.len()).map(Some).collect::<UInt32Array>()) as ArrayRef,
        count(|session| u64::from_str_radix(session.id.trim_start_matches("0x"), 16).ok()),
        text(|session| Some(&session.id)),
        text(|session| Some(&session.file)),
        text(|session| Some(&session.client)),
        text(|session| Some(&session.server)),
        Arc::new(sessions.iter().map(|session| session.dialect.map(|it| it.to_string())).collect::<StringArray>()),
        truth(|session| session.signing),
        truth(|session| session.encryption),
        text(|session| session.login.user.as_deref()),
        text(|session| session.login.domain.as_deref()),
        text(|session| session.login.workstation.as_deref()),
        text(|session| session.login.mechanism.as_deref()),
        text(|session| session.login.target_name.as_deref()),
        truth(|session| session.login.guest),
        truth(|session| session.login.anonymous),
        text_lists(sessions.iter().map(|session| session.shares.as_slice())),
        count(|session| Some(session.operations)),
        count(|session| Some(session.unpaired)),
        count(|session| Some(session.bytes_read)),
        count(|session| Some(session.bytes_written)),
        count(|session| Some(session.errors.values().sum())),
        count(|session| Some(session.undecrypted)),
        times(sessions.iter().map(|session| instant(session.first_time.as_deref()))),
        times(sessions.iter().map(|session| instant(session.last_time.as_deref()))),
        number_lists(sessions.iter().map(|session| session.tcp_streams.as_slice())),
        origin(capture, sessions.len())?,
    ];
    RecordBatch::try_new(Table::Sessions.schema(), columns)
}

/// The rows of `files` for a capture.
pub(super) fn files(capture: &str, files: &[FileActivity]) -> Result<RecordBatch, ArrowError> {
    let text = |of: fn(&FileActivity) -> Option<&str>| texts(files, of);
    let count = |of: fn(&FileActivity) -> Option<u64>| numbers(files, of);
    let frame = |of: fn(&FileActivity) -> Option<Point>| -> ArrayRef {
        Arc::new(files.iter().map(|file| of(file).map(|point| point.frame)).collect::<UInt64Array>())
    };
    let columns = vec![
        text(|file| file.share.as_deref()),
        text(|file| file.path.as_deref()),
        Arc::new(files.iter().map(|file| file.directory).collect::<BooleanArray>()),
        count(|file| Some(file.opens)),
        count(|file| Some(file.failed_opens)),
        text_lists(files.iter().map(|file| file.failures.as_slice())),
        count(|file| Some(file.reads)),
        count(|file| Some(file.bytes_read)),
        count(|file| Some(file.writes)),
        count(|file| Some(file.bytes_written)),
        count(|file| file.size),
        text_lists(files.iter().map(|file| file.users.as_slice())),
        frame(|file| file.first),
        times(files.iter().map(|file| file.first.map(|point| point.time.0))),
        frame(|file| file.last),
        times(files.iter().map(|file| file.last.map(|point| point.time.0))),
        frame(|file| file.created),
        frame(|file| file.overwritten),
        frame(|file| file.deleted),
        text(|file| file.renamed_from.as_deref()),
        text(|file| file.renamed_to.as_deref()),
        origin(capture, files.len())?,
    ];
    RecordBatch::try_new(Table::Files.schema(), columns)
}

fn texts<R>(rows: &[R], of: fn(&R) -> Option<&str>) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<StringArray>())
}

fn numbers<R>(rows: &[R], of: fn(&R) -> Option<u64>) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<UInt64Array>())
}

fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampNanosecondArray>().with_timezone("UTC"))
}

fn instant(text: Option<&str>) -> Option<i64> {
    chrono::DateTime::parse_from_rfc3339(text?).ok()?.timestamp_nanos_opt()
}

/// The name of the field in a list is part of its type.
fn item(of: Table, kind: DataType) -> Field {
    let schema = of.schema();
    let found = schema.fields().iter().find_map(|field| match field.data_type() {
        DataType::List(item) if *item.data_type() == kind => Some(item.as_ref().clone()),
        _ => None,
    });
    found.unwrap_or_else(|| Field::new_list_field(kind, false))
}

fn text_lists<'a>(rows: impl Iterator<Item = &'a [String]>) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(item(Table::Sessions, DataType::Utf8));
    for row in rows {
        builder.append_value(row.iter().map(Some));
    }
    Arc::new(builder.finish())
}

fn number_lists<'a>(rows: impl Iterator<Item = &'a [u32]>) -> ArrayRef {
    let values = PrimitiveBuilder::<UInt32Type>::new();
    let mut builder = ListBuilder::new(values).with_field(item(Table::Sessions, DataType::UInt32));
    for row in rows {
        builder.append_value(row.iter().copied().map(Some));
    }
    Arc::new(builder.finish())
}

fn origin(capture: &str, rows: usize) -> Result<ArrayRef, ArrowError> {
    let keys = std::iter::repeat_n(Some(0), rows).collect();
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(StringArray::from(vec![capture])))?))
}
