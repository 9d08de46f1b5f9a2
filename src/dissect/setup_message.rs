//! What a SESSION_SETUP message tells of a login, read without tshark.

use super::gss_token::{MechToken, mech_token};
use super::ticket::{KerberosToken, kerberos_token};
use super::{merge_login, ntlmssp};
use crate::model::message::{SessionSetupRequest, SessionSetupResponse};
use crate::model::{Header, LoginFacts, NtStatus};

/// What is read of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetupMessage {
    /// All that it tells.
    Told(LoginFacts),
    /// Nothing is in it that tells of the login.
    Silent,
    /// What its ticket tells; whose it is, tshark can tell with a key.
    Ticket(LoginFacts),
    /// It is of another mechanism than NTLM or Kerberos, or damaged: tshark may know more.
    Unknown,
}

/// Reads a SESSION_SETUP request or response, from its `ProtocolId` on.
pub fn setup_message(pdu: &[u8]) -> SetupMessage {
    read(pdu).unwrap_or(SetupMessage::Unknown)
}

fn read(pdu: &[u8]) -> Option<SetupMessage> {
    let header = Header::decode(pdu).ok()?;
    let mut granted = LoginFacts::default();
    let token = if header.flags.is_response() {
        // Others are ERROR responses, [MS-SMB2] 2.2.2.
        if !matches!(header.status, NtStatus::SUCCESS | NtStatus::MORE_PROCESSING_REQUIRED) {
            return Some(SetupMessage::Silent);
        }
        let response = SessionSetupResponse::decode(pdu).ok()?;
        granted.guest = response.session_flags & SessionSetupResponse::FLAG_IS_GUEST != 0;
        granted.anonymous = response.session_flags & SessionSetupResponse::FLAG_IS_NULL != 0;
        response.security_buffer
    } else {
        SessionSetupRequest::decode(pdu).ok()?.security_buffer
    };
    let facts = match mech_token(token) {
        MechToken::None => LoginFacts::default(),
        MechToken::Ntlm(message) => ntlmssp::facts(message).ok()?,
        MechToken::Kerberos(token) => match kerberos_token(token)? {
            KerberosToken::Ticket(facts) => return Some(SetupMessage::Ticket(facts)),
            KerberosToken::Accepted => LoginFacts::default(),
        },
        MechToken::Unknown => return None,
    };
    merge_login(&mut granted, facts);
    Some(if granted == LoginFacts::default() { SetupMessage::Silent } else { SetupMessage::Told(granted) })
}
