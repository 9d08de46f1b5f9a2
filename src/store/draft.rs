//! Rows in the making: the columns of a batch are read one after the other, each into all rows.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Int32Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef};
use bytes::Bytes;

use super::schema::name;
use crate::model::Difference;
use crate::model::message::LockElement;

/// Texts that rows of a file share.
#[derive(Default)]
pub(crate) struct Texts(HashMap<Box<str>, Arc<str>>);

impl Texts {
    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let text: Arc<str> = text.into();
        // Names repeat within a stretch; beyond it they need not be kept.
        if self.0.len() > 10_000 {
            self.0.clear();
        }
        self.0.insert(text.as_ref().into(), text.clone());
        text
    }
}

/// The rows of a batch in the making.
pub(crate) struct Drafts<'a, D> {
    pub(crate) rows: Vec<D>,
    texts: &'a mut Texts,
}

impl<'a, D: Clone> Drafts<'a, D> {
    /// As many rows, all like this one.
    pub(crate) fn new(blank: D, rows: usize, texts: &'a mut Texts) -> Self {
        Self { rows: vec![blank; rows], texts }
    }
}

// Each of these puts the values of an array into the rows that have one. False: the array is of another type.

pub(crate) fn numbers<T: ArrowPrimitiveType, D>(
    array: &ArrayRef,
    rows: &mut Drafts<'_, D>,
    put: impl Fn(&mut D, T::Native),
) -> bool {
    let Some(array) = array.as_primitive_opt::<T>() else { return false };
    if array.null_count() == 0 {
        rows.rows.iter_mut().zip(array.values()).for_each(|(row, value)| put(row, *value));
    } else {
        some(rows, array.iter(), put);
    }
    true
}

pub(crate) fn bools<D>(array: &ArrayRef, rows: &mut Drafts<'_, D>, put: impl Fn(&mut D, bool)) -> bool {
    let Some(array) = array.as_boolean_opt() else { return false };
    some(rows, array.iter(), put);
    true
}

pub(crate) fn texts<D>(array: &ArrayRef, rows: &mut Drafts<'_, D>, put: impl Fn(&mut D, Arc<str>)) -> bool {
    let Some(array) = array.as_string_opt::<i32>() else { return false };
    for (row, text) in rows.rows.iter_mut().zip(array.iter()) {
        if let Some(text) = text {
            put(row, rows.texts.shared(text));
        }
    }
    true
}

pub(crate) fn names<D>(array: &ArrayRef, rows: &mut Drafts<'_, D>, put: impl Fn(&mut D, &Arc<str>)) -> bool {
    let Some(array) = array.as_dictionary_opt::<Int32Type>() else { return false };
    let Some(values) = array.values().as_string_opt::<i32>() else { return false };
    // A batch uses few of the names that a row group has.
    let mut used: Vec<Option<Arc<str>>> = vec![None; values.len()];
    for (row, key) in rows.rows.iter_mut().zip(array.keys().iter()) {
        let Some(key) = key.map(|key| key as usize) else { continue };
        let Some(name) = used.get_mut(key) else { return false };
        put(row, name.get_or_insert_with(|| rows.texts.shared(values.value(key))));
    }
    true
}

pub(crate) fn ids<D>(array: &ArrayRef, rows: &mut Drafts<'_, D>, put: impl Fn(&mut D, [u8; 16])) -> bool {
    let Some(array) = array.as_fixed_size_binary_opt() else { return false };
    if array.value_length() != 16 {
        return false;
    }
    some(rows, array.iter().map(|id| id.and_then(|id| id.try_into().ok())), put);
    true
}

pub(crate) fn binaries<D>(array: &ArrayRef, rows: &mut Drafts<'_, D>, put: impl Fn(&mut D, Bytes)) -> bool {
    let Some(array) = array.as_binary_opt::<i64>() else { return false };
    some(rows, array.iter().map(|bytes| bytes.map(Bytes::copy_from_slice)), put);
    true
}

pub(crate) fn text_lists<D>(array: &ArrayRef, rows: &mut Drafts<'_, D>, put: impl Fn(&mut D, Vec<Box<str>>)) -> bool {
    let Some(array) = array.as_list_opt::<i32>() else { return false };
    for (row, items) in rows.rows.iter_mut().zip(array.iter()) {
        let Some(items) = items else { continue };
        let Some(items) = items.as_string_opt::<i32>() else { return false };
        put(row, items.iter().flatten().map(Into::into).collect());
    }
    true
}

pub(crate) fn lock_lists<D>(
    array: &ArrayRef,
    rows: &mut Drafts<'_, D>,
    put: impl Fn(&mut D, Vec<LockElement>),
) -> bool {
    let Some(array) = array.as_list_opt::<i32>() else { return false };
    for (row, items) in rows.rows.iter_mut().zip(array.iter()) {
        let Some(items) = items else { continue };
        let Some(locks) = locks(&items) else { return false };
        put(row, locks);
    }
    true
}

fn locks(items: &ArrayRef) -> Option<Vec<LockElement>> {
    let items = items.as_struct_opt()?;
    let offset = items.column_by_name(name::LOCK_OFFSET)?.as_primitive_opt::<UInt64Type>()?;
    let length = items.column_by_name(name::LOCK_LENGTH)?.as_primitive_opt::<UInt64Type>()?;
    let flags = items.column_by_name(name::LOCK_FLAGS)?.as_primitive_opt::<UInt32Type>()?;
    let element = |i| LockElement { offset: offset.value(i), length: length.value(i), flags: flags.value(i) };
    Some((0..items.len()).map(element).collect())
}

fn some<V, D>(rows: &mut Drafts<'_, D>, values: impl Iterator<Item = Option<V>>, put: impl Fn(&mut D, V)) {
    for (row, value) in rows.rows.iter_mut().zip(values) {
        if let Some(value) = value {
            put(row, value);
        }
    }
}

pub(crate) fn difference_lists<D>(
    array: &ArrayRef,
    rows: &mut Drafts<'_, D>,
    put: impl Fn(&mut D, Vec<Difference>),
) -> bool {
    let Some(array) = array.as_list_opt::<i32>() else { return false };
    for (row, items) in rows.rows.iter_mut().zip(array.iter()) {
        let Some(items) = items else { continue };
        let Some(differences) = differences(&items) else { return false };
        put(row, differences);
    }
    true
}

fn differences(items: &ArrayRef) -> Option<Vec<Difference>> {
    let items = items.as_struct_opt()?;
    let texts = |column| items.column_by_name(column)?.as_string_opt::<i32>();
    let (subject, captured, observed) = (texts(name::SUBJECT)?, texts(name::CAPTURED)?, texts(name::OBSERVED)?);
    let item = |i| Difference {
        subject: subject.value(i).into(),
        captured: captured.value(i).into(),
        observed: observed.value(i).into(),
    };
    Some((0..items.len()).map(item).collect())
}
