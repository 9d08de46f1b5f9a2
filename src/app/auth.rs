//! Who logged in and how, and what stands out.

use serde::Serialize;

use super::error::DatasetError;
use super::events::Events;
use super::find::{TraceRequest, chosen_sessions};
use super::reading::operations;
use crate::analyse::{Finding, Findings};
use crate::dissect::{LoginMessage, login_message};
use crate::model::{Command, NtStatus, Operation, Part};
use crate::store::Projection;

/// Whose logins.
#[derive(Clone, Debug, Default)]
pub struct AuthRequest {
    /// The capture.
    pub trace: TraceRequest,
    /// The session; else all.
    pub session: Option<String>,
}

/// Logins, and what stands out.
#[derive(Clone, Debug, Serialize)]
pub struct AuthReport {
    /// The messages of logins, in the order of their frames.
    pub logins: Vec<Login>,
    /// What stands out.
    pub findings: Vec<Finding>,
}

/// A message of a login.
#[derive(Clone, Debug, Serialize)]
pub struct Login {
    /// The session, `0x` and 16 hex digits.
    pub session: String,
    /// The frame that completed the message.
    pub frame: u64,
    /// Its time, RFC 3339.
    pub time: String,
    /// Whether the client sent it.
    pub from_client: bool,
    /// Address and port of the client.
    pub client: String,
    /// Address and port of the server.
    pub server: String,
    /// What the message says.
    #[serde(flatten)]
    pub message: LoginMessage,
    /// The NT status of a response.
    pub status: Option<String>,
    /// Whether that is an error.
    pub failed: bool,
}

/// Bodies that logins and findings are in.
const BODIES: &[Command] = &[Command::SessionSetup, Command::SetInfo];

/// Lists who logged in and how, and what stands out.
///
/// ```
/// use smbreplay::app::{self, AuthRequest, IngestRequest, Quiet, TraceRequest};
///
/// let folder = tempfile::tempdir()?;
/// let capture = "fixtures/quickstart/capture.pcapng";
/// app::ingest(&IngestRequest::of(capture).with_output(folder.path()).without_tshark(), &Quiet)?;
///
/// let trace = TraceRequest::of(capture).with_output(folder.path());
/// let report = app::auth(&AuthRequest { trace, session: None }, &Quiet)?;
/// assert!(report.logins.iter().any(|login| login.message.user.as_deref() == Some("testuser")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The dataset or the session is not there, or cannot be read.
pub fn auth(request: &AuthRequest, events: &dyn Events) -> Result<AuthReport, DatasetError> {
    let dataset = request.trace.open()?;
    let cancel = events.cancel();
    let (mut logins, mut findings) = (Vec::new(), Findings::default());
    if request.session.is_none() {
        findings.smb1(dataset.manifest().quality.smb1_messages);
    }
    for session in chosen_sessions(&dataset, request.session.as_deref())? {
        findings.begin_session(session);
        for operation in operations(&dataset, session, Projection::PdusOf(BODIES), &cancel)? {
            let operation = operation?;
            findings.add(&operation);
            if operation.command == Command::SessionSetup {
                logins.extend(operation.request.as_ref().map(|part| login(&session.id, &operation, part, true)));
                logins.extend(operation.response.as_ref().map(|part| login(&session.id, &operation, part, false)));
            }
        }
    }
    logins.sort_by_key(|login| login.frame);
    Ok(AuthReport { logins, findings: findings.finish() })
}

fn login(session: &str, operation: &Operation, part: &Part, from_client: bool) -> Login {
    let status = operation.status.filter(|_| !from_client);
    Login {
        session: session.to_owned(),
        frame: part.frame,
        time: part.time.to_string(),
        from_client,
        client: operation.connection.client.to_string(),
        server: operation.connection.server.to_string(),
        message: login_message(&part.pdu).unwrap_or_default(),
        status: status.map(|status| status.to_string()),
        failed: status.is_some_and(NtStatus::is_error),
    }
}
