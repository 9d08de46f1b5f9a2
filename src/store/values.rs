//! Columns of operations as JSON values, for who prints them. Numbers stay numbers; ids of sixteen bytes and PDUs become
//! hex, times RFC 3339, session ids `0x…`.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Int32Type, Int64Type, TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_schema::ArrowError;
use serde_json::{Map, Value, json};

use super::columns::operations_to_batch;
use super::schema::{COLUMNS, Column, Kind, name};
use crate::model::{Operation, SessionId, Timestamp};

/// The column of a name.
pub fn column(name: &str) -> Option<&'static Column> {
    COLUMNS.iter().find(|column| column.name == name)
}

/// The values of some columns for one operation.
pub fn values_of(operation: &Operation, columns: &[&Column]) -> Result<Vec<Value>, ArrowError> {
    let batch = operations_to_batch(std::slice::from_ref(operation), operation.op_index)?;
    let value = |column: &&Column| {
        let array = batch.column_by_name(column.name);
        array.filter(|array| array.is_valid(0)).map_or(Value::Null, |array| value_of(column, array.as_ref()))
    };
    Ok(columns.iter().map(value).collect())
}

fn value_of(column: &Column, array: &dyn Array) -> Value {
    match column.kind {
        Kind::U8 => json!(array.as_primitive::<UInt8Type>().value(0)),
        Kind::U16 => json!(array.as_primitive::<UInt16Type>().value(0)),
        Kind::U32 => json!(array.as_primitive::<UInt32Type>().value(0)),
        Kind::U64 if column.name == name::SESSION_ID => {
            json!(SessionId(array.as_primitive::<UInt64Type>().value(0)).to_string())
        }
        Kind::U64 => json!(array.as_primitive::<UInt64Type>().value(0)),
        Kind::I64 => json!(array.as_primitive::<Int64Type>().value(0)),
        Kind::Bool => json!(array.as_boolean().value(0)),
        Kind::Text => json!(array.as_string::<i32>().value(0)),
        Kind::Name => {
            let dictionary = array.as_dictionary::<Int32Type>();
            json!(dictionary.values().as_string::<i32>().value(dictionary.keys().value(0) as usize))
        }
        Kind::Time => json!(Timestamp(array.as_primitive::<TimestampNanosecondType>().value(0)).to_string()),
        Kind::Id => json!(hex::encode(array.as_fixed_size_binary().value(0))),
        Kind::Binary => json!(hex::encode(array.as_binary::<i64>().value(0))),
        Kind::Texts => {
            let items = array.as_list::<i32>().value(0);
            Value::Array(items.as_string::<i32>().iter().flatten().map(Value::from).collect())
        }
        Kind::Locks | Kind::Differences => {
            let items = array.as_list::<i32>().value(0);
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
