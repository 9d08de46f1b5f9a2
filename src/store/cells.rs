//! The value of each column for one row, and the array that holds a run of them.

use std::sync::Arc;

use arrow_array::builder::{
    FixedSizeBinaryBuilder, LargeBinaryBuilder, ListBuilder, StringBuilder, StringDictionaryBuilder, StructBuilder,
    UInt32Builder, UInt64Builder,
};
use arrow_array::types::{ArrowPrimitiveType, Int32Type};
use arrow_array::{ArrayRef, BooleanArray, DictionaryArray, PrimitiveArray, TimestampNanosecondArray};
use arrow_schema::{ArrowError, DataType, Field};
use bytes::Bytes;

use super::schema::{difference_fields, lock_fields, name};
use crate::model::Difference;
use crate::model::message::LockElement;

/// An array of the numbers that a function finds in each row.
pub(crate) fn numbers<T: ArrowPrimitiveType, R>(
    rows: &[R],
    of: impl Fn(&R) -> Option<T::Native>,
) -> Result<ArrayRef, ArrowError> {
    Ok(Arc::new(rows.iter().map(of).collect::<PrimitiveArray<T>>()))
}

pub(crate) fn bools<R>(rows: &[R], of: impl Fn(&R) -> Option<bool>) -> Result<ArrayRef, ArrowError> {
    Ok(Arc::new(rows.iter().map(of).collect::<BooleanArray>()))
}

/// Times in nanoseconds since 1970, UTC.
pub(crate) fn times<R>(rows: &[R], of: impl Fn(&R) -> Option<i64>) -> Result<ArrayRef, ArrowError> {
    Ok(Arc::new(rows.iter().map(of).collect::<TimestampNanosecondArray>().with_timezone("UTC")))
}

/// Text in few variants. `same` says that a row has the value of the row before; it saves looking the text up.
pub(crate) fn names<R, S: AsRef<str>>(
    rows: &[R],
    same: impl Fn(&R, &R) -> bool,
    of: impl Fn(&R) -> Option<S>,
) -> Result<ArrayRef, ArrowError> {
    let mut keys: Vec<Option<i32>> = Vec::with_capacity(rows.len());
    let mut builder = StringDictionaryBuilder::<Int32Type>::new();
    for (i, row) in rows.iter().enumerate() {
        let key = match i.checked_sub(1) {
            Some(before) if same(&rows[before], row) => keys[before],
            _ => of(row).map(|text| builder.append(text)).transpose()?,
        };
        keys.push(key);
    }
    let values = builder.finish().values().clone();
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys.into_iter().collect(), values)?))
}

pub(crate) fn texts<'a, R, S: AsRef<str>>(
    rows: &'a [R],
    of: impl Fn(&'a R) -> Option<S>,
) -> Result<ArrayRef, ArrowError> {
    let mut builder = StringBuilder::with_capacity(rows.len(), rows.len() * 16);
    rows.iter().for_each(|row| builder.append_option(of(row)));
    Ok(Arc::new(builder.finish()))
}

pub(crate) fn ids<R>(rows: &[R], of: impl Fn(&R) -> Option<[u8; 16]>) -> Result<ArrayRef, ArrowError> {
    let mut builder = FixedSizeBinaryBuilder::with_capacity(rows.len(), 16);
    for row in rows {
        match of(row) {
            Some(id) => builder.append_value(id)?,
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

pub(crate) fn binaries<R>(rows: &[R], of: impl Fn(&R) -> Option<&Bytes>) -> Result<ArrayRef, ArrowError> {
    let total = rows.iter().filter_map(&of).map(Bytes::len).sum();
    let mut builder = LargeBinaryBuilder::with_capacity(rows.len(), total);
    rows.iter().for_each(|row| builder.append_option(of(row)));
    Ok(Arc::new(builder.finish()))
}

pub(crate) fn text_lists<'a, R, S: AsRef<str>, I: IntoIterator<Item = S>>(
    rows: &'a [R],
    of: impl Fn(&'a R) -> Option<I>,
) -> Result<ArrayRef, ArrowError> {
    let item = Field::new(name::ITEM, DataType::Utf8, false);
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(item);
    for row in rows {
        match of(row) {
            Some(items) => {
                items.into_iter().for_each(|item| builder.values().append_value(item));
                builder.append(true);
            }
            None => builder.append(false),
        }
    }
    Ok(Arc::new(builder.finish()))
}

pub(crate) fn number_lists<R>(rows: &[R], of: impl Fn(&R) -> &[u32]) -> Result<ArrayRef, ArrowError> {
    let item = Field::new(name::ITEM, DataType::UInt32, false);
    let mut builder = ListBuilder::new(UInt32Builder::new()).with_field(item);
    for row in rows {
        builder.append_value(of(row).iter().copied().map(Some));
    }
    Ok(Arc::new(builder.finish()))
}

pub(crate) fn difference_lists<R>(rows: &[R], of: impl Fn(&R) -> &[Difference]) -> Result<ArrayRef, ArrowError> {
    let fields = difference_fields();
    let item = Field::new(name::ITEM, DataType::Struct(fields.clone()), false);
    let mut builder = ListBuilder::new(StructBuilder::from_fields(fields, 0)).with_field(item);
    for row in rows {
        for difference in of(row) {
            let element = builder.values();
            for (at, text) in
                [&difference.subject, &difference.captured, &difference.observed].into_iter().enumerate()
            {
                if let Some(field) = element.field_builder::<StringBuilder>(at) {
                    field.append_value(text);
                }
            }
            element.append(true);
        }
        builder.append(!of(row).is_empty());
    }
    Ok(Arc::new(builder.finish()))
}

pub(crate) fn lock_lists<R>(rows: &[R], of: impl Fn(&R) -> Option<&[LockElement]>) -> Result<ArrayRef, ArrowError> {
    let fields = lock_fields();
    let item = Field::new(name::ITEM, DataType::Struct(fields.clone()), false);
    let mut builder = ListBuilder::new(StructBuilder::from_fields(fields, 0)).with_field(item);
    for row in rows {
        let Some(locks) = of(row) else {
            builder.append(false);
            continue;
        };
        for lock in locks {
            let element = builder.values();
            if let Some(field) = element.field_builder::<UInt64Builder>(0) {
                field.append_value(lock.offset);
            }
            if let Some(field) = element.field_builder::<UInt64Builder>(1) {
                field.append_value(lock.length);
            }
            if let Some(field) = element.field_builder::<UInt32Builder>(2) {
                field.append_value(lock.flags);
            }
            element.append(true);
        }
        builder.append(true);
    }
    Ok(Arc::new(builder.finish()))
}
