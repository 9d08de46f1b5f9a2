//! The null session: NTLM without a user, [MS-NLMP] 3.2.5.1.2. There is nothing to compute, and no key.

use super::{AuthError, spnego};

/// UNICODE, REQUEST_TARGET, NTLM, ALWAYS_SIGN, EXTENDED_SESSIONSECURITY, 128, 56
const FLAGS: u32 = 0xA008_8205;
/// NTLMSSP_NEGOTIATE_ANONYMOUS
const ANONYMOUS: u32 = 0x0000_0800;

#[derive(Debug)]
pub(in super::super) struct NullSession;

impl NullSession {
    pub(super) fn step(&mut self, token: Option<&[u8]>) -> Result<Vec<u8>, AuthError> {
        let Some(token) = token else { return Ok(spnego::init(&negotiate())) };
        if spnego::parse(token)?.other_mechanism {
            return Err(AuthError::Mechanism);
        }
        Ok(spnego::response(&authenticate(), None))
    }
}

/// NEGOTIATE_MESSAGE, [MS-NLMP] 2.2.1.1: neither domain nor workstation.
fn negotiate() -> Vec<u8> {
    let mut message = b"NTLMSSP\0\x01\0\0\0".to_vec();
    message.extend_from_slice(&FLAGS.to_le_bytes());
    message.extend_from_slice(&[0; 16]);
    message
}

/// AUTHENTICATE_MESSAGE, [MS-NLMP] 2.2.1.3: an LM response of one zero byte, all else empty.
fn authenticate() -> Vec<u8> {
    const LENGTH: u32 = 64;
    let mut message = b"NTLMSSP\0\x03\0\0\0".to_vec();
    for (length, offset) in [(1u16, LENGTH), (0, LENGTH + 1), (0, LENGTH), (0, LENGTH), (0, LENGTH), (0, LENGTH + 1)]
    {
        message.extend_from_slice(&length.to_le_bytes());
        message.extend_from_slice(&length.to_le_bytes());
        message.extend_from_slice(&offset.to_le_bytes());
    }
    message.extend_from_slice(&(FLAGS | ANONYMOUS).to_le_bytes());
    message.push(0);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_ends_where_the_payload_begins() {
        let message = authenticate();
        assert_eq!(message.len(), 65);
        assert_eq!(message[16..20], 64u32.to_le_bytes());
    }
}
