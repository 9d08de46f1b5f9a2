//! TREE_CONNECT, [MS-SMB2] 2.2.9 and 2.2.10.

use crate::model::layout::{Layout, Malformed, Utf16};

/// [MS-SMB2] 2.2.9
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeConnectRequest<'a> {
    pub flags: u16,
    /// `\\server\share`
    pub path: Utf16<'a>,
}

impl<'a> TreeConnectRequest<'a> {
    /// SMB2_TREE_CONNECT_FLAG_EXTENSION_PRESENT
    pub const FLAG_EXTENSION_PRESENT: u16 = 4;

    pub fn decode(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let flags = layout.u16("Flags", 66)?;
        let offset = usize::from(layout.u16("PathOffset", 68)?);
        let length = usize::from(layout.u16("PathLength", 70)?);
        Ok(Self { flags, path: Utf16(layout.bytes("Path", offset, length)?) })
    }

    /// Writes a body without extension for a path.
    pub fn encode(path: &str, flags: u16, out: &mut Vec<u8>) {
        let path = Utf16::encode(path);
        out.extend_from_slice(&9u16.to_le_bytes());
        out.extend_from_slice(&(flags & !Self::FLAG_EXTENSION_PRESENT).to_le_bytes());
        out.extend_from_slice(&72u16.to_le_bytes());
        out.extend_from_slice(&(path.len() as u16).to_le_bytes());
        out.extend_from_slice(&path);
    }
}

/// [MS-SMB2] 2.2.10
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeConnectResponse {
    pub share_type: u8,
    pub share_flags: u32,
    pub capabilities: u32,
    pub maximal_access: u32,
}

impl TreeConnectResponse {
    /// SMB2_SHARE_TYPE_PIPE
    pub const SHARE_TYPE_PIPE: u8 = 2;
    /// SMB2_SHAREFLAG_ENCRYPT_DATA
    pub const SHAREFLAG_ENCRYPT_DATA: u32 = 0x0000_8000;
    /// SMB2_SHARE_CAP_DFS
    pub const CAP_DFS: u32 = 0x0000_0008;

    pub fn decode(pdu: &[u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        Ok(Self {
            share_type: layout.u8("ShareType", 66)?,
            share_flags: layout.u32("ShareFlags", 68)?,
            capabilities: layout.u32("Capabilities", 72)?,
            maximal_access: layout.u32("MaximalAccess", 76)?,
        })
    }
}
