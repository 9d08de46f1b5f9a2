//! Which divergences follow from what the target negotiated otherwise. A rule names the fields that it relies on; a divergence
//! that no rule explains in full stands for itself.

use super::divergence::same_but_caching;
use super::negotiated::{NegotiatedDifference, NegotiatedKind, NegotiatedValue};
use crate::model::fscc::file_class;
use crate::model::message::{
    CreateRequest, CreateResponse, INFO_FILE, LeaseContext, Request, Response, TreeConnectResponse,
};
use crate::model::{Capability, CtlCode, Dialect, Header, NtStatus, Operation};
use crate::wire::WireError;

/// The differences of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Differences<'a>(pub(super) &'a [NegotiatedDifference]);

impl Differences<'_> {
    /// The difference that a diverging answer follows from.
    pub(super) fn of_answer(self, operation: &Operation, live: &[u8]) -> Option<NegotiatedDifference> {
        if self.0.is_empty() {
            return None;
        }
        let request = operation.request.as_ref()?.pdu.as_ref();
        let request = Request::decode(operation.command, request).ok()?;
        let captured = operation.response.as_ref()?.pdu.as_ref();
        let was = Header::decode(captured).ok()?.status;
        let is = Header::decode(live).ok()?.status;
        let response = Response::decode(operation.command, was, captured).ok()?;
        let answer = Response::decode(operation.command, is, live).ok()?;
        match (request, response, answer) {
            (Request::Create(request), Response::Create(was), Response::Create(is)) => {
                self.of_caching(&request, &was, &is)
            }
            (Request::Create(request), Response::Create(_), Response::Error(_)) => self.of_reconnect(&request),
            (Request::TreeConnect(_), Response::TreeConnect(was), Response::Error(_)) => self.of_encryption(&was, is),
            (Request::Ioctl(request), ..) => {
                match request.ctl_code {
                    CtlCode::DFS_GET_REFERRALS if was != is => return self.capability(Capability::Dfs),
                    CtlCode::QUERY_NETWORK_INTERFACE_INFO if was != is => {
                        return self.capability(Capability::MultiChannel);
                    }
                    _ => {}
                }
                let wanted = request.max_output_response.max(request.input.len() as u32);
                self.of_size(NegotiatedKind::MaxTransactSize, wanted, is)
            }
            (Request::QueryInfo(request), Response::QueryInfo(_), Response::Error(_))
                if request.info_type == INFO_FILE && request.file_info_class == file_class::NORMALIZED_NAME =>
            {
                self.dialect(|dialect| dialect >= Dialect::SMB3_1_1)
            }
            (Request::QueryInfo(request), ..) => {
                self.of_size(NegotiatedKind::MaxTransactSize, request.output_buffer_length, is)
            }
            (Request::QueryDirectory(request), ..) => {
                self.of_size(NegotiatedKind::MaxTransactSize, request.output_buffer_length, is)
            }
            (Request::Read(request), ..) => self.of_size(NegotiatedKind::MaxReadSize, request.length, is),
            (Request::Write(request), ..) => {
                self.of_size(NegotiatedKind::MaxWriteSize, request.data.len() as u32, is)
            }
            _ => None,
        }
    }

    /// The difference that a break does not come for: the captured CREATE had a lease, and the target granted none.
    pub(super) fn of_missing_break(self, create: &Operation) -> Option<NegotiatedDifference> {
        let request = create.request.as_ref()?.pdu.as_ref();
        let Ok(Request::Create(request)) = Request::decode(create.command, request) else { return None };
        let was = CreateResponse::decode(&create.response.as_ref()?.pdu).ok()?;
        self.of_lease(&request, was.is_directory())
    }

    /// The difference that a login failed for: a second channel of a session needs a dialect and a capability.
    pub(super) fn of_login(self, error: &WireError) -> Option<NegotiatedDifference> {
        match error {
            WireError::NotSupported { .. } => self.capability(Capability::MultiChannel),
            _ => None,
        }
    }

    /// Oplocks and leases: all else of the two answers agrees.
    fn of_caching(
        self,
        request: &CreateRequest<'_>,
        was: &CreateResponse<'_>,
        is: &CreateResponse<'_>,
    ) -> Option<NegotiatedDifference> {
        self.of_lease(request, is.is_directory()).filter(|_| same_but_caching(was, is))
    }

    /// The difference that a CREATE was granted no lease for, or one that the captured server did not grant.
    fn of_lease(self, request: &CreateRequest<'_>, is_directory: bool) -> Option<NegotiatedDifference> {
        let lease = request.contexts.find(LeaseContext::NAME)?;
        if is_directory {
            return self.capability(Capability::DirectoryLeasing);
        }
        let leasing = self.capability(Capability::Leasing);
        leasing.or_else(|| self.dialect(Dialect::is_smb3).filter(|_| LeaseContext::is_version_2(lease.data)))
    }

    /// A durable open is reconnected by a context that is known from 3.0 on.
    fn of_reconnect(self, request: &CreateRequest<'_>) -> Option<NegotiatedDifference> {
        request.contexts.find(CreateRequest::DURABLE_RECONNECT_V2)?;
        self.dialect(Dialect::is_smb3)
            .or_else(|| self.find(NegotiatedKind::Capability(Capability::PersistentHandles)))
    }

    /// A share that wants encryption refuses who cannot.
    fn of_encryption(self, was: &TreeConnectResponse, is: NtStatus) -> Option<NegotiatedDifference> {
        let encrypts = was.share_flags & TreeConnectResponse::SHAREFLAG_ENCRYPT_DATA != 0;
        if !encrypts || is != NtStatus::ACCESS_DENIED {
            return None;
        }
        let no_cipher = |difference: &NegotiatedDifference| difference.observed == NegotiatedValue::Cipher(None);
        self.dialect(Dialect::is_smb3)
            .or_else(|| self.capability(Capability::Encryption))
            .or_else(|| self.find(NegotiatedKind::Cipher).filter(no_cipher))
    }

    /// A request that one of the two servers takes by its size, and the other does not: refused as such, or answered in part.
    fn of_size(self, kind: NegotiatedKind, wanted: u32, is: NtStatus) -> Option<NegotiatedDifference> {
        if !matches!(is, NtStatus::SUCCESS | NtStatus::BUFFER_OVERFLOW | NtStatus::INVALID_PARAMETER) {
            return None;
        }
        self.find(kind).filter(|difference| match (difference.captured, difference.observed) {
            (NegotiatedValue::Bytes(was), NegotiatedValue::Bytes(is)) => (wanted <= was) != (wanted <= is),
            _ => false,
        })
    }

    fn find(self, kind: NegotiatedKind) -> Option<NegotiatedDifference> {
        self.0.iter().find(|difference| difference.kind == kind).copied()
    }

    /// The difference in a capability; that in the dialect, where one of the two has no such capability.
    fn capability(self, capability: Capability) -> Option<NegotiatedDifference> {
        let itself = self.find(NegotiatedKind::Capability(capability));
        itself.or_else(|| self.dialect(|dialect| capability.exists_in(dialect)))
    }

    /// The difference in the dialect, if one of the two knows something and the other does not.
    fn dialect(self, knows: impl Fn(Dialect) -> bool) -> Option<NegotiatedDifference> {
        self.find(NegotiatedKind::Dialect).filter(|difference| match (difference.captured, difference.observed) {
            (NegotiatedValue::Dialect(was), NegotiatedValue::Dialect(is)) => knows(was) != knows(is),
            _ => false,
        })
    }
}
