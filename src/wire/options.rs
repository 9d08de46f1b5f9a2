//! What a connection is to be like.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::model::Dialect;

/// A cipher of SMB2_ENCRYPTION_CAPABILITIES, [MS-SMB2] 2.2.3.1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cipher {
    /// AES-128-CCM: the only one of SMB 3.0 and 3.0.2.
    Aes128Ccm,
    /// AES-128-GCM
    Aes128Gcm,
    /// AES-256-CCM
    Aes256Ccm,
    /// AES-256-GCM
    Aes256Gcm,
}

impl Cipher {
    /// Every cipher, the ones preferred first.
    pub const ALL: [Self; 4] = [Self::Aes128Gcm, Self::Aes128Ccm, Self::Aes256Gcm, Self::Aes256Ccm];

    /// The id on the wire.
    pub fn id(self) -> u16 {
        match self {
            Self::Aes128Ccm => 1,
            Self::Aes128Gcm => 2,
            Self::Aes256Ccm => 3,
            Self::Aes256Gcm => 4,
        }
    }

    /// The cipher of an id.
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|cipher| cipher.id() == id)
    }

    /// The length of its key in bytes.
    pub fn key_length(self) -> usize {
        match self {
            Self::Aes128Ccm | Self::Aes128Gcm => 16,
            Self::Aes256Ccm | Self::Aes256Gcm => 32,
        }
    }

    /// The bytes of the transform header's nonce that count, [MS-SMB2] 2.2.41.
    pub fn nonce_length(self) -> usize {
        match self {
            Self::Aes128Ccm | Self::Aes256Ccm => 11,
            Self::Aes128Gcm | Self::Aes256Gcm => 12,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Aes128Ccm => "aes-128-ccm",
            Self::Aes128Gcm => "aes-128-gcm",
            Self::Aes256Ccm => "aes-256-ccm",
            Self::Aes256Gcm => "aes-256-gcm",
        }
    }
}

/// An algorithm of SMB2_SIGNING_CAPABILITIES, [MS-SMB2] 2.2.3.1.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SigningAlgorithm {
    /// HMAC-SHA256: SMB 2.0.2 and 2.1.
    HmacSha256,
    /// AES-CMAC: SMB 3.x.
    AesCmac,
    /// AES-GMAC: SMB 3.1.1 where negotiated.
    AesGmac,
}

impl SigningAlgorithm {
    /// Every algorithm, the ones preferred first.
    pub const ALL: [Self; 3] = [Self::AesGmac, Self::AesCmac, Self::HmacSha256];

    /// The id on the wire.
    pub fn id(self) -> u16 {
        match self {
            Self::HmacSha256 => 0,
            Self::AesCmac => 1,
            Self::AesGmac => 2,
        }
    }

    /// The algorithm of an id.
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.id() == id)
    }

    fn name(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::AesCmac => "aes-cmac",
            Self::AesGmac => "aes-gmac",
        }
    }
}

/// The text names no cipher or signing algorithm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not one of {known}")]
pub struct UnknownAlgorithm {
    /// What was given.
    pub given: String,
    /// The names there are.
    pub known: String,
}

macro_rules! named {
    ($type:ty) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $type {
            type Err = UnknownAlgorithm;

            fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
                Self::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(text)).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|one| one.name()).collect();
                    UnknownAlgorithm { given: text.to_owned(), known: known.join(", ") }
                })
            }
        }
    };
}

named!(Cipher);
named!(SigningAlgorithm);

/// Whether requests are signed. A TREE_CONNECT on 3.1.1 is signed or sealed in any case, [MS-SMB2] 3.2.4.1.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signing {
    /// Only those of sessions whose server requires it, and those whose [`super::Outgoing::sign`] asks for it.
    IfRequired,
    /// All of sessions that have a key.
    #[default]
    Always,
}

/// Whether requests are sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// Never; no cipher is offered.
    Forbidden,
    /// Where the session or the share demands it.
    #[default]
    IfRequired,
    /// Everything once logged in; a server that cannot is an error.
    Required,
}

/// What a connection is to be like. [`ConnectOptions::new`] has defaults for all but the address.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// Where the server listens.
    pub address: SocketAddr,
    /// The name by which the server is addressed: in `\\server\share`, in the NETNAME context, in Kerberos tickets.
    pub server_name: String,
    /// The dialects offered.
    pub dialects: Vec<Dialect>,
    /// `ClientGuid`, [MS-SMB2] 2.2.3; random when None. Connections that shall share leases or sessions need the same.
    pub client_guid: Option<[u8; 16]>,
    /// Which requests are signed.
    pub signing: Signing,
    /// Which requests are sealed.
    pub encryption: Encryption,
    /// Ciphers offered on 3.1.1, preferred first.
    pub ciphers: Vec<Cipher>,
    /// Signing algorithms offered on 3.1.1, preferred first.
    pub signing_algorithms: Vec<SigningAlgorithm>,
    /// How long the TCP connection may take.
    pub connect_timeout: Duration,
    /// How long an answer to the engine's own requests (negotiate, login, tree connect, …) and a wait for credits may
    /// take. Answers to submitted chains are waited for as long as the caller wants.
    pub response_timeout: Duration,
    /// The longest frame accepted from the server, in bytes without the NetBIOS header; at most 16,777,215.
    pub max_frame: usize,
    /// Credits that the engine tries to have in all, at hand and in flight.
    pub credit_target: u16,
}

impl ConnectOptions {
    /// The most that a NetBIOS session message over TCP can hold.
    pub const FRAME_LIMIT: usize = 0xFF_FFFF;

    /// Defaults for a server: all dialects, every algorithm, signing, sealing where demanded.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            server_name: address.ip().to_string(),
            dialects: Dialect::ALL.to_vec(),
            client_guid: None,
            signing: Signing::default(),
            encryption: Encryption::default(),
            ciphers: Cipher::ALL.to_vec(),
            signing_algorithms: SigningAlgorithm::ALL.to_vec(),
            connect_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_secs(30),
            max_frame: Self::FRAME_LIMIT,
            credit_target: 512,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_survive_their_names_and_ids() {
        for cipher in Cipher::ALL {
            assert_eq!(cipher.to_string().parse(), Ok(cipher));
            assert_eq!(Cipher::from_id(cipher.id()), Some(cipher));
        }
        for algorithm in SigningAlgorithm::ALL {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
            assert_eq!(SigningAlgorithm::from_id(algorithm.id()), Some(algorithm));
        }
        assert!("rot13".parse::<Cipher>().is_err());
    }
}
