//! How the captured connections and sessions came about, as far as the engine's own negotiation and login follow it.

use rustc_hash::FxHashMap;

use super::plan::Plan;
use crate::model::message::{NegotiateRequest, NegotiateResponse, SessionSetupRequest};
use crate::model::{Command, Dialect, Operation, SessionId};

/// By place in the plan.
#[derive(Debug, Default)]
pub(super) struct Origins {
    /// Client GUID and dialect of each connection. Connections with one GUID share leases and can share sessions.
    pub(super) negotiated: FxHashMap<u32, (Option<[u8; 16]>, Option<Dialect>)>,
    /// The captured session that a session took the place of.
    pub(super) previous_sessions: FxHashMap<u32, SessionId>,
}

impl Origins {
    pub(super) fn new(plan: &Plan, operations: &[Operation]) -> Self {
        let mut origins = Self::default();
        for (step, operation) in plan.steps.iter().zip(operations) {
            match operation.command {
                Command::Negotiate => {
                    let connection = plan.chains.get(step.chain as usize).map_or(0, |chain| chain.connection);
                    let (guid, dialect) = origins.negotiated.entry(connection).or_default();
                    if let Some(part) = &operation.request
                        && let Ok(request) = NegotiateRequest::decode(&part.pdu)
                        && request.client_guid != [0; 16]
                    {
                        *guid = Some(request.client_guid);
                    }
                    if let Some(part) = &operation.response
                        && let Ok(response) = NegotiateResponse::decode(&part.pdu)
                        && response.dialect != Dialect::WILDCARD
                    {
                        *dialect = Some(response.dialect);
                    }
                }
                Command::SessionSetup => {
                    if let Some(part) = &operation.request
                        && let Ok(request) = SessionSetupRequest::decode(&part.pdu)
                        && request.previous_session_id != 0
                    {
                        origins.previous_sessions.insert(step.session, SessionId(request.previous_session_id));
                    }
                }
                _ => {}
            }
        }
        origins
    }
}
