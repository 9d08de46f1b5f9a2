//! CREATE and CLOSE: what existed, what did not, what went.

use super::fact::Rank;
use super::infer::{Inference, Open, OpenKey};
use super::world::{Child, NodeId, Place, folded};
use crate::model::fscc::{ATTRIBUTE_DIRECTORY, ATTRIBUTE_NORMAL};
use crate::model::message::{CreateRequest, CreateResponse, Response};
use crate::model::{ContradictionKind, Evidence, ImageTimes, NtStatus, Operation, Timestamp};

/// `CreateAction`, [MS-SMB2] 2.2.14.
const ACTION_SUPERSEDED: u32 = 0;
const ACTION_OPENED: u32 = 1;
const ACTION_CREATED: u32 = 2;

/// `CreateDisposition`: FILE_OPEN and FILE_OVERWRITE make nothing new, [MS-SMB2] 2.2.13.
const DISPOSITION_OPEN: u32 = 1;
const DISPOSITION_OVERWRITE: u32 = 4;

/// A timewarp token: the name is of a snapshot, [MS-SMB2] 2.2.13.2.7.
const TIMEWARP: &[u8] = b"TWrp";

/// Seconds within which something was made by the request that tells of it.
const MADE_NOW: i64 = 2;

/// The path of a file and the name of its alternate stream.
pub(super) fn split_stream(path: &str) -> (&str, Option<&str>) {
    let last = path.rfind('\\').map_or(0, |at| at + 1);
    let Some(colon) = path[last..].find(':') else { return (path.trim_end_matches('\\'), None) };
    let (file, rest) = (&path[..last + colon], &path[last + colon + 1..]);
    let (stream, kind) = match rest.rfind(":$") {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, "$DATA"),
    };
    (file, Some(stream).filter(|stream| !stream.is_empty() && kind.eq_ignore_ascii_case("$DATA")))
}

/// The folder and the name in it.
pub(super) fn split_parent(path: &str) -> (&str, &str) {
    path.rsplit_once('\\').unwrap_or(("", path))
}

/// Whether a CREATE names something of the share as it is now.
pub(super) fn is_live(create: &CreateRequest<'_>, path: &str) -> bool {
    create.create_options & CreateRequest::OPTION_OPEN_BY_FILE_ID == 0
        && create.contexts.find(TIMEWARP).is_none()
        && !path.split('\\').any(|part| part.starts_with("@GMT-"))
}

impl Inference {
    pub(super) fn opened(
        &mut self,
        operation: &Operation,
        create: &CreateRequest<'_>,
        answer: &CreateResponse<'_>,
        place: Place<'_>,
    ) {
        let Some(path) = operation.path.as_deref().filter(|path| is_live(create, path)) else { return };
        let (file, stream_name) = split_stream(path);
        // A CREATE that is sent once more after a lost answer is answered as it was, and gives the open that there is
        // ([MS-SMB2] 3.3.5.9.10).
        let (folder, name) = split_parent(file);
        let link = self.world.find(place.key, folder).map(|folder| (folder, folded(name)));
        let known = self.opens.get(&open_key(operation, answer.file_id));
        if known.is_some_and(|open| open.link == link && open.stream_name == stream_name.map(folded)) {
            return;
        }
        let directory = answer.file_attributes & ATTRIBUTE_DIRECTORY != 0;
        let (node, stream) = match (answer.create_action, stream_name) {
            (ACTION_CREATED, None) => {
                let node = self.made(file, directory, place);
                (node, self.world.nodes[node].data)
            }
            (ACTION_CREATED, Some(name)) => {
                let node = self.base_of_new_stream(file, answer, operation, place);
                (node, self.replace_stream(node, name))
            }
            (action, _) => {
                let node = self.world.path_exists(file, Evidence::Opened, place);
                let stream = self.world.stream(node, stream_name, true);
                if stream_name.is_none() {
                    self.world.is_directory(node, directory, place);
                }
                if action == ACTION_OPENED {
                    let size = Some(answer.end_of_file).filter(|_| !directory || stream_name.is_some());
                    let times = ImageTimes::from(answer);
                    self.seen(node, stream, size, Some(answer.file_attributes), times, Rank::Seen, place);
                } else {
                    self.overwritten(node, stream, stream_name.is_none(), action);
                }
                (node, stream)
            }
        };
        self.world.nodes[node].granted |= rights(create.desired_access);
        let delete_on_close = create.create_options & CreateRequest::OPTION_DELETE_ON_CLOSE != 0;
        let (folder, name) = split_parent(file);
        let link = self.world.find(place.key, folder).map(|folder| (folder, folded(name)));
        let open = Open {
            node,
            stream,
            link,
            stream_name: stream_name.map(folded),
            tree: operation.tree_id,
            delete_on_close,
            durable: [b"DHnQ", b"DH2Q"].into_iter().any(|name| answer.contexts.find(name).is_some()),
            listing: None,
        };
        self.world.nodes[node].opens += 1;
        self.opens.insert(open_key(operation, answer.file_id), open);
    }

    /// A file or folder that was not there and now is.
    fn made(&mut self, path: &str, directory: bool, place: Place<'_>) -> NodeId {
        let (folder, name) = split_parent(path);
        let folder = self.folder(folder, place);
        // Also what is about to be deleted is gone when something else could be made in its place.
        self.world.is_absent(folder, name, false, place);
        self.world.nodes[folder].aged = true;
        self.world.make(folder, name, directory)
    }

    /// The folder of a path, which exists.
    pub(super) fn folder(&mut self, path: &str, place: Place<'_>) -> NodeId {
        let folder = self.world.path_exists(path, Evidence::Implied, place);
        self.world.is_directory(folder, true, place);
        folder
    }

    /// A new stream may make its file, too. The file's creation time tells.
    fn base_of_new_stream(
        &mut self,
        path: &str,
        answer: &CreateResponse<'_>,
        operation: &Operation,
        place: Place<'_>,
    ) -> NodeId {
        let (folder, name) = split_parent(path);
        let folder = self.folder(folder, place);
        let now = operation.response.as_ref().map_or(Timestamp(0), |part| part.time);
        let new = unix_seconds(answer.creation_time).abs_diff(now.0 / 1_000_000_000) <= MADE_NOW as u64;
        match self.world.child(folder, name) {
            Some(Child::Node(node)) => node,
            None if !new => self.world.exists(folder, name, Evidence::Opened, place),
            _ => {
                self.world.is_absent(folder, name, true, place);
                self.world.make(folder, name, false)
            }
        }
    }

    fn overwritten(&mut self, node: NodeId, stream: usize, whole_file: bool, action: u32) {
        self.world.streams[stream].replace();
        if !whole_file {
            return;
        }
        self.changed(node);
        // Alternate streams and EAs go with the old data, [MS-FSA] 2.1.5.1.2.2.
        let others: Vec<_> = self.world.nodes[node].streams.values().map(|(_, stream)| *stream).collect();
        if action == ACTION_SUPERSEDED || !others.is_empty() {
            others.into_iter().for_each(|stream| self.world.streams[stream].replace());
        }
    }

    pub(super) fn not_opened(
        &mut self,
        operation: &Operation,
        create: &CreateRequest<'_>,
        status: NtStatus,
        place: Place<'_>,
    ) {
        let Some(path) = operation.path.as_deref().filter(|path| is_live(create, path)) else { return };
        let (file, stream) = split_stream(path);
        if file.is_empty() {
            return;
        }
        let (folder, name) = split_parent(file);
        match status {
            NtStatus::OBJECT_NAME_NOT_FOUND | NtStatus::NO_SUCH_FILE => {
                let folder = self.folder(folder, place);
                match (stream, self.world.child(folder, name)) {
                    (None, _) => self.world.is_absent(folder, name, false, place),
                    // Either of them can be what is missing.
                    (Some(stream), None) => {
                        self.world.is_absent(folder, &format!("{name}:{stream}"), true, place);
                    }
                    (Some(stream), Some(_)) => {
                        self.world.is_absent(folder, &format!("{name}:{stream}"), false, place);
                    }
                }
            }
            NtStatus::OBJECT_PATH_NOT_FOUND => self.folder_is_missing(folder, place),
            NtStatus::FILE_IS_A_DIRECTORY => self.somehow_there(file, Some(true), place),
            NtStatus::NOT_A_DIRECTORY if create.create_options & CreateRequest::OPTION_DIRECTORY_FILE != 0 => {
                self.somehow_there(file, Some(false), place);
            }
            NtStatus::OBJECT_NAME_COLLISION if stream.is_none() => self.somehow_there(file, None, place),
            NtStatus::SHARING_VIOLATION | NtStatus::DELETE_PENDING => self.somehow_there(file, None, place),
            NtStatus::ACCESS_DENIED => self.refused(operation, create, file, place),
            _ => {}
        }
    }

    /// A request was answered as only something that exists is.
    fn somehow_there(&mut self, path: &str, directory: Option<bool>, place: Place<'_>) {
        let (folder, name) = split_parent(path);
        let folder = self.folder(folder, place);
        if let Some(Child::Absent { at_first: false }) = self.world.child(folder, name) {
            return;
        }
        let node = self.world.exists(folder, name, Evidence::Opened, place);
        if let Some(directory) = directory {
            self.world.is_directory(node, directory, place);
        }
    }

    /// Some part of a folder's path is missing, or a file: the first part of which nothing is known.
    fn folder_is_missing(&mut self, path: &str, place: Place<'_>) {
        let mut folder = self.world.root(place);
        for part in path.split('\\').filter(|part| !part.is_empty()) {
            match self.world.child(folder, part) {
                Some(Child::Node(node)) => folder = node,
                Some(Child::Absent { .. }) => return,
                None => return self.world.is_absent(folder, part, true, place),
            }
        }
        if self.world.nodes[folder].directory == Some(true) {
            self.world.contradicted(ContradictionKind::Vanished, place);
        }
    }

    /// Refused: it exists, unless making it was what was refused, or the whole share is so.
    fn refused(&mut self, operation: &Operation, create: &CreateRequest<'_>, path: &str, place: Place<'_>) {
        if !matches!(create.create_disposition, DISPOSITION_OPEN | DISPOSITION_OVERWRITE) {
            return;
        }
        let key = (operation.connection.server, operation.session_id, operation.tree_id);
        let wanted = rights(create.desired_access);
        let of_share = self.maximal_access.get(&key).copied().unwrap_or(u32::MAX);
        if wanted & !of_share != 0 {
            return;
        }
        let (folder, name) = split_parent(path);
        let folder = self.folder(folder, place);
        if let Some(Child::Absent { .. }) = self.world.child(folder, name) {
            return;
        }
        let node = self.world.exists(folder, name, Evidence::Opened, place);
        if create.create_options & CreateRequest::OPTION_DIRECTORY_FILE != 0 {
            self.world.is_directory(node, true, place);
        }
        if let Some(beginning) = &mut self.world.nodes[node].beginning {
            beginning.refused |= wanted;
        }
    }

    pub(super) fn closed(&mut self, operation: &Operation, answer: Option<&Response<'_>>, place: Place<'_>) {
        let Some(id) = operation.file_id else { return };
        let key = open_key(operation, id);
        let Some(open) = self.opens.get(&key) else { return };
        if let Some(Response::Close(answer)) = answer
            && answer.has_attributes()
        {
            let (node, stream, is_stream) = (open.node, open.stream, open.stream_name.is_some());
            let directory = answer.file_attributes & ATTRIBUTE_DIRECTORY != 0;
            let size = Some(answer.end_of_file).filter(|_| !directory || is_stream);
            let times = ImageTimes::from(answer);
            self.seen(node, stream, size, Some(answer.file_attributes), times, Rank::Seen, place);
        }
        self.forget(key);
    }

    /// An open has ended, and with the last one what was to be deleted.
    pub(super) fn forget(&mut self, key: OpenKey) {
        let Some(open) = self.opens.remove(&key) else { return };
        let node = &mut self.world.nodes[open.node];
        node.opens = node.opens.saturating_sub(1);
        match open.stream_name {
            Some(name) if open.delete_on_close => self.drop_stream(open.node, &name),
            Some(_) => {}
            None if open.delete_on_close => {
                node.delete_pending = true;
                node.doomed = open.link;
            }
            None => {}
        }
        let node = &self.world.nodes[open.node];
        if node.delete_pending && node.opens == 0 {
            // A folder with something in it stays, whatever was asked for.
            let stays = node.children.values().any(|child| matches!(child, Child::Node(_)));
            let doomed = self.world.nodes[open.node].doomed.take();
            self.world.nodes[open.node].delete_pending = false;
            let link = doomed.filter(|link| self.world.is_link(open.node, link));
            let link = link.or_else(|| self.world.own_link(open.node)).filter(|_| !stays);
            if let Some(link) = link {
                self.world.nodes[link.0].aged = true;
                self.world.unlink(open.node, &link);
            }
        }
    }

    /// A stream that was deleted or renamed away: its beginning is kept under a name that no stream has.
    pub(super) fn drop_stream(&mut self, node: NodeId, name: &str) {
        let streams = &mut self.world.nodes[node].streams;
        if let Some((spelt, stream)) = streams.remove(name) {
            streams.insert(format!("\0{stream}"), (spelt, stream));
        }
    }

    /// A stream made by replayed operations, in place of one that may have been there.
    pub(super) fn replace_stream(&mut self, node: NodeId, name: &str) -> usize {
        self.drop_stream(node, &folded(name));
        self.world.stream(node, Some(name), false)
    }

    /// Size, attributes and times that the server told of a file.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn seen(
        &mut self,
        node: NodeId,
        stream: usize,
        size: Option<u64>,
        attributes: Option<u32>,
        times: ImageTimes,
        rank: Rank,
        place: Place<'_>,
    ) {
        if let Some(size) = size
            && !self.world.streams[stream].observe_size(size, rank)
        {
            self.world.contradicted(ContradictionKind::Size, place);
        }
        let Self { world, .. } = self;
        let (changed, aged) = (world.nodes[node].changed, world.nodes[node].aged);
        let Some(beginning) = &mut world.nodes[node].beginning else { return };
        if !aged && times != ImageTimes::default() && beginning.times.is_none_or(|(_, known)| known < rank) {
            beginning.times = Some((times, rank));
        }
        if let Some(attributes) = attributes.filter(|_| !changed)
            && !beginning.attributes.observe(attributes & !ATTRIBUTE_NORMAL, rank)
        {
            world.contradicted(ContradictionKind::Attributes, place);
        }
    }
}

pub(super) fn open_key(operation: &Operation, id: crate::model::FileId) -> OpenKey {
    (operation.connection.server, operation.session_id, id)
}

fn unix_seconds(filetime: u64) -> i64 {
    (filetime / 10_000_000) as i64 - 11_644_473_600
}

/// `DesiredAccess` with the generic rights spelt out, [MS-SMB2] 2.2.13.1.
pub(super) fn rights(access: u32) -> u32 {
    const GENERIC: [(u32, u32); 5] = [
        (0x8000_0000, 0x0012_0089),
        (0x4000_0000, 0x0012_0116),
        (0x2000_0000, 0x0012_00A0),
        (0x1000_0000, 0x001F_01FF),
        // MAXIMUM_ALLOWED asks for whatever there is; it is refused when there is nothing.
        (0x0200_0000, 0),
    ];
    let mut rights = access;
    for (generic, meant) in GENERIC {
        if access & generic != 0 {
            rights = rights & !generic | meant;
        }
    }
    rights
}
