//! Who logs in.

use std::fmt;

use zeroize::Zeroizing;

/// A password: overwritten when dropped, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes a password over.
    pub fn new(password: impl Into<String>) -> Self {
        Self(Zeroizing::new(password.into()))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Password {
    fn from(password: String) -> Self {
        Self::new(password)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// How to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// NTLM with user, domain (empty for the server's own) and password.
    Ntlm {
        /// User name.
        user: String,
        /// Domain or empty.
        domain: String,
        /// Password.
        password: Password,
    },
    /// Kerberos with user, realm and password.
    Kerberos {
        /// User name.
        user: String,
        /// Realm.
        realm: String,
        /// Password.
        password: Password,
        /// The KDC, `tcp://host:88`. When None it is found from `SSPI_KDC_URL`, `KRB5_CONFIG` or `/etc/krb5.conf`.
        kdc: Option<String>,
    },
    /// The account `Guest` without a password.
    Guest,
    /// No account: a null session.
    Anonymous,
}

impl Credentials {
    /// NTLM credentials.
    pub fn ntlm(user: impl Into<String>, domain: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Ntlm { user: user.into(), domain: domain.into(), password: Password::new(password) }
    }
}

impl fmt::Display for Credentials {
    /// Who it is, without the password: `DOMAIN\user`, `user@REALM`, `guest`, `anonymous`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ntlm { user, domain, .. } if domain.is_empty() => f.write_str(user),
            Self::Ntlm { user, domain, .. } => write!(f, "{domain}\\{user}"),
            Self::Kerberos { user, realm, .. } => write!(f, "{user}@{realm}"),
            Self::Guest => f.write_str("guest"),
            Self::Anonymous => f.write_str("anonymous"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_credentials_shows_the_password() {
        let credentials = Credentials::ntlm("user", "DOM", "geheim");
        assert_eq!(credentials.to_string(), "DOM\\user");
        assert!(!format!("{credentials:?} {credentials:#?} {credentials}").contains("geheim"));
    }
}
