//! A login as an exchange of tokens, whichever mechanism speaks.

use super::super::credentials::{Credentials, Password};
use super::super::keys::Key;
use super::{kerberos, ntlm, null_session};

/// A login that cannot go on.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum AuthError {
    /// What `sspi` says.
    #[error("{0}")]
    Package(#[from] sspi::Error),
    /// The server's token is not what it should be.
    #[error("the server's security token is unusable: {0}")]
    Token(&'static str),
    /// The server chose a mechanism that was not offered.
    #[error("the server wants another mechanism than NTLM")]
    Mechanism,
    /// The server's own check of the negotiation is wrong.
    #[error("the server's signature of the negotiated mechanisms is wrong; something on the way changes them")]
    MechanismList,
    /// The KDC cannot be asked.
    #[error("the KDC {kdc} does not answer: {source}; check SSPI_KDC_URL or krb5.conf")]
    Kdc {
        /// Its URL.
        kdc: String,
        /// Why.
        source: std::io::Error,
    },
    /// Neither side comes to an end.
    #[error("the server has not decided after {0} rounds")]
    TooManyRounds(usize),
}

/// A login in progress.
pub(in super::super) enum Exchange {
    Ntlm(Box<ntlm::Ntlm>),
    NullSession(null_session::NullSession),
    Kerberos(Box<kerberos::Kerberos>),
}

impl Exchange {
    pub(in super::super) fn start(credentials: &Credentials, server_name: &str) -> Result<Self, AuthError> {
        Ok(match credentials {
            Credentials::Ntlm { user, domain, password } => {
                Self::Ntlm(Box::new(ntlm::Ntlm::new(user, domain, password, server_name)))
            }
            Credentials::Guest => Self::Ntlm(Box::new(ntlm::Ntlm::new("Guest", "", &Password::new(""), server_name))),
            Credentials::Anonymous => Self::NullSession(null_session::NullSession),
            Credentials::Kerberos { user, realm, password, kdc } => {
                let kerberos = kerberos::Kerberos::new(user, realm, password, kdc.as_deref(), server_name)?;
                Self::Kerberos(Box::new(kerberos))
            }
        })
    }

    /// The next token to send, after the server's; the first one without.
    pub(in super::super) async fn step(&mut self, token: Option<&[u8]>) -> Result<Vec<u8>, AuthError> {
        match self {
            Self::Ntlm(ntlm) => ntlm.step(token),
            Self::NullSession(null_session) => null_session.step(token),
            Self::Kerberos(kerberos) => kerberos.step(token).await,
        }
    }

    /// Takes the token in with which the server accepts. What it proves is checked if the session is to be trusted.
    pub(in super::super) async fn finish(&mut self, token: &[u8], trusted: bool) -> Result<(), AuthError> {
        match self {
            Self::Ntlm(ntlm) => ntlm.finish(token, trusted),
            Self::NullSession(_) => Ok(()),
            Self::Kerberos(kerberos) => kerberos.finish(token).await,
        }
    }

    /// The key that both sides have now; None for a null session.
    pub(in super::super) fn session_key(&self) -> Result<Option<Key>, AuthError> {
        match self {
            Self::Ntlm(ntlm) => ntlm.session_key().map(Some),
            Self::NullSession(_) => Ok(None),
            Self::Kerberos(kerberos) => kerberos.session_key().map(Some),
        }
    }
}
