//! One message of a login, for who looks at logins: its kind, who speaks, with which version and flags. No challenge, response
//! or key is kept.

use serde::Serialize;

use super::gss_token::{MechToken, mech_token};
use super::ntlmssp;
use crate::model::message::{SessionSetupRequest, SessionSetupResponse};
use crate::model::{Header, Layout, LoginFacts, Utf16};

/// NTLMSSP_NEGOTIATE_VERSION, [MS-NLMP] 2.2.2.5
const FLAG_VERSION: u32 = 0x0200_0000;
/// Names of the flags that say how a session is protected, [MS-NLMP] 2.2.2.5.
const FLAGS: [(u32, &str); 15] = [
    (0x0000_0001, "UNICODE"),
    (0x0000_0002, "OEM"),
    (0x0000_0004, "REQUEST_TARGET"),
    (0x0000_0010, "SIGN"),
    (0x0000_0020, "SEAL"),
    (0x0000_0080, "LM_KEY"),
    (0x0000_0200, "NTLM"),
    (0x0000_0800, "ANONYMOUS"),
    (0x0000_8000, "ALWAYS_SIGN"),
    (0x0008_0000, "EXTENDED_SESSIONSECURITY"),
    (0x0080_0000, "TARGET_INFO"),
    (FLAG_VERSION, "VERSION"),
    (0x2000_0000, "128"),
    (0x4000_0000, "KEY_EXCH"),
    (0x8000_0000, "56"),
];
/// Names that a server has, by the id of their AV_PAIR, [MS-NLMP] 2.2.2.1.
const TARGET_INFO: [(u16, &str); 6] = [
    (1, "NetBIOS computer"),
    (2, "NetBIOS domain"),
    (3, "DNS computer"),
    (4, "DNS domain"),
    (5, "DNS forest"),
    (9, "service"),
];

/// What a message tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LoginMessage {
    /// `NTLM` or `Kerberos`; null when it carries neither.
    pub mechanism: Option<&'static str>,
    /// `NEGOTIATE`, `CHALLENGE`, `AUTHENTICATE`, `AP-REQ`, `AP-REP`.
    pub message: Option<&'static str>,
    /// Who is named.
    pub user: Option<String>,
    /// Of which domain.
    pub domain: Option<String>,
    /// The client's own name.
    pub workstation: Option<String>,
    /// The server or service that is meant, or how the server calls itself.
    pub target: Option<String>,
    /// The server's names, each with what it is.
    pub target_info: Vec<(&'static str, String)>,
    /// Version of the operating system, or what the speaker says it is.
    pub version: Option<String>,
    /// NTLM flags.
    pub flags: Vec<&'static str>,
    /// AUTHENTICATE: whether the response is NTLM version 2.
    pub ntlmv2: Option<bool>,
}

/// Reads a SESSION_SETUP request or response; None when it is none.
pub fn login_message(pdu: &[u8]) -> Option<LoginMessage> {
    let header = Header::decode(pdu).ok()?;
    let token = if header.flags.is_response() {
        SessionSetupResponse::decode(pdu).ok()?.security_buffer
    } else {
        SessionSetupRequest::decode(pdu).ok()?.security_buffer
    };
    Some(match mech_token(token) {
        MechToken::Ntlm(message) => ntlm(message),
        MechToken::Kerberos(token) => {
            let message = match token.first() {
                Some(1) => Some("AP-REQ"),
                Some(2) => Some("AP-REP"),
                _ => None,
            };
            let facts = match super::setup_message(pdu) {
                super::SetupMessage::Ticket(facts) | super::SetupMessage::Told(facts) => facts,
                super::SetupMessage::Silent | super::SetupMessage::Unknown => LoginFacts::default(),
            };
            named(facts, LoginMessage { mechanism: Some("Kerberos"), message, ..LoginMessage::default() })
        }
        MechToken::None | MechToken::Unknown => LoginMessage::default(),
    })
}

fn named(facts: LoginFacts, message: LoginMessage) -> LoginMessage {
    LoginMessage {
        user: facts.user,
        domain: facts.domain,
        workstation: facts.workstation,
        target: facts.target_name,
        ..message
    }
}

fn ntlm(bytes: &[u8]) -> LoginMessage {
    let layout = Layout(bytes);
    let (name, flags_at, version_at) = match layout.u32("MessageType", 8) {
        Ok(1) => ("NEGOTIATE", 12, 32),
        Ok(2) => ("CHALLENGE", 20, 48),
        Ok(3) => ("AUTHENTICATE", 60, 64),
        _ => return LoginMessage { mechanism: Some("NTLM"), ..LoginMessage::default() },
    };
    let flags = layout.u32("NegotiateFlags", flags_at).unwrap_or_default();
    let response = buffer(layout, 20).filter(|_| name == "AUTHENTICATE");
    let target_info = match name {
        "CHALLENGE" => buffer(layout, 40).map(target_info).unwrap_or_default(),
        // Behind the proof and the fixed part of an NTLMv2 response, [MS-NLMP] 2.2.2.8.
        _ => response.and_then(|response| response.get(44..)).map(target_info).unwrap_or_default(),
    };
    let version = (flags & FLAG_VERSION != 0).then(|| version(layout, version_at)).flatten();
    named(
        ntlmssp::facts(bytes).unwrap_or_default(),
        LoginMessage {
            mechanism: Some("NTLM"),
            message: Some(name),
            target_info,
            version,
            flags: FLAGS.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name).collect(),
            ntlmv2: response.map(|response| response.len() > 24),
            ..LoginMessage::default()
        },
    )
}

/// A buffer: its length stands at its place, its offset four bytes behind.
fn buffer<'a>(layout: Layout<'a>, at: usize) -> Option<&'a [u8]> {
    let length = usize::from(layout.u16("Len", at).ok()?);
    let offset = layout.u32("BufferOffset", at + 4).ok()? as usize;
    layout.bytes("Buffer", offset, length).ok().filter(|bytes| !bytes.is_empty())
}

fn target_info(mut pairs: &[u8]) -> Vec<(&'static str, String)> {
    let mut names = Vec::new();
    loop {
        let layout = Layout(pairs);
        let (Ok(id), Ok(length)) = (layout.u16("AvId", 0), layout.u16("AvLen", 2)) else { return names };
        let Ok(value) = layout.bytes("Value", 4, usize::from(length)) else { return names };
        if id == 0 {
            return names;
        }
        if let Some((_, name)) = TARGET_INFO.iter().find(|(known, _)| *known == id) {
            names.push((*name, Utf16(value).decode()));
        }
        pairs = pairs.get(4 + usize::from(length)..).unwrap_or_default();
    }
}

/// [MS-NLMP] 2.2.2.10
fn version(layout: Layout<'_>, at: usize) -> Option<String> {
    let (major, minor) = (layout.u8("ProductMajorVersion", at).ok()?, layout.u8("ProductMinorVersion", at + 1).ok()?);
    let build = layout.u16("ProductBuild", at + 2).ok()?;
    Some(format!("{major}.{minor} (build {build})"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_challenge_tells_the_names_of_the_server() {
        let mut message = b"NTLMSSP\0\x02\0\0\0".to_vec();
        message.extend_from_slice(&[0; 8]);
        message.extend_from_slice(&(FLAG_VERSION | 1 | 0x10).to_le_bytes());
        message.extend_from_slice(&[0; 16]);
        let name = Utf16::encode("SRV");
        let pairs = [&[1, 0, name.len() as u8, 0][..], &name, &[7, 0, 1, 0, 9], &[0; 4]].concat();
        message.extend_from_slice(&[pairs.len() as u8, 0, pairs.len() as u8, 0, 56, 0, 0, 0]);
        message.extend_from_slice(&[10, 0, 0x61, 0x4A, 0, 0, 0, 15]);
        message.extend_from_slice(&pairs);
        let told = ntlm(&message);
        assert_eq!((told.message, told.version.as_deref()), (Some("CHALLENGE"), Some("10.0 (build 19041)")));
        assert_eq!(told.target_info, [("NetBIOS computer", "SRV".to_owned())]);
        assert_eq!(told.flags, ["UNICODE", "SIGN", "VERSION"]);
        assert_eq!(told.ntlmv2, None);
    }

    proptest! {
        #[test]
        fn arbitrary_messages_never_panic(kind in 0u8..5, rest in proptest::collection::vec(any::<u8>(), 0..200)) {
            let message = [&b"NTLMSSP\0"[..], &[kind, 0, 0, 0][..], &rest].concat();
            let _ = ntlm(&message);
            let _ = target_info(&rest);
        }
    }
}
