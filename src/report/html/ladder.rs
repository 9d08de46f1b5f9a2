//! The operations that sessions begin with, for a picture of who said what to whom.

use serde::Serialize;

use crate::model::{Command, OperationDigest, ReplayedStep};

/// Operations shown of a session.
const OF_A_SESSION: usize = 250;
/// Operations shown of all sessions.
const OF_ALL: usize = 4_000;
/// Sessions shown.
const SESSIONS: usize = 100;

/// The beginnings of sessions.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Ladder {
    sessions: Vec<LadderSession>,
    /// Sessions of which nothing is shown.
    left_out: usize,
    #[serde(skip)]
    rungs: usize,
}

#[derive(Clone, Debug, Serialize)]
struct LadderSession {
    id: String,
    client: String,
    server: String,
    /// Operations that the session has.
    operations: u64,
    rungs: Vec<Rung>,
}

/// An operation. Times are nanoseconds from the beginning.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Rung {
    command: String,
    path: Option<String>,
    /// Where in the file, and how many bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<(u64, u64)>,
    /// Frame and time of the request.
    request: Option<(u64, i64)>,
    /// Frame and time of the response.
    response: Option<(Option<u64>, i64)>,
    status: Option<String>,
    failed: bool,
    /// Of a replay: how the answer compares, and the captured status where it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    captured_status: Option<String>,
}

impl Ladder {
    pub(super) fn begin_session(&mut self, id: &str, client: &str, server: &str) {
        if self.sessions.len() < SESSIONS && self.rungs < OF_ALL {
            let [id, client, server] = [id, client, server].map(str::to_owned);
            self.sessions.push(LadderSession { id, client, server, operations: 0, rungs: Vec::new() });
        } else {
            self.left_out += 1;
        }
    }

    /// Of a session that is shown; None when nothing more is.
    fn session(&mut self) -> Option<&mut LadderSession> {
        if self.left_out > 0 { None } else { self.sessions.last_mut() }
    }

    fn push(&mut self, rung: impl FnOnce() -> Rung) {
        let full = self.rungs >= OF_ALL;
        let Some(session) = self.session() else { return };
        session.operations += 1;
        if session.rungs.len() < OF_A_SESSION && !full {
            session.rungs.push(rung());
            self.rungs += 1;
        }
    }

    pub(super) fn captured(&mut self, operation: &OperationDigest<'_>, beginning_ns: i64) {
        self.push(|| Rung {
            command: operation.command.to_string(),
            path: about(operation.command, operation.share, operation.path),
            range: operation.offset.zip(operation.bytes.or(operation.length)),
            request: operation.request.map(|(frame, time)| (frame, time.0.saturating_sub(beginning_ns))),
            response: operation.response.map(|(frame, time)| (Some(frame), time.0.saturating_sub(beginning_ns))),
            status: operation.status.map(|status| status.to_string()),
            failed: operation.status.is_some_and(|status| status.is_error()),
            class: None,
            captured_status: None,
        });
    }

    /// Steps of the first pass come one session after the other.
    pub(super) fn replayed(&mut self, step: &ReplayedStep, target: &str) {
        let id = step.session_id.to_string();
        if self.left_out == 0 && self.sessions.last().is_none_or(|session| session.id != id) {
            self.begin_session(&id, "smbreplay", target);
        }
        let differs = step.captured_status != step.replayed_status;
        self.push(|| Rung {
            command: step.command.to_string(),
            path: about(step.command, step.share.as_deref(), step.path.as_deref()),
            range: None,
            request: step.sent_ns.map(|time| (step.frame, time)),
            response: step.answered_ns.map(|time| (None, time)),
            status: step.replayed_status.map(|status| status.to_string()),
            failed: step.class != "match" && !step.noise,
            class: Some(step.class.to_string()),
            captured_status: step.captured_status.filter(|_| differs).map(|status| status.to_string()),
        });
    }
}

/// What an operation is about: a share, when it connects one.
pub(super) fn about(command: Command, share: Option<&str>, path: Option<&str>) -> Option<String> {
    let about = match command {
        Command::TreeConnect | Command::TreeDisconnect => share,
        _ => path,
    };
    about.map(|about| if about.is_empty() { "\\".to_owned() } else { about.to_owned() })
}
