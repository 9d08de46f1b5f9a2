//! The columns of a batch by their names, and their values row by row.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, GenericStringType, Int32Type};
use arrow_array::{Array, FixedSizeBinaryArray, GenericByteArray, PrimitiveArray, RecordBatch};

use super::error::StoreError;

pub(super) type Texts = GenericByteArray<GenericStringType<i32>>;

/// The columns of a batch by their names.
pub(super) struct View<'a> {
    pub(super) batch: &'a RecordBatch,
    pub(super) path: &'a Path,
}

impl<'a> View<'a> {
    pub(super) fn array(&self, column: &'static str) -> Result<&'a Arc<dyn Array>, StoreError> {
        self.batch.column_by_name(column).ok_or_else(|| self.missing(column))
    }

    pub(super) fn missing(&self, column: &'static str) -> StoreError {
        StoreError::Column { path: self.path.to_owned(), column }
    }

    pub(super) fn numbers<T: ArrowPrimitiveType>(
        &self,
        column: &'static str,
    ) -> Result<&'a PrimitiveArray<T>, StoreError> {
        self.array(column)?.as_primitive_opt().ok_or_else(|| self.missing(column))
    }

    pub(super) fn texts(&self, column: &'static str) -> Result<&'a Texts, StoreError> {
        self.array(column)?.as_string_opt().ok_or_else(|| self.missing(column))
    }

    pub(super) fn names(&self, column: &'static str) -> Result<Names<'a>, StoreError> {
        let dictionary = self.array(column)?.as_dictionary_opt::<Int32Type>().ok_or_else(|| self.missing(column))?;
        let values = dictionary.values().as_string_opt().ok_or_else(|| self.missing(column))?;
        Ok(Names { keys: dictionary.keys(), values })
    }

    pub(super) fn ids(&self, column: &'static str) -> Result<&'a FixedSizeBinaryArray, StoreError> {
        self.array(column)?.as_fixed_size_binary_opt().ok_or_else(|| self.missing(column))
    }
}

/// A dictionary of text.
pub(super) struct Names<'a> {
    pub(super) keys: &'a PrimitiveArray<Int32Type>,
    pub(super) values: &'a Texts,
}

impl<'a> Names<'a> {
    pub(super) fn text(&self, row: usize) -> Option<&'a str> {
        value(self.keys, row).map(|key| self.values.value(key as usize))
    }
}

pub(super) fn value<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
    array.is_valid(row).then(|| array.value(row))
}

pub(super) fn text(array: &Texts, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row))
}

pub(super) fn id(array: &FixedSizeBinaryArray, row: usize) -> Option<[u8; 16]> {
    if array.is_valid(row) { array.value(row).try_into().ok() } else { None }
}
