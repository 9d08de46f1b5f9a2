//! Who logged in, read from what tshark dissects of SESSION_SETUP messages.

use std::hash::Hash;

use rustc_hash::FxHashMap;

use super::ek::EkMessage;
use super::ek_field::EkField;
use crate::model::LoginFacts;

/// NTLMSSP message type AUTHENTICATE, [MS-NLMP] 2.2.1.3.
const NTLM_AUTHENTICATE: u32 = 3;

/// What one message tells of a login; None when it tells nothing.
pub fn login_facts(message: &EkMessage) -> Option<LoginFacts> {
    let fields = &message.fields;
    let text = |field| fields.text(field).map(str::to_owned);
    let mut facts = LoginFacts {
        guest: fields.is_true(EkField::SessionIsGuest),
        anonymous: fields.is_true(EkField::SessionIsNull),
        ..LoginFacts::default()
    };
    if let Some(message_type) = fields.last(EkField::NtlmMessageType) {
        facts.mechanism = Some("NTLM".to_owned());
        facts.user = text(EkField::NtlmUser);
        facts.domain = text(EkField::NtlmDomain);
        facts.workstation = text(EkField::NtlmWorkstation);
        facts.target_name = text(EkField::NtlmTargetName);
        facts.server_challenge = fields.first(EkField::NtlmServerChallenge).is_some();
        facts.anonymous |= number(message_type) == Some(NTLM_AUTHENTICATE) && facts.user.is_none();
    } else if let Some(realm) = fields.text(EkField::KerberosRealm) {
        facts.mechanism = Some("Kerberos".to_owned());
        facts.domain = Some(fields.text(EkField::KerberosClientRealm).unwrap_or(realm).to_owned());
        // Ticket and authenticator both have the name, and it may have two parts: how many parts there are is not told
        // apart from how often it is printed, and a user's name has one.
        facts.user = text(EkField::KerberosClientName);
        let server: Vec<_> = fields.all(EkField::KerberosServerName).take(2).collect();
        facts.target_name = Some(server.join("/")).filter(|name| !name.is_empty());
    }
    (facts != LoginFacts::default()).then_some(facts)
}

/// Adds what a later message of the same login tells.
pub fn merge_login(known: &mut LoginFacts, later: LoginFacts) {
    let merge = |known: &mut Option<String>, later: Option<String>| {
        if later.is_some() {
            *known = later;
        }
    };
    merge(&mut known.user, later.user);
    merge(&mut known.domain, later.domain);
    merge(&mut known.workstation, later.workstation);
    merge(&mut known.mechanism, later.mechanism);
    merge(&mut known.target_name, later.target_name);
    known.server_challenge |= later.server_challenge;
    known.guest |= later.guest;
    known.anonymous |= later.anonymous;
}

/// Gathers facts by whatever identifies a session for the caller.
#[derive(Debug)]
pub struct LoginCollector<K> {
    logins: FxHashMap<K, LoginFacts>,
}

impl<K> Default for LoginCollector<K> {
    fn default() -> Self {
        Self { logins: FxHashMap::default() }
    }
}

impl<K: Eq + Hash> LoginCollector<K> {
    /// Adds what a message of a session tells, in the order of the messages.
    pub fn add(&mut self, session: K, message: &EkMessage) {
        if let Some(facts) = login_facts(message) {
            merge_login(self.logins.entry(session).or_default(), facts);
        }
    }

    /// What is known by session.
    pub fn into_facts(self) -> FxHashMap<K, LoginFacts> {
        self.logins
    }
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
