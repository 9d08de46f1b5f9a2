//! Columns of operations as JSON values, for who prints them. Numbers stay numbers; ids of sixteen bytes and PDUs become
//! hex, times RFC 3339, session ids `0x…`.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Int32Type, Int64Type, TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::ArrowError;
use serde_json::{Map, Value, json};

use super::operation_columns::{COLUMNS, operations_to_batch};
use super::schema::{Column, Kind};
use crate::model::{Operation, SessionId, Timestamp};

/// The column of a name.
pub fn column(name: &str) -> Option<&'static Column> {
    COLUMNS.iter().find(|column| column.name == name)
}

/// The values of some columns for a run of operations, row by row.
pub fn rows_of(operations: &[Operation], columns: &[&Column]) -> Result<Vec<Vec<Value>>, ArrowError> {
    let batch = operations_to_batch(operations)?;
    let arrays: Vec<_> = columns.iter().map(|column| (*column, batch.column_by_name(column.name))).collect();
    let row = |row: usize| {
        let value = |(column, array): &(&Column, Option<&ArrayRef>)| match array {
            Some(array) if array.is_valid(row) => value_of(column, array.as_ref(), row),
            _ => Value::Null,
        };
        arrays.iter().map(value).collect()
    };
    Ok((0..operations.len()).map(row).collect())
}

fn value_of(column: &Column, array: &dyn Array, row: usize) -> Value {
    match column.kind {
        Kind::U8 => json!(array.as_primitive::<UInt8Type>().value(row)),
        Kind::U16 => json!(array.as_primitive::<UInt16Type>().value(row)),
        Kind::U32 => json!(array.as_primitive::<UInt32Type>().value(row)),
        Kind::SessionId => json!(SessionId(array.as_primitive::<UInt64Type>().value(row)).to_string()),
        Kind::U64 => json!(array.as_primitive::<UInt64Type>().value(row)),
        Kind::I64 => json!(array.as_primitive::<Int64Type>().value(row)),
        Kind::Bool => json!(array.as_boolean().value(row)),
        Kind::Text => json!(array.as_string::<i32>().value(row)),
        Kind::Name => {
            let dictionary = array.as_dictionary::<Int32Type>();
            json!(dictionary.values().as_string::<i32>().value(dictionary.keys().value(row) as usize))
        }
        Kind::Time => json!(Timestamp(array.as_primitive::<TimestampNanosecondType>().value(row)).to_string()),
        Kind::Id => json!(hex::encode(array.as_fixed_size_binary().value(row))),
        Kind::Binary => json!(hex::encode(array.as_binary::<i64>().value(row))),
        Kind::Texts => {
            let items = array.as_list::<i32>().value(row);
            Value::Array(items.as_string::<i32>().iter().flatten().map(Value::from).collect())
        }
        Kind::Numbers => {
            let items = array.as_list::<i32>().value(row);
            Value::Array(items.as_primitive::<UInt32Type>().values().iter().map(|number| json!(number)).collect())
        }
        Kind::Locks | Kind::Differences => {
            let items = array.as_list::<i32>().value(row);
            let items = items.as_struct();
            let element = |i: usize| {
                let mut object = Map::new();
                for (field, values) in items.fields().iter().zip(items.columns()) {
                    let value = if let Some(values) = values.as_primitive_opt::<UInt64Type>() {
                        json!(values.value(i))
                    } else if let Some(values) = values.as_string_opt::<i32>() {
                        json!(values.value(i))
                    } else {
                        json!(values.as_primitive::<UInt32Type>().value(i))
                    };
                    object.insert(field.name().clone(), value);
                }
                Value::Object(object)
            };
            Value::Array((0..items.len()).map(element).collect())
        }
    }
}
