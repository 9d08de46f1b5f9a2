//! Directory listings: compared as sets of entries over all pages of a query, since servers order and page them as they
//! like.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::divergence::Comparison;
use super::name_map::NameMap;
use super::outcome::{Class, Finding};
use crate::model::fscc::{ATTRIBUTE_DIRECTORY, ATTRIBUTE_NORMAL, directory_entries, directory_entry_names_only};
use crate::model::message::{QueryDirectoryRequest, Response};
use crate::model::{Command, FileId, Header, NtStatus, Operation};

/// SMB2_RESTART_SCANS and SMB2_REOPEN, [MS-SMB2] 2.2.33.
const RESTARTS: u8 = 0x01 | 0x10;
/// How many entries of a kind a finding names.
const NAMED: usize = 5;

/// What should agree of an entry: the size of a file (a folder's is the file system's business), the attributes.
type Entry = (u64, u32);

/// The pages so far of one query, on one open.
#[derive(Debug, Default)]
struct Listing {
    captured: BTreeMap<String, Entry>,
    live: BTreeMap<String, Entry>,
    /// Whether each side has said that there is no more.
    captured_ended: bool,
    live_ended: bool,
}

/// The listings of a run, by server and captured FileId.
#[derive(Debug, Default)]
pub(super) struct Listings(FxHashMap<(u32, [u8; 16]), Listing>);

impl Listings {
    /// Takes a page of both sides. `more` tells whether the capture has a later page of the same query; the sets are
    /// compared with the last one.
    pub(super) fn compare(
        &mut self,
        server: u32,
        operation: &Operation,
        live: &[u8],
        more: bool,
        names: &NameMap,
    ) -> Comparison {
        let request = operation.request.as_ref().map(|part| part.pdu.as_ref()).unwrap_or_default();
        let Ok(request) = QueryDirectoryRequest::decode(request) else {
            return Comparison::noted("only the status was compared: the request does not decode");
        };
        let captured = operation.response.as_ref().map(|part| part.pdu.as_ref()).unwrap_or_default();
        let (Ok(was), Ok(is)) = (Header::decode(captured), Header::decode(live)) else {
            return Comparison { compared: false, ..Comparison::noted("the capture has no answer to compare with") };
        };
        let key = (server, operation.file_id.unwrap_or(request.file_id).0);
        let mut listing = self.0.remove(&key).filter(|_| request.flags & RESTARTS == 0).unwrap_or_default();
        let class = request.file_information_class;
        let folder = operation.path.as_deref().unwrap_or_default();
        let on_target = |entry: String| names.mapped_entry(folder, &entry);
        let pages = [
            add(&mut listing.captured, class, captured, was.status, on_target),
            add(&mut listing.live, class, live, is.status, Some),
        ];
        listing.captured_ended |= was.status == NtStatus::NO_MORE_FILES;
        listing.live_ended |= is.status == NtStatus::NO_MORE_FILES;
        let paging = |status| matches!(status, NtStatus::SUCCESS | NtStatus::NO_MORE_FILES);
        if was.status != is.status && !(paging(was.status) && paging(is.status)) {
            return Comparison::of(Class::Status, vec![Finding::new("status", was.status, is.status)]);
        }
        if pages.contains(&false) {
            return Comparison::noted("only the status was compared: a page does not decode");
        }
        if more {
            self.0.insert(key, listing);
            return match was.status == is.status {
                true => Comparison::matching(),
                false => {
                    Comparison::noted(format!("{} captured, {} observed: paged differently", was.status, is.status))
                }
            };
        }
        let findings = differences(&listing.captured, &listing.live);
        if findings.is_empty() && was.status != is.status && listing.captured_ended == listing.live_ended {
            return Comparison::noted("the same entries, paged differently");
        }
        if findings.is_empty() && was.status != is.status {
            return Comparison::of(Class::Status, vec![Finding::new("status", was.status, is.status)]);
        }
        Comparison::of(Class::Info, findings)
    }
}

/// Whether a QUERY_DIRECTORY begins its listing anew.
pub(super) fn restarts(operation: &Operation) -> bool {
    let request = operation.request.as_ref().map(|part| part.pdu.as_ref()).unwrap_or_default();
    QueryDirectoryRequest::decode(request).is_ok_and(|body| body.flags & RESTARTS != 0)
}

/// The QUERY_DIRECTORY steps of which the run has a later page, by step. `has` says which steps it has.
pub(super) fn continued_listings(operations: &[Operation], has: impl Fn(u32) -> bool) -> FxHashSet<u32> {
    let mut last: FxHashMap<(std::net::SocketAddr, FileId), u32> = FxHashMap::default();
    let mut continued = FxHashSet::default();
    for (at, operation) in (0..).zip(operations).filter(|(at, _)| has(*at)) {
        let Some(id) = operation.file_id else { continue };
        let key = (operation.connection.server, id);
        match operation.command {
            Command::Create | Command::Close => drop(last.remove(&key)),
            Command::QueryDirectory => {
                if let Some(before) = last.insert(key, at)
                    && !restarts(operation)
                {
                    continued.insert(before);
                }
            }
            _ => {}
        }
    }
    continued
}

/// Adds a page's entries under the names that they are to have, if any; false when it does not decode.
fn add(
    entries: &mut BTreeMap<String, Entry>,
    class: u8,
    pdu: &[u8],
    status: NtStatus,
    called: impl Fn(String) -> Option<String>,
) -> bool {
    if status != NtStatus::SUCCESS {
        return true;
    }
    let Ok(Response::QueryDirectory(page)) = Response::decode(Command::QueryDirectory, status, pdu) else {
        return false;
    };
    let Some(page) = directory_entries(class, page.output) else { return false };
    for entry in page {
        let Ok(entry) = entry else { return false };
        let is_folder = entry.file_attributes & ATTRIBUTE_DIRECTORY != 0 || directory_entry_names_only(class);
        let size = if is_folder { 0 } else { entry.end_of_file };
        if let Some(name) = called(entry.name.decode()) {
            entries.insert(name, (size, entry.file_attributes & !ATTRIBUTE_NORMAL));
        }
    }
    true
}

fn differences(was: &BTreeMap<String, Entry>, is: &BTreeMap<String, Entry>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let missing: Vec<_> = was.keys().filter(|name| !is.contains_key(*name)).collect();
    let extra: Vec<_> = is.keys().filter(|name| !was.contains_key(*name)).collect();
    if !missing.is_empty() {
        findings.push(Finding::new("directory entries", named(&missing), "missing"));
    }
    if !extra.is_empty() {
        findings.push(Finding::new("directory entries", "none of that name", named(&extra)));
    }
    let mut changed = 0;
    for (name, (was_size, was_attributes)) in was {
        let Some((size, attributes)) = is.get(name) else { continue };
        if was_size != size && changed < NAMED {
            findings.push(Finding::new(format!("end_of_file of {name}"), was_size, size));
            changed += 1;
        }
        if was_attributes != attributes && changed < NAMED {
            let hex = |attributes: &u32| format!("0x{attributes:08x}");
            findings.push(Finding::new(format!("file_attributes of {name}"), hex(was_attributes), hex(attributes)));
            changed += 1;
        }
    }
    findings
}

fn named(names: &[&String]) -> String {
    let mut text = names.iter().take(NAMED).map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    if names.len() > NAMED {
        text.push_str(&format!(" and {} more", names.len() - NAMED));
    }
    text
}
