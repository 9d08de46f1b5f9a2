//! Security descriptors with nothing but a DACL for everybody, [MS-DTYP] 2.4.

/// GENERIC_ALL of a file spelt out.
const ALL: u32 = 0x001F_01FF;
/// READ_CONTROL, WRITE_DAC, WRITE_OWNER, DELETE, SYNCHRONIZE: what an owner needs to take a refusal back and to remove the file.
const KEPT: u32 = 0x001F_0000;
/// S-1-1-0: everybody.
const EVERYBODY: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];

const ACCESS_ALLOWED: u8 = 0;
const ACCESS_DENIED: u8 = 1;

/// Refuses rights to everybody and allows all others. The rights to change that again are never refused.
pub(super) fn refusing(rights: u32) -> Vec<u8> {
    descriptor(&[(ACCESS_DENIED, rights & !KEPT), (ACCESS_ALLOWED, ALL)])
}

/// Allows everybody everything.
pub(super) fn allowing() -> Vec<u8> {
    descriptor(&[(ACCESS_ALLOWED, ALL)])
}

/// Self-relative, with a protected DACL.
fn descriptor(entries: &[(u8, u32)]) -> Vec<u8> {
    const SELF_RELATIVE_WITH_DACL: u16 = 0x8000 | 0x1000 | 0x0004;
    const ACE: u16 = 8 + EVERYBODY.len() as u16;
    let mut out = vec![1, 0];
    out.extend_from_slice(&SELF_RELATIVE_WITH_DACL.to_le_bytes());
    for offset in [0u32, 0, 0, 20] {
        out.extend_from_slice(&offset.to_le_bytes());
    }
    out.extend_from_slice(&[2, 0]);
    out.extend_from_slice(&(8 + ACE * entries.len() as u16).to_le_bytes());
    out.extend_from_slice(&(entries.len() as u16).to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    for (kind, rights) in entries {
        out.extend_from_slice(&[*kind, 0]);
        out.extend_from_slice(&ACE.to_le_bytes());
        out.extend_from_slice(&rights.to_le_bytes());
        out.extend_from_slice(&EVERYBODY);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_never_locks_its_owner_out() {
        let bytes = refusing(u32::MAX);
        assert_eq!(bytes.len(), 20 + 8 + 2 * 20);
        let denied = u32::from_le_bytes(bytes[32..36].try_into().unwrap());
        assert_eq!((bytes[28], denied & KEPT), (ACCESS_DENIED, 0));
        assert_eq!(allowing().len(), 20 + 8 + 20);
    }
}
