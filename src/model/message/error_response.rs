//! ERROR response, [MS-SMB2] 2.2.2.

use crate::model::layout::{Layout, Malformed};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorResponse<'a> {
    pub error_context_count: u8,
    /// `ErrorData`: byte count, symbolic link target, share redirect; some servers send none, some one byte too few.
    pub error_data: &'a [u8],
}

impl<'a> ErrorResponse<'a> {
    pub fn decode(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let byte_count = layout.u32("ByteCount", 68)? as usize;
        let tail = pdu.get(72..).unwrap_or_default();
        Ok(Self {
            error_context_count: layout.u8("ErrorContextCount", 66)?,
            error_data: &tail[..byte_count.min(tail.len())],
        })
    }
}
