//! What setting up, validating and cleaning up a share needs beside opening, reading and writing.

use super::chain::Outgoing;
use super::connection::Connection;
use super::error::WireError;
use super::file_ops::{CreateSpec, OpenFile, access, disposition};
use super::session::Tree;
use crate::model::fscc::{SizeInformation, file_class, fs_class};
use crate::model::message::{
    CloseRequest, CreateContexts, CreateRequest, CreateResponse, IoctlRequest, QueryDirectoryRequest, encode_contexts,
};
use crate::model::{Command, CtlCode, ImageTimes, Layout, NtStatus, Utf16};

/// FILE_OPEN_REPARSE_POINT, [MS-SMB2] 2.2.13: a link is meant itself, not what it leads to.
pub const OPTION_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
/// FSCTL_SET_SPARSE, [MS-FSCC] 2.3.69.
const SET_SPARSE: CtlCode = CtlCode(0x0009_00C4);
/// DACL_SECURITY_INFORMATION, [MS-SMB2] 2.2.39.
const DACL: u32 = 4;
const INFO_FILE: u8 = 1;
const INFO_FILE_SYSTEM: u8 = 2;
const INFO_SECURITY: u8 = 3;

impl Connection {
    /// Sets times, those that are not 0, and attributes, when they are given; FILE_ATTRIBUTE_NORMAL takes all away.
    pub async fn set_basic(
        &self,
        file: &OpenFile,
        times: &ImageTimes,
        attributes: Option<u32>,
    ) -> Result<(), WireError> {
        let mut buffer = Vec::with_capacity(40);
        // The change time is the server's own.
        for time in [times.creation, times.last_access, times.last_write, 0] {
            buffer.extend_from_slice(&time.to_le_bytes());
        }
        buffer.extend_from_slice(&attributes.unwrap_or(0).to_le_bytes());
        buffer.extend_from_slice(&[0; 4]);
        self.set_info(file, INFO_FILE, file_class::BASIC, 0, &buffer).await
    }

    /// Makes an open file one that may have holes.
    pub async fn set_sparse(&self, file: &OpenFile) -> Result<(), WireError> {
        let request = IoctlRequest {
            ctl_code: SET_SPARSE,
            file_id: file.file_id,
            input_offset: 0,
            input: &[1],
            max_input_response: 0,
            output: &[],
            max_output_response: 0,
            flags: 1,
        };
        let mut body = Vec::new();
        request.encode(&mut body);
        let request = in_tree(Command::Ioctl, body, &file.tree);
        self.expect_success(request, &file.path).await.map(|_| ())
    }

    /// `IndexNumber`, [MS-FSCC] 2.4.22: what tells a file from all others of its volume, whatever its name.
    pub async fn index_number(&self, file: &OpenFile) -> Result<u64, WireError> {
        let output = self.query_info(file, INFO_FILE, file_class::INTERNAL, 0).await?;
        Ok(Layout(&output).u64("IndexNumber", 0).unwrap_or(0))
    }

    /// Replaces the DACL of an open file by a self-relative security descriptor, [MS-DTYP] 2.4.6. It must be open for WRITE_DAC.
    pub async fn set_dacl(&self, file: &OpenFile, descriptor: &[u8]) -> Result<(), WireError> {
        self.set_info(file, INFO_SECURITY, 0, DACL, descriptor).await
    }

    /// Bytes that the user may still write to the volume of an open file.
    pub async fn free_space(&self, file: &OpenFile) -> Result<u64, WireError> {
        let output = self.query_info(file, INFO_FILE_SYSTEM, fs_class::FULL_SIZE, 0).await?;
        let size = SizeInformation::decode_full(&output).map_err(|source| WireError::Malformed {
            address: self.options().address,
            command: Command::QueryInfo,
            source,
        })?;
        let unit = u64::from(size.sectors_per_allocation_unit) * u64::from(size.bytes_per_sector);
        Ok(size.available_allocation_units.saturating_mul(unit))
    }

    /// What the user may do with a file or folder, by the server's own word: the maximal access context, [MS-SMB2] 2.2.13.2.5.
    /// None when the server does not say. Nothing is changed.
    pub async fn maximal_access(&self, tree: &Tree, path: &str) -> Result<Option<u32>, WireError> {
        let name = Utf16::encode(path);
        let spec = CreateSpec::file(path, access::READ_ATTRIBUTES, disposition::OPEN);
        let request = CreateRequest {
            requested_oplock_level: 0,
            impersonation_level: 2,
            desired_access: spec.desired_access,
            file_attributes: 0,
            share_access: spec.share_access,
            create_disposition: spec.create_disposition,
            create_options: 0,
            name: Utf16(&name),
            contexts: CreateContexts::default(),
        };
        let mut body = Vec::new();
        request.encode(&encode_contexts(&[(b"MxAc", b"")]), &mut body);
        let reply = self.expect_success(in_tree(Command::Create, body, tree), path).await?;
        let answer = CreateResponse::decode(&reply.pdu).map_err(|source| WireError::Malformed {
            address: self.options().address,
            command: Command::Create,
            source,
        })?;
        let granted = answer.contexts.find(b"MxAc").and_then(|context| {
            let layout = Layout(context.data);
            let status = layout.u32("QueryStatus", 0).ok()?;
            layout.u32("MaximalAccess", 4).ok().filter(|_| status == NtStatus::SUCCESS.0)
        });
        let mut body = Vec::new();
        CloseRequest { flags: 0, file_id: answer.file_id }.encode(&mut body);
        self.expect_success(in_tree(Command::Close, body, tree), path).await?;
        Ok(granted)
    }

    /// The status that the server gives a query about an open file, whatever it is. Too small a buffer is as good as success:
    /// the server knows the class.
    pub async fn probe_info(&self, file: &OpenFile, info_type: u8, class: u8) -> Result<NtStatus, WireError> {
        let additional = if info_type == INFO_SECURITY { DACL } else { 0 };
        match self.query_info(file, info_type, class, additional).await {
            Ok(_) => Ok(NtStatus::SUCCESS),
            Err(WireError::Refused { status, .. }) => Ok(status),
            Err(error) => Err(error),
        }
    }

    /// The status of a listing of an open folder in a class.
    pub async fn probe_listing(&self, folder: &OpenFile, class: u8) -> Result<NtStatus, WireError> {
        const RESTART_SCANS_ONE_ENTRY: u8 = 1 | 2;
        let pattern = Utf16::encode("*");
        let request = QueryDirectoryRequest {
            file_information_class: class,
            flags: RESTART_SCANS_ONE_ENTRY,
            file_index: 0,
            file_id: folder.file_id,
            pattern: Utf16(&pattern),
            output_buffer_length: 4096,
        };
        let mut body = Vec::new();
        request.encode(&mut body);
        Ok(self.ask(in_tree(Command::QueryDirectory, body, &folder.tree)).await?.status())
    }

    /// The status of a control that only asks.
    pub async fn probe_control(&self, file: &OpenFile, code: CtlCode) -> Result<NtStatus, WireError> {
        let request = IoctlRequest {
            ctl_code: code,
            file_id: file.file_id,
            input_offset: 0,
            input: &[],
            max_input_response: 0,
            output: &[],
            max_output_response: 4096,
            flags: 1,
        };
        let mut body = Vec::new();
        request.encode(&mut body);
        Ok(self.ask(in_tree(Command::Ioctl, body, &file.tree)).await?.status())
    }
}

fn in_tree(command: Command, body: Vec<u8>, tree: &Tree) -> Outgoing {
    Outgoing::new(command, body).in_session(&tree.session).in_tree(tree.id)
}
