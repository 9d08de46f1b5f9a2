//! The accounts of a captured server and those of the target that stand for them. Learnt from pairs of answers, as ids are;
//! what was never learnt is never guessed.

use rustc_hash::FxHashMap;

use crate::model::{Acl, AclPresence, SecurityDescriptor, Sid};

/// The three sub-authorities of S-1-5-21-… that name a domain or machine.
pub(super) type Domain = [u32; 3];

/// Accounts with a RID below this are the same in each domain: 500 Administrator, 513 Domain Users …
const FIRST_OWN_RID: u32 = 1000;

/// Captured accounts of one server, and the observed ones that stand for them; no two share one.
#[derive(Clone, Debug, Default)]
pub struct SidMap {
    observed: FxHashMap<Sid, Sid>,
    captured: FxHashMap<Sid, Sid>,
    domains: FxHashMap<Domain, Domain>,
}

impl SidMap {
    /// The SID of the target that stands for a captured one: itself, where every server has the same; None for an account of
    /// which nothing was learnt.
    pub fn observed(&self, captured: &Sid) -> Option<Sid> {
        if !captured.is_of_one_server() {
            return Some(captured.clone());
        }
        if let Some(known) = self.observed.get(captured) {
            return Some(known.clone());
        }
        let (domain, rid) = captured.domain_and_rid()?;
        let domain = self.domains.get(&domain).filter(|_| rid < FIRST_OWN_RID)?;
        Some(Sid::of_domain(*domain, rid))
    }

    /// The captured account that an observed one stands for, where that was learnt.
    pub fn captured(&self, observed: &Sid) -> Option<&Sid> {
        self.captured.get(observed)
    }

    /// The domain of the target for a captured one.
    pub(super) fn domain(&self, captured: Domain) -> Option<Domain> {
        self.domains.get(&captured).copied()
    }

    /// Learns that one domain stands for another.
    pub(super) fn learn_domain(&mut self, captured: Domain, observed: Domain) {
        self.domains.entry(captured).or_insert(observed);
    }

    /// Learns that one account stands for another. What is known stays: the comparison tells of a contradiction.
    pub(super) fn learn(&mut self, captured: &Sid, observed: &Sid) {
        let both_accounts = captured.is_of_one_server() && observed.is_of_one_server();
        if !both_accounts || self.observed.contains_key(captured) || self.captured.contains_key(observed) {
            return;
        }
        if self.observed(captured).is_some_and(|known| known != *observed) {
            return;
        }
        if let (Some((was, _)), Some((is, _))) = (captured.domain_and_rid(), observed.domain_and_rid()) {
            self.learn_domain(was, is);
        }
        self.observed.insert(captured.clone(), observed.clone());
        self.captured.insert(observed.clone(), captured.clone());
    }

    /// Learns from two descriptors of one thing: owner from owner, group from group, and entry from entry where the lists
    /// agree in all but their accounts. Otherwise nothing says which entry belongs to which.
    pub(super) fn learn_descriptors(&mut self, captured: &SecurityDescriptor, observed: &SecurityDescriptor) {
        for (was, is) in [(&captured.owner, &observed.owner), (&captured.group, &observed.group)] {
            if let (Some(was), Some(is)) = (was, is) {
                self.learn(was, is);
            }
        }
        for (was, is) in [(&captured.dacl, &observed.dacl), (&captured.sacl, &observed.sacl)] {
            if let (AclPresence::Present(was), AclPresence::Present(is)) = (was, is)
                && agree_but_for_accounts(was, is)
            {
                for (was, is) in was.entries.iter().zip(&is.entries) {
                    if let (Some(was), Some(is)) = (was.sid(), is.sid()) {
                        self.learn(was, is);
                    }
                }
            }
        }
    }

    /// A descriptor for the target: its accounts in place of the captured ones. None when there is nothing to change, the bytes
    /// are no descriptor, or it would become too long for its fields. Accounts of which nothing was learnt stay.
    pub(super) fn rewritten(&self, captured: &[u8]) -> Option<Vec<u8>> {
        if self.observed.is_empty() && self.domains.is_empty() {
            return None;
        }
        let mut descriptor = SecurityDescriptor::decode(captured).ok()?;
        let mut changed = false;
        for sid in descriptor.sids_mut() {
            if let Some(observed) = self.observed(sid).filter(|observed| observed != sid) {
                *sid = observed;
                changed = true;
            }
        }
        let bytes = changed.then(|| descriptor.encode())?;
        (SecurityDescriptor::decode(&bytes).as_ref() == Ok(&descriptor)).then_some(bytes)
    }
}

fn agree_but_for_accounts(was: &Acl, is: &Acl) -> bool {
    let blank = |acl: &Acl| {
        let mut acl = acl.clone();
        for sid in acl.entries.iter_mut().filter_map(|entry| entry.sid_mut()) {
            if sid.is_of_one_server() {
                *sid = Sid::everyone();
            }
        }
        acl.entries
    };
    // Everybody in one place and an account in the other are not the same.
    let is_account = |acl: &Acl| -> Vec<bool> {
        acl.entries.iter().map(|entry| entry.sid().is_some_and(Sid::is_of_one_server)).collect()
    };
    was.entries.len() == is.entries.len() && is_account(was) == is_account(is) && blank(was) == blank(is)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Ace, AceBody};

    fn unix(user: u32) -> Sid {
        Sid::new(22, &[1, user]).unwrap()
    }

    fn allow(mask: u32, sid: Sid) -> Ace {
        Ace { kind: 0, flags: 0, body: AceBody::Known { mask, object: None, sid, rest: Vec::new() } }
    }

    fn descriptor(owner: Sid, entries: Vec<Ace>) -> SecurityDescriptor {
        SecurityDescriptor {
            control: SecurityDescriptor::SELF_RELATIVE | SecurityDescriptor::DACL_PRESENT,
            owner: Some(owner),
            dacl: AclPresence::Present(Acl { revision: 2, entries }),
            ..SecurityDescriptor::default()
        }
    }

    #[test]
    fn no_two_accounts_share_one_and_the_first_pair_stays() {
        let mut map = SidMap::default();
        map.learn(&unix(1), &unix(11));
        map.learn(&unix(1), &unix(12));
        map.learn(&unix(2), &unix(11));
        assert_eq!((map.observed(&unix(1)), map.observed(&unix(2))), (Some(unix(11)), None));
        map.learn(&Sid::everyone(), &unix(13));
        map.learn(&unix(3), &Sid::everyone());
        assert_eq!((map.observed(&Sid::everyone()), map.observed(&unix(3))), (Some(Sid::everyone()), None));
    }

    #[test]
    fn a_domain_brings_the_accounts_that_every_domain_has() {
        let mut map = SidMap::default();
        map.learn(&Sid::of_domain([1, 2, 3], 1000), &Sid::of_domain([7, 8, 9], 3000));
        assert_eq!(map.observed(&Sid::of_domain([1, 2, 3], 513)), Some(Sid::of_domain([7, 8, 9], 513)));
        assert_eq!(map.observed(&Sid::of_domain([1, 2, 3], 1001)), None);
        map.learn(&Sid::of_domain([1, 2, 3], 513), &Sid::of_domain([7, 8, 9], 514));
        assert_eq!(map.observed(&Sid::of_domain([1, 2, 3], 513)), Some(Sid::of_domain([7, 8, 9], 513)));
    }

    #[test]
    fn entries_teach_only_where_the_lists_agree() {
        let mut map = SidMap::default();
        let was = descriptor(unix(1), vec![allow(1, unix(1)), allow(2, unix(2))]);
        map.learn_descriptors(&was, &descriptor(unix(11), vec![allow(2, unix(12)), allow(1, unix(11))]));
        assert_eq!((map.observed(&unix(1)), map.observed(&unix(2))), (Some(unix(11)), None));
        map.learn_descriptors(&was, &descriptor(unix(11), vec![allow(1, unix(11)), allow(2, unix(12))]));
        assert_eq!(map.observed(&unix(2)), Some(unix(12)));
        let everyone = descriptor(unix(1), vec![allow(1, Sid::everyone())]);
        map.learn_descriptors(&everyone, &descriptor(unix(11), vec![allow(1, unix(99))]));
        assert_eq!(map.captured(&unix(99)), None);
    }

    #[test]
    fn a_descriptor_goes_out_with_the_accounts_of_the_target() {
        let mut map = SidMap::default();
        let captured = descriptor(unix(1), vec![allow(1, unix(1)), allow(2, unix(2)), allow(3, Sid::everyone())]);
        assert_eq!(map.rewritten(&captured.encode()), None, "nothing is known");
        let longer = Sid::of_domain([7, 8, 9], 3000);
        map.learn(&unix(1), &longer);
        let expected =
            descriptor(longer.clone(), vec![allow(1, longer), allow(2, unix(2)), allow(3, Sid::everyone())]);
        assert_eq!(map.rewritten(&captured.encode()), Some(expected.encode()));
        assert_eq!(map.rewritten(b"no descriptor"), None);
    }
}
