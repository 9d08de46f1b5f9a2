//! Elements of DER, as far as the tokens of logins need them: tag, length, content.

/// The tag of an OCTET STRING.
pub(super) const OCTET_STRING: u8 = 0x04;
/// The tag of an OBJECT IDENTIFIER.
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
/// The tag of a GeneralString.
pub(super) const GENERAL_STRING: u8 = 0x1B;
/// The tag of a SEQUENCE.
pub(super) const SEQUENCE: u8 = 0x30;

/// The tag of a constructed context-specific element.
pub(super) const fn context(number: u8) -> u8 {
    0xA0 | number
}

/// The tag of a constructed application-specific element.
pub(super) const fn application(number: u8) -> u8 {
    0x60 | number
}

/// Tag and content of the element at the front, and what follows it. None when it does not fit, or has no length of its own.
pub(super) fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, first, rest @ ..] = bytes else { return None };
    let (length, rest) = match *first {
        short @ ..=0x7F => (usize::from(short), rest),
        long @ 0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(long & 0x7F))?;
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// The content of the element at the front, which has to have this tag.
pub(super) fn content(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    split(bytes).filter(|(found, ..)| *found == tag).map(|(_, content, _)| content)
}

/// The contents of the elements of a SEQUENCE or SEQUENCE OF with their tags; ends where the bytes are none any more.
pub(super) fn elements(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (tag, content, rest) = split(bytes)?;
        bytes = rest;
        Some((tag, content))
    })
}

/// The content of a field of a SEQUENCE, by its context tag.
pub(super) fn field(sequence: &[u8], number: u8) -> Option<&[u8]> {
    elements(sequence).find(|(tag, _)| *tag == context(number)).map(|(_, content)| content)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_of_all_forms_are_read_and_an_element_never_reaches_beyond_its_bytes() {
        assert_eq!(split(&[4, 2, 7, 8, 9]), Some((4, &[7, 8][..], &[9][..])));
        assert_eq!(split(&[4, 0x82, 0, 2, 7, 8, 9]), Some((4, &[7, 8][..], &[9][..])));
        assert_eq!(split(&[4, 3, 7, 8]), None);
        assert_eq!(split(&[4, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 1]), None);
        // Without a length of its own, and of lengths that nothing has.
        assert_eq!(split(&[0x30, 0x80, 0, 0]), None);
        assert_eq!(split(&[4, 0x85, 0, 0, 0, 0, 0]), None);
        assert_eq!(split(&[4]), None);
    }

    #[test]
    fn a_field_is_found_behind_others() {
        let sequence = [0xA0, 1, 5, 0xA2, 2, 6, 7, 0xA3, 9];
        assert_eq!(field(&sequence, 2), Some(&[6, 7][..]));
        assert_eq!(field(&sequence, 3), None, "it is longer than what is there");
        assert_eq!(content(&sequence, context(0)), Some(&[5][..]));
        assert_eq!(content(&sequence, context(2)), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_walked_to_their_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let read: usize = elements(&bytes).map(|(_, content)| content.len() + 2).sum();
            prop_assert!(read <= bytes.len());
        }
    }
}
