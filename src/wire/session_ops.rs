//! The requests about sessions and trees that the engine makes on its own account.

use super::chain::Outgoing;
use super::connection::Connection;
use super::error::WireError;
use super::options::Encryption;
use super::session::{Session, Tree};
use super::ticket::Reply;
use crate::model::message::{TreeConnectRequest, TreeConnectResponse, encode_bodyless};
use crate::model::{Command, NtStatus};

impl Connection {
    /// Connects a share by its name, `data`, or its path, `\\server\data`.
    pub async fn tree_connect(&self, session: &Session, share: &str) -> Result<Tree, WireError> {
        let path = match share.starts_with("\\\\") {
            true => share.to_owned(),
            false => format!("\\\\{}\\{share}", self.options().server_name),
        };
        let mut body = Vec::new();
        TreeConnectRequest::encode(&path, 0, &mut body);
        let reply = self.ask(Outgoing::new(Command::TreeConnect, body).in_session(session)).await?;
        let address = self.options().address;
        if reply.status() != NtStatus::SUCCESS {
            return Err(WireError::ShareRefused { address, share: path, status: reply.status() });
        }
        let answer = TreeConnectResponse::decode(&reply.pdu).map_err(|source| WireError::Malformed {
            address,
            command: Command::TreeConnect,
            source,
        })?;
        let demands = answer.share_flags & TreeConnectResponse::SHAREFLAG_ENCRYPT_DATA != 0;
        if demands && (!session.can_seal() || self.options().encryption == Encryption::Forbidden) {
            return Err(WireError::NoEncryption { address, subject: path, dialect: self.negotiated().dialect });
        }
        Ok(Tree {
            session: session.clone(),
            id: reply.header.tree_id.unwrap_or_default(),
            path,
            share_type: answer.share_type,
            share_flags: answer.share_flags,
            capabilities: answer.capabilities,
            maximal_access: answer.maximal_access,
        })
    }

    /// Gives a share up.
    pub async fn tree_disconnect(&self, tree: &Tree) -> Result<(), WireError> {
        let request = bodyless(Command::TreeDisconnect).in_session(&tree.session).in_tree(tree.id);
        self.expect_success(request, &tree.path).await.map(|_| ())
    }

    /// Logs off.
    pub async fn logoff(&self, session: &Session) -> Result<(), WireError> {
        self.expect_success(bodyless(Command::Logoff).in_session(session), session.user()).await.map(|_| ())
    }

    /// Asks the server whether it is there, in a session.
    pub async fn echo(&self, session: &Session) -> Result<(), WireError> {
        self.expect_success(bodyless(Command::Echo).in_session(session), "the server").await.map(|_| ())
    }

    /// One of the engine's own requests; any status but success is an error.
    pub(super) async fn expect_success(&self, request: Outgoing, subject: &str) -> Result<Reply, WireError> {
        let command = request.command;
        let reply = self.ask(request).await?;
        if reply.status() != NtStatus::SUCCESS {
            return Err(WireError::Refused {
                address: self.options().address,
                command,
                subject: subject.to_owned(),
                status: reply.status(),
            });
        }
        Ok(reply)
    }
}

fn bodyless(command: Command) -> Outgoing {
    let mut body = Vec::new();
    encode_bodyless(&mut body);
    Outgoing::new(command, body)
}
