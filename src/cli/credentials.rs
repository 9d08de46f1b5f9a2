//! The file of `--credentials`: who logs in on the lab server, with passwords. Only its owner may read it.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::wire::Credentials;

/// A file of credentials that is not used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// It cannot be read.
    #[error("cannot read the credentials from {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can read or change it.
    #[error("{}: others than its owner have access to it (mode {mode:04o}); it holds passwords: chmod 600 it", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is somebody else's.
    #[error("{}: it belongs to another user (uid {owner}, you are {user}); use a file of your own", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who asks.
        user: u32,
    },
    /// A line is none. Its text is not shown: it may be a password.
    #[error("{}, line {line}: USER:PASSWORD or DOMAIN\\USER:PASSWORD is expected", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Its number, from 1.
        line: usize,
    },
    /// A user is named twice.
    #[error("{}, line {line}: {user} has a line before", path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// The number of the second, from 1.
        line: usize,
        /// Who.
        user: String,
    },
}

/// Who can log in.
#[derive(Default)]
pub(super) struct CredentialsFile {
    entries: Vec<Entry>,
}

struct Entry {
    domain: String,
    user: String,
    password: Zeroizing<String>,
}

/// `DOMAIN\user`, or the user of the server's own domain.
pub(super) fn split_user(name: &str) -> (&str, &str) {
    name.split_once('\\').unwrap_or(("", name))
}

impl CredentialsFile {
    /// Reads it, if it is the user's own and nobody else's to read.
    pub(super) fn read(path: &Path) -> Result<Self, CredentialsError> {
        let failed = |source| CredentialsError::File { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let mode = metadata.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(CredentialsError::Open { path: path.to_owned(), mode });
        }
        // Whose files we make is who we are.
        let user = tempfile::tempfile().and_then(|own| own.metadata()).map_err(failed)?.uid();
        if metadata.uid() != user {
            return Err(CredentialsError::Foreign { path: path.to_owned(), owner: metadata.uid(), user });
        }
        // Room for all of it, so that no half-read copy is left behind in memory.
        let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 1));
        file.read_to_end(&mut bytes).map_err(failed)?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| failed(io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text")))?;
        Self::parse(text, path)
    }

    /// A line `DOMAIN\user:password` for each; the password is all behind the first colon. Empty lines and those that begin with
    /// `#` say nothing.
    fn parse(text: &str, path: &Path) -> Result<Self, CredentialsError> {
        let mut file = Self::default();
        for (line, text) in (1..).zip(text.lines()) {
            if text.trim().is_empty() || text.starts_with('#') {
                continue;
            }
            let parts = text.split_once(':').filter(|(name, _)| !split_user(name.trim()).1.is_empty());
            let (name, password) = parts.ok_or_else(|| CredentialsError::Line { path: path.to_owned(), line })?;
            let (domain, user) = split_user(name.trim());
            if file.entries.iter().any(|entry| entry.is(domain, user)) {
                let user = name.trim().to_owned();
                return Err(CredentialsError::Twice { path: path.to_owned(), line, user });
            }
            file.entries.push(Entry {
                domain: domain.to_owned(),
                user: user.to_owned(),
                password: Zeroizing::new(password.to_owned()),
            });
        }
        Ok(file)
    }

    /// The credentials of `DOMAIN\user`, or of the only one called so when the domain is not named.
    pub(super) fn find(&self, name: &str) -> Option<Credentials> {
        let (domain, user) = split_user(name);
        let exact = self.entries.iter().find(|entry| entry.is(domain, user));
        let mut same_name = self.entries.iter().filter(|entry| entry.user.eq_ignore_ascii_case(user));
        let only = same_name.next().filter(|_| domain.is_empty() && same_name.next().is_none());
        exact.or(only).map(Entry::credentials)
    }

    /// All of them, by the name that the file gives them.
    pub(super) fn all(&self) -> impl Iterator<Item = (String, Credentials)> {
        self.entries.iter().map(|entry| {
            let credentials = entry.credentials();
            (credentials.to_string(), credentials)
        })
    }
}

impl Entry {
    fn is(&self, domain: &str, user: &str) -> bool {
        self.domain.eq_ignore_ascii_case(domain) && self.user.eq_ignore_ascii_case(user)
    }

    fn credentials(&self) -> Credentials {
        Credentials::ntlm(self.user.clone(), self.domain.clone(), self.password.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn parse(text: &str) -> Result<CredentialsFile, CredentialsError> {
        CredentialsFile::parse(text, Path::new("creds"))
    }

    #[test]
    fn a_line_is_a_user_and_all_behind_the_first_colon_the_password() {
        let file = parse("# lab\nLAB\\alice: p:w#1 \r\n\nbob:x\n").unwrap();
        let expected = Credentials::ntlm("alice", "LAB", " p:w#1 ");
        assert_eq!(file.find("lab\\ALICE"), Some(expected.clone()));
        assert_eq!(file.find("alice"), Some(expected), "the only one of that name");
        assert_eq!(file.find("OTHER\\alice"), None);
        assert_eq!(file.find("bob"), Some(Credentials::ntlm("bob", "", "x")));
        assert_eq!(file.all().map(|(name, _)| name).collect::<Vec<_>>(), ["LAB\\alice", "bob"]);
        let two = parse("A\\x:1\nB\\x:2\n").unwrap();
        assert_eq!(two.find("x"), None, "which one?");
    }

    #[test]
    fn errors_show_no_password() {
        for text in ["good:1\ngeheim\n", "good:1\n:geheim", "good:1\nDOM\\:geheim", "good:geheim\nGOOD:2"] {
            let error = parse(text).err().map(|error| format!("{error} {error:?}")).unwrap();
            assert!(error.contains("line 2") && !error.contains("geheim"), "{error}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("creds");
        std::fs::write(&path, "alice:pw\n").unwrap();
        for (mode, fine) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o620, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let read = CredentialsFile::read(&path);
            assert_eq!(read.is_ok(), fine, "{mode:o}");
            if let Err(error) = read {
                assert!(error.to_string().contains("chmod 600"), "{error}");
            }
        }
    }
}
