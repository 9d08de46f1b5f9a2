//! CREATE contexts, [MS-SMB2] 2.2.13.2 and 2.2.14.2.

use std::borrow::Cow;

use crate::model::layout::{Layout, Malformed};

/// One SMB2_CREATE_CONTEXT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreateContext<'a> {
    /// `RqLs`, `DH2Q`, … four bytes, or a GUID of sixteen.
    pub name: &'a [u8],
    pub data: &'a [u8],
    /// Where the data start, from the start of the list.
    pub data_at: usize,
}

/// The list of contexts, as it travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CreateContexts<'a>(&'a [u8]);

impl<'a> CreateContexts<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Iterates over the contexts; a chain that leaves its list ends with an error.
    pub fn iter(self) -> impl Iterator<Item = Result<CreateContext<'a>, Malformed>> {
        let mut next = (!self.0.is_empty()).then_some(0usize);
        std::iter::from_fn(move || {
            let at = next.take()?;
            let decoded = self.at(at);
            if let Ok((_, step)) = &decoded {
                next = (*step != 0).then_some(at + step);
            }
            Some(decoded.map(|(context, _)| context))
        })
    }

    /// The data of the first context with a name, if the list is sound up to there.
    pub fn find(self, name: &[u8]) -> Option<CreateContext<'a>> {
        self.iter().map_while(Result::ok).find(|context| context.name == name)
    }

    fn at(self, at: usize) -> Result<(CreateContext<'a>, usize), Malformed> {
        let layout = Layout(self.0.get(at..).unwrap_or_default());
        let step = layout.u32("CreateContext.Next", 0)? as usize;
        let name = layout.bytes(
            "CreateContext.Name",
            usize::from(layout.u16("CreateContext.NameOffset", 4)?),
            usize::from(layout.u16("CreateContext.NameLength", 6)?),
        )?;
        let data_offset = usize::from(layout.u16("CreateContext.DataOffset", 10)?);
        let data_length = layout.u32("CreateContext.DataLength", 12)? as usize;
        let data = layout.bytes("CreateContext.Data", data_offset, data_length)?;
        Ok((CreateContext { name, data, data_at: at + data_offset }, step))
    }
}

/// How a context's name is shown: as it stands when printable, the GUID in hex else.
pub fn context_tag_text(name: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(name) {
        Ok(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()) => Cow::Borrowed(text),
        _ => Cow::Owned(hex::encode(name)),
    }
}

/// Makes a list of contexts of (name, data).
pub fn encode_contexts(contexts: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, (name, data)) in contexts.iter().enumerate() {
        let data_at = (16 + name.len()).next_multiple_of(8);
        let length = if data.is_empty() { 16 + name.len() } else { data_at + data.len() };
        let last = i + 1 == contexts.len();
        let step = if last { 0 } else { length.next_multiple_of(8) };
        let start = out.len();
        out.extend_from_slice(&(step as u32).to_le_bytes());
        out.extend_from_slice(&16u16.to_le_bytes());
        out.extend_from_slice(&(name.len() as u16).to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&(if data.is_empty() { 0 } else { data_at as u16 }).to_le_bytes());
        out.extend_from_slice(&(data.len() as u32).to_le_bytes());
        out.extend_from_slice(name);
        if !data.is_empty() {
            out.resize(start + data_at, 0);
            out.extend_from_slice(data);
        }
        if !last {
            out.resize(start + step, 0);
        }
    }
    out
}

/// `RqLs`, version 1 or 2, [MS-SMB2] 2.2.13.2.8, 2.2.13.2.10 and 2.2.14.2.10, 2.2.14.2.11.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseContext {
    pub lease_key: [u8; 16],
    pub lease_state: u32,
    pub lease_flags: u32,
}

impl LeaseContext {
    /// The name of the context.
    pub const NAME: &'static [u8] = b"RqLs";
    /// How long version 2 is.
    const VERSION_2_LENGTH: usize = 52;

    /// Whether the context is of version 2, which is known from 3.0 on.
    pub fn is_version_2(data: &[u8]) -> bool {
        data.len() >= Self::VERSION_2_LENGTH
    }

    pub fn decode(data: &[u8]) -> Result<Self, Malformed> {
        let layout = Layout(data);
        Ok(Self {
            lease_key: layout.array("LeaseKey", 0)?,
            lease_state: layout.u32("LeaseState", 16)?,
            lease_flags: layout.u32("LeaseFlags", 20)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_contexts_are_found_again() {
        let bytes = encode_contexts(&[(b"MxAc", b""), (b"DH2Q", &[7; 32]), (b"RqLs", &[9; 52])]);
        let contexts = CreateContexts::new(&bytes);
        let names: Vec<_> = contexts.iter().map(|c| c.map(|c| (c.name, c.data.len()))).collect();
        assert_eq!(names, [Ok((&b"MxAc"[..], 0)), Ok((b"DH2Q", 32)), Ok((b"RqLs", 52))]);
        let lease = contexts.find(b"RqLs").map(|c| &bytes[c.data_at..c.data_at + 4]);
        assert_eq!(lease, Some(&[9u8; 4][..]));
    }

    #[test]
    fn a_chain_that_leaves_the_list_ends_with_an_error() {
        let mut bytes = encode_contexts(&[(b"MxAc", b""), (b"QFid", b"")]);
        bytes[0] = 200;
        let results: Vec<_> = CreateContexts::new(&bytes).iter().collect();
        assert!(results[0].is_ok() && results[1].is_err() && results.len() == 2);
    }
}
