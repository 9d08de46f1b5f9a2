//! FLUSH, [MS-SMB2] 2.2.17.

use crate::model::ids::FileId;
use crate::model::layout::{Layout, Malformed};

/// [MS-SMB2] 2.2.17
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushRequest {
    pub file_id: FileId,
}

impl FlushRequest {
    pub fn decode(pdu: &[u8]) -> Result<Self, Malformed> {
        Ok(Self { file_id: Layout(pdu).file_id(72)? })
    }
}
