//! Keys derived from a session key, and the preauthentication integrity hash they depend on.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

use super::options::{Cipher, SigningAlgorithm};
use super::seal::SealKeys;
use super::sign::SigningKey;
use crate::model::{Dialect, SessionId};

/// A key: overwritten when dropped.
pub(super) type Key = Zeroizing<Vec<u8>>;

/// `PreauthIntegrityHashValue`, [MS-SMB2] 3.1.4.4.1 (SHA-512).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct PreauthHash([u8; 64]);

impl PreauthHash {
    pub(super) fn new() -> Self {
        Self([0; 64])
    }

    /// Takes a message in, as it travelled, without the NetBIOS header.
    pub(super) fn update(&mut self, message: &[u8]) {
        let mut sha = Sha512::new();
        sha.update(self.0);
        sha.update(message);
        self.0 = sha.finalize().into();
    }
}

/// SP800-108 in counter mode with HMAC-SHA256, one round, [MS-SMB2] 3.1.4.2.
fn derive(session_key: &[u8], label: &[u8], context: &[u8], length: usize) -> Key {
    // HMAC takes a key of any length.
    let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(session_key) else { return Zeroizing::new(vec![0; length]) };
    hmac.update(&1u32.to_be_bytes());
    hmac.update(label);
    hmac.update(&[0]);
    hmac.update(context);
    hmac.update(&((length * 8) as u32).to_be_bytes());
    let bytes = Zeroizing::new(<[u8; 32]>::from(hmac.finalize().into_bytes()));
    Zeroizing::new(bytes[..length.min(32)].to_vec())
}

/// `Session.SessionKey`: the first 16 bytes of what the security package made, zeros behind a shorter one,
/// [MS-SMB2] 3.2.5.3.1.
fn session_key(full: &[u8]) -> Zeroizing<[u8; 16]> {
    let mut key = Zeroizing::new([0; 16]);
    let length = full.len().min(16);
    key[..length].copy_from_slice(&full[..length]);
    key
}

/// The key that signs a session's messages.
pub(super) fn signing_key(
    full: &[u8],
    dialect: Dialect,
    algorithm: SigningAlgorithm,
    preauth: &PreauthHash,
) -> SigningKey {
    let key = session_key(full);
    if !dialect.is_smb3() {
        return SigningKey::new(SigningAlgorithm::HmacSha256, &key);
    }
    let derived = if dialect == Dialect::SMB3_1_1 {
        derive(&key[..], b"SMBSigningKey\0", &preauth.0, 16)
    } else {
        derive(&key[..], b"SMB2AESCMAC\0", b"SmbSign\0", 16)
    };
    SigningKey::new(algorithm, &session_key(&derived))
}

/// The keys that seal a session's messages.
pub(super) fn seal_keys(
    session_id: SessionId,
    full: &[u8],
    dialect: Dialect,
    cipher: Cipher,
    preauth: &PreauthHash,
) -> Option<SealKeys> {
    let length = cipher.key_length();
    let short = session_key(full);
    // AES-256 keys come from all that the security package made.
    let base = if length > 16 { full } else { &short[..] };
    let (to_server, to_client) = if dialect == Dialect::SMB3_1_1 {
        let context = &preauth.0;
        (derive(base, b"SMBC2SCipherKey\0", context, length), derive(base, b"SMBS2CCipherKey\0", context, length))
    } else {
        (derive(base, b"SMB2AESCCM\0", b"ServerIn \0", length), derive(base, b"SMB2AESCCM\0", b"ServerOut\0", length))
    };
    SealKeys::new(session_id, cipher, &to_server, &to_client)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    // The vectors are Microsoft's: "SMB 2 and SMB 3 security in Windows 10: the anatomy of signing and cryptographic keys".
    #[test]
    fn keys_of_smb_3_0_are_those_of_the_published_example() {
        let session_key = unhex("7CD451825D0450D235424E44BA6E78CC");
        for (label, context, expected) in [
            (&b"SMB2AESCMAC\0"[..], &b"SmbSign\0"[..], "0B7E9C5CAC36C0F6EA9AB275298CEDCE"),
            (b"SMB2AESCCM\0", b"ServerIn \0", "FAD27796665B313EBB578F388632B4F7"),
            (b"SMB2AESCCM\0", b"ServerOut\0", "B0F0427F7CEB416D1D9DCC0CD4F99447"),
        ] {
            assert_eq!(derive(&session_key, label, context, 16).to_vec(), unhex(expected));
        }
    }

    #[test]
    fn keys_of_smb_3_1_1_are_those_of_the_published_example() {
        let session_key = unhex("270E1BA896585EEB7AF3472D3B4C75A7");
        let preauth = unhex(
            "0DD13628CC3ED218EF9DF9772D436D0887AB9814BFAE63A80AA845F36909DB79\
             28622DDDAD522D9751640A459762C5A9D6BB084CBB3CE6BDADEF5D5BCE3C6C01",
        );
        for (label, expected) in [
            (&b"SMBSigningKey\0"[..], "73FE7A9A77BEF0BDE49C650D8CCB5F76"),
            (b"SMBC2SCipherKey\0", "629BCBC54422A0F572B97F45989B6073"),
            (b"SMBS2CCipherKey\0", "E2AF0DCEFAC68DA71A0DFBD0D1350D74"),
        ] {
            assert_eq!(derive(&session_key, label, &preauth, 16).to_vec(), unhex(expected));
        }
    }

    #[test]
    fn the_published_session_setup_response_verifies_with_the_derived_key() {
        let hash = PreauthHash(
            unhex(
                "0DD13628CC3ED218EF9DF9772D436D0887AB9814BFAE63A80AA845F36909DB79\
                 28622DDDAD522D9751640A459762C5A9D6BB084CBB3CE6BDADEF5D5BCE3C6C01",
            )
            .try_into()
            .unwrap(),
        );
        let full = unhex("270E1BA896585EEB7AF3472D3B4C75A7");
        let key = signing_key(&full, Dialect::SMB3_1_1, SigningAlgorithm::AesCmac, &hash);
        assert!(key.verify(&unhex(
            "FE534D4240000100000000000100800009000000000000000300000000000000FFFE000000000000\
             1900000000100000EBE146DA120BA25FC3376A49DFE31BC10900000048001D00A11B3019A0030A01\
             00A3120410010000003B453CDC3524164200000000"
        )));
    }

    #[test]
    fn a_short_session_key_is_filled_with_zeros_and_a_long_one_cut() {
        assert_eq!(session_key(&[1, 2])[..4], [1, 2, 0, 0]);
        assert_eq!(*session_key(&[7; 32]), [7; 16]);
    }
}
