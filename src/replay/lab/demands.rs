//! What a plan needs of a server: what the captured one could do for it.

use std::collections::BTreeSet;

use crate::model::message::{NegotiateResponse, Request};
use crate::model::path::is_ipc;
use crate::model::{Command, CtlCode, Dialect, NtStatus, Operation};
use crate::replay::{Plan, StepKind, could_change};

/// Of the steps that were answered with success.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Demands {
    pub(super) commands: BTreeSet<u16>,
    /// InfoType and FileInfoClass of QUERY_INFO.
    pub(super) queries: BTreeSet<(u8, u8)>,
    /// Those of SET_INFO.
    pub(super) settings: BTreeSet<(u8, u8)>,
    pub(super) listings: BTreeSet<u8>,
    /// Controls that only ask, and those that change something.
    pub(super) controls: BTreeSet<CtlCode>,
    pub(super) changing_controls: BTreeSet<CtlCode>,
    pub(super) dialects: BTreeSet<Dialect>,
    pub(super) longest_read: u64,
    pub(super) longest_write: u64,
    pub(super) bytes_written: u64,
    pub(super) changes: bool,
    pub(super) streams: bool,
    pub(super) leases: bool,
}

impl Demands {
    pub(super) fn of(plan: &Plan, operations: &[Operation]) -> Self {
        let mut demands = Self::default();
        for (step, operation) in plan.steps.iter().zip(operations) {
            if operation.command == Command::Negotiate
                && let Some(answer) = &operation.response
                && let Ok(answer) = NegotiateResponse::decode(&answer.pdu)
                && answer.dialect != Dialect::WILDCARD
            {
                demands.dialects.insert(answer.dialect);
            }
            if step.kind == StepKind::Send && operation.status == Some(NtStatus::SUCCESS) {
                demands.add(operation);
            }
        }
        demands
    }

    fn add(&mut self, operation: &Operation) {
        let Some(request) = &operation.request else { return };
        if operation.share.as_deref().is_some_and(is_ipc) {
            return;
        }
        self.commands.insert(operation.command.code());
        let changes = could_change(operation);
        self.changes |= changes;
        match Request::decode(operation.command, &request.pdu) {
            Ok(Request::Create(_)) => {
                self.streams |= operation.path.as_deref().is_some_and(|path| path.contains(':'));
                self.leases |= operation.facts.lease_state_granted.is_some_and(|state| state != 0);
            }
            Ok(Request::Read(read)) => self.longest_read = self.longest_read.max(u64::from(read.length)),
            Ok(Request::Write(write)) => {
                self.longest_write = self.longest_write.max(write.data.len() as u64);
                self.bytes_written += write.data.len() as u64;
            }
            Ok(Request::QueryInfo(query)) => {
                self.queries.insert((query.info_type, query.file_info_class));
            }
            Ok(Request::SetInfo(set)) => {
                self.settings.insert((set.info_type, set.file_info_class));
            }
            Ok(Request::QueryDirectory(query)) => {
                self.listings.insert(query.file_information_class);
            }
            Ok(Request::Ioctl(ioctl)) if ioctl.ctl_code != CtlCode::VALIDATE_NEGOTIATE_INFO => {
                let controls = if changes { &mut self.changing_controls } else { &mut self.controls };
                controls.insert(ioctl.ctl_code);
            }
            _ => {}
        }
    }
}
