//! The value of each column for one row, and the array that holds a run of them.

use std::sync::Arc;

use arrow_array::builder::{
    FixedSizeBinaryBuilder, LargeBinaryBuilder, ListBuilder, StringBuilder, StringDictionaryBuilder, StructBuilder,
    UInt32Builder, UInt64Builder,
};
use arrow_array::types::{ArrowPrimitiveType, Int32Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{ArrayRef, BooleanArray, DictionaryArray, Int64Array, PrimitiveArray, TimestampNanosecondArray};
use arrow_schema::{ArrowError, DataType, Field};

use super::schema::{difference_fields, lock_fields, name};
use crate::model::{Operation, Part, ReplayedStep};

/// A run of operations.
pub(super) type Rows<'a> = &'a [Operation];

/// An array of the numbers that a function finds in each row.
pub(super) fn numbers<T: ArrowPrimitiveType, R>(rows: &[R], of: impl Fn(&R) -> Option<T::Native>) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<PrimitiveArray<T>>())
}

pub(super) fn u8s<R>(rows: &[R], of: impl Fn(&R) -> Option<u8>) -> ArrayRef {
    numbers::<UInt8Type, R>(rows, of)
}

pub(super) fn u16s<R>(rows: &[R], of: impl Fn(&R) -> Option<u16>) -> ArrayRef {
    numbers::<UInt16Type, R>(rows, of)
}

pub(super) fn u32s<R>(rows: &[R], of: impl Fn(&R) -> Option<u32>) -> ArrayRef {
    numbers::<UInt32Type, R>(rows, of)
}

pub(super) fn u64s<R>(rows: &[R], of: impl Fn(&R) -> Option<u64>) -> ArrayRef {
    numbers::<UInt64Type, R>(rows, of)
}

pub(super) fn i64s<R>(rows: &[R], of: impl Fn(&R) -> Option<i64>) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<Int64Array>())
}

pub(super) fn bools<R>(rows: &[R], of: impl Fn(&R) -> bool) -> ArrayRef {
    Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(of(row)))))
}

/// Truth values that may be unknown.
pub(super) fn maybe_bools<R>(rows: &[R], of: impl Fn(&R) -> Option<bool>) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<BooleanArray>())
}

pub(super) fn times(rows: Rows<'_>, of: impl Fn(&Operation) -> Option<&Part>) -> ArrayRef {
    let values = rows.iter().map(|row| of(row).map(|part| part.time.0));
    Arc::new(values.collect::<TimestampNanosecondArray>().with_timezone("UTC"))
}

/// Text in few variants. `same` says that a row has the value of the row before; it saves looking the text up.
pub(super) fn names<R, S: AsRef<str>>(
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

pub(super) fn texts<'a, R, S: AsRef<str> + 'a>(rows: &'a [R], of: impl Fn(&'a R) -> Option<S>) -> ArrayRef {
    let mut builder = StringBuilder::with_capacity(rows.len(), rows.len() * 16);
    rows.iter().for_each(|row| builder.append_option(of(row)));
    Arc::new(builder.finish())
}

pub(super) fn ids<R>(rows: &[R], of: impl Fn(&R) -> Option<[u8; 16]>) -> Result<ArrayRef, ArrowError> {
    let mut builder = FixedSizeBinaryBuilder::with_capacity(rows.len(), 16);
    for row in rows {
        match of(row) {
            Some(id) => builder.append_value(id)?,
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

pub(super) fn pdus(rows: Rows<'_>, of: impl Fn(&Operation) -> Option<&Part>) -> ArrayRef {
    let total = rows.iter().filter_map(&of).map(|part| part.pdu.len()).sum();
    let mut builder = LargeBinaryBuilder::with_capacity(rows.len(), total);
    rows.iter().for_each(|row| builder.append_option(of(row).map(|part| &part.pdu)));
    Arc::new(builder.finish())
}

pub(super) fn text_lists<'a, S, I>(rows: Rows<'a>, of: impl Fn(&'a Operation) -> Option<I>) -> ArrayRef
where
    S: AsRef<str>,
    I: IntoIterator<Item = S>,
{
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
    Arc::new(builder.finish())
}

pub(super) fn difference_lists(rows: &[ReplayedStep]) -> ArrayRef {
    let fields = difference_fields();
    let item = Field::new(name::ITEM, DataType::Struct(fields.clone()), false);
    let mut builder = ListBuilder::new(StructBuilder::from_fields(fields, 0)).with_field(item);
    for row in rows {
        for difference in &row.differences {
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
        builder.append(!row.differences.is_empty());
    }
    Arc::new(builder.finish())
}

pub(super) fn lock_lists(rows: Rows<'_>) -> ArrayRef {
    let fields = lock_fields();
    let item = Field::new(name::ITEM, DataType::Struct(fields.clone()), false);
    let mut builder = ListBuilder::new(StructBuilder::from_fields(fields, 0)).with_field(item);
    for row in rows {
        let Some(locks) = &row.facts.locks else {
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
    Arc::new(builder.finish())
}
