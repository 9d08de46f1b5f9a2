//! The configuration file: TOML, readable by its owner only.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{ConfigError, Key, Origin};

/// What the file holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ConfigFile {
    server_ip: Option<String>,
    port: Option<u16>,
    domain: Option<String>,
    username: Option<String>,
    tree_name: Option<String>,
    max_wait: Option<f64>,
    case_id: Option<String>,
    trace_name: Option<String>,
    session_id: Option<String>,
    traces_folder: Option<String>,
    verbosity: Option<u8>,
}

impl ConfigFile {
    /// Reads it; a file that is not there is an empty one.
    pub(super) fn load(path: &Path) -> Result<Self, ConfigError> {
        // confy would write the file it does not find.
        if !path.exists() {
            return Ok(Self::default());
        }
        confy::load_path(path).map_err(|error| match error {
            // The error itself would print the line, which may be a password that someone put there.
            confy::ConfyError::BadTomlData(error) => {
                ConfigError::Content { path: path.to_owned(), message: error.message().to_owned() }
            }
            source => ConfigError::File { path: path.to_owned(), what: "read", source: source.into() },
        })
    }

    pub(super) fn store(&self, path: &Path) -> Result<(), ConfigError> {
        // confy sets the mode before it writes the content.
        confy::store_path_perms(path, self, Permissions::from_mode(0o600)).map_err(|source| ConfigError::File {
            path: path.to_owned(),
            what: "written",
            source: source.into(),
        })
    }

    /// The value of a key, as it would be typed.
    pub(super) fn get(&self, key: Key) -> Option<String> {
        match key {
            Key::Port => self.port.map(|port| port.to_string()),
            Key::MaxWait => self.max_wait.map(|seconds| seconds.to_string()),
            Key::Verbosity => self.verbosity.map(|level| level.to_string()),
            Key::ServerIp => self.server_ip.clone(),
            Key::Domain => self.domain.clone(),
            Key::Username => self.username.clone(),
            Key::TreeName => self.tree_name.clone(),
            Key::CaseId => self.case_id.clone(),
            Key::TraceName => self.trace_name.clone(),
            Key::SessionId => self.session_id.clone(),
            Key::TracesFolder => self.traces_folder.clone(),
        }
    }

    /// Takes a value as it was typed.
    pub(super) fn set(&mut self, key: Key, value: &str) -> Result<(), ConfigError> {
        if !key.accepts(value) {
            return Err(ConfigError::Value { key, value: value.to_owned(), origin: Origin::Flag });
        }
        self.put(key, Some(value));
        Ok(())
    }

    pub(super) fn unset(&mut self, key: Key) {
        self.put(key, None);
    }

    /// `value` is one that the key accepts.
    fn put(&mut self, key: Key, value: Option<&str>) {
        let text = value.map(str::to_owned);
        match key {
            Key::Port => self.port = value.and_then(|value| value.parse().ok()),
            Key::MaxWait => self.max_wait = value.and_then(|value| value.parse().ok()),
            Key::Verbosity => self.verbosity = value.and_then(|value| value.parse().ok()),
            Key::ServerIp => self.server_ip = text,
            Key::Domain => self.domain = text,
            Key::Username => self.username = text,
            Key::TreeName => self.tree_name = text,
            Key::CaseId => self.case_id = text,
            Key::TraceName => self.trace_name = text,
            Key::SessionId => self.session_id = text,
            Key::TracesFolder => self.traces_folder = text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_round_trips_and_can_be_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.toml");
        let mut file = ConfigFile::default();
        for key in Key::ALL {
            file.set(key, "3").expect("3 is a port, a time, a level and a text");
        }
        file.store(&path).expect("stored");
        assert_eq!(ConfigFile::load(&path).expect("loaded"), file);
        for key in Key::ALL {
            assert_eq!(file.get(key).as_deref(), Some("3"), "{key}");
            file.unset(key);
            assert_eq!(file.get(key), None, "{key}");
        }
        assert_eq!(file, ConfigFile::default());
    }

    #[test]
    fn values_of_another_kind_are_refused() {
        let mut file = ConfigFile::default();
        for (key, value) in
            [(Key::Port, "0"), (Key::Port, "x"), (Key::MaxWait, "-1"), (Key::Verbosity, "9"), (Key::Domain, "")]
        {
            assert!(file.set(key, value).is_err(), "{key} {value}");
        }
        assert_eq!(file, ConfigFile::default());
    }
}
