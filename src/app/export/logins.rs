//! NTLM logins, put together from the messages of SESSION_SETUPs.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::dissect::{LoginMessage, login_message};
use crate::model::{Command, Connection, NtStatus, Operation, Timestamp};
use crate::report::NtlmLogin;

/// A login, when it began and on which connection.
pub(super) type Carried = (Timestamp, Arc<Connection>, NtlmLogin);

/// The logins of a session that are under way, by their connection.
#[derive(Default)]
pub(super) struct NtlmLogins(BTreeMap<u32, Carried>);

impl NtlmLogins {
    /// Takes an operation; gives the login that it ends.
    pub(super) fn add(&mut self, operation: &Operation) -> Option<Carried> {
        if operation.command != Command::SessionSetup {
            return None;
        }
        let stream = operation.connection.tcp_stream;
        let mut ended = None;
        if let Some(request) = &operation.request
            && let Some(message) = login_message(&request.pdu).filter(|message| message.mechanism == Some("NTLM"))
        {
            if message.message == Some("NEGOTIATE") {
                ended = self.0.remove(&stream);
            }
            let begun = || (request.time, operation.connection.clone(), NtlmLogin::default());
            read(message, &mut self.0.entry(stream).or_insert_with(begun).2);
        }
        let (_, _, login) = self.0.get_mut(&stream)?;
        if let Some(response) = &operation.response
            && let Some(message) = login_message(&response.pdu)
        {
            read(message, login);
        }
        match operation.status {
            Some(NtStatus::MORE_PROCESSING_REQUIRED) | None => ended,
            Some(status) => {
                login.success = Some(status == NtStatus::SUCCESS);
                // One that a new one follows has ended without an answer; both at once cannot be.
                ended.or_else(|| self.0.remove(&stream))
            }
        }
    }

    /// Those whose end is not in the capture.
    pub(super) fn end(&mut self) -> Vec<Carried> {
        std::mem::take(&mut self.0).into_values().collect()
    }
}

fn read(message: LoginMessage, login: &mut NtlmLogin) {
    match message.message {
        Some("AUTHENTICATE") => {
            login.user = message.user;
            login.domain = message.domain;
            login.workstation = message.workstation;
        }
        Some("CHALLENGE") => {
            let named =
                |what: &str| message.target_info.iter().find(|(kind, _)| *kind == what).map(|(_, name)| name.clone());
            login.server_netbios = named("NetBIOS computer");
            login.server_dns = named("DNS computer");
            login.server_tree = named("DNS forest");
        }
        _ => {}
    }
}
