//! A request in flight, and what its final response must prove.

use std::net::SocketAddr;

use super::error::WireError;
use super::session::Session;
use super::ticket::{Completion, Protection};
use crate::model::{Command, Header, NtStatus};

/// A request in flight.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) command: Command,
    pub(super) session: Option<Session>,
    /// Whether it was sent signed.
    pub(super) signed: bool,
    /// Whether it was sent sealed.
    pub(super) sealed: bool,
    /// Credits asked for and not yet answered.
    pub(super) asked: u16,
    pub(super) completion: Completion,
}

impl Pending {
    /// Checks that a final response is protected as its request was, [MS-SMB2] 3.2.5.1.1 and 3.2.5.1.3.
    pub(super) fn check(
        &self,
        header: &Header,
        pdu: &[u8],
        sealed: bool,
        address: SocketAddr,
    ) -> Result<Protection, WireError> {
        let (command, message_id, status) = (self.command, header.message_id, header.status);
        if sealed {
            return Ok(Protection { sealed, verified: true });
        }
        let unproved = Ok(Protection { sealed, verified: false });
        // A login's own signature is checked by the login, which has the key only afterwards.
        if command == Command::SessionSetup || self.decided_without_keys(header) {
            return unproved;
        }
        if self.sealed {
            return Err(WireError::Unsealed { address, command, message_id, status });
        }
        let Some(key) = self.session.as_ref().and_then(Session::signing) else { return unproved };
        match (header.flags.is_signed(), self.signed) {
            (true, _) if key.verify(pdu) => Ok(Protection { sealed, verified: true }),
            (true, _) => Err(WireError::SignatureMismatch { address, command, message_id }),
            (false, true) => Err(WireError::Unsigned { address, command, message_id, status }),
            (false, false) => unproved,
        }
    }

    /// Whether the server may have come to this status before it looked for the session's keys: it then answers a sealed
    /// request in the clear, and sends no signature, one of zeros, or the request's own back. Samba and Windows do.
    fn decided_without_keys(&self, header: &Header) -> bool {
        match header.status {
            NtStatus::USER_SESSION_DELETED | NtStatus::NETWORK_SESSION_EXPIRED => true,
            NtStatus::NETWORK_NAME_DELETED | NtStatus::FILE_CLOSED | NtStatus::INVALID_PARAMETER => {
                self.sealed
                    || !header.flags.is_signed()
                    || header.signature == [0; 16]
                    || self.completion.request_signature() == Some(header.signature)
            }
            _ => false,
        }
    }
}
