//! Quotas, [MS-FSCC] 2.4.41 FileQuotaInformation.

use super::entries::walk;
use crate::model::layout::{Layout, Malformed};
use crate::model::sid::Sid;

/// The quota of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaEntry {
    /// Whose it is.
    pub sid: Sid,
    /// `QuotaThreshold`: bytes at which the server warns.
    pub threshold: u64,
    /// `QuotaLimit`: bytes at most.
    pub limit: u64,
}

/// Iterates over the quotas in a buffer.
pub fn quota_entries(buffer: &[u8]) -> impl Iterator<Item = Result<QuotaEntry, Malformed>> + '_ {
    walk(buffer, |entry| {
        let layout = Layout(entry);
        Ok(QuotaEntry {
            threshold: layout.u64("QuotaThreshold", 24)?,
            limit: layout.u64("QuotaLimit", 32)?,
            sid: Sid::decode(entry, 40)?,
        })
    })
}
