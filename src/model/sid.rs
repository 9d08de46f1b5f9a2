//! Security identifiers, [MS-DTYP] 2.4.2.

use std::fmt;

use super::layout::{Layout, Malformed};

/// A SID: who owns something, or whom an entry of a list is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sid {
    authority: u64,
    sub_authorities: Vec<u32>,
}

/// SECURITY_NT_AUTHORITY
const NT: u64 = 5;
/// What Samba gives Unix users and groups without an account of its own.
const UNIX: u64 = 22;
/// SECURITY_NT_NON_UNIQUE: accounts of a domain or machine.
const NON_UNIQUE: u32 = 21;
/// SECURITY_LOGON_IDS_RID: one login.
const LOGON: u32 = 5;
/// What Windows' NFS server gives Unix users and groups.
const NFS: u32 = 88;

impl Sid {
    /// SID_MAX_SUB_AUTHORITIES
    pub const MAX_SUB_AUTHORITIES: usize = 15;

    /// A SID of its authority (48 bits) and sub-authorities; None when these are more than a SID can have.
    pub fn new(authority: u64, sub_authorities: &[u32]) -> Option<Self> {
        let fits = authority < 1 << 48 && sub_authorities.len() <= Self::MAX_SUB_AUTHORITIES;
        fits.then(|| Self { authority, sub_authorities: sub_authorities.to_vec() })
    }

    /// S-1-1-0: everybody.
    pub fn everyone() -> Self {
        Self { authority: 1, sub_authorities: vec![0] }
    }

    /// The SID at an offset.
    pub fn decode(bytes: &[u8], at: usize) -> Result<Self, Malformed> {
        let layout = Layout(bytes);
        if layout.u8("SID.Revision", at)? != 1 {
            return Err(layout.malformed("SID.Revision", at));
        }
        let count = usize::from(layout.u8("SID.SubAuthorityCount", at + 1)?);
        if count > Self::MAX_SUB_AUTHORITIES {
            return Err(layout.malformed("SID.SubAuthorityCount", at + 1));
        }
        let authority: [u8; 6] = layout.array("SID.IdentifierAuthority", at + 2)?;
        let authority = authority.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let sub_authorities = layout.bytes("SID.SubAuthority", at + 8, count * 4)?;
        let numbers =
            sub_authorities.chunks_exact(4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]));
        Ok(Self { authority, sub_authorities: numbers.collect() })
    }

    /// Its length as it travels, in bytes.
    pub fn encoded_length(&self) -> usize {
        8 + 4 * self.sub_authorities.len()
    }

    /// Appends it as it travels.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[1, self.sub_authorities.len() as u8]);
        out.extend_from_slice(&self.authority.to_be_bytes()[2..]);
        self.sub_authorities.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
    }

    /// Whether the server itself made it up, for one of its accounts or logins, so that another server has another one for
    /// the same: S-1-5-21-…, S-1-22-1 and S-1-22-2 (Unix users and groups of Samba), S-1-5-88-1 and -2 (those of Windows'
    /// NFS server), S-1-5-5 (a login). Those of Unix's root are the same everywhere.
    pub fn is_of_one_server(&self) -> bool {
        match (self.authority, self.sub_authorities.as_slice()) {
            (NT, [NON_UNIQUE, ..] | [LOGON, _, _]) => true,
            (NT, [NFS, 1 | 2, id]) | (UNIX, [1 | 2, id]) => *id != 0,
            _ => false,
        }
    }

    /// The domain or machine that an account belongs to: S-1-5-21-a-b-c, and the account's number in it.
    pub fn domain_and_rid(&self) -> Option<([u32; 3], u32)> {
        match (self.authority, self.sub_authorities.as_slice()) {
            (NT, [NON_UNIQUE, a, b, c, rid]) => Some(([*a, *b, *c], *rid)),
            _ => None,
        }
    }

    /// The account of a domain with a number.
    pub fn of_domain(domain: [u32; 3], rid: u32) -> Self {
        let [a, b, c] = domain;
        Self { authority: NT, sub_authorities: vec![NON_UNIQUE, a, b, c, rid] }
    }
}

impl fmt::Display for Sid {
    /// [MS-DTYP] 2.4.2.1
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.authority < 1 << 32 {
            write!(f, "S-1-{}", self.authority)?;
        } else {
            write!(f, "S-1-0x{:012X}", self.authority)?;
        }
        self.sub_authorities.iter().try_for_each(|number| write!(f, "-{number}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sids_are_shown_as_everywhere() {
        assert_eq!(Sid::everyone().to_string(), "S-1-1-0");
        assert_eq!(Sid::of_domain([1, 2, 3], 1000).to_string(), "S-1-5-21-1-2-3-1000");
        assert_eq!(Sid::new(0x1_0000_0000, &[7]).unwrap().to_string(), "S-1-0x000100000000-7");
        assert_eq!(Sid::new(1 << 48, &[]), None);
        assert_eq!(Sid::new(5, &[0; 16]), None);
    }

    #[test]
    fn accounts_belong_to_one_server_and_well_known_sids_to_all() {
        let sid = |authority, numbers: &[u32]| Sid::new(authority, numbers).unwrap();
        for own in [&[21, 1, 2, 3, 500][..], &[5, 0, 77], &[88, 1, 1000]] {
            assert!(sid(5, own).is_of_one_server(), "{own:?}");
        }
        assert!(sid(22, &[1, 1000]).is_of_one_server() && sid(22, &[2, 100]).is_of_one_server());
        for known in [&[11][..], &[18], &[32, 544], &[88, 3, 0o100644]] {
            assert!(!sid(5, known).is_of_one_server(), "{known:?}");
        }
        assert!(!sid(22, &[1, 0]).is_of_one_server() && !sid(3, &[0]).is_of_one_server());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_sid_that_encodes_to_them_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..80), at in 0usize..90) {
            if let Ok(sid) = Sid::decode(&bytes, at) {
                let mut out = Vec::new();
                sid.encode(&mut out);
                prop_assert_eq!(&bytes[at..at + sid.encoded_length()], &out[..]);
            }
        }

        #[test]
        fn a_sid_comes_back(authority in 0u64..1 << 48, numbers in proptest::collection::vec(any::<u32>(), 0..=15)) {
            let sid = Sid::new(authority, &numbers).unwrap();
            let mut out = vec![0xAA];
            sid.encode(&mut out);
            prop_assert_eq!(out.len(), 1 + sid.encoded_length());
            prop_assert_eq!(Sid::decode(&out, 1), Ok(sid));
        }
    }
}
