//! What stands for bytes that no response shows.

/// How they are filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fill {
    /// Zeroes, which need no room where files can have holes.
    #[default]
    Zero,
    /// A text that says so, with the offset.
    Pattern,
}

impl Fill {
    /// The length of one text of the pattern.
    const TEXT: u64 = 64;

    /// `length` bytes at an offset of a file. Equal offsets have equal bytes.
    pub fn bytes(self, offset: u64, length: usize) -> Vec<u8> {
        match self {
            Self::Zero => vec![0; length],
            Self::Pattern => {
                let first = offset / Self::TEXT * Self::TEXT;
                let skipped = (offset - first) as usize;
                let mut bytes = Vec::with_capacity(skipped + length + Self::TEXT as usize);
                let mut at = first;
                while bytes.len() < skipped + length {
                    bytes.extend_from_slice(
                        format!("smbreplay: not in the capture, offset {at:016x} ........\n").as_bytes(),
                    );
                    at = at.saturating_add(Self::TEXT);
                }
                bytes.drain(..skipped);
                bytes.truncate(length);
                bytes
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_is_the_same_wherever_one_begins() {
        let whole = Fill::Pattern.bytes(0, 1000);
        assert_eq!(whole.len(), 1000);
        assert!(whole.starts_with(b"smbreplay: not in the capture, offset 0000000000000000"));
        for (offset, length) in [(0, 0), (1, 63), (63, 2), (64, 64), (500, 499)] {
            assert_eq!(Fill::Pattern.bytes(offset, length), whole[offset as usize..offset as usize + length]);
        }
        assert_eq!(Fill::Zero.bytes(5, 3), [0; 3]);
    }
}
