//! RPC on named pipes: which interface and operation a request calls.

use super::pairing::{Pairing, SessionSlot};
use crate::model::message::Request;
use crate::model::{CtlCode, Operation, RpcCall, RpcFacts, RpcPdu, path};

impl Pairing {
    /// Looks at what a request writes to a pipe. Binds are kept with the open, so that what follows them has a name.
    pub(super) fn request_rpc(&mut self, operation: &mut Operation, body: &Request<'_>, slot: Option<SessionSlot>) {
        let data = match body {
            Request::Write(body) if operation.share.as_deref().is_some_and(path::is_ipc) => body.data,
            Request::Ioctl(body) if body.ctl_code == CtlCode::PIPE_TRANSCEIVE => body.input,
            _ => return,
        };
        let Some(pdu) = RpcPdu::of_client(data) else { return };
        let state = slot.map(|slot| &mut self.sessions[slot.0 as usize].state);
        let open = state.zip(operation.file_id);
        let call = match pdu {
            RpcPdu::Bind(contexts) => {
                let Some((_, first)) = contexts.first().copied() else { return };
                if let Some((state, file)) = open {
                    state.bound(file, operation.tree_id, contexts);
                }
                RpcCall::Bind(first)
            }
            RpcPdu::Request { context, opnum } => {
                RpcCall::Request { interface: open.and_then(|(state, file)| state.interface(file, context)), opnum }
            }
        };
        operation.facts.rpc = Some(Box::new(RpcFacts::from(call)));
    }
}
