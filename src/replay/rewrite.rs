//! The body of a captured request as it goes out: byte for byte, with the ids of the lab in place of the captured ones,
//! and names where the mapping asks for it.

use bytes::Bytes;

use super::copies::CopyNumber;
use super::name_map::NameMap;
use super::names;
use super::remap::IdMap;
use crate::model::header::HEADER_LENGTH;
use crate::model::message::{
    CreateRequest, INFO_SECURITY, IoctlRequest, LeaseContext, OplockBreak, Request, SetInfoRequest, encode_contexts,
    file_id_offset,
};
use crate::model::path::is_ipc;
use crate::model::{Command, CtlCode, FileId, Header, HeaderFlags, Layout, Operation};

/// The mappings that a body is rewritten with.
#[derive(Clone, Copy, Debug)]
pub struct Rewriter<'a> {
    /// Ids.
    pub ids: &'a IdMap,
    /// Names.
    pub names: &'a NameMap,
    /// Which copy.
    pub copy: CopyNumber,
}

impl Rewriter<'_> {
    /// The body for a captured request PDU of a captured server. A FileId that was never granted goes out as one that the
    /// target has not granted either.
    pub fn body(&self, operation: &Operation, pdu: &[u8], server: u32) -> Bytes {
        let mut out = pdu.to_vec();
        match operation.command {
            Command::TreeConnect => names::tree_connect(&mut out, self.names),
            Command::Create => {
                let is_pipe = operation.share.as_deref().is_some_and(is_ipc);
                self.create(&mut out, pdu, server, is_pipe);
            }
            _ => {
                self.file_id(&mut out, operation, server);
                match operation.command {
                    Command::Ioctl => {
                        self.resume_key(&mut out, pdu, server);
                        self.rpc_ids(&mut out, operation, pdu, server);
                    }
                    Command::Write => self.rpc_ids(&mut out, operation, pdu, server),
                    Command::SetInfo => {
                        names::set_info(&mut out, self.names);
                        self.accounts(&mut out, server);
                    }
                    Command::QueryDirectory => {
                        names::query_directory(&mut out, self.names, operation.path.as_deref());
                    }
                    Command::OplockBreak if matches!(OplockBreak::decode(pdu), Ok(OplockBreak::Lease { .. })) => {
                        self.separate(&mut out, 72);
                    }
                    _ => {}
                }
            }
        }
        let header = HEADER_LENGTH.min(out.len());
        Bytes::from(out).slice(header..)
    }

    fn file_id(&self, out: &mut [u8], operation: &Operation, server: u32) {
        let is_lease_break = operation.command == Command::OplockBreak
            && !matches!(OplockBreak::decode(out), Ok(OplockBreak::Oplock { .. }));
        let Some(at) = file_id_offset(operation.command).filter(|_| !is_lease_break) else { return };
        let Ok(captured) = Layout(out).file_id(at) else { return };
        // Zeros are what clients write where a FileId does not matter.
        if captured.is_inherited() || captured == FileId([0; 16]) {
            return;
        }
        let live = self.ids.file(server, captured).unwrap_or_else(|| self.ids.unknown_file(captured));
        put(out, at, &live.0);
    }

    fn resume_key(&self, out: &mut [u8], pdu: &[u8], server: u32) {
        let Ok(request) = IoctlRequest::decode(pdu) else { return };
        if !matches!(request.ctl_code, CtlCode::SRV_COPYCHUNK | CtlCode::SRV_COPYCHUNK_WRITE) {
            return;
        }
        if let Some(captured) = request.input.first_chunk::<24>()
            && let Some(live) = self.ids.resume_key(server, *captured)
        {
            put(out, request.input_offset as usize, &live);
        }
    }

    /// In what goes to a named pipe.
    fn rpc_ids(&self, out: &mut [u8], operation: &Operation, pdu: &[u8], server: u32) {
        if !operation.share.as_deref().is_some_and(is_ipc) {
            return;
        }
        let (at, length) = match Request::decode(operation.command, pdu) {
            Ok(Request::Write(write)) => (Layout(pdu).u16("DataOffset", 66).map(usize::from), write.data.len()),
            Ok(Request::Ioctl(ioctl)) => (Ok(ioctl.input_offset as usize), ioctl.input.len()),
            _ => return,
        };
        let place = at.ok().and_then(|at| out.get_mut(at..at.checked_add(length)?));
        place.into_iter().for_each(|packet| self.ids.rpc.apply(packet, self.ids.sids(server)));
    }

    fn create(&self, out: &mut Vec<u8>, pdu: &[u8], server: u32, is_pipe: bool) {
        let layout = Layout(pdu);
        let (Ok(request), Ok(name_at), Ok(contexts_at)) = (
            CreateRequest::decode(pdu),
            layout.u16("NameOffset", CreateRequest::NAME_OFFSET_AT),
            layout.u32("CreateContextsOffset", 112),
        ) else {
            return;
        };
        for context in request.contexts.iter().map_while(Result::ok) {
            let at = contexts_at as usize + context.data_at;
            match context.name {
                b"DHnC" | b"DH2C" => {
                    if let Ok(captured) = Layout(context.data).file_id(0) {
                        let live = self.ids.file(server, captured).unwrap_or_else(|| self.ids.unknown_file(captured));
                        put(out, at, &live.0);
                    }
                    if context.name == b"DH2C" {
                        self.separate(out, at + 16);
                    }
                }
                b"DH2Q" => self.separate(out, at + 16),
                APP_INSTANCE_ID => self.separate(out, at + 4),
                LeaseContext::NAME => {
                    self.separate(out, at);
                    if context.data.len() >= 52 && context.data[32..48] != [0; 16] {
                        self.separate(out, at + 32);
                    }
                }
                _ => {}
            }
        }
        if request.create_options & CreateRequest::OPTION_OPEN_BY_FILE_ID != 0 {
            if let Some(captured) = request.name.0.first_chunk::<8>()
                && let Some(live) = self.ids.disk_id(server, u64::from_le_bytes(*captured))
            {
                put(out, usize::from(name_at), &live.to_le_bytes());
            }
            return;
        }
        let is_dfs = Header::decode(pdu).is_ok_and(|header| header.flags.0 & HeaderFlags::DFS_OPERATIONS != 0);
        // A pipe's name is no path.
        if !is_pipe {
            names::create(out, self.names, is_dfs);
        }
        self.accounts_of_create(out, server);
    }

    /// The accounts in a SET_INFO of a security descriptor.
    fn accounts(&self, out: &mut Vec<u8>, server: u32) {
        let Some(sids) = self.ids.sids(server) else { return };
        let Ok(request) = SetInfoRequest::decode(out) else { return };
        if request.info_type != INFO_SECURITY {
            return;
        }
        if let Some(descriptor) = sids.rewritten(request.buffer) {
            let request = SetInfoRequest { buffer: &descriptor, ..request };
            let mut body = Vec::new();
            request.encode(&mut body);
            out.truncate(HEADER_LENGTH);
            out.extend_from_slice(&body);
        }
    }

    /// The accounts in the security descriptor that a CREATE gives a new file.
    fn accounts_of_create(&self, out: &mut Vec<u8>, server: u32) {
        let Some(sids) = self.ids.sids(server) else { return };
        let Ok(request) = CreateRequest::decode(out) else { return };
        let Some(captured) = request.contexts.find(SECURITY_CONTEXT) else { return };
        let Some(descriptor) = sids.rewritten(captured.data) else { return };
        let contexts: Result<Vec<_>, _> = request.contexts.iter().collect();
        let Ok(contexts) = contexts else { return };
        let replaced: Vec<_> = contexts
            .iter()
            .map(|context| match context.data_at == captured.data_at {
                true => (context.name, descriptor.as_slice()),
                false => (context.name, context.data),
            })
            .collect();
        names::put_contexts(out, &encode_contexts(&replaced));
    }

    /// Makes a lease key or GUID this copy's own.
    fn separate(&self, out: &mut [u8], at: usize) {
        if let Some(id) = out.get_mut(at..at.saturating_add(16)) {
            self.copy.separate(id);
        }
    }
}

/// SMB2_CREATE_SD_BUFFER, [MS-SMB2] 2.2.13.2.2: the descriptor of a new file.
const SECURITY_CONTEXT: &[u8] = b"SecD";

/// SMB2_CREATE_APP_INSTANCE_ID, [MS-SMB2] 2.2.13.2.13: a server closes what another instance of the same id has open.
const APP_INSTANCE_ID: &[u8] =
    &[0x45, 0xBC, 0xA6, 0x6A, 0xEF, 0xA7, 0xF7, 0x4A, 0x90, 0x08, 0xFA, 0x46, 0x2E, 0x14, 0x4D, 0x74];

/// Overwrites bytes that are known to be there; where they are not, the request was malformed and stays so.
pub(super) fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = at.checked_add(bytes.len()).and_then(|end| out.get_mut(at..end)) {
        place.copy_from_slice(bytes);
    }
}

/// Whether a SET_INFO's buffer holds a name that is relative to the share: FileRenameInformation, FileLinkInformation and
/// their extended forms, [MS-FSCC] 2.4.37, 2.4.21, 2.4.38, 2.4.22.
pub(super) fn renames(request: &SetInfoRequest<'_>) -> bool {
    request.info_type == SetInfoRequest::INFO_FILE
        && matches!(request.file_info_class, SetInfoRequest::CLASS_RENAME | SetInfoRequest::CLASS_LINK | 65 | 72)
}
