//! Opens after the end of a connection.
//!
//! A server closes what was open on a connection, or keeps it for a reconnection, when it comes to notice that the connection has
//! ended. That may be after it has closed its own side, and after the next request of another connection: what is opened
//! then meets opens that should be gone, or cannot have back one that is not lost yet. The captured client had come late
//! enough; a replay that has not is a while more patient, and says so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use super::classify::{granted_file_id, named_file_id};
use super::closing::reconnected;
use super::engine::Running;
use super::plan::{Plan, StepIndex, StepKind};
use crate::model::{Command, FileId, NtStatus, Operation};

/// For so long it is tried again.
const PATIENCE: Duration = Duration::from_secs(2);
/// After so long each time.
const PAUSE: Duration = Duration::from_millis(20);

/// The steps that may come too early, and how often they were tried.
#[derive(Debug, Default)]
pub(super) struct Reopens {
    /// CREATEs that succeeded in the capture after a connection had ended with their file open; whether they reconnect.
    steps: FxHashMap<StepIndex, bool>,
    /// When the first answer came, and how many there were.
    tried: FxHashMap<StepIndex, (Duration, u32)>,
}

/// A file by its server, share and path without the name of a stream.
type FileKey = (SocketAddr, Option<Arc<str>>, String);

fn file(operation: &Operation) -> Option<FileKey> {
    let path = operation.path.as_deref()?;
    let path = path.split(':').next().unwrap_or(path).to_lowercase();
    Some((operation.connection.server, operation.share.clone(), path))
}

impl Reopens {
    pub(super) fn new(plan: &Plan, operations: &[Operation]) -> Self {
        let mut reopens = Self::default();
        if plan.closings == 0 {
            return reopens;
        }
        let mut held: FxHashMap<(SocketAddr, FileId), (u32, Option<FileKey>)> = FxHashMap::default();
        let mut left: FxHashSet<FileKey> = FxHashSet::default();
        for chain in &plan.chains {
            if chain.closing.is_some() {
                let lost = held.values().filter(|(connection, _)| *connection == chain.connection);
                left.extend(lost.filter_map(|(_, file)| file.clone()));
                continue;
            }
            for at in chain.steps() {
                let Some(operation) = operations.get(at as usize) else { continue };
                let server = operation.connection.server;
                match operation.command {
                    Command::Close if operation.status == Some(NtStatus::SUCCESS) => {
                        named_file_id(operation).map(|id| held.remove(&(server, id)));
                    }
                    Command::Create => {
                        let alone = chain.steps().len() == 1;
                        let is_sent = plan.steps.get(at as usize).is_some_and(|step| step.kind == StepKind::Send);
                        let reconnects = reconnected(operation).is_some();
                        let meets_one = reconnects || file(operation).is_some_and(|file| left.contains(&file));
                        if alone && is_sent && meets_one && operation.status == Some(NtStatus::SUCCESS) {
                            reopens.steps.insert(at, reconnects);
                        }
                        if let Some(id) = granted_file_id(operation) {
                            held.insert((server, id), (chain.connection, file(operation)));
                        }
                    }
                    _ => {}
                }
            }
        }
        reopens
    }

    /// How many steps were tried again.
    pub(super) fn count(&self) -> usize {
        self.tried.len()
    }

    /// What is to be said of a step that was.
    pub(super) fn note(&self, step: StepIndex) -> Option<Box<str>> {
        let (_, times) = self.tried.get(&step)?;
        let times = if *times == 1 { "once".to_owned() } else { format!("{times} times") };
        Some(format!("sent again {times} after the end of a connection, which the server had not noticed yet").into())
    }

    /// Whether a step with this answer is to be tried again.
    fn wants(&mut self, step: StepIndex, status: NtStatus, now: Duration) -> bool {
        let Some(reconnects) = self.steps.get(&step) else { return false };
        let early = match status {
            NtStatus::SHARING_VIOLATION
            | NtStatus::DELETE_PENDING
            | NtStatus::OBJECT_NAME_COLLISION
            | NtStatus::FILE_NOT_AVAILABLE => true,
            NtStatus::OBJECT_NAME_NOT_FOUND => *reconnects,
            _ => false,
        };
        if !early {
            return false;
        }
        let (first, times) = self.tried.entry(step).or_insert((now, 0));
        let again = now < *first + PATIENCE;
        *times += u32::from(again);
        again
    }
}

impl Running<'_> {
    /// Whether a step came too early for the server; then it goes out again after a while.
    pub(super) fn tries_again(&mut self, step: StepIndex, status: NtStatus) -> bool {
        let now = self.now();
        let again = self.reopens.wants(step, status, now);
        if again && let Some(step) = self.plan.steps.get(step as usize) {
            self.put_off(step.chain, now + PAUSE);
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use super::super::closing::Closing;
    use super::super::picks::Picked;
    use super::super::plan::PlanOptions;
    use super::super::testing::{close, connection, create};
    use super::*;
    use crate::model::Timestamp;

    fn id(number: u8) -> FileId {
        FileId([number; 16])
    }

    fn on(index: u32, mut operation: Operation) -> Operation {
        operation.connection = connection(index);
        operation
    }

    fn reopens(operations: &[Operation]) -> Reopens {
        let tree = on(0, super::super::testing::tree_connect(1, 2));
        let operations: Vec<Operation> = std::iter::once(tree).chain(operations.iter().cloned()).collect();
        let end = Closing { frame: 19, time: Timestamp(19_000_000), connection: connection(0).index };
        let plan = Plan::new(&operations, &[end], PlanOptions::default(), &Picked::default());
        Reopens::new(&plan, &operations)
    }

    #[test]
    fn what_was_open_when_a_connection_ended_may_be_opened_too_early() {
        let before = [on(0, create("Held.txt", id(1), 1, 10, 11)), on(0, create("closed.txt", id(2), 1, 12, 13))];
        let after = [
            on(0, close("closed.txt", id(2), 14, 15)),
            on(1, create("held.TXT:stream", id(3), 1, 20, 21)),
            on(1, create("closed.txt", id(4), 1, 22, 23)),
            on(1, create("other.txt", id(5), 1, 24, 25)),
        ];
        let mut reopens = reopens(&[&before[..], &after[..]].concat());
        assert_eq!(reopens.steps.keys().copied().collect::<Vec<_>>(), [4]);

        let at = Duration::from_millis;
        assert!(!reopens.wants(4, NtStatus::SUCCESS, at(5)));
        assert!(!reopens.wants(4, NtStatus::OBJECT_NAME_NOT_FOUND, at(5)), "it does not reconnect");
        assert!(!reopens.wants(5, NtStatus::SHARING_VIOLATION, at(5)));
        assert_eq!((reopens.count(), reopens.note(4)), (0, None));
        assert!(reopens.wants(4, NtStatus::SHARING_VIOLATION, at(5)));
        assert!(reopens.wants(4, NtStatus::SHARING_VIOLATION, at(1_500)));
        assert!(!reopens.wants(4, NtStatus::SHARING_VIOLATION, at(2_100)), "there is an end to it");
        assert_eq!(reopens.count(), 1);
        assert!(reopens.note(4).is_some_and(|note| note.starts_with("sent again 2 times")));
    }
}
