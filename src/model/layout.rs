//! Bounds-checked access to little-endian fields of a PDU. All offsets count from the start of the SMB2 header, as those
//! in [MS-SMB2] do.

use super::ids::FileId;

/// A field that lies outside its PDU, or holds what the specification does not allow there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{field} at offset {offset} is not within the {length} bytes of the PDU, or not what the specification allows"
)]
pub struct Malformed {
    /// The field's name in [MS-SMB2].
    pub field: &'static str,
    /// Where it should be, from the start of the SMB2 header.
    pub offset: usize,
    /// The length of the PDU in bytes.
    pub length: usize,
}

/// The bytes of one PDU.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a>(pub &'a [u8]);

macro_rules! number {
    ($name:ident, $type:ty, $size:literal) => {
        /// The little-endian number at an offset.
        pub fn $name(self, field: &'static str, offset: usize) -> Result<$type, Malformed> {
            match self.0.get(offset..).and_then(<[u8]>::first_chunk::<$size>) {
                Some(bytes) => Ok(<$type>::from_le_bytes(*bytes)),
                None => Err(self.malformed(field, offset)),
            }
        }
    };
}

impl<'a> Layout<'a> {
    number!(u8, u8, 1);
    number!(u16, u16, 2);
    number!(u32, u32, 4);
    number!(u64, u64, 8);

    /// The FileId at an offset.
    pub fn file_id(self, offset: usize) -> Result<FileId, Malformed> {
        self.array("FileId", offset).map(FileId)
    }

    /// A fixed number of bytes at an offset.
    pub fn array<const N: usize>(self, field: &'static str, offset: usize) -> Result<[u8; N], Malformed> {
        let bytes = self.0.get(offset..).and_then(<[u8]>::first_chunk::<N>);
        bytes.copied().ok_or_else(|| self.malformed(field, offset))
    }

    /// `length` bytes at an offset; an empty field may have any offset.
    pub fn bytes(self, field: &'static str, offset: usize, length: usize) -> Result<&'a [u8], Malformed> {
        if length == 0 {
            return Ok(&[]);
        }
        offset
            .checked_add(length)
            .and_then(|end| self.0.get(offset..end))
            .ok_or_else(|| self.malformed(field, offset))
    }

    /// The error for a field of this PDU.
    pub fn malformed(self, field: &'static str, offset: usize) -> Malformed {
        Malformed { field, offset, length: self.0.len() }
    }
}

/// Text as it travels: UTF-16LE code units, not always valid.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Utf16<'a>(pub &'a [u8]);

impl Utf16<'_> {
    /// The text; what is no valid UTF-16 becomes U+FFFD.
    pub fn decode(self) -> String {
        let mut text = String::with_capacity(self.0.len() / 2);
        self.decode_into(&mut text);
        text
    }

    /// Appends the text to a string that is used again and again.
    pub fn decode_into(self, text: &mut String) {
        let units = self.0.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        text.extend(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
    }

    /// Whether there is no text.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The UTF-16LE bytes of a text.
    pub fn encode(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }
}

impl std::fmt::Debug for Utf16<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.decode())
    }
}
