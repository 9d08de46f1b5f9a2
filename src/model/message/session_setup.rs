//! SESSION_SETUP, [MS-SMB2] 2.2.5 and 2.2.6.

use crate::model::layout::{Layout, Malformed};

/// [MS-SMB2] 2.2.5
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSetupRequest<'a> {
    pub flags: u8,
    pub security_mode: u8,
    pub capabilities: u32,
    pub channel: u32,
    pub previous_session_id: u64,
    pub security_buffer: &'a [u8],
}

impl<'a> SessionSetupRequest<'a> {
    /// SMB2_SESSION_FLAG_BINDING
    pub const FLAG_BINDING: u8 = 1;

    pub fn decode(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let offset = usize::from(layout.u16("SecurityBufferOffset", 76)?);
        let length = usize::from(layout.u16("SecurityBufferLength", 78)?);
        Ok(Self {
            flags: layout.u8("Flags", 66)?,
            security_mode: layout.u8("SecurityMode", 67)?,
            capabilities: layout.u32("Capabilities", 68)?,
            channel: layout.u32("Channel", 72)?,
            previous_session_id: layout.u64("PreviousSessionId", 80)?,
            security_buffer: layout.bytes("SecurityBuffer", offset, length)?,
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&25u16.to_le_bytes());
        out.extend_from_slice(&[self.flags, self.security_mode]);
        out.extend_from_slice(&self.capabilities.to_le_bytes());
        out.extend_from_slice(&self.channel.to_le_bytes());
        out.extend_from_slice(&88u16.to_le_bytes());
        out.extend_from_slice(&(self.security_buffer.len() as u16).to_le_bytes());
        out.extend_from_slice(&self.previous_session_id.to_le_bytes());
        out.extend_from_slice(self.security_buffer);
    }
}

/// [MS-SMB2] 2.2.6
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSetupResponse<'a> {
    pub session_flags: u16,
    pub security_buffer: &'a [u8],
}

impl<'a> SessionSetupResponse<'a> {
    /// SMB2_SESSION_FLAG_IS_GUEST
    pub const FLAG_IS_GUEST: u16 = 1;
    /// SMB2_SESSION_FLAG_IS_NULL
    pub const FLAG_IS_NULL: u16 = 2;
    /// SMB2_SESSION_FLAG_ENCRYPT_DATA
    pub const FLAG_ENCRYPT_DATA: u16 = 4;

    pub fn decode(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let offset = usize::from(layout.u16("SecurityBufferOffset", 68)?);
        let length = usize::from(layout.u16("SecurityBufferLength", 70)?);
        Ok(Self {
            session_flags: layout.u16("SessionFlags", 66)?,
            security_buffer: layout.bytes("SecurityBuffer", offset, length)?,
        })
    }
}
