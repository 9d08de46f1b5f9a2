//! Files and directories for the engine's own use (setting up a share, validating it, cleaning it up): typed, one request at
//! a time, any status but success an error.

use bytes::Bytes;

use super::chain::Outgoing;
use super::connection::Connection;
use super::error::WireError;
use super::session::Tree;
use crate::model::message::{
    CloseRequest, CreateContexts, CreateRequest, CreateResponse, QueryDirectoryRequest, QueryDirectoryResponse,
    QueryInfoRequest, QueryInfoResponse, ReadRequest, ReadResponse, SetInfoRequest, WriteRequest, WriteResponse,
};
use crate::model::{Command, FileId, Layout, Malformed, NtStatus, Utf16};

/// The largest payload of one request, in bytes, whatever the server allows.
const PAYLOAD: u32 = 1 << 20;
/// The payload that one credit pays for, and all that a request without multi-credit may carry.
const ONE_CREDIT: u32 = 64 * 1024;

/// Where the name stands in an entry of a directory.
const ENTRY_NAME: usize = 104;

/// `DesiredAccess`, [MS-SMB2] 2.2.13.1.
pub mod access {
    #![allow(missing_docs)]
    pub const READ_DATA: u32 = 0x0000_0001;
    pub const WRITE_DATA: u32 = 0x0000_0002;
    pub const READ_EA: u32 = 0x0000_0008;
    pub const WRITE_EA: u32 = 0x0000_0010;
    pub const READ_ATTRIBUTES: u32 = 0x0000_0080;
    pub const WRITE_ATTRIBUTES: u32 = 0x0000_0100;
    pub const DELETE: u32 = 0x0001_0000;
    pub const READ_CONTROL: u32 = 0x0002_0000;
    pub const WRITE_DAC: u32 = 0x0004_0000;
    pub const SYNCHRONIZE: u32 = 0x0010_0000;
}

/// `CreateDisposition`, [MS-SMB2] 2.2.13.
pub mod disposition {
    #![allow(missing_docs)]
    pub const SUPERSEDE: u32 = 0;
    pub const OPEN: u32 = 1;
    pub const CREATE: u32 = 2;
    pub const OPEN_IF: u32 = 3;
    pub const OVERWRITE: u32 = 4;
    pub const OVERWRITE_IF: u32 = 5;
}

/// Classes of [MS-FSCC] 2.4 that are used here.
pub mod info_class {
    #![allow(missing_docs)]
    pub const FILE_BASIC: u8 = 4;
    pub const FILE_STANDARD: u8 = 5;
    pub const FILE_RENAME: u8 = 10;
    pub const FILE_DISPOSITION: u8 = 13;
    pub const FILE_END_OF_FILE: u8 = 20;
    pub const FILE_STREAM: u8 = 22;
    pub const FILE_ALL: u8 = 18;
    pub const FILE_ID_BOTH_DIRECTORY: u8 = 37;
}

/// What to open or create. [`CreateSpec::file`] and [`CreateSpec::directory`] have defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct CreateSpec {
    /// Share-relative, `\`-separated; empty for the root. A stream as `file:stream`.
    pub path: String,
    pub desired_access: u32,
    pub file_attributes: u32,
    pub share_access: u32,
    pub create_disposition: u32,
    pub create_options: u32,
    pub requested_oplock_level: u8,
}

impl CreateSpec {
    /// A file, shared with all others.
    pub fn file(path: impl Into<String>, desired_access: u32, create_disposition: u32) -> Self {
        Self {
            path: path.into(),
            desired_access,
            file_attributes: 0x80,
            share_access: 7,
            create_disposition,
            create_options: CreateRequest::OPTION_NON_DIRECTORY_FILE,
            requested_oplock_level: 0,
        }
    }

    /// A directory, shared with all others.
    pub fn directory(path: impl Into<String>, desired_access: u32, create_disposition: u32) -> Self {
        Self {
            file_attributes: 0x10,
            create_options: CreateRequest::OPTION_DIRECTORY_FILE,
            ..Self::file(path, desired_access, create_disposition)
        }
    }
}

/// An open file or directory.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct OpenFile {
    pub tree: Tree,
    pub file_id: FileId,
    pub path: String,
    pub create_action: u32,
    pub oplock_level: u8,
    pub end_of_file: u64,
    pub file_attributes: u32,
}

/// One entry of a directory, FileIdBothDirectoryInformation, [MS-FSCC] 2.4.17.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct DirectoryEntry {
    pub name: String,
    pub end_of_file: u64,
    pub file_attributes: u32,
    /// FILETIME
    pub last_write_time: u64,
    pub file_id: u64,
}

impl DirectoryEntry {
    /// FILE_ATTRIBUTE_DIRECTORY
    pub fn is_directory(&self) -> bool {
        self.file_attributes & 0x10 != 0
    }
}

impl Connection {
    /// Opens or creates.
    pub async fn create(&self, tree: &Tree, spec: &CreateSpec) -> Result<OpenFile, WireError> {
        let name = Utf16::encode(&spec.path);
        let request = CreateRequest {
            requested_oplock_level: spec.requested_oplock_level,
            impersonation_level: 2,
            desired_access: spec.desired_access,
            file_attributes: spec.file_attributes,
            share_access: spec.share_access,
            create_disposition: spec.create_disposition,
            create_options: spec.create_options,
            name: Utf16(&name),
            contexts: CreateContexts::default(),
        };
        let mut body = Vec::new();
        request.encode(&[], &mut body);
        let reply = self.expect_success(in_tree(Command::Create, body, tree), &spec.path).await?;
        let answer = CreateResponse::decode(&reply.pdu).map_err(self.malformed(Command::Create))?;
        Ok(OpenFile {
            tree: tree.clone(),
            file_id: answer.file_id,
            path: spec.path.clone(),
            create_action: answer.create_action,
            oplock_level: answer.oplock_level,
            end_of_file: answer.end_of_file,
            file_attributes: answer.file_attributes,
        })
    }

    /// Closes.
    pub async fn close_file(&self, file: &OpenFile) -> Result<(), WireError> {
        let mut body = Vec::new();
        CloseRequest { flags: 0, file_id: file.file_id }.encode(&mut body);
        self.expect_success(in_tree(Command::Close, body, &file.tree), &file.path).await.map(|_| ())
    }

    /// Reads up to `length` bytes from `offset`: fewer at the end of the file, none behind it.
    pub async fn read(&self, file: &OpenFile, offset: u64, length: usize) -> Result<Vec<u8>, WireError> {
        let limit = self.payload_limit(self.negotiated().max_read_size);
        let mut data = Vec::new();
        while data.len() < length {
            let wanted = (length - data.len()).min(limit as usize) as u32;
            let part = self.read_once(file, offset + data.len() as u64, wanted).await?;
            if part.is_empty() {
                break;
            }
            data.extend_from_slice(&part);
        }
        Ok(data)
    }

    async fn read_once(&self, file: &OpenFile, offset: u64, length: u32) -> Result<Bytes, WireError> {
        let request = ReadRequest {
            padding: 0x50,
            flags: 0,
            length,
            offset,
            file_id: file.file_id,
            minimum_count: 0,
            channel: 0,
            remaining_bytes: 0,
        };
        let mut body = Vec::new();
        request.encode(&mut body);
        let request = in_tree(Command::Read, body, &file.tree).charged_for(length as usize);
        match self.expect_success(request, &file.path).await {
            Ok(reply) => {
                let answer = ReadResponse::decode(&reply.pdu).map_err(self.malformed(Command::Read))?;
                Ok(reply.pdu.slice_ref(answer.data))
            }
            Err(WireError::Refused { status: NtStatus::END_OF_FILE, .. }) => Ok(Bytes::new()),
            Err(error) => Err(error),
        }
    }

    /// Writes all the data at `offset`.
    pub async fn write(&self, file: &OpenFile, offset: u64, data: &[u8]) -> Result<(), WireError> {
        let limit = self.payload_limit(self.negotiated().max_write_size) as usize;
        let (mut rest, mut at) = (data, offset);
        while !rest.is_empty() {
            let part = &rest[..rest.len().min(limit)];
            let request = WriteRequest {
                offset: at,
                file_id: file.file_id,
                channel: 0,
                remaining_bytes: 0,
                flags: 0,
                data: part,
            };
            let mut body = Vec::with_capacity(48 + part.len());
            request.encode(&mut body);
            let request = in_tree(Command::Write, body, &file.tree).charged_for(part.len());
            let reply = self.expect_success(request, &file.path).await?;
            let count = WriteResponse::decode(&reply.pdu).map_err(self.malformed(Command::Write))?.count as usize;
            // A server may take less than it was given, but something, or this would never end.
            if count == 0 || count > part.len() {
                let malformed = Layout(&reply.pdu).malformed("Count", 68);
                return Err(self.malformed(Command::Write)(malformed));
            }
            rest = &rest[count..];
            at += count as u64;
        }
        Ok(())
    }

    /// All entries of an open directory that match a pattern (`*`), without `.` and `..`.
    pub async fn query_directory(
        &self,
        directory: &OpenFile,
        pattern: &str,
    ) -> Result<Vec<DirectoryEntry>, WireError> {
        const RESTART_SCANS: u8 = 1;
        let pattern = Utf16::encode(pattern);
        let mut entries = Vec::new();
        let mut flags = RESTART_SCANS;
        loop {
            let request = QueryDirectoryRequest {
                file_information_class: info_class::FILE_ID_BOTH_DIRECTORY,
                flags,
                file_index: 0,
                file_id: directory.file_id,
                pattern: Utf16(&pattern),
                output_buffer_length: ONE_CREDIT,
            };
            flags = 0;
            let mut body = Vec::new();
            request.encode(&mut body);
            let request = in_tree(Command::QueryDirectory, body, &directory.tree);
            let reply = match self.expect_success(request, &directory.path).await {
                Err(WireError::Refused { status: NtStatus::NO_MORE_FILES | NtStatus::NO_SUCH_FILE, .. }) => {
                    return Ok(entries);
                }
                other => other?,
            };
            let answer =
                QueryDirectoryResponse::decode(&reply.pdu).map_err(self.malformed(Command::QueryDirectory))?;
            let found = directory_entries(answer.output).map_err(self.malformed(Command::QueryDirectory))?;
            if found.is_empty() {
                return Ok(entries);
            }
            entries.extend(found.into_iter().filter(|entry| entry.name != "." && entry.name != ".."));
        }
    }

    /// Information of a class about an open file, as the server sends it: type 1 file, 2 file system, 3 security.
    pub async fn query_info(
        &self,
        file: &OpenFile,
        info_type: u8,
        class: u8,
        additional_information: u32,
    ) -> Result<Bytes, WireError> {
        let request = QueryInfoRequest {
            info_type,
            file_info_class: class,
            output_buffer_length: ONE_CREDIT,
            additional_information,
            flags: 0,
            file_id: file.file_id,
            input: &[],
        };
        let mut body = Vec::new();
        request.encode(&mut body);
        let reply = self.expect_success(in_tree(Command::QueryInfo, body, &file.tree), &file.path).await?;
        let answer = QueryInfoResponse::decode(&reply.pdu).map_err(self.malformed(Command::QueryInfo))?;
        Ok(reply.pdu.slice_ref(answer.output))
    }

    /// Sets information of a class on an open file.
    pub async fn set_info(
        &self,
        file: &OpenFile,
        info_type: u8,
        class: u8,
        additional_information: u32,
        buffer: &[u8],
    ) -> Result<(), WireError> {
        let request = SetInfoRequest {
            info_type,
            file_info_class: class,
            additional_information,
            file_id: file.file_id,
            buffer,
        };
        let mut body = Vec::new();
        request.encode(&mut body);
        let request = in_tree(Command::SetInfo, body, &file.tree).charged_for(buffer.len());
        self.expect_success(request, &file.path).await.map(|_| ())
    }

    /// Sets the length of an open file.
    pub async fn set_end_of_file(&self, file: &OpenFile, length: u64) -> Result<(), WireError> {
        self.set_info(file, SetInfoRequest::INFO_FILE, info_class::FILE_END_OF_FILE, 0, &length.to_le_bytes()).await
    }

    /// Marks an open file or empty directory to be deleted when it is closed. It must be open for DELETE.
    pub async fn delete_on_close(&self, file: &OpenFile) -> Result<(), WireError> {
        self.set_info(file, SetInfoRequest::INFO_FILE, info_class::FILE_DISPOSITION, 0, &[1]).await
    }

    fn payload_limit(&self, servers: u32) -> u32 {
        let ours = if self.negotiated().multi_credit() { PAYLOAD } else { ONE_CREDIT };
        // A server that allows nothing is asked all the same, and says what it thinks of it.
        servers.min(ours).max(1)
    }

    fn malformed(&self, command: Command) -> impl Fn(Malformed) -> WireError {
        let address = self.options().address;
        move |source| WireError::Malformed { address, command, source }
    }
}

fn in_tree(command: Command, body: Vec<u8>, tree: &Tree) -> Outgoing {
    Outgoing::new(command, body).in_session(&tree.session).in_tree(tree.id)
}

/// Reads a list of FileIdBothDirectoryInformation.
fn directory_entries(output: &[u8]) -> Result<Vec<DirectoryEntry>, Malformed> {
    let mut entries = Vec::new();
    let mut rest = output;
    while !rest.is_empty() {
        let layout = Layout(rest);
        let next = layout.u32("NextEntryOffset", 0)? as usize;
        let length = layout.u32("FileNameLength", 60)? as usize;
        entries.push(DirectoryEntry {
            name: Utf16(layout.bytes("FileName", ENTRY_NAME, length)?).decode(),
            end_of_file: layout.u64("EndOfFile", 40)?,
            file_attributes: layout.u32("FileAttributes", 56)?,
            last_write_time: layout.u64("LastWriteTime", 24)?,
            file_id: layout.u64("FileId", 96)?,
        });
        if next == 0 {
            break;
        }
        if next < ENTRY_NAME {
            return Err(layout.malformed("NextEntryOffset", 0));
        }
        rest = rest.get(next..).ok_or_else(|| layout.malformed("NextEntryOffset", 0))?;
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn arbitrary_directory_listings_never_panic_or_hang(output in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = directory_entries(&output);
        }
    }

    #[test]
    fn entries_are_found_by_their_offsets() {
        let mut output = Vec::new();
        for (name, next) in [("a.txt", 120u32), ("ü", 0)] {
            let start = output.len();
            output.extend_from_slice(&next.to_le_bytes());
            output.resize(start + 104, 0);
            let name = Utf16::encode(name);
            output[start + 60..start + 64].copy_from_slice(&(name.len() as u32).to_le_bytes());
            output.extend_from_slice(&name);
            if next != 0 {
                output.resize(start + next as usize, 0);
            }
        }
        let names: Vec<_> = directory_entries(&output).unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["a.txt", "ü"]);
    }
}
