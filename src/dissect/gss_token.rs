//! Which mechanism's token a security buffer holds: bare, or wrapped by GSS-API (RFC 2743 3.1) and SPNEGO (RFC 4178 4.2).

use super::der::{self, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, application, context};

/// 1.3.6.1.5.5.2
const SPNEGO: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x02];
/// 1.2.840.113554.1.2.2
const KERBEROS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02];
/// 1.2.840.48018.1.2.2, Kerberos as Windows 2000 misspelt it.
const MICROSOFT_KERBEROS: &[u8] = &[0x2A, 0x86, 0x48, 0x82, 0xF7, 0x12, 0x01, 0x02, 0x02];
/// How NTLM messages begin, [MS-NLMP] 2.2.1.
const NTLM_SIGNATURE: &[u8] = b"NTLMSSP\0";
/// How NEGOEX messages begin, draft-zhu-negoex 6. What they negotiate shows in the tokens that follow.
const NEGOEX_SIGNATURE: &[u8] = b"NEGOEXTS";
/// Fields of NegTokenInit and of NegTokenResp that hold the mechanism's token; both have the same number.
const MECH_TOKEN: u8 = 2;

/// The token of a mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MechToken<'a> {
    /// There is none, or it tells nothing of who logs in.
    None,
    /// An NTLM message.
    Ntlm(&'a [u8]),
    /// A Kerberos token: its two bytes of type, and a message.
    Kerberos(&'a [u8]),
    /// Something else, or not as the RFCs have it.
    Unknown,
}

/// The mechanism's token in a security buffer.
pub(super) fn mech_token(buffer: &[u8]) -> MechToken<'_> {
    match spnego_token(buffer) {
        Some(Some(token)) => bare_token(token),
        Some(None) => MechToken::None,
        None => bare_token(buffer),
    }
}

/// What SPNEGO carries, if the buffer is SPNEGO.
fn spnego_token(buffer: &[u8]) -> Option<Option<&[u8]>> {
    let negotiation = match gss_token(buffer) {
        Some((SPNEGO, init)) => der::content(init, context(0))?,
        Some(_) => return None,
        None => der::content(buffer, context(1))?,
    };
    let fields = der::content(negotiation, SEQUENCE)?;
    Some(der::field(fields, MECH_TOKEN).and_then(|field| der::content(field, OCTET_STRING)))
}

fn bare_token(token: &[u8]) -> MechToken<'_> {
    if token.is_empty() || token.starts_with(NEGOEX_SIGNATURE) {
        return MechToken::None;
    }
    if token.starts_with(NTLM_SIGNATURE) {
        return MechToken::Ntlm(token);
    }
    match gss_token(token) {
        Some((KERBEROS | MICROSOFT_KERBEROS, token)) => MechToken::Kerberos(token),
        _ => MechToken::Unknown,
    }
}

/// Mechanism and token of a GSS-API initial token.
fn gss_token(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (tag, mechanism, token) = der::split(der::content(bytes, application(0))?)?;
    (tag == OBJECT_IDENTIFIER).then_some((mechanism, token))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x82, (content.len() >> 8) as u8, content.len() as u8], content].concat()
    }

    fn init(token: &[u8]) -> Vec<u8> {
        let fields = [element(context(0), &[0x30, 0]), element(context(2), &element(OCTET_STRING, token))].concat();
        let init = element(context(0), &element(SEQUENCE, &fields));
        element(application(0), &[element(OBJECT_IDENTIFIER, SPNEGO), init].concat())
    }

    fn response(token: Option<&[u8]>) -> Vec<u8> {
        let token = token.map(|token| element(context(2), &element(OCTET_STRING, token)));
        let fields = [vec![0xA0, 3, 0x0A, 1, 1], token.unwrap_or_default()].concat();
        element(context(1), &element(SEQUENCE, &fields))
    }

    #[test]
    fn tokens_are_found_bare_and_wrapped() {
        let ntlm = b"NTLMSSP\0\x01\0\0\0";
        for buffer in [ntlm.to_vec(), init(ntlm), response(Some(ntlm))] {
            assert_eq!(mech_token(&buffer), MechToken::Ntlm(ntlm), "{buffer:02x?}");
        }
        for oid in [KERBEROS, MICROSOFT_KERBEROS] {
            let kerberos =
                element(application(0), &[element(OBJECT_IDENTIFIER, oid), b"\x01\0ticket".to_vec()].concat());
            for buffer in [kerberos.clone(), init(&kerberos), response(Some(&kerberos))] {
                assert_eq!(mech_token(&buffer), MechToken::Kerberos(b"\x01\0ticket"));
            }
        }
        for buffer in [Vec::new(), response(None), init(b""), init(b"NEGOEXTS and so on")] {
            assert_eq!(mech_token(&buffer), MechToken::None, "{buffer:02x?}");
        }
    }

    #[test]
    fn what_is_odd_is_unknown() {
        let whole = init(b"NTLMSSP\0\x01\0\0\0");
        for buffer in [&whole[..whole.len() - 1], b"NTLMSS", &[0x60, 0x80, 0, 0], &init(b"something")[..]] {
            assert_eq!(mech_token(buffer), MechToken::Unknown, "{buffer:02x?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_buffers_never_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..100), at in 0usize..60, by: u8,
        ) {
            let _ = mech_token(&bytes);
            let mut changed = init(&bytes);
            if let Some(byte) = changed.get_mut(at) {
                *byte ^= by;
            }
            let _ = mech_token(&changed);
        }
    }
}
