//! The functions of [`super::FUNCTIONS`].

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, create_udf,
};
use datafusion::prelude::SessionContext;

use crate::model::NtStatus;

/// Makes them known.
pub(super) fn register(context: &SessionContext) {
    context.register_udf(status_function("is_error", DataType::Boolean, |statuses| {
        Arc::new(statuses.map(|status| status.map(NtStatus::is_error)).collect::<BooleanArray>())
    }));
    context.register_udf(status_function("status_name", DataType::Utf8, |statuses| {
        Arc::new(statuses.map(|status| status.map(|status| status.to_string())).collect::<StringArray>())
    }));
    context.register_udf(ScalarUDF::from(Hex { signature: Signature::any(1, Volatility::Immutable) }));
}

/// A function of an NT status. Literals are signed numbers of 64 bits, and so is its argument; what is no NT status gives null.
fn status_function(
    name: &str,
    gives: DataType,
    of: fn(&mut dyn Iterator<Item = Option<NtStatus>>) -> ArrayRef,
) -> ScalarUDF {
    let function = move |values: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(values)?;
        let numbers =
            arrays.first().and_then(|array| array.as_primitive_opt::<Int64Type>()).ok_or_else(nothing_given)?;
        let mut statuses =
            numbers.iter().map(|number| number.and_then(|number| u32::try_from(number).ok()).map(NtStatus));
        Ok(ColumnarValue::Array(of(&mut statuses)))
    };
    create_udf(name, vec![DataType::Int64], gives, Volatility::Immutable, Arc::new(function))
}

fn nothing_given() -> DataFusionError {
    DataFusionError::Execution("a number is expected".to_owned())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Hex {
    signature: Signature,
}

impl ScalarUDFImpl for Hex {
    fn name(&self) -> &str {
        "hex"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [
                DataType::Binary
                | DataType::LargeBinary
                | DataType::BinaryView
                | DataType::FixedSizeBinary(_)
                | DataType::Null,
            ] => Ok(DataType::Utf8),
            _ => Err(DataFusionError::Plan("hex is for bytes; numbers: to_hex(number)".to_owned())),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let bytes = arrays.first().ok_or_else(nothing_given)?;
        let bytes = cast(bytes, &DataType::LargeBinary)?;
        let bytes = bytes.as_binary::<i64>();
        let text = (0..bytes.len()).map(|row| bytes.is_valid(row).then(|| hex::encode(bytes.value(row))));
        Ok(ColumnarValue::Array(Arc::new(text.collect::<StringArray>())))
    }
}
