//! Signatures of PDUs, [MS-SMB2] 3.1.4.1.

use aes::Aes128;
use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, Nonce};
use cmac::Cmac;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::options::SigningAlgorithm;
use crate::model::header::{HEADER_LENGTH, offset};
use crate::model::{Command, HeaderFlags};

const SIGNATURE_END: usize = offset::SIGNATURE + 16;

/// The key of a session on a connection, set up for its algorithm.
pub(super) struct SigningKey(Mechanism);

enum Mechanism {
    HmacSha256(Box<Hmac<Sha256>>),
    AesCmac(Box<Cmac<Aes128>>),
    AesGmac(Box<Aes128Gcm>),
}

impl SigningKey {
    pub(super) fn new(algorithm: SigningAlgorithm, key: &[u8; 16]) -> Self {
        Self(match algorithm {
            SigningAlgorithm::HmacSha256 => Mechanism::HmacSha256(Box::new(hmac_of(key))),
            SigningAlgorithm::AesCmac => Mechanism::AesCmac(Box::new(Cmac::new(key.into()))),
            SigningAlgorithm::AesGmac => Mechanism::AesGmac(Box::new(Aes128Gcm::new(key.into()))),
        })
    }

    /// Signs a PDU whose header is complete, flags included. A PDU shorter than a header stays as it is.
    pub(super) fn sign(&self, pdu: &mut [u8]) {
        if pdu.len() < HEADER_LENGTH {
            return;
        }
        pdu[offset::SIGNATURE..SIGNATURE_END].fill(0);
        let signature = match &self.0 {
            Mechanism::AesGmac(cipher) => gmac(cipher, pdu),
            _ => self.code(pdu),
        };
        pdu[offset::SIGNATURE..SIGNATURE_END].copy_from_slice(&signature);
    }

    /// Whether the signature of a PDU is right.
    pub(super) fn verify(&self, pdu: &[u8]) -> bool {
        if pdu.len() < HEADER_LENGTH {
            return false;
        }
        let signature = match &self.0 {
            Mechanism::AesGmac(cipher) => {
                let mut copy = pdu.to_vec();
                copy[offset::SIGNATURE..SIGNATURE_END].fill(0);
                gmac(cipher, &copy)
            }
            _ => self.code(pdu),
        };
        let difference = signature
            .iter()
            .zip(&pdu[offset::SIGNATURE..SIGNATURE_END])
            .fold(0u8, |difference, (ours, theirs)| difference | (ours ^ theirs));
        difference == 0
    }

    /// The code of a PDU as if its signature were zero.
    fn code(&self, pdu: &[u8]) -> [u8; 16] {
        let parts = [&pdu[..offset::SIGNATURE], &[0; 16], &pdu[SIGNATURE_END..]];
        let mut signature = [0; 16];
        match &self.0 {
            Mechanism::HmacSha256(prepared) => {
                let mut mac = prepared.clone();
                parts.iter().for_each(|part| mac.update(part));
                signature.copy_from_slice(&mac.finalize().into_bytes()[..16]);
            }
            Mechanism::AesCmac(prepared) => {
                let mut mac = prepared.clone();
                parts.iter().for_each(|part| mac.update(part));
                signature.copy_from_slice(&mac.finalize().into_bytes());
            }
            Mechanism::AesGmac(_) => {}
        }
        signature
    }
}

fn hmac_of(key: &[u8; 16]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    block[..16].copy_from_slice(key);
    // A key shorter than the block is padded with zeros by HMAC itself: this is the same key, and cannot fail.
    Hmac::new(&block.into())
}

/// AES-GMAC over a PDU whose signature is zero. The nonce is made of the message id, the direction, and whether it is a
/// CANCEL (which repeats a message id), [MS-SMB2] 3.1.4.1.
fn gmac(cipher: &Aes128Gcm, pdu: &[u8]) -> [u8; 16] {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&pdu[offset::MESSAGE_ID..offset::MESSAGE_ID + 8]);
    let is_response = pdu[offset::FLAGS] & HeaderFlags::SERVER_TO_REDIR as u8 != 0;
    let is_cancel = pdu[offset::COMMAND..offset::COMMAND + 2] == Command::Cancel.code().to_le_bytes();
    nonce[8] = u8::from(is_response) | u8::from(is_cancel) << 1;
    let tag = cipher.encrypt_inout_detached(&Nonce::from(nonce), pdu, (&mut [][..]).into());
    tag.map(Into::into).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_algorithm() -> impl Strategy<Value = SigningAlgorithm> {
        proptest::sample::select(SigningAlgorithm::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_no_changed_byte_does(
            algorithm in any_algorithm(), key: [u8; 16], mut pdu in proptest::collection::vec(any::<u8>(), 64..300),
            at: proptest::sample::Index, change in 1u8..,
        ) {
            let key = SigningKey::new(algorithm, &key);
            key.sign(&mut pdu);
            prop_assert!(key.verify(&pdu));
            let at = at.index(pdu.len());
            pdu[at] ^= change;
            prop_assert!(!key.verify(&pdu));
        }

        #[test]
        fn nothing_short_verifies_or_panics(algorithm in any_algorithm(), mut pdu in proptest::collection::vec(any::<u8>(), 0..64)) {
            let key = SigningKey::new(algorithm, &[1; 16]);
            key.sign(&mut pdu);
            prop_assert!(!key.verify(&pdu));
        }
    }

    // RFC 4493, section 4, example 2 and NIST SP 800-38D style checks are the crates' own; here the layout counts: the code
    // covers the PDU with its signature zeroed.
    #[test]
    fn a_signature_does_not_depend_on_what_stood_in_its_place() {
        for algorithm in SigningAlgorithm::ALL {
            let key = SigningKey::new(algorithm, &[3; 16]);
            let (mut one, mut other) = (vec![5; 100], vec![5; 100]);
            other[offset::SIGNATURE..SIGNATURE_END].fill(9);
            key.sign(&mut one);
            key.sign(&mut other);
            assert_eq!(one, other);
        }
    }
}
