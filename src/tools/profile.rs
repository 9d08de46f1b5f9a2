//! A configuration folder for tshark that is ours alone: the user's own preferences change no result, and keys travel in
//! files that nobody else can read.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use tempfile::TempDir;
use zeroize::Zeroizing;

use super::error::ToolError;
use super::keys::{InvalidKey, Keys, SessionKey};
use super::locate::Tool;

/// The folder; removed with its files when dropped.
#[derive(Debug)]
pub struct Profile {
    folder: TempDir,
    keys: Keys,
}

impl Profile {
    /// Makes the folder (mode 0700) with the preferences and key list (mode 0600) for these keys.
    pub fn new(keys: &Keys) -> Result<Self, ToolError> {
        let failed = |source| ToolError::PrivateFolder { tool: Tool::Tshark, source };
        let folder = private_folder("smbreplay-tshark-").map_err(failed)?;
        write_private(&folder.path().join("preferences"), &preferences(keys)?).map_err(failed)?;
        if !keys.session_keys.is_empty() {
            let mut list = Zeroizing::new(String::with_capacity(keys.session_keys.len() * 256));
            keys.session_keys.iter().for_each(|key| list.push_str(&key.list_line()));
            write_private(&folder.path().join("smb2_seskey_list"), &list).map_err(failed)?;
        }
        Ok(Self { folder, keys: keys.clone() })
    }

    /// Another one with the keys of more sessions.
    pub(super) fn with_session_keys(&self, more: Vec<SessionKey>) -> Result<Self, ToolError> {
        let mut keys = self.keys.clone();
        keys.session_keys.extend(more);
        Self::new(&keys)
    }

    /// Whether there is a keytab.
    pub(super) fn has_keytab(&self) -> bool {
        self.keys.keytab.is_some()
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// A temporary folder that nobody else can look into.
pub(super) fn private_folder(prefix: &str) -> io::Result<TempDir> {
    tempfile::Builder::new().prefix(prefix).permissions(Permissions::from_mode(0o700)).tempdir()
}

fn preferences(keys: &Keys) -> Result<Zeroizing<String>, InvalidKey> {
    let mut text = Zeroizing::new(String::with_capacity(4096));
    if let Some(password) = &keys.nt_password {
        if password.contains(['\n', '\r', '\0']) || password.starts_with(char::is_whitespace) {
            return Err(InvalidKey::Password);
        }
        text.push_str("ntlmssp.nt_password: ");
        text.push_str(password);
        text.push('\n');
    }
    if let Some(keytab) = &keys.keytab {
        let invalid = || InvalidKey::Keytab(keytab.clone());
        // tshark says nothing about a keytab that it cannot read.
        std::fs::File::open(keytab).map_err(|_| invalid())?;
        let path = keytab.canonicalize().map_err(|_| invalid())?;
        let path = path.to_str().filter(|path| !path.contains(['\n', '\r'])).ok_or_else(invalid)?;
        text.push_str("kerberos.decrypt: TRUE\nkerberos.file: ");
        text.push_str(path);
        text.push('\n');
    }
    Ok(text)
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
