//! Security descriptors in self-relative form, [MS-DTYP] 2.4.6, with their access control lists, 2.4.5.

mod ace;

pub use ace::{Ace, AceBody};

use super::layout::{Layout, Malformed};
use super::sid::Sid;

/// A security descriptor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityDescriptor {
    /// `Sbz1`: the control bits of the resource manager, where `RM_CONTROL_VALID` is set.
    pub resource_manager_control: u8,
    /// `Control`
    pub control: u16,
    /// `OwnerSid`
    pub owner: Option<Sid>,
    /// `GroupSid`
    pub group: Option<Sid>,
    /// `Sacl`: what is audited, and labels.
    pub sacl: AclPresence,
    /// `Dacl`: who may do what.
    pub dacl: AclPresence,
}

/// Whether there is a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AclPresence {
    /// The control bits say that there is none.
    #[default]
    Absent,
    /// They say that there is one, and its offset is 0: for a DACL, everybody may do everything.
    Null,
    /// There is one.
    Present(Acl),
}

/// An access control list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// `AclRevision`: 2, or 4 with entries for objects.
    pub revision: u8,
    /// The entries, in the order in which they are evaluated.
    pub entries: Vec<Ace>,
}

/// The header of a descriptor.
const HEADER: usize = 20;
/// The header of a list.
const ACL_HEADER: usize = 8;

impl SecurityDescriptor {
    /// SE_DACL_PRESENT
    pub const DACL_PRESENT: u16 = 0x0004;
    /// SE_SACL_PRESENT
    pub const SACL_PRESENT: u16 = 0x0010;
    /// SE_DACL_PROTECTED: it inherits nothing.
    pub const DACL_PROTECTED: u16 = 0x1000;
    /// SE_SELF_RELATIVE
    pub const SELF_RELATIVE: u16 = 0x8000;

    /// The bits of `Control` and what they are called in [MS-DTYP] 2.4.6.
    pub const CONTROL_BITS: [(u16, &'static str); 16] = [
        (0x0001, "OWNER_DEFAULTED"),
        (0x0002, "GROUP_DEFAULTED"),
        (Self::DACL_PRESENT, "DACL_PRESENT"),
        (0x0008, "DACL_DEFAULTED"),
        (Self::SACL_PRESENT, "SACL_PRESENT"),
        (0x0020, "SACL_DEFAULTED"),
        (0x0040, "DACL_TRUSTED"),
        (0x0080, "SERVER_SECURITY"),
        (0x0100, "DACL_COMPUTED_INHERITANCE_REQUIRED"),
        (0x0200, "SACL_COMPUTED_INHERITANCE_REQUIRED"),
        (0x0400, "DACL_AUTO_INHERITED"),
        (0x0800, "SACL_AUTO_INHERITED"),
        (Self::DACL_PROTECTED, "DACL_PROTECTED"),
        (0x2000, "SACL_PROTECTED"),
        (0x4000, "RM_CONTROL_VALID"),
        (Self::SELF_RELATIVE, "SELF_RELATIVE"),
    ];

    /// Reads one.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let layout = Layout(bytes);
        if layout.u8("SecurityDescriptor.Revision", 0)? != 1 {
            return Err(layout.malformed("SecurityDescriptor.Revision", 0));
        }
        let control = layout.u16("SecurityDescriptor.Control", 2)?;
        let offset = |field, at| layout.u32(field, at).map(|offset| offset as usize);
        let sid = |at: usize| (at != 0).then(|| Sid::decode(bytes, at)).transpose();
        let list = |bit: u16, at: usize| match (control & bit, at) {
            (0, _) => Ok(AclPresence::Absent),
            (_, 0) => Ok(AclPresence::Null),
            _ => Acl::decode(bytes, at).map(AclPresence::Present),
        };
        Ok(Self {
            resource_manager_control: layout.u8("SecurityDescriptor.Sbz1", 1)?,
            control,
            owner: sid(offset("SecurityDescriptor.OffsetOwner", 4)?)?,
            group: sid(offset("SecurityDescriptor.OffsetGroup", 8)?)?,
            sacl: list(Self::SACL_PRESENT, offset("SecurityDescriptor.OffsetSacl", 12)?)?,
            dacl: list(Self::DACL_PRESENT, offset("SecurityDescriptor.OffsetDacl", 16)?)?,
        })
    }

    /// Its bytes: header, owner, group, SACL, DACL.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![1, self.resource_manager_control];
        out.extend_from_slice(&self.control.to_le_bytes());
        out.resize(HEADER, 0);
        let begin = |out: &mut Vec<u8>, at: usize| {
            let offset = (out.len() as u32).to_le_bytes();
            out[at..at + 4].copy_from_slice(&offset);
        };
        for (sid, at) in [(&self.owner, 4), (&self.group, 8)] {
            if let Some(sid) = sid {
                begin(&mut out, at);
                sid.encode(&mut out);
            }
        }
        for (list, at) in [(&self.sacl, 12), (&self.dacl, 16)] {
            if let AclPresence::Present(acl) = list {
                begin(&mut out, at);
                acl.encode(&mut out);
            }
        }
        out
    }

    /// All SIDs in it, in the order of its parts.
    pub fn sids_mut(&mut self) -> impl Iterator<Item = &mut Sid> {
        let lists = [&mut self.sacl, &mut self.dacl].into_iter().filter_map(|list| match list {
            AclPresence::Present(acl) => Some(acl),
            _ => None,
        });
        let entries = lists.flat_map(|acl| acl.entries.iter_mut()).filter_map(Ace::sid_mut);
        self.owner.iter_mut().chain(self.group.iter_mut()).chain(entries)
    }
}

impl Acl {
    fn decode(bytes: &[u8], at: usize) -> Result<Self, Malformed> {
        let layout = Layout(bytes);
        let revision = layout.u8("ACL.AclRevision", at)?;
        let size = usize::from(layout.u16("ACL.AclSize", at + 2)?);
        let count = layout.u16("ACL.AceCount", at + 4)?;
        // Behind its entries a list may have room for more.
        let list = Layout(layout.bytes("ACL", at, size)?);
        let mut entries = Vec::new();
        let mut next = ACL_HEADER;
        for _ in 0..count {
            let length = usize::from(list.u16("ACE.AceSize", next + 2)?);
            entries.push(Ace::decode(list.bytes("ACE", next, length)?)?);
            next += length;
        }
        Ok(Self { revision, entries })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(&[self.revision, 0, 0, 0]);
        out.extend_from_slice(&(self.entries.len() as u16).to_le_bytes());
        out.extend_from_slice(&[0, 0]);
        self.entries.iter().for_each(|entry| entry.encode(out));
        let size = (out.len() - begin) as u16;
        out[begin + 2..begin + 4].copy_from_slice(&size.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sid() -> impl Strategy<Value = Sid> {
        (0u64..1 << 48, proptest::collection::vec(any::<u32>(), 0..=5))
            .prop_map(|(authority, numbers)| Sid::new(authority, &numbers).unwrap())
    }

    fn acl() -> impl Strategy<Value = AclPresence> {
        let entry = (any::<u8>(), any::<u8>(), any::<u32>(), sid(), any::<bool>());
        let entry = entry.prop_map(|(flags, kind, mask, sid, is_object)| {
            let object = is_object.then_some((1, vec![kind; 16]));
            let kind = if is_object { 5 + kind % 4 } else { kind % 4 };
            Ace { kind, flags, body: AceBody::Known { mask, object, sid, rest: Vec::new() } }
        });
        let entries = proptest::collection::vec(entry, 0..6);
        prop_oneof![
            Just(AclPresence::Absent),
            Just(AclPresence::Null),
            (2u8..5, entries).prop_map(|(revision, entries)| AclPresence::Present(Acl { revision, entries })),
        ]
    }

    proptest! {
        #[test]
        fn a_descriptor_comes_back(owner in proptest::option::of(sid()), group in proptest::option::of(sid()), sacl in acl(), dacl in acl()) {
            let bit = |list: &AclPresence, bit| if *list == AclPresence::Absent { 0 } else { bit };
            let control = SecurityDescriptor::SELF_RELATIVE
                | bit(&sacl, SecurityDescriptor::SACL_PRESENT)
                | bit(&dacl, SecurityDescriptor::DACL_PRESENT);
            let descriptor = SecurityDescriptor { resource_manager_control: 0, control, owner, group, sacl, dacl };
            prop_assert_eq!(SecurityDescriptor::decode(&descriptor.encode()), Ok(descriptor));
        }

        #[test]
        fn damage_is_an_error_and_never_more(at in 0usize..200, byte: u8, cut in 0usize..200) {
            let entry = |kind| Ace { kind, flags: 3, body: AceBody::Known { mask: 1, object: None, sid: Sid::everyone(), rest: Vec::new() } };
            let acl = Acl { revision: 2, entries: vec![entry(0), entry(1), entry(2)] };
            let descriptor = SecurityDescriptor {
                control: SecurityDescriptor::SELF_RELATIVE | SecurityDescriptor::DACL_PRESENT,
                owner: Some(Sid::everyone()),
                dacl: AclPresence::Present(acl),
                ..SecurityDescriptor::default()
            };
            let mut bytes = descriptor.encode();
            if let Some(place) = bytes.get_mut(at) { *place = byte; }
            bytes.truncate(cut);
            if let Ok(mut read) = SecurityDescriptor::decode(&bytes) {
                prop_assert!(read.sids_mut().count() <= 4);
                let again = read.encode();
                prop_assert_eq!(SecurityDescriptor::decode(&again).map(|again| again.owner), Ok(read.owner));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = SecurityDescriptor::decode(&bytes);
            let mut with_revision = bytes;
            if let Some(first) = with_revision.first_mut() { *first = 1; }
            let _ = SecurityDescriptor::decode(&with_revision);
        }
    }
}
