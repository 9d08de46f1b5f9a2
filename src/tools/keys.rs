//! What opens sealed traffic. Values are wiped when dropped, and never shown.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use zeroize::Zeroizing;

/// Everything tshark can open sealed PDUs and tickets with.
#[derive(Clone, Default)]
pub struct Keys {
    /// The password of the NTLM logins in the capture.
    pub nt_password: Option<Zeroizing<String>>,
    /// A Kerberos keytab file with the server's key.
    pub keytab: Option<PathBuf>,
    /// Keys of single sessions.
    pub session_keys: Vec<SessionKey>,
}

impl Keys {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nt_password.is_none() && self.keytab.is_none() && self.session_keys.is_empty()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("nt_password", &self.nt_password.as_ref().map(|_| "…"))
            .field("keytab", &self.keytab)
            .field("session_keys", &self.session_keys)
            .finish()
    }
}

/// The key of one session.
///
/// As text `ID:KEY` or `ID:KEY:SERVER_TO_CLIENT:CLIENT_TO_SERVER`, everything in hex; `,` does for `:`. An id with `0x` is
/// the number that `session --list` shows; one of sixteen digits without it is in the byte order of the wire, as
/// `smbclient --option='debug encryption = yes'` and Wireshark's own key file have it. KEY may be empty when the other
/// two are there.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey {
    /// SessionId in wire byte order, [MS-SMB2] 2.2.1.2.
    pub session_id: [u8; 8],
    session_key: Zeroizing<Vec<u8>>,
    server_to_client: Zeroizing<Vec<u8>>,
    client_to_server: Zeroizing<Vec<u8>>,
}

impl SessionKey {
    /// The key of a session from that of its ticket, of which it is the first 16 bytes ([MS-SMB2] 3.2.5.3). None when there
    /// are fewer.
    pub fn of_ticket(session_id: u64, ticket_key: &[u8]) -> Option<Self> {
        Some(Self {
            session_id: session_id.to_le_bytes(),
            session_key: Zeroizing::new(ticket_key.get(..16)?.to_vec()),
            server_to_client: Zeroizing::default(),
            client_to_server: Zeroizing::default(),
        })
    }

    /// The line of Wireshark's `smb2_seskey_list` for this key.
    pub(super) fn list_line(&self) -> Zeroizing<String> {
        let field = |bytes: &[u8]| Zeroizing::new(if bytes.is_empty() { "\"\"".into() } else { hex::encode(bytes) });
        Zeroizing::new(format!(
            "{},{},{},{}\n",
            hex::encode(self.session_id),
            *field(&self.session_key),
            *field(&self.server_to_client),
            *field(&self.client_to_server)
        ))
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey({}: …)", hex::encode(self.session_id))
    }
}

impl FromStr for SessionKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let mut parts = text.trim().split([':', ',']).map(|part| part.trim().trim_matches('"'));
        let id = parts.next().unwrap_or_default();
        let session_id = parse_id(id).ok_or_else(|| InvalidKey::SessionId(id.to_owned()))?;
        let mut key = || -> Result<Zeroizing<Vec<u8>>, InvalidKey> {
            let bytes = Zeroizing::new(hex::decode(parts.next().unwrap_or_default()).unwrap_or_else(|_| vec![0]));
            if matches!(bytes.len(), 0 | 16 | 32) { Ok(bytes) } else { Err(InvalidKey::Length(id.to_owned())) }
        };
        let (session_key, server_to_client, client_to_server) = (key()?, key()?, key()?);
        if parts.next().is_some()
            || session_key.is_empty() && (server_to_client.is_empty() || client_to_server.is_empty())
        {
            return Err(InvalidKey::Length(id.to_owned()));
        }
        Ok(Self { session_id, session_key, server_to_client, client_to_server })
    }
}

fn parse_id(text: &str) -> Option<[u8; 8]> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok().map(u64::to_le_bytes),
        None => hex::decode(text).ok()?.try_into().ok(),
    }
}

/// A key that is not one. The texts never repeat a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The id is no number.
    #[error("{0:?} is no session id: 0x… as `session --list` shows it, or 16 hex digits in wire byte order")]
    SessionId(String),
    /// A key is not 16 or 32 bytes of hex.
    #[error("the key of session {0} must be ID:KEY, with a KEY of 16 or 32 bytes in hex")]
    Length(String),
    /// A preference file is lines, and loses leading white space.
    #[error("tshark cannot be given a password that has a line break in it or begins with white space")]
    Password,
    /// The keytab's path does the same.
    #[error("the keytab {} cannot be read, or tshark cannot be given its name", .0.display())]
    Keytab(PathBuf),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_keys_are_read_in_both_byte_orders_and_never_shown() {
        let wire: SessionKey = "b708643b00000000,b31f9e40fafe87eb8e5d0ca14b4b353c,\"\",\"\"".parse().expect("a key");
        let shown: SessionKey = "0x3b6408b7:B31F9E40FAFE87EB8E5D0CA14B4B353C".parse().expect("a key");
        assert_eq!(wire, shown);
        assert_eq!(wire.list_line().as_str(), "b708643b00000000,b31f9e40fafe87eb8e5d0ca14b4b353c,\"\",\"\"\n");
        assert_eq!(format!("{wire:?}"), "SessionKey(b708643b00000000: …)");
        let keys = Keys { nt_password: Some(Zeroizing::new("geheim".into())), ..Keys::default() };
        assert!(!format!("{keys:?}").contains("geheim"));
    }

    #[test]
    fn what_is_no_key_is_refused_without_repeating_it() {
        for text in ["", "0x1", "0x1:abc", "12:00112233445566778899aabbccddeeff", "0x1:00:11:22:33:44"] {
            let error = text.parse::<SessionKey>().expect_err(text);
            assert!(!error.to_string().contains("abc") && !error.to_string().contains("00112233"), "{error}");
        }
    }
}
