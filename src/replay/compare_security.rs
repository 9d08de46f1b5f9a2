//! Two security descriptors by their meaning: accounts of the captured server and those of the target that stand for them are
//! equal, everything else has to be the same, entry by entry and in the same order.

use super::divergence::{Comparison, data};
use super::outcome::{Class, Finding};
use super::sid_map::SidMap;
use crate::model::{Ace, AceBody, Acl, AclPresence, SecurityDescriptor, Sid};

/// Entries that are named one by one where two lists differ.
const NAMED: usize = 8;

/// Compares two security descriptors. One that cannot be read is compared byte by byte.
pub(super) fn compare_security(was: &[u8], is: &[u8], sids: &SidMap) -> Comparison {
    let (captured, observed) = match (SecurityDescriptor::decode(was), SecurityDescriptor::decode(is)) {
        (Ok(captured), Ok(observed)) => (captured, observed),
        (Ok(_), Err(malformed)) => {
            let finding = Finding::new("security descriptor", "one that can be read", malformed);
            return Comparison::of(Class::Info, vec![finding]);
        }
        _ => return bytes(was, is),
    };
    let mut findings = Findings { sids, found: Vec::new() };
    findings.check("control", control_text(captured.control), control_text(observed.control));
    findings.check("resource manager control", captured.resource_manager_control, observed.resource_manager_control);
    findings.sid("owner", captured.owner.as_ref(), observed.owner.as_ref());
    findings.sid("group", captured.group.as_ref(), observed.group.as_ref());
    findings.list("DACL", &captured.dacl, &observed.dacl);
    findings.list("SACL", &captured.sacl, &observed.sacl);
    Comparison::of(Class::Info, findings.found)
}

fn bytes(was: &[u8], is: &[u8]) -> Comparison {
    let mut comparison = data(was, is, 0);
    for finding in &mut comparison.findings {
        finding.subject = format!("security descriptor: {}", finding.subject.replace("of the file", "of the buffer"));
    }
    if comparison.class == Class::Data {
        comparison.class = Class::Info;
    }
    comparison
}

fn control_text(control: u16) -> String {
    let names = SecurityDescriptor::CONTROL_BITS.iter().filter(|(bit, _)| control & bit != 0).map(|(_, name)| *name);
    format!("0x{control:04x} ({})", names.collect::<Vec<_>>().join(" "))
}

struct Findings<'a> {
    sids: &'a SidMap,
    found: Vec<Finding>,
}

impl Findings<'_> {
    fn check<T: PartialEq + ToString>(&mut self, what: &str, was: T, is: T) {
        if was != is {
            self.found.push(Finding::new(format!("security descriptor: {what}"), was, is));
        }
    }

    /// What should be seen for a captured SID.
    fn expected(&self, captured: &Sid) -> Sid {
        self.sids.observed(captured).unwrap_or_else(|| captured.clone())
    }

    /// A captured SID in words: with the one that stands for it, where that is another.
    fn captured_text(&self, captured: Option<&Sid>) -> String {
        let Some(captured) = captured else { return "none".to_owned() };
        match self.sids.observed(captured) {
            Some(observed) if observed != *captured => {
                format!("{observed}, which stands for the captured {captured}")
            }
            _ => captured.to_string(),
        }
    }

    /// An observed SID in words: with the captured one that it stands for, where that is another.
    fn observed_text(&self, observed: Option<&Sid>) -> String {
        let Some(observed) = observed else { return "none".to_owned() };
        match self.sids.captured(observed) {
            Some(captured) if captured != observed => format!("{observed}, which stands for the captured {captured}"),
            _ => observed.to_string(),
        }
    }

    fn sid(&mut self, what: &str, was: Option<&Sid>, is: Option<&Sid>) {
        if was.map(|was| self.expected(was)).as_ref() != is {
            let (was, is) = (self.captured_text(was), self.observed_text(is));
            self.check(what, was, is);
        }
    }

    fn list(&mut self, name: &str, was: &AclPresence, is: &AclPresence) {
        match (was, is) {
            (AclPresence::Present(was), AclPresence::Present(is)) => {
                self.check(&format!("{name} revision"), was.revision, is.revision);
                self.entries(name, was, is);
            }
            _ => {
                let text = |list: &AclPresence| match list {
                    AclPresence::Absent => "absent".to_owned(),
                    AclPresence::Null => "null (allows everything)".to_owned(),
                    AclPresence::Present(acl) => format!("a list of {} entries", acl.entries.len()),
                };
                self.check(name, text(was), text(is));
            }
        }
    }

    /// Entries in front and at the end that agree are left out of account, so that one that is missing is named, and not all
    /// those behind it.
    fn entries(&mut self, name: &str, was: &Acl, is: &Acl) {
        let expected: Vec<Ace> = was.entries.iter().map(|entry| self.for_target(entry)).collect();
        let in_front = expected.iter().zip(&is.entries).take_while(|(was, is)| was == is).count();
        let (expected, observed) = (&expected[in_front..], &is.entries[in_front..]);
        let behind = expected.iter().rev().zip(observed.iter().rev()).take_while(|(was, is)| was == is).count();
        let (expected, observed) = (&expected[..expected.len() - behind], &observed[..observed.len() - behind]);
        let captured = &was.entries[in_front..was.entries.len() - behind];
        if same_in_another_order(expected, observed) {
            let order = |entries: &[Ace]| {
                entries.iter().take(NAMED).map(|entry| self.entry_text(entry)).collect::<Vec<_>>().join("; ")
            };
            let what = format!("{name} order of entries {} to {}", in_front + 1, in_front + expected.len());
            let (was, is) = (order(expected), order(observed));
            return self.check(&what, was, is);
        }
        if expected.len() == observed.len() {
            for (at, (was, is)) in captured.iter().zip(observed).enumerate().take(NAMED) {
                self.entry(&format!("{name} entry {}", in_front + at + 1), was, is);
            }
            return;
        }
        self.check(&format!("{name} entries"), was.entries.len(), is.entries.len());
        for (at, entry) in without(expected, observed).into_iter().take(NAMED) {
            let text = self.entry_text(entry);
            self.check(&format!("{name} entry {}", in_front + at + 1), text, "missing".to_owned());
        }
        for (at, entry) in without(observed, expected).into_iter().take(NAMED) {
            let text = self.entry_text(entry);
            self.check(&format!("{name} entry {}", in_front + at + 1), "not there".to_owned(), text);
        }
    }

    fn entry(&mut self, what: &str, was: &Ace, is: &Ace) {
        self.check(&format!("{what}: type"), was.type_name(), is.type_name());
        let hex = |flags: u8| format!("0x{flags:02x}");
        self.check(&format!("{what}: flags"), hex(was.flags), hex(is.flags));
        match (&was.body, &is.body) {
            (
                AceBody::Known { mask: was_mask, object: was_object, sid: was_sid, rest: was_rest },
                AceBody::Known { mask: is_mask, object: is_object, sid: is_sid, rest: is_rest },
            ) => {
                let hex = |mask: u32| format!("0x{mask:08x}");
                self.check(&format!("{what}: mask"), hex(*was_mask), hex(*is_mask));
                self.sid(&format!("{what}: SID"), Some(was_sid), Some(is_sid));
                let object = |object: &Option<(u32, Vec<u8>)>| {
                    object
                        .as_ref()
                        .map_or("none".to_owned(), |(flags, guids)| format!("0x{flags:08x} {}", hex::encode(guids)))
                };
                self.check(&format!("{what}: object type"), object(was_object), object(is_object));
                self.check(&format!("{what}: data"), hex::encode(was_rest), hex::encode(is_rest));
            }
            (AceBody::Opaque(was), AceBody::Opaque(is)) => {
                self.check(&format!("{what}: data"), hex::encode(was), hex::encode(is));
            }
            // Another type: told already.
            _ => {}
        }
    }

    /// A captured entry as it should be seen on the target.
    fn for_target(&self, entry: &Ace) -> Ace {
        let mut entry = entry.clone();
        if let Some(sid) = entry.sid_mut() {
            *sid = self.expected(sid);
        }
        entry
    }

    fn entry_text(&self, entry: &Ace) -> String {
        let (mask, sid) = match &entry.body {
            AceBody::Known { mask, sid, .. } => (format!(" 0x{mask:08x}"), format!(" {sid}")),
            AceBody::Opaque(_) => (String::new(), String::new()),
        };
        format!("{}{mask}{sid}", entry.type_name())
    }
}

/// Whether two lists hold the same entries and differ in their order.
fn same_in_another_order(was: &[Ace], is: &[Ace]) -> bool {
    was.len() > 1 && was.len() == is.len() && without(was, is).is_empty()
}

/// The entries of a list that another has not, as often as it has not, with their places.
fn without<'a>(entries: &'a [Ace], other: &[Ace]) -> Vec<(usize, &'a Ace)> {
    let mut left: Vec<&Ace> = other.iter().collect();
    let mut missing = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        match left.iter().position(|other| *other == entry) {
            Some(found) => drop(left.swap_remove(found)),
            None => missing.push((at, entry)),
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(user: u32) -> Sid {
        Sid::new(22, &[1, user]).unwrap()
    }

    fn allow(mask: u32, sid: Sid) -> Ace {
        Ace { kind: 0, flags: 0, body: AceBody::Known { mask, object: None, sid, rest: Vec::new() } }
    }

    fn with(owner: u32, entries: Vec<Ace>) -> SecurityDescriptor {
        SecurityDescriptor {
            control: SecurityDescriptor::SELF_RELATIVE | SecurityDescriptor::DACL_PRESENT,
            owner: Some(unix(owner)),
            group: Some(Sid::new(22, &[2, owner]).unwrap()),
            dacl: AclPresence::Present(Acl { revision: 2, entries }),
            ..SecurityDescriptor::default()
        }
    }

    fn usual(owner: u32) -> SecurityDescriptor {
        with(
            owner,
            vec![allow(0x1f01ff, unix(owner)), allow(0x1200a9, unix(owner + 1)), allow(0x120089, Sid::everyone())],
        )
    }

    /// What is told of a captured descriptor of user 1 and an observed one of user 11, learnt first from an agreeing pair.
    fn told(observed: &SecurityDescriptor) -> Vec<String> {
        let mut sids = SidMap::default();
        sids.learn_descriptors(&usual(1), &usual(11));
        sids.learn_descriptors(&usual(1), observed);
        let comparison = compare_security(&usual(1).encode(), &observed.encode(), &sids);
        assert_eq!(comparison.class == Class::Match, comparison.findings.is_empty());
        let text = |finding: &Finding| {
            let subject = finding.subject.strip_prefix("security descriptor: ").expect("its lead");
            format!("{subject}: {} -> {}", finding.expected, finding.observed)
        };
        comparison.findings.iter().map(text).collect()
    }

    fn entries(descriptor: &mut SecurityDescriptor) -> &mut Vec<Ace> {
        match &mut descriptor.dacl {
            AclPresence::Present(acl) => &mut acl.entries,
            _ => unreachable!(),
        }
    }

    #[test]
    fn other_accounts_that_stand_for_the_captured_ones_agree() {
        assert_eq!(told(&usual(11)), [""; 0]);
    }

    #[test]
    fn another_mask_flag_type_or_control_bit_is_named() {
        let mut observed = usual(11);
        entries(&mut observed)[1] = allow(0x120089, unix(12));
        assert_eq!(told(&observed), ["DACL entry 2: mask: 0x001200a9 -> 0x00120089"]);
        let mut observed = usual(11);
        entries(&mut observed)[0].flags = 0x10;
        entries(&mut observed)[0].kind = 1;
        assert_eq!(
            told(&observed),
            ["DACL entry 1: type: ACCESS_ALLOWED -> ACCESS_DENIED", "DACL entry 1: flags: 0x00 -> 0x10"]
        );
        let observed = SecurityDescriptor { control: 0x9004, ..usual(11) };
        assert_eq!(
            told(&observed),
            ["control: 0x8004 (DACL_PRESENT SELF_RELATIVE) -> 0x9004 (DACL_PRESENT DACL_PROTECTED SELF_RELATIVE)"]
        );
    }

    #[test]
    fn a_missing_and_an_additional_entry_are_named_and_not_those_behind_them() {
        let mut observed = usual(11);
        entries(&mut observed).remove(1);
        assert_eq!(
            told(&observed),
            ["DACL entries: 3 -> 2", "DACL entry 2: ACCESS_ALLOWED 0x001200a9 S-1-22-1-12 -> missing"]
        );
        let mut observed = usual(11);
        entries(&mut observed).insert(0, allow(1, Sid::everyone()));
        assert_eq!(
            told(&observed),
            ["DACL entries: 3 -> 4", "DACL entry 1: not there -> ACCESS_ALLOWED 0x00000001 S-1-1-0"]
        );
    }

    #[test]
    fn another_order_is_named_as_such() {
        let mut observed = usual(11);
        entries(&mut observed).swap(0, 2);
        let told = told(&observed);
        assert!(
            told.len() == 1 && told[0].starts_with("DACL order of entries 1 to 3: ACCESS_ALLOWED 0x001f01ff"),
            "{told:?}"
        );
    }

    #[test]
    fn another_account_than_the_one_that_stands_for_the_captured_one_is_named() {
        let observed = SecurityDescriptor { owner: Some(unix(12)), ..usual(11) };
        assert_eq!(
            told(&observed),
            [
                "owner: S-1-22-1-11, which stands for the captured S-1-22-1-1 -> S-1-22-1-12, which stands for the captured S-1-22-1-2"
            ]
        );
        let observed = SecurityDescriptor { owner: Some(unix(0)), ..usual(11) };
        assert_eq!(told(&observed), ["owner: S-1-22-1-11, which stands for the captured S-1-22-1-1 -> S-1-22-1-0"]);
        let observed = SecurityDescriptor { group: None, ..usual(11) };
        assert_eq!(told(&observed), ["group: S-1-22-2-11, which stands for the captured S-1-22-2-1 -> none"]);
    }

    #[test]
    fn well_known_accounts_must_be_equal() {
        let mut observed = usual(11);
        entries(&mut observed)[2] = allow(0x120089, Sid::new(5, &[11]).unwrap());
        assert_eq!(told(&observed), ["DACL entry 3: SID: S-1-1-0 -> S-1-5-11"]);
    }

    #[test]
    fn a_list_that_is_absent_or_null_is_not_an_empty_one() {
        let observed = SecurityDescriptor { dacl: AclPresence::Null, ..usual(11) };
        assert_eq!(told(&observed), ["DACL: a list of 3 entries -> null (allows everything)"]);
        assert_eq!(told(&with(11, Vec::new())).first().map(String::as_str), Some("DACL entries: 3 -> 0"));
    }

    #[test]
    fn what_cannot_be_read_is_compared_byte_by_byte() {
        let sids = SidMap::default();
        assert_eq!(compare_security(b"junk", b"junk", &sids).class, Class::Match);
        let comparison = compare_security(b"junk", b"jumk", &sids);
        assert_eq!(comparison.findings[0].subject, "security descriptor: byte 2 of the buffer");
        let comparison = compare_security(&usual(1).encode(), b"junk", &sids);
        assert_eq!((comparison.class, comparison.findings.len()), (Class::Info, 1));
    }
}
