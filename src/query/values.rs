//! Values of a result as JSON, as the other commands print theirs: numbers stay numbers, bytes become hex, times RFC 3339.

use datafusion::arrow::array::types::{
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampNanosecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Value, json};

use crate::model::Timestamp;

/// The rows of a batch.
pub fn rows_of_batch(batch: &RecordBatch) -> impl Iterator<Item = Vec<Value>> {
    (0..batch.num_rows()).map(|row| batch.columns().iter().map(|array| value_of(array.as_ref(), row)).collect())
}

/// Whether a column of this type holds numbers.
pub fn is_number(kind: &DataType) -> bool {
    kind.is_numeric()
}

fn value_of(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    macro_rules! number {
        ($kind:ty) => {
            json!(array.as_primitive::<$kind>().value(row))
        };
    }
    match array.data_type() {
        DataType::Boolean => json!(array.as_boolean().value(row)),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float16 => json!(array.as_primitive::<Float16Type>().value(row).to_f64()),
        DataType::Float32 => number!(Float32Type),
        DataType::Float64 => number!(Float64Type),
        DataType::Utf8 => json!(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => json!(array.as_string::<i64>().value(row)),
        DataType::Utf8View => json!(array.as_string_view().value(row)),
        DataType::Binary => json!(hex::encode(array.as_binary::<i32>().value(row))),
        DataType::LargeBinary => json!(hex::encode(array.as_binary::<i64>().value(row))),
        DataType::BinaryView => json!(hex::encode(array.as_binary_view().value(row))),
        DataType::FixedSizeBinary(_) => json!(hex::encode(array.as_fixed_size_binary().value(row))),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            json!(Timestamp(array.as_primitive::<TimestampNanosecondType>().value(row)).to_string())
        }
        DataType::Dictionary(_, _) => match array.as_any_dictionary_opt() {
            Some(dictionary) => {
                dictionary.normalized_keys().get(row).map_or(Value::Null, |key| value_of(dictionary.values(), *key))
            }
            None => formatted(array, row),
        },
        DataType::List(_) => list(array.as_list::<i32>().value(row).as_ref()),
        DataType::LargeList(_) => list(array.as_list::<i64>().value(row).as_ref()),
        DataType::Struct(fields) => {
            let values = fields.iter().zip(array.as_struct().columns());
            let object: Map<_, _> =
                values.map(|(field, values)| (field.name().clone(), value_of(values.as_ref(), row))).collect();
            Value::Object(object)
        }
        // What SQL makes of signed and unsigned numbers together; nearly always a count.
        kind if kind.is_decimal() => {
            let text = formatted(array, row);
            let number = text.as_str().and_then(|text| serde_json::from_str::<serde_json::Number>(text).ok());
            number.map_or(text, Value::Number)
        }
        _ => formatted(array, row),
    }
}

fn list(items: &dyn Array) -> Value {
    (0..items.len()).map(|item| value_of(items, item)).collect()
}

/// Intervals, decimals and whatever else SQL can make.
fn formatted(array: &dyn Array, row: usize) -> Value {
    let options = FormatOptions::default();
    match ArrayFormatter::try_new(array, &options) {
        Ok(formatter) => json!(formatter.value(row).to_string()),
        Err(_) => Value::Null,
    }
}
