//! SET_INFO and IOCTL: what replayed operations changed.

use super::infer::{Inference, OpenKey};
use super::opening::{split_parent, split_stream};
use super::stream::{Made, StreamId};
use super::world::{Child, Place, folded};
use crate::model::fscc::{file_class, full_eas};
use crate::model::message::{IoctlRequest, Response, SetInfoRequest};
use crate::model::{CtlCode, Evidence, FileId, Layout, NtStatus, Utf16};

/// FileDispositionInformationEx, FileRenameInformationEx and FileLinkInformationEx, [MS-FSCC] 2.4.12, 2.4.38, 2.4.28.
const DISPOSITION_EX: u8 = 64;
const RENAME_EX: u8 = 65;
const LINK_EX: u8 = 72;

/// FSCTL_SET_ZERO_DATA, [MS-FSCC] 2.3.71.
const SET_ZERO_DATA: CtlCode = CtlCode(0x0009_80C8);
/// FSCTL_DUPLICATE_EXTENTS_TO_FILE, [MS-FSCC] 2.3.7.
const DUPLICATE_EXTENTS: CtlCode = CtlCode(0x0009_8344);

impl Inference {
    pub(super) fn set(&mut self, key: OpenKey, set: &SetInfoRequest<'_>, status: NtStatus, place: Place<'_>) {
        let Some(open) = self.opens.get_mut(&key) else { return };
        let (node, stream) = (open.node, open.stream);
        if set.info_type != SetInfoRequest::INFO_FILE {
            return;
        }
        let layout = Layout(set.buffer);
        if status != NtStatus::SUCCESS {
            return self.not_set(key, set, status, place);
        }
        match set.file_info_class {
            file_class::BASIC => {
                self.world.nodes[node].aged = true;
                if layout.u32("FileAttributes", 32).is_ok_and(|attributes| attributes != 0) {
                    self.world.nodes[node].changed = true;
                }
            }
            file_class::END_OF_FILE => {
                if let Ok(length) = layout.u64("EndOfFile", 0) {
                    self.world.streams[stream].resize(length);
                    self.changed(node);
                }
            }
            file_class::ALLOCATION => {
                if let Ok(room) = layout.u64("AllocationSize", 0) {
                    self.world.streams[stream].allocate(room);
                    self.changed(node);
                }
            }
            file_class::FULL_EA => {
                let names = full_eas(set.buffer).filter_map(|ea| Some(folded(&latin(ea.ok()?.name))));
                let names: Vec<_> = names.collect();
                self.world.nodes[node].own_eas.extend(names);
                self.world.nodes[node].aged = true;
            }
            file_class::DISPOSITION | DISPOSITION_EX => {
                let delete = layout.u8("DeletePending", 0).is_ok_and(|flags| flags & 1 != 0);
                if open.stream_name.is_some() {
                    open.delete_on_close = delete;
                } else {
                    let doomed = open.link.clone();
                    self.world.nodes[node].delete_pending = delete;
                    self.world.nodes[node].doomed = doomed;
                }
            }
            file_class::RENAME | RENAME_EX | file_class::LINK | LINK_EX => self.moved(key, set, place),
            _ => {}
        }
    }

    /// A change that was refused, for a reason that shows what there is.
    fn not_set(&mut self, key: OpenKey, set: &SetInfoRequest<'_>, status: NtStatus, place: Place<'_>) {
        let Some(open) = self.opens.get(&key) else { return };
        match (set.file_info_class, status) {
            (file_class::DISPOSITION | DISPOSITION_EX, NtStatus::DIRECTORY_NOT_EMPTY) => {
                let node = &mut self.world.nodes[open.node];
                let known = node.children.values().any(|child| matches!(child, Child::Node(_)));
                if let Some(beginning) = node.beginning.as_mut().filter(|_| !known) {
                    beginning.not_empty = true;
                }
            }
            (file_class::RENAME | RENAME_EX | file_class::LINK | LINK_EX, NtStatus::OBJECT_NAME_COLLISION) => {
                let Some((folder, name)) = self.target(set, place) else { return };
                if !matches!(self.world.child(folder, &name), Some(Child::Absent { .. })) {
                    self.world.exists(folder, &name, Evidence::Opened, place);
                }
            }
            _ => {}
        }
    }

    /// The folder and name that a rename or link goes to; None for a stream.
    fn target(&mut self, set: &SetInfoRequest<'_>, place: Place<'_>) -> Option<(usize, String)> {
        let name = new_name(set)?;
        let name = name.trim_start_matches('\\');
        let (folder, name) = split_parent(name);
        (!name.contains(':')).then(|| (self.folder(folder, place), name.to_owned()))
    }

    fn moved(&mut self, key: OpenKey, set: &SetInfoRequest<'_>, place: Place<'_>) {
        let Some(open) = self.opens.get_mut(&key) else { return };
        let node = open.node;
        if let Some(new) = new_name(set)
            && new.starts_with(':')
        {
            // The stream keeps its beginning; opens find it by the new name.
            let (_, name) = split_stream(&new);
            let Some(old) = open.stream_name.clone() else { return };
            open.stream_name = name.map(folded);
            if let Some((spelt, stream)) = self.world.nodes[node].streams.remove(&old)
                && let Some(name) = name
            {
                self.drop_stream(node, &folded(name));
                self.world.nodes[node].streams.insert(folded(name), (spelt, stream));
            }
            return;
        }
        let Some((folder, name)) = self.target(set, place) else { return };
        let replaces = Layout(set.buffer).u8("ReplaceIfExists", 0).is_ok_and(|flag| flag & 1 != 0);
        let same = matches!(self.world.child(folder, &name), Some(Child::Node(there)) if there == node);
        if !same {
            match self.world.child(folder, &name) {
                // Whether there was something to be replaced is not known, and makes no difference.
                None if replaces => {}
                Some(Child::Node(_)) if replaces => {}
                _ => self.world.is_absent(folder, &name, false, place),
            }
        }
        let opened_by = self.opens.get(&key).and_then(|open| open.link.clone());
        let from = opened_by.filter(|link| self.world.is_link(node, link)).or_else(|| self.world.own_link(node));
        for aged in [Some(folder), from.as_ref().map(|link| link.0), Some(node)].into_iter().flatten() {
            self.world.nodes[aged].aged = true;
        }
        if matches!(set.file_info_class, file_class::LINK | LINK_EX) {
            self.world.link(node, folder, &name);
        } else if let Some(from) = from {
            self.world.rename(node, &from, folder, &name);
            if let Some(open) = self.opens.get_mut(&key) {
                open.link = Some((folder, folded(&name)));
            }
        }
    }

    pub(super) fn control(
        &mut self,
        key: OpenKey,
        ioctl: &IoctlRequest<'_>,
        status: NtStatus,
        answer: Option<&Response<'_>>,
    ) {
        let Some(open) = self.opens.get(&key) else { return };
        let (node, stream) = (open.node, open.stream);
        if status != NtStatus::SUCCESS {
            return;
        }
        let input = Layout(ioctl.input);
        match ioctl.ctl_code {
            CtlCode::SRV_REQUEST_RESUME_KEY => {
                if let Some(Response::Ioctl(answer)) = answer
                    && let Some(resume_key) = answer.output.first_chunk()
                {
                    self.resume_keys.insert(*resume_key, stream);
                }
            }
            CtlCode::SRV_COPYCHUNK | CtlCode::SRV_COPYCHUNK_WRITE => {
                let source = ioctl.input.first_chunk().and_then(|key| self.resume_keys.get(key)).copied();
                for chunk in ioctl.input.get(32..).unwrap_or_default().chunks_exact(24) {
                    let chunk = Layout(chunk);
                    let fields =
                        (chunk.u64("SourceOffset", 0), chunk.u64("TargetOffset", 8), chunk.u32("Length", 16));
                    if let (Ok(from), Ok(to), Ok(length)) = fields {
                        self.copied(source, from, stream, to, u64::from(length));
                    }
                }
                self.changed(node);
            }
            DUPLICATE_EXTENTS => {
                let fields = (input.array("SourceFileID", 0).map(FileId), input.u64("SourceFileOffset", 16));
                let more = (input.u64("TargetFileOffset", 24), input.u64("ByteCount", 32));
                if let ((Ok(id), Ok(from)), (Ok(to), Ok(length))) = (fields, more) {
                    let source = self.opens.get(&(key.0, key.1, id)).map(|open| open.stream);
                    self.copied(source, from, stream, to, length);
                    self.changed(node);
                }
            }
            SET_ZERO_DATA => {
                if let (Ok(offset), Ok(end)) = (input.u64("FileOffset", 0), input.u64("BeyondFinalZero", 8)) {
                    self.world.streams[stream].zero(offset, end);
                    self.changed(node);
                }
            }
            code if code.name() == Some("FSCTL_SET_SPARSE") || code.name() == Some("FSCTL_SET_COMPRESSION") => {
                self.changed(node);
            }
            _ => {}
        }
    }

    /// The server copied a range: reads of the copy show the source as it was.
    fn copied(&mut self, source: Option<StreamId>, from: u64, stream: StreamId, to: u64, length: u64) {
        let pieces = match source {
            Some(source) => self.world.streams[source].origin(from, length, source),
            None => vec![(0, length, Made::Ours)],
        };
        for (at, length, made) in pieces {
            self.world.streams[stream].copy_in(to + at, length, made);
        }
    }
}

/// The target of a rename or link, of the extended classes too.
fn new_name(set: &SetInfoRequest<'_>) -> Option<String> {
    let layout = Layout(set.buffer);
    let length = layout.u32("FileNameLength", 16).ok()? as usize;
    Some(Utf16(layout.bytes("FileName", 20, length).ok()?).decode())
}

/// The names of EAs are ASCII by the specification; what is not survives as Latin-1.
pub(super) fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}
