//! Settings: flag before environment before configuration file before default, and which of them it was.

mod file;
mod key;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use file::ConfigFile;
pub use key::Key;

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no such key.
    #[error("{0:?} is no setting; there are {list}", list = Key::ALL.map(Key::name).join(", "))]
    UnknownKey(String),
    /// Someone wants to store a password.
    #[error(
        "a password is never stored in the configuration; give it when it is needed, with SMBREPLAY_PASSWORD, \
         --password-file, --password-stdin or at the prompt"
    )]
    Password,
    /// A value is not of its key's kind.
    #[error("{key} {origin} is {value:?}, but {} is expected", key.expected())]
    Value {
        /// The key.
        key: Key,
        /// Its value.
        value: String,
        /// Where it comes from.
        origin: Origin,
    },
    /// The file cannot be found, read or written.
    #[error("the configuration file {} cannot be {what}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        what: &'static str,
        /// Why.
        source: Box<confy::ConfyError>,
    },
    /// What is in the file cannot be understood.
    #[error("the configuration file {}: {message}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, without the value.
        message: String,
    },
    /// There is no home directory to look in.
    #[error("the configuration file's place is not known; SMBREPLAY_CONFIG can name it")]
    NoPlace(#[source] Box<confy::ConfyError>),
}

/// Where a setting comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An option of the command line.
    Flag,
    /// This environment variable.
    Environment(&'static str),
    /// The configuration file.
    File,
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.pad("flag"),
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::File => f.pad("file"),
            Self::Default => f.pad("default"),
        }
    }
}

/// One setting as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its key.
    pub key: Key,
    /// Its value; None when nobody set it and it has no default.
    pub value: Option<String>,
    /// Where that comes from.
    pub origin: Origin,
}

/// The configuration file with what is around it.
#[derive(Clone, Debug)]
pub struct Config {
    path: PathBuf,
    file: ConfigFile,
}

impl Config {
    /// Where the file is: `SMBREPLAY_CONFIG`, else `~/.config/smbreplay/config.toml`.
    pub fn default_path() -> Result<PathBuf, ConfigError> {
        if let Some(path) = std::env::var_os("SMBREPLAY_CONFIG").filter(|path| !path.is_empty()) {
            return Ok(path.into());
        }
        confy::get_configuration_file_path("smbreplay", "config")
            .map_err(|source| ConfigError::NoPlace(source.into()))
    }

    /// Reads the file, if there is one.
    pub fn load() -> Result<Self, ConfigError> {
        let path = Self::default_path()?;
        let file = ConfigFile::load(&path)?;
        Ok(Self { path, file })
    }

    /// Where the file is, or would be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks a value and stores it in the file, which only its owner can read.
    pub fn set(&mut self, key: Key, value: &str) -> Result<(), ConfigError> {
        self.file.set(key, value)?;
        self.file.store(&self.path)
    }

    /// Removes a value from the file.
    pub fn unset(&mut self, key: Key) -> Result<(), ConfigError> {
        self.file.unset(key);
        self.file.store(&self.path)
    }

    /// A setting, checked, with its origin; `flag` is what was typed for it.
    pub fn setting(&self, key: Key, flag: Option<String>) -> Result<Setting, ConfigError> {
        let environment = || {
            let variables = key.variables().iter().copied();
            variables.into_iter().find_map(|name| Some((std::env::var(name).ok().filter(|v| !v.is_empty())?, name)))
        };
        let (value, origin) = if let Some(value) = flag {
            (Some(value), Origin::Flag)
        } else if let Some((value, name)) = environment() {
            (Some(value), Origin::Environment(name))
        } else if let Some(value) = self.file.get(key) {
            (Some(value), Origin::File)
        } else {
            (key.default().map(str::to_owned), Origin::Default)
        };
        if let Some(value) = value.as_ref().filter(|value| !key.accepts(value)) {
            return Err(ConfigError::Value { key, value: value.clone(), origin });
        }
        Ok(Setting { key, value, origin })
    }

    /// The value of a setting that is text.
    pub fn text(&self, key: Key, flag: Option<&str>) -> Result<Option<String>, ConfigError> {
        Ok(self.setting(key, flag.map(str::to_owned))?.value)
    }

    /// Address or name of the target.
    pub fn server_ip(&self, flag: Option<&str>) -> Result<String, ConfigError> {
        Ok(self.text(Key::ServerIp, flag)?.unwrap_or_default())
    }

    /// TCP port of the target.
    pub fn port(&self, flag: Option<u16>) -> Result<u16, ConfigError> {
        self.parsed(Key::Port, flag.map(|port| port.to_string()))
    }

    /// How long to wait for an answer.
    pub fn max_wait(&self, flag: Option<Duration>) -> Result<Duration, ConfigError> {
        let seconds: f64 = self.parsed(Key::MaxWait, flag.map(|wait| wait.as_secs_f64().to_string()))?;
        Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }

    /// Where the cases are; a leading `~` is the home directory.
    pub fn traces_folder(&self) -> Result<PathBuf, ConfigError> {
        let folder = self.text(Key::TracesFolder, None)?.unwrap_or_default();
        let Some(below) = folder.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
            return Ok(folder.into());
        };
        let home = std::env::home_dir().unwrap_or_else(|| PathBuf::from("/"));
        Ok(home.join(below.trim_start_matches('/')))
    }

    /// How much is said on stderr: `-v` counted, or what is configured.
    pub fn verbosity(&self, flags: u8) -> Result<u32, ConfigError> {
        self.parsed(Key::Verbosity, (flags > 0).then(|| flags.to_string()))
    }

    /// A setting with a default that is not text.
    fn parsed<T: std::str::FromStr>(&self, key: Key, flag: Option<String>) -> Result<T, ConfigError> {
        let Setting { value, origin, .. } = self.setting(key, flag)?;
        let value = value.unwrap_or_default();
        value.parse().map_err(|_| ConfigError::Value { key, value, origin })
    }
}
