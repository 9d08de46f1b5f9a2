//! A look at the target before a run: what is wrong with it altogether is an error, and not thousands of divergences.

use std::time::{Duration, Instant};

use super::run::{Prepared, ReplayError};
use crate::model::{Dialect, NtStatus};
use crate::wire::{Connection, CreateSpec, Credentials, Session, Tree, WireError, access, disposition};

/// What the look at the target showed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Probed {
    /// How long the slowest login took, its connection with it.
    pub login: Duration,
    /// The best dialect of those offered that the target speaks; None if nobody logged in.
    pub dialect: Option<Dialect>,
}

impl Prepared {
    /// Connects, logs everybody in, connects each share once and looks for the base folder, and ends that again.
    pub async fn probe(&self) -> Result<Probed, ReplayError> {
        let mut probed = Probed::default();
        let logs_in = self.sessions_that_log_in();
        for (credentials, sessions) in self.users.distinct(|session| logs_in.contains(&session)) {
            let begun = Instant::now();
            let connection = Connection::connect(self.target.connect.clone()).await?;
            let session = connection.login(credentials).await?;
            probed.login = probed.login.max(begun.elapsed());
            probed.dialect = Some(connection.negotiated().dialect);
            for share in self.shares_of(|session| sessions.contains(&session)) {
                let tree = connection.tree_connect(&session, &share).await;
                let tree = tree.map_err(|error| as_guest(error, credentials, &session))?;
                self.look_for_base_folder(&connection, &tree).await?;
                connection.tree_disconnect(&tree).await?;
            }
            connection.logoff(&session).await?;
        }
        Ok(probed)
    }

    async fn look_for_base_folder(&self, connection: &Connection, tree: &Tree) -> Result<(), ReplayError> {
        let Some(folder) = &self.target.names.base_dir else { return Ok(()) };
        let spec = CreateSpec::directory(folder.clone(), access::READ_ATTRIBUTES, disposition::OPEN);
        match connection.create(tree, &spec).await {
            Ok(open) => connection.close_file(&open).await?,
            Err(error) => {
                let missing =
                    [NtStatus::OBJECT_NAME_NOT_FOUND, NtStatus::OBJECT_PATH_NOT_FOUND, NtStatus::NOT_A_DIRECTORY];
                // Whatever else is the matter shows in the steps.
                if let Some(status) = error.status().filter(|status| missing.contains(status)) {
                    let (share, folder) = (tree.path.clone(), folder.clone());
                    return Err(ReplayError::NoBaseFolder { share, folder, status });
                }
            }
        }
        Ok(())
    }
}

/// Servers may let in whom they do not know as a guest, and refuse the share then.
fn as_guest(error: WireError, credentials: &Credentials, session: &Session) -> ReplayError {
    match credentials {
        Credentials::Ntlm { .. } | Credentials::Kerberos { .. } if session.is_guest() => {
            ReplayError::OnlyGuest { user: credentials.to_string(), source: error }
        }
        _ => error.into(),
    }
}
