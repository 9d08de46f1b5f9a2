//! Values of columns as plain text.

use serde_json::Value;

/// The text of a value in CSV: strings as they are, nothing for null, lists joined by spaces.
pub fn plain_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain_text).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
