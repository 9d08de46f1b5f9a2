//! What `resource` ordering waits for beside names, opens and byte ranges.

use super::options::Ordering;
use super::picks_tests::broken;
use super::plan::{Plan, PlanOptions};
use super::readiness::Readiness;
use super::testing::*;
use crate::model::message::{CreateRequest, LeaseContext, encode_contexts};
use crate::model::{Command, FileId, NtStatus, Operation};

const A: FileId = FileId([0xA; 16]);
const B: FileId = FileId([0xB; 16]);

/// Whether a step cannot be sent as long as an earlier one is not answered, whatever else is. Nothing is chained.
fn waits(operations: &[Operation], step: u32, before: u32) -> bool {
    let options = PlanOptions { ordering: Ordering::Resource, ..PlanOptions::default() };
    let plan = Plan::from_operations(operations, options);
    let mut readiness = Readiness::new(&plan);
    let mut sent = Vec::new();
    while let Some(chain) = readiness.ready.pop() {
        sent.push(chain);
        readiness.sent(chain);
        if chain != before {
            readiness.done(chain);
        }
    }
    assert!(sent.contains(&before), "step {before} is never sent: {sent:?}");
    !sent.contains(&step)
}

/// A CREATE with options and contexts, answered a frame later.
fn create_with(path: &str, id: FileId, options: u32, contexts: &[u8], sent: u64) -> Operation {
    let body = create_body(path, 0x0012_0089, 1, options, contexts);
    let mut operation = create(path, id, 1, sent, sent + 1);
    operation.request = Some(part(sent, pdu(Command::Create, NtStatus::SUCCESS, false, &body)));
    operation
}

#[test]
fn a_folder_goes_when_what_was_in_it_has_gone() {
    let doomed = create_with("d", A, CreateRequest::OPTION_DELETE_ON_CLOSE, &[], 3);
    let operations =
        [tree_connect(1, 2), doomed, create("d\\f", B, 2, 5, 6), close("d\\f", B, 7, 8), close("d", A, 9, 10)];
    assert!(waits(&operations, 4, 3));
}

#[test]
fn an_open_is_closed_when_its_break_has_come() {
    let mut operations = broken();
    operations.truncate(4);
    operations.push(close("a", A, 10, 11));
    assert!(waits(&operations, 4, 3));
}

#[test]
fn a_lease_is_given_up_after_its_key_was_tried_for_another_file() {
    let lease = [7u8; 32];
    let contexts = encode_contexts(&[(LeaseContext::NAME, &lease)]);
    let holder = create_with("a", A, 0, &contexts, 3);
    let mut refused = create_with("b", B, 0, &contexts, 5);
    refused.file_id = None;
    refused.status = Some(NtStatus(0xC000_000D));
    let operations = [tree_connect(1, 2), holder, refused, close("a", A, 7, 8)];
    assert!(waits(&operations, 3, 2));
}
