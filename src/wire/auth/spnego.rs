//! SPNEGO tokens, RFC 4178 4.2, for one mechanism: NTLM. DER, written and read by hand.

use super::AuthError;

/// 1.3.6.1.5.5.2
const SPNEGO_OID: &[u8] = &[0x06, 0x06, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x02];
/// 1.3.6.1.4.1.311.2.2.10
const NTLM_OID: &[u8] = &[0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A];

const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;
const APPLICATION: u8 = 0x60;
const CONTEXT: u8 = 0xA0;

/// What the server's NegTokenResp says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Response<'a> {
    /// The mechanism is another than NTLM.
    pub(super) other_mechanism: bool,
    pub(super) token: Option<&'a [u8]>,
    pub(super) mech_list_mic: Option<&'a [u8]>,
}

/// The `MechTypeList` that is offered: what a `mechListMIC` signs.
pub(super) fn mech_types() -> Vec<u8> {
    element(SEQUENCE, NTLM_OID)
}

/// A NegTokenInit that offers NTLM with its first token.
pub(super) fn init(token: &[u8]) -> Vec<u8> {
    let mut fields = element(CONTEXT, &mech_types());
    fields.extend(element(CONTEXT + 2, &element(OCTET_STRING, token)));
    let mut content = SPNEGO_OID.to_vec();
    content.extend(element(CONTEXT, &element(SEQUENCE, &fields)));
    element(APPLICATION, &content)
}

/// A NegTokenResp with a token and, if there is one, the signature of the mechanisms.
pub(super) fn response(token: &[u8], mech_list_mic: Option<&[u8]>) -> Vec<u8> {
    let mut fields = element(CONTEXT + 2, &element(OCTET_STRING, token));
    if let Some(mic) = mech_list_mic {
        fields.extend(element(CONTEXT + 3, &element(OCTET_STRING, mic)));
    }
    element(CONTEXT + 1, &element(SEQUENCE, &fields))
}

/// Reads the server's NegTokenResp. Nothing at all is an answer too: some servers accept without a word.
pub(super) fn parse(token: &[u8]) -> Result<Response<'_>, AuthError> {
    let mut response = Response::default();
    if token.is_empty() {
        return Ok(response);
    }
    let (tag, content, _) = split(token)?;
    if tag != CONTEXT + 1 {
        return Err(AuthError::Token("not a NegTokenResp"));
    }
    let (tag, mut fields, _) = split(content)?;
    if tag != SEQUENCE {
        return Err(AuthError::Token("a NegTokenResp without its sequence"));
    }
    while !fields.is_empty() {
        let (tag, field, rest) = split(fields)?;
        fields = rest;
        match tag.wrapping_sub(CONTEXT) {
            1 => response.other_mechanism = field != NTLM_OID,
            2 => response.token = Some(octets(field)?),
            3 => response.mech_list_mic = Some(octets(field)?),
            _ => {}
        }
    }
    Ok(response)
}

fn octets(field: &[u8]) -> Result<&[u8], AuthError> {
    match split(field)? {
        (OCTET_STRING, content, _) => Ok(content),
        _ => Err(AuthError::Token("a field that should be an octet string is not")),
    }
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let significant = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
        out.push(0x80 | significant.len() as u8);
        out.extend_from_slice(significant);
    }
    out.extend_from_slice(content);
    out
}

/// Tag, content and what follows of the element at the front.
fn split(bytes: &[u8]) -> Result<(u8, &[u8], &[u8]), AuthError> {
    const SHORT: AuthError = AuthError::Token("a DER element is longer than what holds it");
    let [tag, first, rest @ ..] = bytes else { return Err(SHORT) };
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let count = usize::from(first & 0x7F);
        if count > 4 {
            return Err(SHORT);
        }
        let (length, rest) = rest.split_at_checked(count).ok_or(SHORT)?;
        (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
    };
    let (content, rest) = rest.split_at_checked(length).ok_or(SHORT)?;
    Ok((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn responses_survive_encoding(
            token in proptest::collection::vec(any::<u8>(), 0..70_000), mic: Option<[u8; 16]>,
        ) {
            let mic = mic.as_ref().map(|mic| &mic[..]);
            let bytes = response(&token, mic);
            prop_assert_eq!(
                parse(&bytes).unwrap(),
                Response { other_mechanism: false, token: Some(&token), mech_list_mic: mic }
            );
        }

        #[test]
        fn arbitrary_tokens_never_panic(mut token in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = parse(&token);
            token.splice(0..0, [0xA1, 0x81, 0x3C, 0x30, 0x3A]);
            let _ = parse(&token);
        }
    }

    #[test]
    fn the_offer_is_what_other_clients_send() {
        let expected = "602806062b0601050502a01e301ca00e300c060a2b06010401823702020aa20a0408";
        assert_eq!(hex::encode(init(b"NTLMSSP\0")), format!("{expected}{}", hex::encode(b"NTLMSSP\0")));
    }

    #[test]
    fn another_mechanism_is_noticed() {
        let kerberos = [0xA1, 0x0A, 0x30, 0x08, 0xA1, 0x06, 0x06, 0x04, 0x2A, 0x86, 0x48, 0x86];
        assert!(parse(&kerberos).unwrap().other_mechanism);
    }
}
