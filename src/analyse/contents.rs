//! Contents of files, put together from what READs returned and WRITEs carried. This says what goes where; who calls it does
//! the writing.

use rustc_hash::{FxHashMap, FxHashSet};

use super::byte_ranges::ByteRanges;
use super::opens::Point;
use crate::model::message::{ReadResponse, SetInfoRequest, WriteRequest};
use crate::model::{Command, FileId, Layout, Operation, path};

/// CreateAction of an open that left the file as it was, [MS-SMB2] 2.2.14.
const ACTION_OPENED: u32 = 1;

/// What is to be done for an operation, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentStep<'a> {
    /// A version begins, empty or with what is known of the one before.
    Begin {
        /// Its place in [`Contents::versions`].
        version: usize,
        /// 1 for the first of its file.
        number: usize,
        /// The version that it begins with.
        copy_of: Option<usize>,
    },
    /// Bytes at their place.
    Put {
        /// The version.
        version: usize,
        /// Where.
        offset: u64,
        /// What.
        data: &'a [u8],
    },
    /// The file was cut or grew.
    Resize {
        /// The version.
        version: usize,
        /// Its length now.
        length: u64,
    },
}

/// A file as it was for some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileVersion {
    /// `\\server\share`
    pub share: String,
    /// Path in the share.
    pub path: String,
    /// 1 for what was seen of the file first.
    pub number: usize,
    /// The bytes that are known.
    pub known: ByteRanges,
    /// Its length, as far as the capture tells.
    pub length: u64,
    /// The first operation that told something of it.
    pub first: Option<Point>,
    /// The last.
    pub last: Option<Point>,
}

impl FileVersion {
    /// The stretches that the capture does not hold.
    pub fn gaps(&self) -> Vec<std::ops::Range<u64>> {
        self.known.gaps(self.length)
    }
}

/// Follows the files of a capture through its operations, which have their PDUs.
///
/// A file has a new version when it is changed after an open that read or wrote it was closed, when a CREATE empties it, and
/// when a READ returns other bytes than one of the same place before: then somebody else has changed it.
#[derive(Debug, Default)]
pub struct Contents {
    files: FxHashMap<(String, String), FileState>,
    versions: Vec<FileVersion>,
    /// Opens through which bytes went.
    used: FxHashSet<(u64, FileId)>,
}

#[derive(Debug, Default)]
struct FileState {
    current: Option<usize>,
    /// An open that used the version has been closed: a change is one of another version.
    settled: bool,
    /// The length when no byte was seen yet.
    length: u64,
    count: usize,
    /// What was read at which place.
    blocks: FxHashMap<(u64, u64), [u8; 16]>,
}

impl Contents {
    /// The versions so far.
    pub fn versions(&self) -> &[FileVersion] {
        &self.versions
    }

    /// Takes the next operation, and hands on what is to be done.
    pub fn add<E>(
        &mut self,
        operation: &Operation,
        mut take: impl FnMut(ContentStep<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (Some(share), Some(path)) = (operation.share.as_deref(), operation.path.as_deref()) else {
            return Ok(());
        };
        if path::is_ipc(share) || operation.status.is_none_or(|status| status.is_error()) {
            return Ok(());
        }
        match operation.command {
            Command::Create => self.created(share, path, operation),
            Command::Read => self.read(share, path, operation, &mut take)?,
            Command::Write => self.written(share, path, operation, &mut take)?,
            Command::SetInfo => self.set_info(share, path, operation, &mut take)?,
            Command::Close => self.closed(share, path, operation),
            _ => {}
        }
        Ok(())
    }

    fn state(&mut self, share: &str, path: &str) -> &mut FileState {
        self.files.entry((share.to_owned(), path.to_owned())).or_default()
    }

    fn created(&mut self, share: &str, path: &str, operation: &Operation) {
        let facts = &operation.facts;
        let Some(action) = facts.create_action else { return };
        let length = facts.end_of_file.unwrap_or_default();
        let state = self.state(share, path);
        state.length = length;
        if action != ACTION_OPENED {
            state.current = None;
            state.blocks.clear();
        } else if let Some(version) = state.current {
            let version = &mut self.versions[version];
            version.length = version.length.max(length);
        }
    }

    fn read<E>(
        &mut self,
        share: &str,
        path: &str,
        operation: &Operation,
        take: &mut impl FnMut(ContentStep<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let body = operation.response.as_ref().and_then(|part| ReadResponse::decode(&part.pdu).ok());
        let (Some(body), Some(offset)) = (body, operation.facts.offset) else { return Ok(()) };
        if body.data.is_empty() {
            return Ok(());
        }
        self.use_of(operation);
        let block = (offset, body.data.len() as u64);
        let state = self.state(share, path);
        let changed = match (state.blocks.get(&block), operation.facts.data_hash) {
            (Some(before), Some(now)) => *before != now,
            _ => false,
        };
        if changed {
            state.current = None;
            state.blocks.clear();
        }
        if let Some(hash) = operation.facts.data_hash {
            state.blocks.insert(block, hash);
        }
        let version = self.version(share, path, false, take)?;
        self.put(version, offset, body.data, operation, take)
    }

    fn written<E>(
        &mut self,
        share: &str,
        path: &str,
        operation: &Operation,
        take: &mut impl FnMut(ContentStep<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let body = operation.request.as_ref().and_then(|part| WriteRequest::decode(&part.pdu).ok());
        let Some(body) = body else { return Ok(()) };
        let accepted = operation.facts.bytes.map_or(body.data.len(), |bytes| bytes as usize);
        let data = body.data.get(..accepted).unwrap_or(body.data);
        // All ones is the end of the file, [MS-SMB2] 3.3.5.13.
        let offset = if body.offset == u64::MAX { self.length_of(share, path) } else { body.offset };
        self.use_of(operation);
        self.state(share, path).blocks.clear();
        let version = self.version(share, path, true, take)?;
        self.put(version, offset, data, operation, take)
    }

    fn set_info<E>(
        &mut self,
        share: &str,
        path: &str,
        operation: &Operation,
        take: &mut impl FnMut(ContentStep<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let body = operation.request.as_ref().and_then(|part| SetInfoRequest::decode(&part.pdu).ok());
        let Some(body) = body.filter(|body| body.info_type == SetInfoRequest::INFO_FILE) else { return Ok(()) };
        match (body.file_info_class, &operation.new_path) {
            (SetInfoRequest::CLASS_RENAME, Some(new_path)) => {
                if let Some(state) = self.files.remove(&(share.to_owned(), path.to_owned())) {
                    self.files.insert((share.to_owned(), new_path.to_string()), state);
                }
            }
            (SetInfoRequest::CLASS_END_OF_FILE, _) => {
                let Ok(length) = Layout(body.buffer).u64("EndOfFile", 0) else { return Ok(()) };
                let state = self.state(share, path);
                state.length = length;
                state.blocks.clear();
                if state.current.is_some() {
                    self.use_of(operation);
                    let version = self.version(share, path, true, take)?;
                    take(ContentStep::Resize { version, length })?;
                    let version = &mut self.versions[version];
                    version.known.truncate(length);
                    version.length = length;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn closed(&mut self, share: &str, path: &str, operation: &Operation) {
        let Some(file_id) = operation.file_id else { return };
        let used = self.used.remove(&(operation.session_id.0, file_id));
        let Some(state) = self.files.get_mut(&(share.to_owned(), path.to_owned())) else { return };
        state.settled |= used;
        if let (Some(version), Some(length)) = (state.current, operation.facts.end_of_file)
            && used
        {
            let version = &mut self.versions[version];
            version.length = length.max(version.known.end());
        }
    }

    fn use_of(&mut self, operation: &Operation) {
        if let Some(file_id) = operation.file_id {
            self.used.insert((operation.session_id.0, file_id));
        }
    }

    fn length_of(&mut self, share: &str, path: &str) -> u64 {
        let state = self.state(share, path);
        let (current, length) = (state.current, state.length);
        current.map_or(length, |version| self.versions[version].length)
    }

    /// The version that an operation is about; a change of a settled one begins another.
    fn version<E>(
        &mut self,
        share: &str,
        path: &str,
        changes: bool,
        take: &mut impl FnMut(ContentStep<'_>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let next = self.versions.len();
        let state = self.files.entry((share.to_owned(), path.to_owned())).or_default();
        let copy_of = match state.current {
            Some(version) if !(changes && state.settled) => return Ok(version),
            current => current,
        };
        state.count += 1;
        state.current = Some(next);
        state.settled = false;
        let (known, length) = match copy_of.and_then(|version| self.versions.get(version)) {
            Some(before) => (before.known.clone(), before.length),
            None => (ByteRanges::default(), state.length),
        };
        let number = state.count;
        self.versions.push(FileVersion {
            share: share.to_owned(),
            path: path.to_owned(),
            number,
            known,
            length,
            first: None,
            last: None,
        });
        take(ContentStep::Begin { version: next, number, copy_of })?;
        Ok(next)
    }

    fn put<E>(
        &mut self,
        number: usize,
        offset: u64,
        data: &[u8],
        operation: &Operation,
        take: &mut impl FnMut(ContentStep<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let end = offset.saturating_add(data.len() as u64);
        // No file system has files that long; what says so is damaged.
        if i64::try_from(end).is_err() {
            return Ok(());
        }
        take(ContentStep::Put { version: number, offset, data })?;
        let version = &mut self.versions[number];
        version.known.insert(offset..end);
        version.length = version.length.max(end);
        if let Some(part) = operation.response.as_ref() {
            let point = Point { frame: part.frame, time: part.time };
            version.first.get_or_insert(point);
            version.last = Some(point);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
