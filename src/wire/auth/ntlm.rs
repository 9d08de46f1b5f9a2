//! NTLM, [MS-NLMP], by `sspi`, wrapped in SPNEGO.

use sspi::{
    AuthIdentityBuffers, BufferType, ClientRequestFlags, DataRepresentation, SecurityBuffer, SecurityBufferRef, Sspi,
    SspiImpl,
};
use zeroize::Zeroizing;

use super::super::credentials::Password;
use super::super::keys::Key;
use super::{AuthError, spnego};

/// The length of an NTLM signature, [MS-NLMP] 2.2.2.9.
const SIGNATURE_LENGTH: usize = 16;

pub(in super::super) struct Ntlm {
    package: sspi::Ntlm,
    credentials: Option<AuthIdentityBuffers>,
    target: String,
}

impl Ntlm {
    pub(super) fn new(user: &str, domain: &str, password: &Password, server_name: &str) -> Self {
        Self {
            package: sspi::Ntlm::new(),
            credentials: Some(AuthIdentityBuffers::from_utf8(user, domain, password.reveal())),
            target: format!("cifs/{server_name}"),
        }
    }

    pub(super) fn step(&mut self, token: Option<&[u8]>) -> Result<Vec<u8>, AuthError> {
        let Some(token) = token else {
            return Ok(spnego::init(&self.run(Vec::new())?));
        };
        let response = spnego::parse(token)?;
        if response.other_mechanism {
            return Err(AuthError::Mechanism);
        }
        let challenge = response.token.ok_or(AuthError::Token("there is no NTLM challenge in it"))?;
        let answer = self.run(challenge.to_vec())?;
        // An AUTHENTICATE with a MIC asks for a signature of the mechanisms as well, [MS-SPNG] 3.3.5.1.
        let mic = self.mic()?;
        Ok(spnego::response(&answer, Some(&mic)))
    }

    pub(super) fn finish(&mut self, token: &[u8], trusted: bool) -> Result<(), AuthError> {
        let response = spnego::parse(token)?;
        let Some(mic) = response.mech_list_mic.filter(|_| trusted) else { return Ok(()) };
        let (mut mechanisms, mut mic) = (spnego::mech_types(), mic.to_vec());
        let mut message = [SecurityBufferRef::data_buf(&mut mechanisms), SecurityBufferRef::token_buf(&mut mic)];
        self.package.verify_signature(&mut message, 0).map(|_| ()).map_err(|_| AuthError::MechanismList)
    }

    pub(super) fn session_key(&self) -> Result<Key, AuthError> {
        let keys = self.package.query_context_session_key()?;
        Ok(Zeroizing::new(keys.session_key.as_ref().clone()))
    }

    fn run(&mut self, token: Vec<u8>) -> Result<Vec<u8>, AuthError> {
        let mut input = [SecurityBuffer::new(token, BufferType::Token)];
        let mut output = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let mut builder = self
            .package
            .initialize_security_context()
            .with_credentials_handle(&mut self.credentials)
            // Confidentiality is what makes sspi ask for a key exchange.
            .with_context_requirements(ClientRequestFlags::INTEGRITY | ClientRequestFlags::CONFIDENTIALITY)
            .with_target_data_representation(DataRepresentation::Native)
            .with_target_name(&self.target)
            .with_input(&mut input)
            .with_output(&mut output);
        self.package.initialize_security_context_impl(&mut builder)?.resolve_to_result()?;
        let [output] = output;
        Ok(output.buffer)
    }

    fn mic(&mut self) -> Result<[u8; SIGNATURE_LENGTH], AuthError> {
        // The signature must not advance the cipher of the messages that may follow; SMB2 has none.
        let (mut mechanisms, mut mic) = (spnego::mech_types(), [0; SIGNATURE_LENGTH]);
        let mut message = [SecurityBufferRef::data_buf(&mut mechanisms), SecurityBufferRef::token_buf(&mut mic)];
        self.package.make_signature(0, &mut message, 0)?;
        Ok(mic)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ntlm() -> Ntlm {
        Ntlm::new("user", "DOM", &Password::new("secret"), "server")
    }

    fn challenge(flags: u32, target_info: &[u8]) -> Vec<u8> {
        let mut message = b"NTLMSSP\0\x02\0\0\0".to_vec();
        message.extend_from_slice(&[0, 0, 0, 0, 56, 0, 0, 0]);
        message.extend_from_slice(&flags.to_le_bytes());
        message.extend_from_slice(&[7; 8]);
        message.extend_from_slice(&[0; 8]);
        let length = (target_info.len() as u16).to_le_bytes();
        message.extend_from_slice(&[length[0], length[1], length[0], length[1], 56, 0, 0, 0]);
        message.extend_from_slice(&[6, 1, 0, 0, 0, 0, 0, 15]);
        message.extend_from_slice(target_info);
        message
    }

    #[test]
    fn a_challenge_is_answered_and_both_sides_have_a_key() {
        let mut ntlm = ntlm();
        ntlm.step(None).unwrap();
        let token = spnego::response(&challenge(0xE28A_8215, &[0; 4]), None);
        let answer = ntlm.step(Some(&token)).unwrap();
        assert!(spnego::parse(&answer).unwrap().token.unwrap().starts_with(b"NTLMSSP\0\x03"));
        assert_eq!(ntlm.session_key().unwrap().len(), 16);
    }

    proptest! {
        #[test]
        fn no_challenge_makes_it_panic(flags: u32, info in proptest::collection::vec(any::<u8>(), 0..80), cut in 0usize..150) {
            let mut ntlm = ntlm();
            ntlm.step(None).unwrap();
            let mut message = challenge(flags, &info);
            message.truncate(cut);
            let _ = ntlm.step(Some(&spnego::response(&message, None)));
        }
    }
}
