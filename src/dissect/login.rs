//! Who logged in: what tshark dissects of SESSION_SETUP messages, and what several messages tell together.

use std::hash::Hash;

use rustc_hash::FxHashMap;

use super::ek::EkMessage;
use super::ek_field::EkField;
use super::feed::Row;
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

/// Gathers what messages tell, by whatever identifies a session for the caller, in the order of the messages. What tshark
/// tells comes later; the place of it is kept.
#[derive(Debug)]
pub struct LoginCollector<K> {
    logins: FxHashMap<K, Gathered>,
}

#[derive(Debug, Default)]
struct Gathered {
    facts: LoginFacts,
    /// From the first message on that tshark is asked about.
    behind: Vec<Behind>,
}

#[derive(Debug)]
enum Behind {
    Facts(LoginFacts),
    Row(Row),
}

impl<K> Default for LoginCollector<K> {
    fn default() -> Self {
        Self { logins: FxHashMap::default() }
    }
}

impl<K: Eq + Hash> LoginCollector<K> {
    /// Adds what the next message of a session tells.
    pub fn add(&mut self, session: K, facts: LoginFacts) {
        let gathered = self.logins.entry(session).or_default();
        if gathered.behind.is_empty() {
            merge_login(&mut gathered.facts, facts);
        } else {
            gathered.behind.push(Behind::Facts(facts));
        }
    }

    /// The next message of a session is a row of the feed, about which tshark will tell.
    pub fn add_row(&mut self, session: K, row: Row) {
        self.logins.entry(session).or_default().behind.push(Behind::Row(row));
    }

    /// What is known by session; `rows` is what tshark told.
    pub fn into_facts(self, mut rows: FxHashMap<Row, LoginFacts>) -> FxHashMap<K, LoginFacts> {
        let whole = self.logins.into_iter().map(|(session, Gathered { mut facts, behind })| {
            for told in behind {
                match told {
                    Behind::Facts(told) => merge_login(&mut facts, told),
                    Behind::Row(row) => merge_login(&mut facts, rows.remove(&row).unwrap_or_default()),
                }
            }
            (session, facts)
        });
        whole.collect()
    }
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ek::EkParser;
    use super::*;

    /// The facts of a message with these fields, in the nesting that tshark prints them in.
    fn facts(fields: &str) -> Option<LoginFacts> {
        let mut parser = EkParser::new();
        let frame = r#""frame":{"frame_frame_time_epoch":"1.0","frame_frame_number":"1"}"#;
        parser.push(
            format!("{{\"layers\":{{{frame},\"smb2\":{{\"gss-api\":{{\"spnego\":{{{fields}}}}}}}}}}}\n").as_bytes(),
        );
        let record = parser.next_record().expect("a line").expect("a record");
        login_facts(&record.messages[0])
    }

    #[test]
    fn a_kerberos_login_shows_the_service_and_with_a_key_the_user() {
        let ticket = concat!(
            r#""kerberos":{"kerberos_kerberos_realm":"LAB.TEST","#,
            r#""kerberos_kerberos_SNameString":["cifs","server.lab.test"]"#
        );
        let sealed = facts(&format!("{ticket}}}")).expect("facts");
        assert_eq!(sealed.mechanism.as_deref(), Some("Kerberos"));
        assert_eq!(sealed.target_name.as_deref(), Some("cifs/server.lab.test"));
        assert_eq!((sealed.user, sealed.domain.as_deref()), (None, Some("LAB.TEST")));
        let client = concat!(
            r#","kerberos_kerberos_crealm":"USERS.TEST","kerberos_kerberos_CNameString":["alice"],"#,
            r#""kerberos_kerberos_crealm":"USERS.TEST","kerberos_kerberos_CNameString":["alice"]}"#
        );
        let opened = facts(&format!("{ticket}{client}")).expect("facts");
        assert_eq!((opened.user.as_deref(), opened.domain.as_deref()), (Some("alice"), Some("USERS.TEST")));
    }

    #[test]
    fn a_login_without_a_name_is_anonymous_and_a_negotiate_message_is_none() {
        let ntlm = |kind: u8, more: &str| {
            facts(&format!(r#""ntlmssp":{{"ntlmssp_ntlmssp_messagetype":"0x0000000{kind}"{more}}}"#))
        };
        let named = ntlm(3, r#","ntlmssp_ntlmssp_auth_username":"alice""#).expect("facts");
        assert!(!named.anonymous && named.user.as_deref() == Some("alice"));
        assert!(ntlm(3, r#","ntlmssp_ntlmssp_auth_username":"NULL""#).expect("facts").anonymous);
        assert!(!ntlm(1, "").expect("facts").anonymous);
        assert_eq!(facts(""), None);
    }

    #[test]
    fn later_messages_add_and_do_not_take_away() {
        let mut known = LoginFacts { user: Some("alice".into()), server_challenge: true, ..LoginFacts::default() };
        merge_login(&mut known, LoginFacts { guest: true, domain: Some("LAB".into()), ..LoginFacts::default() });
        assert_eq!((known.user.as_deref(), known.domain.as_deref()), (Some("alice"), Some("LAB")));
        assert!(known.guest && known.server_challenge);
    }
    #[test]
    fn what_tshark_tells_keeps_its_place_among_the_messages() {
        let user = |name: &str| LoginFacts { user: Some(name.into()), ..LoginFacts::default() };
        let mut collector = LoginCollector::default();
        collector.add('a', user("first"));
        collector.add_row('a', Row(1));
        collector.add('a', LoginFacts { domain: Some("LAB".into()), ..LoginFacts::default() });
        collector.add('b', user("other"));
        collector.add_row('b', Row(2));
        collector.add('b', user("last"));
        let facts = collector.into_facts([(Row(1), user("told")), (Row(2), user("told"))].into_iter().collect());
        assert_eq!((facts[&'a'].user.as_deref(), facts[&'a'].domain.as_deref()), (Some("told"), Some("LAB")));
        assert_eq!(facts[&'b'].user.as_deref(), Some("last"));
    }
}
