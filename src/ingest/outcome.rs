//! What an ingest comes to: the metadata, and whether there was anything to do.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::IngestError;
use super::extraction::Read;
use super::logins::Logins;
use super::options::IngestOptions;
use super::sources::Sources;
use crate::analyse::{Pairing, SessionSlot};
use crate::model::Anomaly;
use crate::store::{CaptureEntry, ConnectionEndEntry, DatasetPath, Manifest, Quality, SCHEMA_VERSION, ToolVersions};

/// A dataset, and whether it was written now.
#[derive(Clone, Debug)]
pub struct IngestReport {
    /// Whether anything was done.
    pub outcome: Outcome,
    /// Where the dataset lies.
    pub place: DatasetPath,
    /// What is in it.
    pub manifest: Manifest,
}

/// Whether an ingest did anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The dataset was written.
    Written,
    /// It was up to date.
    Unchanged,
}

/// The metadata of a dataset that is there and made of these inputs with these options.
pub(super) fn up_to_date(options: &IngestOptions, sources: &Sources, place: &DatasetPath) -> Option<Manifest> {
    let manifest = Manifest::read(&place.manifest_path()).ok()?;
    let (size, modified_ns) = sources.size_and_time().ok()?;
    let capture = &manifest.capture;
    let same_maker = manifest.options == options.recorded()
        && manifest.tools.smbreplay == env!("CARGO_PKG_VERSION")
        && manifest.tools.tshark == options.tshark_version;
    let whole = manifest.sessions.iter().all(|session| place.sessions_folder().join(&session.file).is_file());
    if !same_maker || !whole || capture.size != size || capture.hash.is_empty() {
        return None;
    }
    // Files that were touched, or go by other names, are looked into, and so is standard input; those of another size are not.
    let file_names = |names: &[String]| -> Vec<_> {
        names.iter().map(|name| Path::new(name).file_name().map(ToOwned::to_owned)).collect()
    };
    let untouched = capture.modified_ns == modified_ns
        && modified_ns != 0
        && !sources.names().contains(&"-".to_owned())
        && file_names(&capture.paths) == file_names(&sources.names());
    let same = untouched || sources.fingerprint().ok()? == capture.hash;
    same.then_some(manifest)
}

/// The key-value pairs that are known from the start.
pub(super) fn footer(options: &IngestOptions) -> Vec<(String, String)> {
    vec![
        ("smbreplay.schema_version".to_owned(), SCHEMA_VERSION.to_string()),
        ("smbreplay.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("smbreplay.tshark_version".to_owned(), options.tshark_version.clone().unwrap_or_default()),
    ]
}

/// An ingest without a single session is an error that says what the capture holds instead.
pub(super) fn check_found_something(
    options: &IngestOptions,
    sources: &Sources,
    read: &Read,
    pairing: &Pairing,
) -> Result<(), IngestError> {
    if pairing.sessions().next().is_some() {
        return Ok(());
    }
    let statistics = &read.statistics;
    let mut instead = statistics.other_protocols_line(6);
    if statistics.smb1_messages > 0 {
        let plural = if statistics.smb1_messages == 1 { "" } else { "s" };
        let smb1 = format!("SMB1 ({} message{plural})", statistics.smb1_messages);
        instead = if instead.is_empty() { smb1 } else { format!("{smb1}, {instead}") };
    }
    if instead.is_empty() {
        instead = "nothing else".to_owned();
    }
    let hint = if statistics.smb1_messages > 0 {
        "; SMB1 is another protocol: `smbreplay smb1 FILE` shows it"
    } else if !statistics.tunnels.is_empty() && options.tshark.is_none() {
        "; SMB2 in tunnels and on such link layers is found by tshark, which was not used"
    } else if instead.contains("TCP port") {
        "; if SMB2 runs on one of these ports, name it with --port"
    } else {
        ""
    };
    Err(IngestError::NoSmb2 { path: sources.name_giver(), packets: statistics.frames, instead, hint })
}

/// What the metadata says of the capture.
pub(super) fn capture_entry(sources: &Sources, read: &Read) -> Result<CaptureEntry, IngestError> {
    let statistics = &read.statistics;
    let (size, modified_ns) = sources.size_and_time()?;
    Ok(CaptureEntry {
        paths: sources.names(),
        size,
        modified_ns,
        hash: match &statistics.hash {
            Some(hash) if sources.are_originals() => hash.clone(),
            _ => sources.fingerprint()?,
        },
        packets: statistics.frames,
        link_types: statistics.link_types.clone(),
        first_time: statistics.first_time.map(|time| time.to_string()),
        last_time: statistics.last_time.map(|time| time.to_string()),
    })
}

/// The metadata.
#[allow(clippy::too_many_arguments, reason = "each is another part of what the metadata says")]
pub(super) fn manifest(
    options: &IngestOptions,
    sources: &Sources,
    capture: CaptureEntry,
    read: &Read,
    pairing: &Pairing,
    files: &[String],
    mut logins: Logins,
    anomalies: BTreeMap<Anomaly, u64>,
) -> Manifest {
    let statistics = &read.statistics;
    let mut sessions = Vec::new();
    let mut undecrypted_messages = 0;
    for (slot, ((id, _, totals, undecrypted), file)) in pairing.sessions().zip(files).enumerate() {
        let mut entry = totals.entry();
        entry.id = id.to_string();
        entry.file.clone_from(file);
        entry.undecrypted = undecrypted;
        entry.encryption |= undecrypted > 0;
        undecrypted_messages += undecrypted;
        if let Some(login) = logins.facts.remove(&SessionSlot(slot as u32)) {
            let granted = std::mem::replace(&mut entry.login, login);
            entry.login.guest |= granted.guest;
            entry.login.anonymous |= granted.anonymous;
        }
        sessions.push(entry);
    }
    // In the order in which they begin, which around holes is not the order in which the reader comes to them.
    sessions.sort_by(|a, b| (a.first_time.is_none(), &a.first_time).cmp(&(b.first_time.is_none(), &b.first_time)));
    let mut notes = sources.notes().to_vec();
    notes.extend_from_slice(&read.notes);
    if logins.unread > 0 {
        let sessions = if logins.unread == 1 { "session" } else { "sessions" };
        notes.push(format!(
            "{} {sessions} logged in by another mechanism than NTLM or Kerberos, which takes tshark to read",
            logins.unread
        ));
    }
    Manifest {
        schema_version: SCHEMA_VERSION,
        capture,
        tools: ToolVersions {
            smbreplay: env!("CARGO_PKG_VERSION").to_owned(),
            tshark: options.tshark_version.clone(),
        },
        options: options.recorded(),
        quality: Quality {
            packets: statistics.frames,
            other_packets: most_of(&statistics.other_protocols),
            cut_packets: statistics.cut_frames,
            smb2_pdus: pairing.counts().pdus,
            headless_pdus: pairing.counts().headless,
            smb1_messages: statistics.smb1_messages,
            sealed_messages: statistics.sealed_messages,
            undecrypted_messages,
            compressed_messages: pairing.counts().compressed,
            gaps: statistics.gaps,
            gap_bytes: statistics.gap_bytes,
            unreadable_bytes: statistics.unreadable_bytes,
            anomalies: anomalies.iter().map(|(anomaly, count)| (anomaly.name().to_owned(), *count)).collect(),
            damage: statistics.damage.iter().chain(&read.messages).cloned().collect(),
            notes,
        },
        sessions,
        connection_ends: statistics
            .connection_ends
            .iter()
            .map(|end| ConnectionEndEntry { tcp_stream: end.tcp_stream, frame: end.frame, time_ns: end.time.0 })
            .collect(),
    }
}

/// Kinds of other packets that the metadata names; a capture can have as many as there are ports.
const MOST_OTHERS: usize = 20;

fn most_of(packets: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut rows: Vec<_> = packets.iter().collect();
    rows.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), (*name).clone()));
    rows.into_iter().take(MOST_OTHERS).map(|(name, count)| (name.clone(), *count)).collect()
}
