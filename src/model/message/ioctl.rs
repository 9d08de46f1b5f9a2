//! IOCTL, [MS-SMB2] 2.2.31 and 2.2.32.

use crate::model::ctl_code::CtlCode;
use crate::model::ids::FileId;
use crate::model::layout::{Layout, Malformed};

/// [MS-SMB2] 2.2.31
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoctlRequest<'a> {
    pub ctl_code: CtlCode,
    pub file_id: FileId,
    /// Where the input stands in the PDU; 0 when there is none.
    pub input_offset: u32,
    pub input: &'a [u8],
    pub max_input_response: u32,
    pub output: &'a [u8],
    pub max_output_response: u32,
    pub flags: u32,
}

impl<'a> IoctlRequest<'a> {
    pub fn decode(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let input_offset = layout.u32("InputOffset", 88)?;
        let output_offset = layout.u32("OutputOffset", 100)? as usize;
        Ok(Self {
            ctl_code: CtlCode(layout.u32("CtlCode", 68)?),
            file_id: layout.file_id(72)?,
            input_offset,
            input: layout.bytes("Input", input_offset as usize, layout.u32("InputCount", 92)? as usize)?,
            max_input_response: layout.u32("MaxInputResponse", 96)?,
            output: layout.bytes("Output", output_offset, layout.u32("OutputCount", 104)? as usize)?,
            max_output_response: layout.u32("MaxOutputResponse", 108)?,
            flags: layout.u32("Flags", 112)?,
        })
    }

    /// Writes the body of a control that has input only.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&57u16.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.ctl_code.0.to_le_bytes());
        out.extend_from_slice(&self.file_id.0);
        for field in [
            120,
            self.input.len() as u32,
            self.max_input_response,
            120 + self.input.len() as u32,
            0,
            self.max_output_response,
            self.flags,
            0,
        ] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        out.extend_from_slice(self.input);
        if self.input.is_empty() {
            out.push(0);
        }
    }
}

/// [MS-SMB2] 2.2.32
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoctlResponse<'a> {
    pub ctl_code: CtlCode,
    pub file_id: FileId,
    pub input: &'a [u8],
    pub output: &'a [u8],
    pub flags: u32,
}

impl<'a> IoctlResponse<'a> {
    pub fn decode(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let input_offset = layout.u32("InputOffset", 88)? as usize;
        let output_offset = layout.u32("OutputOffset", 96)? as usize;
        Ok(Self {
            ctl_code: CtlCode(layout.u32("CtlCode", 68)?),
            file_id: layout.file_id(72)?,
            input: layout.bytes("Input", input_offset, layout.u32("InputCount", 92)? as usize)?,
            output: layout.bytes("Output", output_offset, layout.u32("OutputCount", 100)? as usize)?,
            flags: layout.u32("Flags", 104)?,
        })
    }
}
