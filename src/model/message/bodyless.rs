//! LOGOFF, TREE_DISCONNECT, ECHO, CANCEL and the responses that carry nothing: `StructureSize` 4 and two reserved bytes,
//! [MS-SMB2] 2.2.7, 2.2.8, 2.2.11, 2.2.12, 2.2.28, 2.2.29, 2.2.30.

/// Writes the four bytes of such a body.
pub fn encode_bodyless(out: &mut Vec<u8>) {
    out.extend_from_slice(&[4, 0, 0, 0]);
}
