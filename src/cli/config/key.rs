//! The keys of the configuration: those of the original system.

use std::fmt;

use super::ConfigError;

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Address or name of the target.
    ServerIp,
    /// Its TCP port.
    Port,
    /// Domain of the user.
    Domain,
    /// Who logs in.
    Username,
    /// Share that stands for the captured one.
    TreeName,
    /// Seconds to wait for an answer.
    MaxWait,
    /// The case: a folder below `traces_folder`.
    CaseId,
    /// The capture.
    TraceName,
    /// The session.
    SessionId,
    /// Where the cases are.
    TracesFolder,
    /// How much is said on stderr, 0 to 3.
    Verbosity,
}

impl Key {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::ServerIp,
        Self::Port,
        Self::Domain,
        Self::Username,
        Self::TreeName,
        Self::MaxWait,
        Self::CaseId,
        Self::TraceName,
        Self::SessionId,
        Self::TracesFolder,
        Self::Verbosity,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ServerIp => "server_ip",
            Self::Port => "port",
            Self::Domain => "domain",
            Self::Username => "username",
            Self::TreeName => "tree_name",
            Self::MaxWait => "max_wait",
            Self::CaseId => "case_id",
            Self::TraceName => "trace_name",
            Self::SessionId => "session_id",
            Self::TracesFolder => "traces_folder",
            Self::Verbosity => "verbosity",
        }
    }

    /// The key of a name; `-` does for `_`.
    pub fn parse(name: &str) -> Result<Self, ConfigError> {
        let wanted = name.trim().replace('-', "_").to_ascii_lowercase();
        if ["password", "passwd", "pass", "pw"].iter().any(|word| wanted.ends_with(word)) {
            return Err(ConfigError::Password);
        }
        Self::ALL.into_iter().find(|key| key.name() == wanted).ok_or_else(|| ConfigError::UnknownKey(name.to_owned()))
    }

    /// The environment variables that set it, first come first served.
    pub fn variables(self) -> &'static [&'static str] {
        match self {
            Self::ServerIp => &["SMBREPLAY_SERVER_IP"],
            Self::Port => &["SMBREPLAY_PORT"],
            Self::Domain => &["SMBREPLAY_DOMAIN"],
            Self::Username => &["SMBREPLAY_USERNAME"],
            Self::TreeName => &["SMBREPLAY_TREE_NAME"],
            Self::MaxWait => &["SMBREPLAY_MAX_WAIT"],
            Self::CaseId => &["SMBREPLAY_CASE_ID"],
            Self::TraceName => &["SMBREPLAY_TRACE_NAME"],
            Self::SessionId => &["SMBREPLAY_SESSION_ID"],
            // The second is the original's.
            Self::TracesFolder => &["SMBREPLAY_TRACES_FOLDER", "TRACES_FOLDER"],
            Self::Verbosity => &["SMBREPLAY_VERBOSITY"],
        }
    }

    /// Its value when nobody sets it.
    pub fn default(self) -> Option<&'static str> {
        match self {
            Self::ServerIp => Some("127.0.0.1"),
            Self::Port => Some("445"),
            Self::MaxWait => Some("5"),
            Self::TracesFolder => Some("~/cases"),
            Self::Verbosity => Some("0"),
            Self::Domain | Self::Username | Self::TreeName | Self::CaseId | Self::TraceName | Self::SessionId => None,
        }
    }

    /// Whether a value is of its kind.
    pub(super) fn accepts(self, value: &str) -> bool {
        match self {
            Self::Port => value.parse::<u16>().is_ok_and(|port| port > 0),
            Self::MaxWait => value.parse::<f64>().is_ok_and(|seconds| seconds.is_finite() && seconds > 0.0),
            Self::Verbosity => value.parse::<u8>().is_ok_and(|level| level <= 3),
            _ => !value.is_empty() && !value.contains(char::is_control),
        }
    }

    /// What is accepted, as the object of a sentence.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Port => "a port number from 1 to 65535",
            Self::MaxWait => "a number of seconds above 0",
            Self::Verbosity => "a level from 0 to 3",
            _ => "a text on one line",
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
