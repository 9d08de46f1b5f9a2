//! Two lists of quotas: whose they are, by the accounts that stand for each other, and what they allow. What is used of them and
//! when they changed is the volume's own.

use std::collections::BTreeMap;

use super::divergence::{Comparison, Fields};
use super::sid_map::SidMap;
use crate::model::fscc::quota_entries;
use crate::model::{Malformed, Sid};

/// Threshold and limit by account.
type Quotas = BTreeMap<Sid, (u64, u64)>;

/// Compares two buffers of quotas. Servers order them as they like.
pub(super) fn compare_quota(was: &[u8], is: &[u8], sids: &SidMap) -> Comparison {
    let read = |buffer| -> Result<Quotas, Malformed> {
        quota_entries(buffer).map(|entry| entry.map(|entry| (entry.sid, (entry.threshold, entry.limit)))).collect()
    };
    let (Ok(captured), Ok(observed)) = (read(was), read(is)) else {
        let mut fields = Fields::default();
        fields.check("quotas", hex::encode(was), hex::encode(is));
        return fields.done();
    };
    let expected: Quotas =
        captured.into_iter().map(|(sid, quota)| (sids.observed(&sid).unwrap_or(sid), quota)).collect();
    let text = |quotas: &Quotas, sid| match quotas.get(sid) {
        Some((threshold, limit)) => format!("threshold {threshold}, limit {limit}"),
        None => "none".to_owned(),
    };
    let mut fields = Fields::default();
    for sid in expected.keys().chain(observed.keys().filter(|sid| !expected.contains_key(*sid))) {
        fields.check(&format!("quota of {sid}"), text(&expected, sid), text(&observed, sid));
    }
    fields.done()
}

#[cfg(test)]
mod tests {
    use super::super::outcome::Class;
    use super::*;

    fn quota(sid: &Sid, used: u64, limit: u64) -> Vec<u8> {
        let mut entry = [[0; 4], (sid.encoded_length() as u32).to_le_bytes()].concat();
        for number in [7, used, limit / 2, limit] {
            entry.extend_from_slice(&number.to_le_bytes());
        }
        sid.encode(&mut entry);
        entry
    }

    #[test]
    fn accounts_and_limits_agree_and_what_is_used_may_differ() {
        let unix = |user| Sid::new(22, &[1, user]).unwrap();
        let mut sids = SidMap::default();
        sids.learn(&unix(1), &unix(11));
        let was = quota(&unix(1), 5, 100);
        assert_eq!(compare_quota(&was, &quota(&unix(11), 6, 100), &sids).class, Class::Match);
        let other = compare_quota(&was, &quota(&unix(11), 5, 90), &sids);
        assert_eq!(other.findings[0].subject, "quota of S-1-22-1-11");
        assert_eq!(compare_quota(&was, &quota(&unix(12), 5, 100), &sids).findings.len(), 2);
        assert_eq!(compare_quota(b"x", b"y", &sids).class, Class::Info);
    }
}
