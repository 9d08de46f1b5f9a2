//! Which operations of the capture a replay is about.

use std::fmt;
use std::net::SocketAddr;

use globset::GlobMatcher;

use super::users::{CapturedUser, KnownUsers};
use crate::model::{Command, Operation, SessionId, Timestamp};

/// What is selected: operations that fit all that is said. The default is everything.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Sent at this time or later.
    pub from: Option<Timestamp>,
    /// Sent before this time.
    pub to: Option<Timestamp>,
    /// On paths that match one of these, with `/` between the parts.
    pub paths: Vec<GlobMatcher>,
    /// With one of these commands.
    pub commands: Vec<Command>,
    /// Of one of these captured users, as [`CapturedUser::fits`] has it.
    pub users: Vec<String>,
    /// Of one of these sessions.
    pub sessions: Vec<(SocketAddr, SessionId)>,
}

impl Selection {
    /// Whether nothing is left out.
    pub fn is_everything(&self) -> bool {
        self.from.is_none()
            && self.to.is_none()
            && self.paths.is_empty()
            && self.commands.is_empty()
            && self.users.is_empty()
            && self.sessions.is_empty()
    }

    /// Whether an operation fits. What servers begin (breaks) and its acknowledgement fit nothing: they follow their opens.
    pub(super) fn takes(&self, operation: &Operation, known: &KnownUsers) -> bool {
        let session = (operation.connection.server, operation.session_id);
        let time = operation.first_time();
        let at_time = |fits: &dyn Fn(Timestamp) -> bool| time.is_some_and(fits);
        operation.command != Command::OplockBreak
            && self.from.is_none_or(|from| at_time(&|time| time >= from))
            && self.to.is_none_or(|to| at_time(&|time| time < to))
            && (self.commands.is_empty() || self.commands.contains(&operation.command))
            && (self.paths.is_empty() || self.takes_path(operation))
            && (self.sessions.is_empty() || self.sessions.contains(&session))
            && (self.users.is_empty() || self.takes_user(known.get(&session)))
    }

    fn takes_path(&self, operation: &Operation) -> bool {
        let mut paths = [&operation.path, &operation.new_path].into_iter().flatten();
        paths.any(|path| {
            let path = path.replace('\\', "/");
            self.paths.iter().any(|glob| glob.is_match(&path))
        })
    }

    fn takes_user(&self, user: Option<&CapturedUser>) -> bool {
        user.is_some_and(|user| self.users.iter().any(|name| user.fits(name)))
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        parts.extend(self.from.map(|from| format!("from {from}")));
        parts.extend(self.to.map(|to| format!("to {to}")));
        parts.extend(self.paths.iter().map(|glob| format!("path {}", glob.glob())));
        parts.extend(self.commands.iter().map(|command| format!("command {command}")));
        parts.extend(self.users.iter().map(|user| format!("user {user}")));
        parts.extend(self.sessions.iter().map(|(_, session)| format!("session {session}")));
        f.write_str(&parts.join(", "))
    }
}
