//! Captured ids and the live ones that stand for them. Learnt from pairs of captured and live responses; what is never
//! learnt is never guessed.

use std::hash::Hash;

use rustc_hash::FxHashMap;

use super::rpc::RpcIds;
use super::sid_map::SidMap;
use crate::model::fscc::{AllInformation, file_class};
use crate::model::message::{CreateResponse, INFO_SECURITY, QueryInfoRequest, Response};
use crate::model::path::is_ipc;
use crate::model::{Command, CtlCode, FileId, Header, Layout, NtStatus, Operation, SecurityDescriptor, TreeId};

/// A mapping in which no two captured values share a live one.
#[derive(Clone, Debug)]
struct Injection<K, V> {
    live: FxHashMap<K, V>,
    captured: FxHashMap<V, K>,
}

impl<K, V> Default for Injection<K, V> {
    fn default() -> Self {
        Self { live: FxHashMap::default(), captured: FxHashMap::default() }
    }
}

impl<K: Copy + Eq + Hash, V: Copy + Eq + Hash> Injection<K, V> {
    /// A live value given out again belongs to whom it was given last: its former owner is closed.
    fn insert(&mut self, captured: K, live: V) {
        if let Some(stale) = self.live.insert(captured, live) {
            self.captured.remove(&stale);
        }
        if let Some(former) = self.captured.insert(live, captured)
            && former != captured
        {
            self.live.remove(&former);
        }
    }

    fn remove(&mut self, captured: K) {
        if let Some(live) = self.live.remove(&captured) {
            self.captured.remove(&live);
        }
    }

    fn get(&self, captured: K) -> Option<V> {
        self.live.get(&captured).copied()
    }

    fn is_live(&self, live: V) -> bool {
        self.captured.contains_key(&live)
    }
}

/// The resume key of a COPYCHUNK source, [MS-SMB2] 2.2.32.3.
pub type ResumeKey = [u8; 24];

/// All ids of a run. Captured FileIds count by their server, TreeIds by their session.
#[derive(Clone, Debug, Default)]
pub struct IdMap {
    files: Injection<(u32, FileId), FileId>,
    trees: Injection<(u32, TreeId), (u32, TreeId)>,
    resume_keys: FxHashMap<(u32, ResumeKey), ResumeKey>,
    /// Ids by which a file can be opened, [MS-FSCC] 2.4.22.
    disk_ids: FxHashMap<(u32, u64), u64>,
    /// Of RPC on named pipes.
    pub(super) rpc: RpcIds,
    /// Accounts, by the captured server whose they are.
    sids: FxHashMap<u32, SidMap>,
}

impl IdMap {
    /// Maps a FileId.
    pub fn insert_file(&mut self, server: u32, captured: FileId, live: FileId) {
        self.files.insert((server, captured), live);
    }

    /// Maps a TreeId.
    pub fn insert_tree(&mut self, session: u32, captured: TreeId, live: TreeId) {
        self.trees.insert((session, captured), (session, live));
    }

    /// Forgets a FileId that was granted again in the capture and not on the target.
    pub fn forget_file(&mut self, server: u32, captured: FileId) {
        self.files.remove((server, captured));
    }

    /// Forgets a TreeId likewise.
    pub fn forget_tree(&mut self, session: u32, captured: TreeId) {
        self.trees.remove((session, captured));
    }

    /// The live FileId.
    pub fn file(&self, server: u32, captured: FileId) -> Option<FileId> {
        self.files.get((server, captured))
    }

    /// The captured FileId that a live one stands for, with its captured server.
    pub fn captured_file(&self, live: FileId) -> Option<(u32, FileId)> {
        self.files.captured.get(&live).copied()
    }

    /// The live TreeId.
    pub fn tree(&self, session: u32, captured: TreeId) -> Option<TreeId> {
        self.trees.get((session, captured)).map(|(_, live)| live)
    }

    /// The live resume key.
    pub fn resume_key(&self, server: u32, captured: ResumeKey) -> Option<ResumeKey> {
        self.resume_keys.get(&(server, captured)).copied()
    }

    /// The live id of a file on disk.
    pub fn disk_id(&self, server: u32, captured: u64) -> Option<u64> {
        self.disk_ids.get(&(server, captured)).copied()
    }

    /// The accounts of a captured server; None when nothing was learnt of them.
    pub fn sids(&self, server: u32) -> Option<&SidMap> {
        self.sids.get(&server)
    }

    /// What goes out for a FileId that the captured server did not know either: itself, or something like it that is no
    /// live id, so that a wrong id stays a wrong one.
    pub fn unknown_file(&self, captured: FileId) -> FileId {
        let mut id = captured;
        for flip in 1..=u8::MAX {
            if !self.files.is_live(id) {
                break;
            }
            id = captured;
            id.0[7] ^= flip;
        }
        id
    }

    /// The same for a TreeId.
    pub fn unknown_tree(&self, session: u32, captured: TreeId) -> TreeId {
        let mut id = captured;
        for flip in 1..=u32::from(u8::MAX) {
            if !self.trees.is_live((session, id)) {
                break;
            }
            id = TreeId(captured.0 ^ (flip << 24));
        }
        id
    }

    /// Learns from a captured response and the live one to the same request.
    pub fn learn(&mut self, server: u32, session: u32, operation: &Operation, live: &[u8]) {
        let Some(captured) = operation.response.as_ref().map(|part| part.pdu.as_ref()) else { return };
        let (Ok(captured_header), Ok(live_header)) = (Header::decode(captured), Header::decode(live)) else { return };
        if operation.command == Command::TreeConnect {
            if captured_header.status == NtStatus::SUCCESS
                && live_header.status == NtStatus::SUCCESS
                && let (Some(captured), Some(live)) = (captured_header.tree_id, live_header.tree_id)
            {
                self.insert_tree(session, captured, live);
            }
            return;
        }
        let on_pipe = operation.share.as_deref().is_some_and(is_ipc);
        let teaches = match operation.command {
            Command::Create | Command::Ioctl | Command::QueryInfo => true,
            Command::Read => on_pipe,
            _ => false,
        };
        if !teaches {
            return;
        }
        let decode = |header: &Header, pdu| Response::decode(operation.command, header.status, pdu).ok();
        let (Some(was), Some(is)) = (decode(&captured_header, captured), decode(&live_header, live)) else { return };
        match (was, is) {
            (Response::Create(was), Response::Create(is)) => {
                self.insert_file(server, was.file_id, is.file_id);
                if let (Some(was), Some(is)) = (queried_disk_id(&was), queried_disk_id(&is)) {
                    self.disk_ids.insert((server, was), is);
                }
            }
            (Response::Ioctl(was), Response::Ioctl(is)) if was.ctl_code == CtlCode::SRV_REQUEST_RESUME_KEY => {
                let key = |output: &[u8]| output.first_chunk::<24>().copied();
                if let (Some(was), Some(is)) = (key(was.output), key(is.output)) {
                    self.resume_keys.insert((server, was), is);
                }
            }
            (Response::Ioctl(was), Response::Ioctl(is)) if on_pipe => self.learn_rpc(server, was.output, is.output),
            (Response::Read(was), Response::Read(is)) if on_pipe => self.learn_rpc(server, was.data, is.data),
            (Response::QueryInfo(was), Response::QueryInfo(is)) if asks_for_security(operation) => {
                let descriptors = (SecurityDescriptor::decode(was.output), SecurityDescriptor::decode(is.output));
                if let (Ok(was), Ok(is)) = descriptors {
                    self.sids.entry(server).or_default().learn_descriptors(&was, &is);
                }
            }
            (Response::QueryInfo(was), Response::QueryInfo(is)) => {
                if let (Some(was), Some(is)) =
                    (index_number(operation, was.output), index_number(operation, is.output))
                {
                    self.disk_ids.insert((server, was), is);
                }
            }
            _ => {}
        }
    }

    fn learn_rpc(&mut self, server: u32, captured: &[u8], live: &[u8]) {
        self.rpc.learn(captured, live, self.sids.entry(server).or_default());
    }
}

fn asks_for_security(operation: &Operation) -> bool {
    let request = operation.request.as_ref().and_then(|part| QueryInfoRequest::decode(&part.pdu).ok());
    request.is_some_and(|request| request.info_type == INFO_SECURITY)
}

/// The id that a captured answer gives a file, by which it can be opened.
pub(super) fn granted_disk_id(operation: &Operation) -> Option<u64> {
    if !matches!(operation.command, Command::Create | Command::QueryInfo) {
        return None;
    }
    let response = operation.response.as_ref()?;
    match Response::decode(operation.command, operation.status?, &response.pdu).ok()? {
        Response::Create(create) => queried_disk_id(&create),
        Response::QueryInfo(info) => index_number(operation, info.output),
        _ => None,
    }
}

/// DiskFileId of the `QFid` context, [MS-SMB2] 2.2.14.2.9.
fn queried_disk_id(response: &CreateResponse<'_>) -> Option<u64> {
    Layout(response.contexts.find(b"QFid")?.data).u64("DiskFileId", 0).ok()
}

fn index_number(operation: &Operation, output: &[u8]) -> Option<u64> {
    let request = QueryInfoRequest::decode(&operation.request.as_ref()?.pdu).ok()?;
    match (request.info_type, request.file_info_class) {
        (1, file_class::INTERNAL) => Layout(output).u64("IndexNumber", 0).ok(),
        (1, file_class::ALL) => AllInformation::decode(output).ok().map(|all| all.index_number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(n: u8) -> FileId {
        FileId([n; 16])
    }

    proptest! {
        /// Few values, so that both sides are given out again and again.
        #[test]
        fn no_two_captured_ids_share_a_live_one(pairs in proptest::collection::vec((0u32..2, 0u8..12, 0u8..12), 0..60)) {
            let mut map = IdMap::default();
            for (server, captured, live) in pairs {
                map.insert_file(server, file(captured), file(live));
                map.insert_tree(server, TreeId(captured.into()), TreeId(live.into()));
                prop_assert_eq!(map.file(server, file(captured)), Some(file(live)));
                let mut seen = std::collections::BTreeSet::new();
                for server in 0..2 {
                    for captured in 0..12 {
                        if let Some(live) = map.file(server, file(captured)) {
                            prop_assert!(seen.insert(live), "{live} twice");
                            prop_assert_eq!(map.captured_file(live), Some((server, file(captured))));
                        }
                    }
                }
            }
        }

        #[test]
        fn a_stand_in_is_never_a_live_id(lives in proptest::collection::vec(0u8..4, 0..8), captured in 0u8..4) {
            let mut map = IdMap::default();
            for (n, live) in lives.iter().enumerate() {
                map.insert_file(0, file(100 + n as u8), file(*live));
                map.insert_tree(0, TreeId(100 + n as u32), TreeId((*live).into()));
            }
            prop_assert!(!map.files.is_live(map.unknown_file(file(captured))));
            prop_assert!(!map.trees.is_live((0, map.unknown_tree(0, TreeId(captured.into())))));
        }
    }
}
