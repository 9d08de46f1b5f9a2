//! What is known of a session beside its operations: the entries of `session_metadata.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::dialect::Dialect;

/// One session of a dataset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionEntry {
    /// `0x` and 16 hex digits.
    pub id: String,
    /// Name of the Parquet file.
    pub file: String,
    /// Client address and port of its first connection.
    pub client: String,
    /// Server address and port of its first connection.
    pub server: String,
    /// The dialect the server chose; null when the NEGOTIATE is not in the capture.
    pub dialect: Option<Dialect>,
    /// Whether any of its requests was signed.
    pub signing: bool,
    /// Whether any of its PDUs travelled sealed.
    pub encryption: bool,
    /// How it logged in.
    #[serde(flatten)]
    pub login: LoginFacts,
    /// The trees it connected, `\\server\share`, in order of their first use.
    pub shares: Vec<String>,
    /// Rows of its file.
    pub operations: u64,
    /// Rows without their request or response.
    pub unpaired: u64,
    /// Payload bytes of READ responses.
    pub bytes_read: u64,
    /// Payload bytes that WRITE responses accepted.
    pub bytes_written: u64,
    /// Rows by final status, only those with an error severity; names as in the `status_name` column.
    pub errors: BTreeMap<String, u64>,
    /// Sealed PDUs that could not be read.
    pub undecrypted: u64,
    /// Time of the first PDU, RFC 3339.
    pub first_time: Option<String>,
    /// Time of the last PDU, RFC 3339.
    pub last_time: Option<String>,
    /// Its connections, by Wireshark's `tcp.stream` number.
    pub tcp_streams: Vec<u32>,
}

/// Who logged in and how, as far as the messages show it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginFacts {
    /// User name; for Kerberos the client principal when the ticket could be read.
    pub user: Option<String>,
    /// Domain or realm.
    pub domain: Option<String>,
    /// The client's own name (NTLM).
    pub workstation: Option<String>,
    /// `NTLM` or `Kerberos`.
    pub mechanism: Option<String>,
    /// NetBIOS or DNS name by which the server was addressed or called itself.
    pub target_name: Option<String>,
    /// Whether the server's NTLM challenge is in the capture.
    pub server_challenge: bool,
    /// The server granted a guest session.
    pub guest: bool,
    /// The client logged in without a name, or the server granted a null session.
    pub anonymous: bool,
}

impl LoginFacts {
    /// Who logged in: `DOMAIN\user`, the user alone where no domain is known, or nothing.
    pub fn account(&self) -> String {
        match (&self.user, &self.domain) {
            (Some(user), Some(domain)) if !domain.is_empty() => format!("{domain}\\{user}"),
            (Some(user), _) => user.clone(),
            (None, _) => String::new(),
        }
    }
}
