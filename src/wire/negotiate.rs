//! NEGOTIATE, [MS-SMB2] 3.2.4.2.2 and 3.2.5.2.

use bytes::Bytes;

use super::error::{Violation, WireError};
use super::keys::PreauthHash;
use super::options::{Cipher, ConnectOptions, Encryption, Signing, SigningAlgorithm};
use crate::model::message::{NegotiateContext, NegotiateResponse, encode_negotiate_request};
use crate::model::{Dialect, Layout, Utf16};

const CAP_DFS: u32 = 0x01;
const CAP_LEASING: u32 = 0x02;
const CAP_LARGE_MTU: u32 = 0x04;
const CAP_MULTI_CHANNEL: u32 = 0x08;
const CAP_PERSISTENT_HANDLES: u32 = 0x10;
const CAP_DIRECTORY_LEASING: u32 = 0x20;
const CAP_ENCRYPTION: u32 = 0x40;

const SIGNING_ENABLED: u16 = 1;
const SIGNING_REQUIRED: u16 = 2;

/// SHA-512, the only preauthentication hash there is.
const HASH_SHA512: u16 = 1;

/// What client and server have agreed on.
#[derive(Clone, Debug)]
pub struct Negotiated {
    /// The dialect.
    pub dialect: Dialect,
    /// `ServerGuid`
    pub server_guid: [u8; 16],
    /// `SecurityMode` of the server: 1 signing enabled, 2 required.
    pub security_mode: u16,
    /// `Capabilities` of the server.
    pub capabilities: u32,
    /// `MaxTransactSize` in bytes.
    pub max_transact_size: u32,
    /// `MaxReadSize` in bytes.
    pub max_read_size: u32,
    /// `MaxWriteSize` in bytes.
    pub max_write_size: u32,
    /// The cipher; None when nothing can be sealed.
    pub cipher: Option<Cipher>,
    /// The signing algorithm.
    pub signing_algorithm: SigningAlgorithm,
    /// `SecurityBuffer`: what the server offers to log in with.
    pub security_buffer: Bytes,
    /// `ClientGuid` as sent.
    pub client_guid: [u8; 16],
    /// `Capabilities` as sent.
    pub client_capabilities: u32,
    /// `SecurityMode` as sent.
    pub client_security_mode: u16,
    /// The dialects as offered.
    pub offered: Vec<Dialect>,
    pub(super) preauth: PreauthHash,
}

impl Negotiated {
    /// Whether a request can cost more than one credit, [MS-SMB2] 3.1.5.2.
    pub fn multi_credit(&self) -> bool {
        self.dialect != Dialect::SMB2_0_2 && self.capabilities & CAP_LARGE_MTU != 0
    }

    /// Whether a session can be bound to several connections.
    pub fn multi_channel(&self) -> bool {
        self.dialect.is_smb3() && self.capabilities & CAP_MULTI_CHANNEL != 0
    }

    /// Whether the server requires that requests are signed.
    pub fn signing_required(&self) -> bool {
        self.security_mode & SIGNING_REQUIRED != 0
    }

    /// The input of FSCTL_VALIDATE_NEGOTIATE_INFO for this connection, [MS-SMB2] 2.2.31.4.
    pub fn validate_negotiate_input(&self) -> Vec<u8> {
        let mut input = self.client_capabilities.to_le_bytes().to_vec();
        input.extend_from_slice(&self.client_guid);
        input.extend_from_slice(&self.client_security_mode.to_le_bytes());
        input.extend_from_slice(&(self.offered.len() as u16).to_le_bytes());
        input.extend(self.offered.iter().flat_map(|dialect| dialect.0.to_le_bytes()));
        input
    }
}

/// What is offered to the server.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) body: Vec<u8>,
    client_guid: [u8; 16],
    capabilities: u32,
    security_mode: u16,
}

fn list(ids: impl ExactSizeIterator<Item = u16>) -> Vec<u8> {
    let mut data = (ids.len() as u16).to_le_bytes().to_vec();
    data.extend(ids.flat_map(u16::to_le_bytes));
    data
}

impl Offer {
    pub(super) fn new(options: &ConnectOptions) -> Result<Self, WireError> {
        let mut client_guid = options.client_guid.unwrap_or_default();
        if options.client_guid.is_none() {
            getrandom::fill(&mut client_guid).map_err(WireError::Random)?;
        }
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).map_err(WireError::Random)?;

        let seals = options.encryption != Encryption::Forbidden;
        let capabilities = if options.dialects.iter().any(|dialect| dialect.is_smb3()) {
            CAP_DFS
                | CAP_LEASING
                | CAP_LARGE_MTU
                | CAP_MULTI_CHANNEL
                | CAP_PERSISTENT_HANDLES
                | CAP_DIRECTORY_LEASING
                | if seals { CAP_ENCRYPTION } else { 0 }
        } else {
            0
        };
        let security_mode = match options.signing {
            Signing::Always => SIGNING_ENABLED | SIGNING_REQUIRED,
            Signing::IfRequired => SIGNING_ENABLED,
        };

        // One hash algorithm, and the salt.
        let mut preauth = 1u16.to_le_bytes().to_vec();
        preauth.extend_from_slice(&(salt.len() as u16).to_le_bytes());
        preauth.extend_from_slice(&HASH_SHA512.to_le_bytes());
        preauth.extend_from_slice(&salt);
        let ciphers = list(options.ciphers.iter().map(|cipher| cipher.id()));
        let algorithms = list(options.signing_algorithms.iter().map(|algorithm| algorithm.id()));
        let name = Utf16::encode(&options.server_name);
        let mut contexts =
            vec![NegotiateContext { context_type: NegotiateContext::PREAUTH_INTEGRITY_CAPABILITIES, data: &preauth }];
        if seals && !options.ciphers.is_empty() {
            contexts
                .push(NegotiateContext { context_type: NegotiateContext::ENCRYPTION_CAPABILITIES, data: &ciphers });
        }
        if !options.signing_algorithms.is_empty() {
            contexts
                .push(NegotiateContext { context_type: NegotiateContext::SIGNING_CAPABILITIES, data: &algorithms });
        }
        contexts.push(NegotiateContext { context_type: NegotiateContext::NETNAME_NEGOTIATE_CONTEXT_ID, data: &name });

        let mut body = Vec::new();
        encode_negotiate_request(&mut body, security_mode, capabilities, client_guid, &options.dialects, &contexts);
        Ok(Self { body, client_guid, capabilities, security_mode })
    }

    /// What the answer to this offer settles.
    pub(super) fn settle(
        self,
        options: &ConnectOptions,
        response: &[u8],
        preauth: PreauthHash,
    ) -> Result<Negotiated, Violation> {
        let answer = NegotiateResponse::decode(response)?;
        if !options.dialects.contains(&answer.dialect) {
            let offered: Vec<_> = options.dialects.iter().map(ToString::to_string).collect();
            return Err(Violation::OtherDialect { chosen: answer.dialect, offered: offered.join(", ") });
        }
        let seals = options.encryption != Encryption::Forbidden;
        let (mut cipher, mut signing_algorithm) = (None, SigningAlgorithm::AesCmac);
        if answer.dialect == Dialect::SMB3_1_1 {
            check_hash(&answer)?;
            if let Some(id) = chosen(&answer, NegotiateContext::ENCRYPTION_CAPABILITIES)? {
                cipher = options.ciphers.iter().copied().find(|cipher| seals && cipher.id() == id);
                if cipher.is_none() && id != 0 {
                    return Err(Violation::Negotiate("it chooses a cipher that was not offered"));
                }
            }
            if let Some(id) = chosen(&answer, NegotiateContext::SIGNING_CAPABILITIES)? {
                signing_algorithm = SigningAlgorithm::from_id(id)
                    .filter(|algorithm| options.signing_algorithms.contains(algorithm))
                    .ok_or(Violation::Negotiate("it chooses a signing algorithm that was not offered"))?;
            }
        } else if answer.dialect.is_smb3() {
            cipher = (seals && answer.capabilities & CAP_ENCRYPTION != 0).then_some(Cipher::Aes128Ccm);
        } else {
            signing_algorithm = SigningAlgorithm::HmacSha256;
        }
        Ok(Negotiated {
            dialect: answer.dialect,
            server_guid: answer.server_guid,
            security_mode: answer.security_mode,
            capabilities: answer.capabilities,
            max_transact_size: answer.max_transact_size,
            max_read_size: answer.max_read_size,
            max_write_size: answer.max_write_size,
            cipher,
            signing_algorithm,
            security_buffer: Bytes::copy_from_slice(answer.security_buffer),
            client_guid: self.client_guid,
            client_capabilities: self.capabilities,
            client_security_mode: self.security_mode,
            offered: options.dialects.clone(),
            preauth,
        })
    }
}

fn check_hash(answer: &NegotiateResponse<'_>) -> Result<(), Violation> {
    let context = answer.contexts.find(NegotiateContext::PREAUTH_INTEGRITY_CAPABILITIES);
    let data = context.map(|context| context.data).unwrap_or_default();
    match Layout(data).u16("HashAlgorithms", 4) {
        Ok(HASH_SHA512) => Ok(()),
        _ => Err(Violation::Negotiate("3.1.1 without a preauthentication hash of SHA-512")),
    }
}

/// The one algorithm that a context of the answer chooses.
fn chosen(answer: &NegotiateResponse<'_>, context_type: u16) -> Result<Option<u16>, Violation> {
    let Some(context) = answer.contexts.find(context_type) else { return Ok(None) };
    let layout = Layout(context.data);
    if layout.u16("Count", 0)? != 1 {
        return Err(Violation::Negotiate("a context chooses other than one algorithm"));
    }
    Ok(Some(layout.u16("Algorithm", 2)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn options() -> ConnectOptions {
        ConnectOptions::new("127.0.0.1:445".parse().unwrap())
    }

    #[test]
    fn dialects_below_3_say_nothing_of_capabilities() {
        let mut options = options();
        options.dialects = vec![Dialect::SMB2_0_2, Dialect::SMB2_1];
        let offer = Offer::new(&options).unwrap();
        assert_eq!(offer.capabilities, 0);
        assert_eq!(offer.body.len(), 36 + 2 * 2);
    }

    proptest! {
        #[test]
        fn arbitrary_answers_never_panic(mut answer in proptest::collection::vec(any::<u8>(), 0..300), dialect in 0usize..5) {
            let options = options();
            if let Some(field) = answer.get_mut(68..70) {
                field.copy_from_slice(&options.dialects[dialect].0.to_le_bytes());
            }
            let _ = Offer::new(&options).unwrap().settle(&options, &answer, PreauthHash::new());
        }
    }
}
