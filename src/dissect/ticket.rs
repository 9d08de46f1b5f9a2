//! Kerberos AP-REQ, RFC 4120 5.5.1: its ticket names the service in clear. Who presents it is sealed; tshark opens that with a
//! key.

use super::der::{self, GENERAL_STRING, SEQUENCE, application};
use crate::model::LoginFacts;

/// Type of a token that holds an AP-REQ, and of one that holds an AP-REP, RFC 4121 4.1.
const AP_REQ: &[u8] = &[1, 0];
const AP_REP: &[u8] = &[2, 0];
/// Application tags.
const TICKET: u8 = 1;
const AP_REQ_MESSAGE: u8 = 14;

/// What a Kerberos token tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KerberosToken {
    /// A ticket.
    Ticket(LoginFacts),
    /// The server's answer to one, which tells nothing.
    Accepted,
}

/// Reads a token; None when it is neither, or not as the RFC has it.
pub(super) fn kerberos_token(token: &[u8]) -> Option<KerberosToken> {
    let (kind, message) = token.split_at_checked(2)?;
    match kind {
        AP_REQ => ticket_facts(message).map(KerberosToken::Ticket),
        AP_REP => Some(KerberosToken::Accepted),
        _ => None,
    }
}

fn ticket_facts(message: &[u8]) -> Option<LoginFacts> {
    let request = der::content(der::content(message, application(AP_REQ_MESSAGE))?, SEQUENCE)?;
    let ticket = der::content(der::content(der::field(request, 3)?, application(TICKET))?, SEQUENCE)?;
    let realm = der::content(der::field(ticket, 1)?, GENERAL_STRING)?;
    let service = der::content(der::field(ticket, 2)?, SEQUENCE)?;
    let names = der::content(der::field(service, 1)?, SEQUENCE)?;
    // Two parts, as of what tshark prints: a third would be the service's domain.
    let names: Vec<_> = der::elements(names).take(2).map(|(_, name)| String::from_utf8_lossy(name)).collect();
    Some(LoginFacts {
        mechanism: Some("Kerberos".to_owned()),
        domain: Some(String::from_utf8_lossy(realm).into_owned()),
        target_name: Some(names.join("/")).filter(|name| !name.is_empty()),
        ..LoginFacts::default()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x81, content.len() as u8], content].concat()
    }

    fn ap_req(realm: &str, names: &[&str]) -> Vec<u8> {
        let names: Vec<_> = names.iter().map(|name| element(GENERAL_STRING, name.as_bytes())).collect();
        let names = element(der::context(1), &element(SEQUENCE, &names.concat()));
        let service = element(SEQUENCE, &[element(der::context(0), &[2, 1, 2]), names].concat());
        let ticket = [
            element(der::context(0), &[2, 1, 5]),
            element(der::context(1), &element(GENERAL_STRING, realm.as_bytes())),
            element(der::context(2), &service),
        ];
        let ticket = element(application(TICKET), &element(SEQUENCE, &ticket.concat()));
        let request = [element(der::context(0), &[2, 1, 5]), element(der::context(3), &ticket)].concat();
        [AP_REQ, &element(application(AP_REQ_MESSAGE), &element(SEQUENCE, &request))].concat()
    }

    #[test]
    fn a_ticket_names_realm_and_service() {
        let Some(KerberosToken::Ticket(told)) = kerberos_token(&ap_req("LAB.TEST", &["cifs", "server.lab.test"]))
        else {
            panic!("no ticket")
        };
        assert_eq!(told.mechanism.as_deref(), Some("Kerberos"));
        assert_eq!(told.domain.as_deref(), Some("LAB.TEST"));
        assert_eq!(told.target_name.as_deref(), Some("cifs/server.lab.test"));
        assert_eq!(told.user, None);
    }

    #[test]
    fn an_answer_tells_nothing_and_an_error_is_for_tshark() {
        assert_eq!(kerberos_token(&[2, 0, 0x6F, 0]), Some(KerberosToken::Accepted));
        assert_eq!(kerberos_token(&[3, 0, 0x7E, 0]), None);
        assert_eq!(kerberos_token(&[1]), None);
    }

    proptest! {
        #[test]
        fn changed_tickets_never_panic(at in 0usize..100, by: u8, cut in 0usize..100) {
            let mut token = ap_req("LAB.TEST", &["cifs", "server.lab.test"]);
            if let Some(byte) = token.get_mut(at) {
                *byte ^= by;
            }
            token.truncate(token.len().saturating_sub(cut));
            let _ = kerberos_token(&token);
        }
    }
}
