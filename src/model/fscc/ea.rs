//! Extended attributes, FileFullEaInformation, [MS-FSCC] 2.4.16.

use super::entries::walk;
use crate::model::layout::{Layout, Malformed};

/// One extended attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullEa<'a> {
    pub flags: u8,
    pub name: &'a [u8],
    pub value: &'a [u8],
}

/// The attributes in a QUERY_INFO or SET_INFO buffer, or a `ExtA` create context.
pub fn full_eas(buffer: &[u8]) -> impl Iterator<Item = Result<FullEa<'_>, Malformed>> {
    walk(buffer, |entry| {
        let layout = Layout(entry);
        let name_length = usize::from(layout.u8("EaNameLength", 5)?);
        let value_length = usize::from(layout.u16("EaValueLength", 6)?);
        Ok(FullEa {
            flags: layout.u8("Flags", 4)?,
            name: layout.bytes("EaName", 8, name_length)?,
            value: layout.bytes("EaValue", 8 + name_length + 1, value_length)?,
        })
    })
}

/// Makes a list of (flags, name, value); every entry starts at a multiple of 4.
pub fn encode_full_eas(eas: &[(u8, &[u8], &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, (flags, name, value)) in eas.iter().enumerate() {
        let start = out.len();
        let length = 8 + name.len() + 1 + value.len();
        let step = if i + 1 == eas.len() { 0 } else { length.next_multiple_of(4) };
        out.extend_from_slice(&(step as u32).to_le_bytes());
        out.extend_from_slice(&[*flags, name.len() as u8]);
        out.extend_from_slice(&(value.len() as u16).to_le_bytes());
        out.extend_from_slice(name);
        out.push(0);
        out.extend_from_slice(value);
        if step != 0 {
            out.resize(start + step, 0);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn attributes_survive(eas in proptest::collection::vec(
            (any::<u8>(), proptest::collection::vec(1u8.., 1..20), proptest::collection::vec(any::<u8>(), 0..40)), 0..5,
        )) {
            let given: Vec<_> = eas.iter().map(|(flags, name, value)| (*flags, &name[..], &value[..])).collect();
            let bytes = encode_full_eas(&given);
            let read: Vec<_> = full_eas(&bytes).map(|ea| ea.map(|ea| (ea.flags, ea.name, ea.value))).collect();
            prop_assert_eq!(read, given.into_iter().map(Ok).collect::<Vec<_>>());
        }

        #[test]
        fn arbitrary_bytes_never_panic(buffer in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = full_eas(&buffer).count();
        }
    }
}
