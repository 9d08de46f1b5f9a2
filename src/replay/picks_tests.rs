//! What a selection takes, draws in and leaves.

use super::options::Ordering;
use super::picks::{Pick, Picked};
use super::plan::{Plan, PlanOptions, StepKind};
use super::selection::Selection;
use super::testing::*;
use super::users::KnownUsers;
use crate::model::message::{LeaseContext, OplockBreak, encode_contexts};
use crate::model::{Command, FileId, MessageId, NtStatus, Operation, Timestamp};

const A: FileId = FileId([0xA; 16]);
const B: FileId = FileId([0xB; 16]);

fn picked(operations: &[Operation], selection: &Selection) -> Vec<Pick> {
    let picked = Picked::new(operations, selection, &KnownUsers::default());
    (0..operations.len() as u32).map(|at| picked.of(at)).collect()
}

fn commands(commands: &[Command]) -> Selection {
    Selection { commands: commands.to_vec(), ..Selection::default() }
}

fn paths(glob: &str) -> Selection {
    let glob = globset::GlobBuilder::new(glob).case_insensitive(true).build().unwrap();
    Selection { paths: vec![glob.compile_matcher()], ..Selection::default() }
}

/// Two files, one read, one written.
fn two_files() -> Vec<Operation> {
    vec![
        tree_connect(1, 2),
        create("a", A, 1, 3, 4),
        create("b", B, 1, 5, 6),
        read("a", A, 0, 10, 7, 8),
        write("b", B, 0, b"x", 9, 10),
        close("b", B, 11, 12),
        close("a", A, 13, 14),
    ]
}

use Pick::{Drawn, Left, Taken};

#[test]
fn what_a_selected_step_needs_is_drawn_in_and_the_rest_is_left() {
    let operations = two_files();
    assert_eq!(picked(&operations, &Selection::default()), [Taken; 7]);
    assert_eq!(
        picked(&operations, &commands(&[Command::Read])),
        [Drawn, Drawn, Left, Taken, Left, Left, Drawn],
        "tree, CREATE, and the CLOSE of what was opened"
    );
    assert_eq!(picked(&operations, &paths("B")), [Drawn, Left, Taken, Left, Taken, Taken, Left]);
    assert_eq!(picked(&operations, &commands(&[Command::Echo])), [Left; 7]);
}

#[test]
fn a_window_of_time_begins_with_what_it_needs_and_ends_at_its_end() {
    let operations = two_files();
    let at = |frame: i64| Some(Timestamp(frame * 1_000_000));
    let selection = Selection { from: at(7), to: at(11), ..Selection::default() };
    assert_eq!(picked(&operations, &selection), [Drawn, Drawn, Drawn, Taken, Taken, Left, Left]);
    let picked = Picked::new(&operations, &selection, &KnownUsers::default());
    let plan = Plan::new(&operations, &[], PlanOptions::default(), &picked);
    let times: Vec<_> = plan.chains.iter().map(|chain| chain.captured_at.0 / 1_000_000).collect();
    assert_eq!(times, [7, 7, 7, 7, 9, 11, 13], "what is drawn in is due when the window begins");
    let counts = plan.counts();
    assert_eq!((counts.sent, counts.drawn_in, counts.not_selected), (5, 3, 2));
    assert!(plan.steps[6].kind == StepKind::NotSelected && plan.steps[0].drawn_in);
}

#[test]
fn a_related_step_draws_in_those_before_it() {
    let mut operations = vec![tree_connect(1, 2), create("a", A, 1, 3, 4)];
    for (at, mut operation) in [read("a", A, 0, 1, 3, 4), close("a", A, 3, 4)].into_iter().enumerate() {
        operation.compound_index = Some(at as u16 + 1);
        operation.related = true;
        operations.push(operation);
    }
    operations[1].compound_index = Some(0);
    assert_eq!(picked(&operations, &commands(&[Command::Read])), [Drawn, Drawn, Taken, Drawn]);
}

#[test]
fn a_folder_that_the_capture_made_is_made_again_for_what_lies_in_it() {
    let mut folder = create("dir", A, 2, 3, 4);
    folder.facts.create_options = Some(1);
    folder.facts.create_action = Some(2);
    let mut other = create("other", FileId([0xC; 16]), 2, 5, 6);
    other.facts = folder.facts.clone();
    let operations = vec![tree_connect(1, 2), folder, other, create("DIR\\sub\\b", B, 2, 7, 8)];
    assert_eq!(picked(&operations, &paths("dir/sub/*")), [Drawn, Drawn, Left, Taken]);
}

/// An oplock of the first open is broken by the second one.
pub(super) fn broken() -> Vec<Operation> {
    let key = [7u8; 16];
    let mut context = key.to_vec();
    context.extend_from_slice(&[7, 0, 0, 0]);
    context.resize(32, 0);
    let body = create_body("a", 0x0012_0089, 1, 0, &encode_contexts(&[(LeaseContext::NAME, &context)]));
    let mut first = create("a", A, 1, 3, 4);
    first.request = Some(part(3, pdu(Command::Create, NtStatus::SUCCESS, false, &body)));
    let mut notification = vec![44, 0, 1, 0, 1, 0, 0, 0];
    notification.extend_from_slice(&key);
    notification.extend_from_slice(&[7, 0, 0, 0, 3, 0, 0, 0]);
    notification.resize(44, 0);
    let mut broken = operation(Command::OplockBreak, &[], 6, Some(6));
    broken.request = None;
    broken.message_id = MessageId::UNSOLICITED;
    broken.response = Some(part(6, pdu(Command::OplockBreak, NtStatus::SUCCESS, true, &notification)));
    let mut body = vec![36, 0, 0, 0, 0, 0, 0, 0];
    body.extend_from_slice(&key);
    body.extend_from_slice(&[3, 0, 0, 0]);
    body.resize(36, 0);
    let acknowledged = operation(Command::OplockBreak, &body, 7, Some(8));
    assert!(OplockBreak::decode(&broken.response.as_ref().unwrap().pdu).is_ok());
    let mut second = create("a", B, 1, 5, 9);
    second.connection = connection(1);
    vec![tree_connect(1, 2), first, second, broken, acknowledged]
}

#[test]
fn a_break_is_awaited_where_its_open_and_what_broke_it_are_sent() {
    let operations = broken();
    assert_eq!(picked(&operations, &commands(&[Command::Create])), [Drawn, Taken, Taken, Drawn, Drawn]);
    let early = Selection { to: Some(Timestamp(5_000_000)), ..Selection::default() };
    assert_eq!(
        picked(&operations, &early),
        [Taken, Taken, Left, Left, Left],
        "nobody breaks it, so nobody waits for a break"
    );
}

#[test]
fn every_ordering_runs_a_selection_to_its_end() {
    let operations = two_files();
    let picked = Picked::new(&operations, &commands(&[Command::Write]), &KnownUsers::default());
    for ordering in [Ordering::Captured, Ordering::Resource, Ordering::Serial] {
        let plan = Plan::new(&operations, &[], PlanOptions { ordering, ..PlanOptions::default() }, &picked);
        let mut readiness = super::readiness::Readiness::new(&plan);
        for (at, step) in (0..).zip(&plan.steps).filter(|(_, step)| step.kind.is_left_out()) {
            assert!(!step.drawn_in);
            readiness.done(at);
        }
        let mut sent = Vec::new();
        while let Some(chain) = readiness.ready.pop() {
            readiness.sent(chain);
            for step in plan.chains[chain as usize].steps() {
                if plan.steps[step as usize].kind.is_sent() {
                    sent.push(step);
                }
                readiness.done(step);
            }
        }
        sent.sort_unstable();
        assert_eq!(sent, [0, 2, 4, 5], "{ordering:?}");
    }
}
