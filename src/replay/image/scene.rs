//! A capture made by hand, for the tests of this module.

use super::super::closing::Closing;
use super::super::testing::{self, SESSION};
use super::infer;
use crate::model::fscc::file_class;
use crate::model::message::{QueryDirectoryRequest, QueryInfoRequest, SetInfoRequest, encode_contexts};
use crate::model::{Command, FileId, Image, NtStatus, Operation, SessionId, Timestamp, Utf16};

/// `CreateAction`, [MS-SMB2] 2.2.14.
pub(super) const OPENED: u32 = 1;
pub(super) const CREATED: u32 = 2;
pub(super) const OVERWRITTEN: u32 = 3;

/// A capture in the making: each operation is answered before the next is sent.
pub(super) struct Scene {
    pub(super) operations: Vec<Operation>,
    ends: Vec<Closing>,
    frame: u64,
    pub(super) session: SessionId,
    ids: u8,
}

impl Scene {
    pub(super) fn new() -> Self {
        Self { operations: Vec::new(), ends: Vec::new(), frame: 0, session: SESSION, ids: 0 }
    }

    pub(super) fn add(&mut self, mut operation: Operation, path: &str) -> &mut Operation {
        operation.session_id = self.session;
        operation.path = Some(path.into());
        self.operations.push(operation);
        self.operations.last_mut().unwrap()
    }

    pub(super) fn frames(&mut self) -> (u64, u64) {
        self.frame += 2;
        (self.frame - 1, self.frame)
    }

    /// The connection ends.
    pub(super) fn end(&mut self) {
        let (_, frame) = self.frames();
        let time = Timestamp(frame as i64 * 1_000_000);
        self.ends.push(Closing { frame, time, connection: testing::connection(0).index });
    }

    pub(super) fn answered(
        &mut self,
        command: Command,
        status: NtStatus,
        request: &[u8],
        response: &[u8],
    ) -> Operation {
        let (sent, answered) = self.frames();
        let mut operation = testing::operation(command, request, sent, Some(answered));
        operation.status = Some(status);
        operation.response = Some(testing::part(answered, testing::pdu(command, status, true, response)));
        operation
    }

    pub(super) fn create(&mut self, path: &str, action: u32, size: u64, attributes: u32) -> FileId {
        self.create_with(path, action, size, attributes, 0)
    }

    pub(super) fn create_with(
        &mut self,
        path: &str,
        action: u32,
        size: u64,
        attributes: u32,
        options: u32,
    ) -> FileId {
        self.ids += 1;
        let id = FileId([self.ids; 16]);
        let mut response = testing::create_response_body(id, size, attributes);
        response[4] = action as u8;
        let request = testing::create_body(path, 0x0012_019F, 3, options, &[]);
        let mut operation = self.answered(Command::Create, NtStatus::SUCCESS, &request, &response);
        operation.file_id = Some(id);
        self.add(operation, path);
        id
    }

    /// A durable reconnect to an open; returns the id that it has now.
    pub(super) fn reconnect(&mut self, path: &str, old: FileId, status: NtStatus) -> FileId {
        let contexts = encode_contexts(&[(b"DHnC", &old.0)]);
        let request = testing::create_body(path, 0, 0, 0, &contexts);
        self.ids += 1;
        let mut id = old;
        id.0[15] ^= self.ids;
        let response = match status {
            NtStatus::SUCCESS => testing::create_response_body(id, 0, 0x20),
            _ => error_body(),
        };
        let operation = self.answered(Command::Create, status, &request, &response);
        self.add(operation, path).file_id = Some(id);
        id
    }

    pub(super) fn open(&mut self, path: &str, size: u64) -> FileId {
        self.create(path, OPENED, size, 0x20)
    }

    pub(super) fn fail(&mut self, path: &str, disposition: u32, options: u32, status: NtStatus) {
        let request = testing::create_body(path, 0x0012_0089, disposition, options, &[]);
        let operation = self.answered(Command::Create, status, &request, &error_body());
        self.add(operation, path);
    }

    pub(super) fn read(&mut self, path: &str, id: FileId, offset: u64, length: u32, data: &[u8]) {
        let (sent, answered) = self.frames();
        let mut operation = testing::read(path, id, offset, length, sent, answered);
        let mut body = vec![0u8; 16];
        body[0] = 17;
        body[2] = 80;
        body[4..8].copy_from_slice(&(data.len() as u32).to_le_bytes());
        body.extend_from_slice(data);
        let pdu = testing::pdu(Command::Read, NtStatus::SUCCESS, true, &body);
        operation.response = Some(testing::part(answered, pdu));
        self.add(operation, path);
    }

    pub(super) fn write(&mut self, path: &str, id: FileId, offset: u64, data: &[u8]) {
        let (sent, answered) = self.frames();
        let operation = testing::write(path, id, offset, data, sent, answered);
        self.add(operation, path);
    }

    pub(super) fn set_as(&mut self, path: &str, id: FileId, class: u8, buffer: &[u8], status: NtStatus) {
        let mut body = Vec::new();
        let set =
            SetInfoRequest { info_type: 1, file_info_class: class, additional_information: 0, file_id: id, buffer };
        set.encode(&mut body);
        let response = if status == NtStatus::SUCCESS { vec![2, 0] } else { error_body() };
        let operation = self.answered(Command::SetInfo, status, &body, &response);
        self.add(operation, path).file_id = Some(id);
    }

    pub(super) fn set(&mut self, path: &str, id: FileId, class: u8, buffer: &[u8]) {
        self.set_as(path, id, class, buffer, NtStatus::SUCCESS);
    }

    pub(super) fn rename(&mut self, path: &str, id: FileId, new: &str) {
        self.set(path, id, file_class::RENAME, &rename_buffer(new));
        self.operations.last_mut().unwrap().new_path = Some(new.into());
    }

    pub(super) fn delete(&mut self, path: &str, id: FileId) {
        self.set(path, id, file_class::DISPOSITION, &[1]);
    }

    pub(super) fn close(&mut self, path: &str, id: FileId) {
        let (sent, answered) = self.frames();
        let operation = testing::close(path, id, sent, answered);
        self.add(operation, path).file_id = Some(id);
    }

    pub(super) fn list(
        &mut self,
        path: &str,
        id: FileId,
        class: u8,
        pattern: &str,
        entries: Option<&[(&str, u64, u32)]>,
    ) {
        let pattern = Utf16::encode(pattern);
        let mut body = Vec::new();
        let request = QueryDirectoryRequest {
            file_information_class: class,
            flags: 0,
            file_index: 0,
            file_id: id,
            pattern: Utf16(&pattern),
            output_buffer_length: 65536,
        };
        request.encode(&mut body);
        let (status, response) = match entries {
            Some(entries) => (NtStatus::SUCCESS, output_body(&listing(class, entries))),
            None => (NtStatus::NO_MORE_FILES, error_body()),
        };
        let operation = self.answered(Command::QueryDirectory, status, &body, &response);
        self.add(operation, path).file_id = Some(id);
    }

    pub(super) fn query(&mut self, path: &str, id: FileId, class: u8, output: &[u8]) {
        let mut body = Vec::new();
        let request = QueryInfoRequest {
            info_type: 1,
            file_info_class: class,
            output_buffer_length: 4096,
            additional_information: 0,
            flags: 0,
            file_id: id,
            input: &[],
        };
        request.encode(&mut body);
        let operation = self.answered(Command::QueryInfo, NtStatus::SUCCESS, &body, &output_body(output));
        self.add(operation, path).file_id = Some(id);
    }

    /// An IOCTL with its input and the output of its answer.
    pub(super) fn control(&mut self, path: &str, id: FileId, code: u32, input: &[u8], output: &[u8]) {
        let mut body = Vec::new();
        let request = crate::model::message::IoctlRequest {
            ctl_code: crate::model::CtlCode(code),
            file_id: id,
            input_offset: 120,
            input,
            max_input_response: 0,
            output: &[],
            max_output_response: 4096,
            flags: 1,
        };
        request.encode(&mut body);
        let mut response = vec![0u8; 48];
        response[0] = 49;
        response[4..8].copy_from_slice(&code.to_le_bytes());
        response[32..36].copy_from_slice(&112u32.to_le_bytes());
        response[36..40].copy_from_slice(&(output.len() as u32).to_le_bytes());
        response.extend_from_slice(output);
        let operation = self.answered(Command::Ioctl, NtStatus::SUCCESS, &body, &response);
        self.add(operation, path).file_id = Some(id);
    }

    pub(super) fn image(self) -> Image {
        infer(self.operations, self.ends, |session| session == SESSION)
    }
}

fn error_body() -> Vec<u8> {
    vec![9, 0, 0, 0, 0, 0, 0, 0, 0]
}

fn output_body(output: &[u8]) -> Vec<u8> {
    let mut body = vec![9, 0, 72, 0];
    body.extend_from_slice(&(output.len() as u32).to_le_bytes());
    body.extend_from_slice(output);
    body
}

pub(super) fn rename_buffer(new: &str) -> Vec<u8> {
    let name = Utf16::encode(new);
    let mut buffer = vec![0; 16];
    buffer.extend_from_slice(&(name.len() as u32).to_le_bytes());
    buffer.extend_from_slice(&name);
    buffer
}

/// Entries of a directory class.
fn listing(class: u8, entries: &[(&str, u64, u32)]) -> Vec<u8> {
    let name_at = match class {
        1 => 64,
        2 => 68,
        3 => 94,
        12 => 12,
        37 => 104,
        38 => 80,
        60 => 88,
        _ => 114,
    };
    let mut out = Vec::new();
    for (i, (name, size, attributes)) in entries.iter().enumerate() {
        let name = Utf16::encode(name);
        let mut entry = vec![0u8; name_at];
        let length = (name.len() as u32).to_le_bytes();
        if class == 12 {
            entry[8..12].copy_from_slice(&length);
        } else {
            entry[40..48].copy_from_slice(&size.to_le_bytes());
            entry[56..60].copy_from_slice(&attributes.to_le_bytes());
            entry[60..64].copy_from_slice(&length);
        }
        entry.extend_from_slice(&name);
        if i + 1 < entries.len() {
            entry.resize(entry.len().next_multiple_of(8), 0);
            let step = (entry.len() as u32).to_le_bytes();
            entry[..4].copy_from_slice(&step);
        }
        out.extend(entry);
    }
    out
}
