//! READ, QUERY_INFO and QUERY_DIRECTORY: what responses show.

use bytes::Bytes;

use super::changing::latin;
use super::fact::Rank;
use super::infer::{Inference, OpenKey};
use super::stream::StreamId;
use super::world::{Child, NodeId, Place, folded};
use crate::model::fscc::{
    ATTRIBUTE_DIRECTORY, AllInformation, AttributeTagInformation, BasicInformation, DirectoryEntry,
    NetworkOpenInformation, StandardInformation, directory_entries, directory_entry_names_only, file_class, full_eas,
    stream_entries,
};
use crate::model::message::{QueryDirectoryRequest, QueryInfoRequest, ReadRequest, Response};
use crate::model::{ContradictionKind, Evidence, ExtendedAttribute, ImageTimes, NtStatus};

const INFO_FILE: u8 = 1;
/// SMB2_RESTART_SCANS and SMB2_REOPEN, [MS-SMB2] 2.2.33.
const RESTARTS: u8 = 0x01 | 0x10;

impl Inference {
    pub(super) fn read(
        &mut self,
        stream: StreamId,
        read: &ReadRequest,
        status: NtStatus,
        answer: Option<&Response<'_>>,
        place: Place<'_>,
    ) {
        let data = match answer {
            Some(Response::Read(answer)) if status == NtStatus::SUCCESS => Bytes::copy_from_slice(answer.data),
            _ => {
                if status == NtStatus::END_OF_FILE {
                    self.world.streams[stream].observe_end(read.offset);
                }
                return;
            }
        };
        let end = read.offset.saturating_add(data.len() as u64);
        if (data.len() as u64) < u64::from(read.length) && !self.world.streams[stream].observe_size(end, Rank::Seen) {
            self.world.contradicted(ContradictionKind::Size, place);
        }
        let mut different = 0;
        for (of, offset, bytes) in self.world.streams[stream].read(read.offset, &data) {
            different += self.world.streams[of.unwrap_or(stream)].learn(offset, &bytes, Rank::Seen);
        }
        if different > 0 {
            self.world.contradicted(ContradictionKind::Content, place);
        }
    }

    pub(super) fn information(
        &mut self,
        node: NodeId,
        stream: StreamId,
        query: &QueryInfoRequest<'_>,
        status: NtStatus,
        answer: Option<&Response<'_>>,
        place: Place<'_>,
    ) {
        let Some(Response::QueryInfo(answer)) = answer else { return };
        if query.info_type != INFO_FILE || status.is_error() {
            return;
        }
        let output = answer.output;
        let is_main = self.world.nodes[node].data == stream;
        match query.file_info_class {
            file_class::BASIC => {
                if let Ok(basic) = BasicInformation::decode(output) {
                    self.basic(node, stream, &basic, place);
                }
            }
            file_class::STANDARD => {
                if let Ok(standard) = StandardInformation::decode(output) {
                    self.standard(node, stream, &standard, is_main, place);
                }
            }
            file_class::ALL => {
                if let Ok(all) = AllInformation::decode(output) {
                    self.basic(node, stream, &all.basic, place);
                    self.standard(node, stream, &all.standard, is_main, place);
                }
            }
            file_class::NETWORK_OPEN => {
                if let Ok(info) = NetworkOpenInformation::decode(output) {
                    let size = Some(info.end_of_file).filter(|_| info.file_attributes & ATTRIBUTE_DIRECTORY == 0);
                    let times = ImageTimes::from(&info);
                    self.seen(node, stream, size, Some(info.file_attributes), times, Rank::Seen, place);
                }
            }
            file_class::ATTRIBUTE_TAG => {
                if let Ok(info) = AttributeTagInformation::decode(output) {
                    let times = ImageTimes::default();
                    self.seen(node, stream, None, Some(info.file_attributes), times, Rank::Seen, place);
                }
            }
            file_class::STREAM => self.streams(node, output, place),
            file_class::FULL_EA if query.input.is_empty() || !output.is_empty() => self.attributes(node, output),
            _ => {}
        }
    }

    fn basic(&mut self, node: NodeId, stream: StreamId, basic: &BasicInformation, place: Place<'_>) {
        let times = ImageTimes::from(basic);
        self.seen(node, stream, None, Some(basic.file_attributes), times, Rank::Seen, place);
    }

    fn standard(
        &mut self,
        node: NodeId,
        stream: StreamId,
        standard: &StandardInformation,
        is_main: bool,
        place: Place<'_>,
    ) {
        let size = Some(standard.end_of_file).filter(|_| !standard.directory);
        self.seen(node, stream, size, None, ImageTimes::default(), Rank::Seen, place);
        if is_main {
            self.world.is_directory(node, standard.directory, place);
        }
    }

    /// The names and sizes of all streams of a file.
    fn streams(&mut self, node: NodeId, output: &[u8], place: Place<'_>) {
        for entry in stream_entries(output) {
            let Ok(entry) = entry else { return };
            let name = entry.name.decode();
            let name = name.strip_prefix(':').unwrap_or(&name);
            let (name, kind) = name.rsplit_once(":$").unwrap_or((name, "DATA"));
            if kind != "DATA" {
                continue;
            }
            let stream = self.world.stream(node, Some(name).filter(|name| !name.is_empty()), true);
            if !self.world.streams[stream].observe_size(entry.stream_size, Rank::Seen) {
                self.world.contradicted(ContradictionKind::Size, place);
            }
        }
    }

    fn attributes(&mut self, node: NodeId, output: &[u8]) {
        let node = &mut self.world.nodes[node];
        let Some(beginning) = &mut node.beginning else { return };
        for ea in full_eas(output) {
            let Ok(ea) = ea else { return };
            let name = latin(ea.name);
            let known = beginning.eas.iter().any(|known| folded(&known.name) == folded(&name));
            // An attribute without a value is one that there is not, [MS-FSCC] 2.4.16.
            if !known && !ea.value.is_empty() && !node.own_eas.contains(&folded(&name)) {
                beginning.eas.push(ExtendedAttribute { flags: ea.flags, name, value: ea.value.to_vec() });
            }
        }
    }

    pub(super) fn listed(
        &mut self,
        key: OpenKey,
        query: &QueryDirectoryRequest<'_>,
        status: NtStatus,
        answer: Option<&Response<'_>>,
        place: Place<'_>,
    ) {
        let Some(open) = self.opens.get_mut(&key) else { return };
        let folder = open.node;
        let pattern = query.pattern.decode();
        if query.flags & RESTARTS != 0 || open.listing.is_none() {
            open.listing = Some(Vec::new());
        }
        let everything = matches!(pattern.as_str(), "*" | "*.*" | "");
        match (status, answer) {
            (NtStatus::SUCCESS, Some(Response::QueryDirectory(answer))) => {
                let class = query.file_information_class;
                let Some(entries) = directory_entries(class, answer.output) else { return };
                self.world.is_directory(folder, true, place);
                for entry in entries {
                    let Ok(entry) = entry else { return };
                    self.entry(key, folder, &entry, directory_entry_names_only(class), place);
                }
            }
            (NtStatus::NO_MORE_FILES, _) if everything => {
                if let Some(beginning) = &mut self.world.nodes[folder].beginning {
                    beginning.listed = true;
                }
            }
            (NtStatus::NO_SUCH_FILE, _) if !pattern.is_empty() && !pattern.contains(['*', '?', '<', '>', '"']) => {
                self.world.is_absent(folder, &pattern, false, place);
            }
            _ => {}
        }
    }

    fn entry(&mut self, key: OpenKey, folder: NodeId, entry: &DirectoryEntry<'_>, name_only: bool, place: Place<'_>) {
        let name = entry.name.decode();
        if matches!(name.as_str(), "" | "." | "..") || name.contains(['\\', '/', char::REPLACEMENT_CHARACTER]) {
            return;
        }
        let Some(listing) = self.opens.get_mut(&key).and_then(|open| open.listing.as_mut()) else { return };
        if let Some(real) = self.world.behind_short_name(folder, &name, listing) {
            listing.push(real);
            return;
        }
        listing.push(folded(&name));
        let path = if place.path.is_empty() { name.clone() } else { format!("{}\\{name}", place.path) };
        let place = Place { path: &path, by_others: self.others.has_changed(place.key, &path), ..place };
        let node = self.world.exists(folder, &name, Evidence::Listed, place);
        if name_only {
            return;
        }
        let directory = entry.file_attributes & ATTRIBUTE_DIRECTORY != 0;
        self.world.is_directory(node, directory, place);
        let times = ImageTimes::from(entry);
        let size = Some(entry.end_of_file).filter(|_| !directory);
        let stream = self.world.nodes[node].data;
        self.seen(node, stream, size, Some(entry.file_attributes), times, Rank::Listed, place);
    }
}

impl super::world::World {
    /// Servers list what has no name for Windows (`name.`, `name `) by a short one (`NAME~1`). The folded real name, if there is
    /// such a child that the listing has not shown yet.
    fn behind_short_name(&self, folder: NodeId, name: &str, shown: &[String]) -> Option<String> {
        let children = &self.nodes[folder].children;
        if !looks_short(name) || children.contains_key(&folded(name)) {
            return None;
        }
        let mut hidden: Vec<_> = children
            .iter()
            .filter(|(name, child)| {
                matches!(child, Child::Node(_)) && name.ends_with([' ', '.']) && !shown.contains(name)
            })
            .map(|(name, _)| name.clone())
            .collect();
        hidden.sort_unstable();
        hidden.into_iter().next()
    }
}

/// Whether a name may be a made-up one of 8 and 3 characters.
fn looks_short(name: &str) -> bool {
    let (base, extension) = name.split_once('.').unwrap_or((name, ""));
    name.is_ascii() && base.len() <= 8 && extension.len() <= 3 && base.contains('~') && !name.contains(' ')
}
