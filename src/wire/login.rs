//! SESSION_SETUP, [MS-SMB2] 3.2.4.2.3 and 3.2.5.3.

use super::auth::{AuthError, Exchange};
use super::chain::Outgoing;
use super::connection::Connection;
use super::credentials::Credentials;
use super::error::WireError;
use super::keys::{Key, PreauthHash, seal_keys, signing_key};
use super::options::{Encryption, Signing};
use super::session::{NewSession, Session};
use super::ticket::Reply;
use crate::model::message::{SessionSetupRequest, SessionSetupResponse};
use crate::model::{Command, Dialect, NtStatus, SessionId};

/// The most rounds that a login may take.
const MOST_ROUNDS: usize = 16;
/// SMB2_GLOBAL_CAP_DFS
const CAP_DFS: u32 = 1;

/// What a login may be told.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoginOptions {
    /// `PreviousSessionId`: the session that this one takes the place of after a lost connection.
    pub previous_session_id: Option<SessionId>,
}

/// What the rounds of a login end with.
struct Outcome {
    id: SessionId,
    flags: u16,
    preauth: PreauthHash,
    key: Option<Key>,
    reply: Reply,
}

pub(super) async fn login(
    connection: &Connection,
    credentials: &Credentials,
    options: LoginOptions,
    bound: Option<&Session>,
) -> Result<Session, WireError> {
    if bound.is_some() && !connection.negotiated().multi_channel() {
        return Err(WireError::NotSupported {
            address: connection.options().address,
            feature: "binding a session to a second connection",
            dialect: connection.negotiated().dialect,
        });
    }
    let outcome = rounds(connection, credentials, options, bound).await?;
    let session = settle(connection, credentials, outcome, bound)?;
    connection.add_session(&session);
    Ok(session)
}

async fn rounds(
    connection: &Connection,
    credentials: &Credentials,
    options: LoginOptions,
    bound: Option<&Session>,
) -> Result<Outcome, WireError> {
    let address = connection.options().address;
    let failed = |error: AuthError| WireError::Authentication {
        address,
        user: credentials.to_string(),
        reason: error.to_string(),
    };
    let mut exchange = Exchange::start(credentials, &connection.options().server_name).map_err(failed)?;
    let mut preauth = connection.negotiated().preauth.clone();
    let mut id = bound.map_or(SessionId(0), Session::id);
    let mut token = exchange.step(None).await.map_err(failed)?;

    for _ in 0..MOST_ROUNDS {
        let body = SessionSetupRequest {
            flags: if bound.is_some() { SessionSetupRequest::FLAG_BINDING } else { 0 },
            security_mode: connection.negotiated().client_security_mode as u8,
            capabilities: CAP_DFS,
            channel: 0,
            previous_session_id: options.previous_session_id.unwrap_or_default().0,
            security_buffer: &token,
        };
        let mut bytes = Vec::new();
        body.encode(&mut bytes);
        let mut request = Outgoing::new(Command::SessionSetup, bytes);
        request.session_id = Some(id);
        request.session = bound.cloned();
        request.sign = true;
        let (reply, sent) = connection.ask_keeping(request).await?;
        preauth.update(&sent);

        let status = reply.status();
        if !matches!(status, NtStatus::SUCCESS | NtStatus::MORE_PROCESSING_REQUIRED) {
            return Err(WireError::LoginRefused { address, user: credentials.to_string(), status });
        }
        let response = SessionSetupResponse::decode(&reply.pdu).map_err(|source| WireError::Malformed {
            address,
            command: Command::SessionSetup,
            source,
        })?;
        id = reply.header.session_id;
        let flags = response.session_flags;
        if status == NtStatus::SUCCESS {
            let trusted = flags & (SessionSetupResponse::FLAG_IS_GUEST | SessionSetupResponse::FLAG_IS_NULL) == 0;
            exchange.finish(response.security_buffer, trusted).await.map_err(failed)?;
            let key = exchange.session_key().map_err(failed)?;
            return Ok(Outcome { id, flags, preauth, key, reply });
        }
        preauth.update(&reply.pdu);
        token = exchange.step(Some(response.security_buffer)).await.map_err(failed)?;
    }
    Err(failed(AuthError::TooManyRounds(MOST_ROUNDS)))
}

/// Makes the session of a login: its keys, what is signed and sealed. Checks the signature of the last response.
fn settle(
    connection: &Connection,
    credentials: &Credentials,
    outcome: Outcome,
    bound: Option<&Session>,
) -> Result<Session, WireError> {
    let (negotiated, options) = (connection.negotiated(), connection.options());
    let (address, dialect) = (options.address, negotiated.dialect);
    let Outcome { id, flags, preauth, key, reply } = outcome;

    let nobody = SessionSetupResponse::FLAG_IS_GUEST | SessionSetupResponse::FLAG_IS_NULL;
    // Samba grants null sessions without saying so: whoever asked for one has no key either.
    let key = key.filter(|_| flags & nobody == 0);
    let signing = key.as_ref().map(|key| signing_key(key, dialect, negotiated.signing_algorithm, &preauth));
    if let Some(signing) = &signing {
        let (command, message_id, status) = (Command::SessionSetup, reply.header.message_id, reply.status());
        if reply.header.flags.is_signed() {
            if !signing.verify(&reply.pdu) {
                return Err(WireError::SignatureMismatch { address, command, message_id });
            }
        } else if dialect == Dialect::SMB3_1_1 || bound.is_some() {
            return Err(WireError::Unsigned { address, command, message_id, status });
        }
    }
    if let (Some(bound), Some(signing)) = (bound, signing) {
        return Ok(bound.channel(signing));
    }

    let seal = match (&key, negotiated.cipher) {
        (Some(key), Some(cipher)) => seal_keys(id, key, dialect, cipher, &preauth),
        _ => None,
    };
    let demanded = flags & SessionSetupResponse::FLAG_ENCRYPT_DATA != 0;
    let seal_all = demanded || options.encryption == Encryption::Required;
    if seal_all && seal.is_none() {
        return Err(WireError::NoEncryption { address, subject: format!("the session of {credentials}"), dialect });
    }
    let signing = key.as_ref().map(|key| signing_key(key, dialect, negotiated.signing_algorithm, &preauth));
    Ok(Session::new(NewSession {
        id,
        user: credentials.to_string(),
        flags,
        anonymous: matches!(credentials, Credentials::Anonymous),
        dialect,
        signing,
        seal,
        sign_all: options.signing == Signing::Always || negotiated.signing_required(),
        seal_all,
    }))
}
