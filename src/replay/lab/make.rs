//! One file or folder made on the target.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::descriptor::refusing;
use super::layout::Placed;
use super::reach::Lab;
use super::setup::JobOutcome;
use crate::model::fscc::{ATTRIBUTE_DIRECTORY, ATTRIBUTE_NORMAL, encode_full_eas, file_class};
use crate::model::{Fill, ImageData, ImageTimes, NtStatus};
use crate::wire::{Connection, CreateSpec, OpenFile, Tree, WireError, access, disposition};

/// Attributes that can be set: readonly, hidden, system, archive, temporary, offline, not content indexed, [MS-FSCC] 2.6.
const SETTABLE: u32 = 0x0001 | 0x0002 | 0x0004 | 0x0020 | 0x0100 | 0x1000 | 0x2000;
const ATTRIBUTE_READONLY: u32 = 0x0001;
const ATTRIBUTE_SPARSE_FILE: u32 = 0x0200;

/// Zeroes of so many bytes are left to the file system, where a file is longer than that.
const HOLE: usize = 64 * 1024;
/// Bytes that are filled by one call.
const CHUNK: u64 = 1 << 20;

/// A file or folder to be made.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) share: String,
    pub(super) placed: Placed,
    /// It is there.
    pub(super) exists: bool,
    /// It was made by an earlier setup or replay.
    pub(super) is_ours: bool,
}

impl Job {
    fn path(&self) -> &str {
        &self.placed.path
    }
}

/// The share of a job. Every share of a layout is connected before.
fn tree_of<'a>(lab: &'a Lab, job: &Job) -> Result<&'a Tree, WireError> {
    lab.tree(&job.share).ok_or_else(|| WireError::ShareRefused {
        address: lab.connection.options().address,
        share: job.share.clone(),
        status: NtStatus::BAD_NETWORK_NAME,
    })
}

pub(super) async fn make_directory(lab: Lab, job: Job) -> JobOutcome {
    let made = directory(&lab, &job).await;
    (job, made)
}

async fn directory(lab: &Lab, job: &Job) -> Result<(), WireError> {
    let tree = tree_of(lab, job)?;
    let how = if job.exists { disposition::OPEN } else { disposition::CREATE };
    let spec = CreateSpec::directory(job.path(), access::READ_ATTRIBUTES | access::SYNCHRONIZE, how);
    let folder = match lab.connection.create(tree, &spec).await {
        // Somebody was quicker, and a folder is a folder.
        Err(WireError::Refused { status: NtStatus::OBJECT_NAME_COLLISION, .. }) => return Ok(()),
        other => other?,
    };
    lab.connection.close_file(&folder).await?;
    for stream in &job.placed.entry.streams {
        let path = format!("{}:{}", job.path(), stream.name);
        data_of_stream(&lab.connection, tree, &path, &stream.data, Fill::Zero, &AtomicU64::new(0)).await?;
    }
    Ok(())
}

pub(super) async fn make_file(lab: Lab, job: Job, fill: Fill, sent: Arc<AtomicU64>) -> JobOutcome {
    let made = file(&lab, &job, fill, &sent).await;
    (job, made)
}

async fn file(lab: &Lab, job: &Job, fill: Fill, sent: &AtomicU64) -> Result<(), WireError> {
    let (connection, tree, entry) = (&lab.connection, tree_of(lab, job)?, &job.placed.entry);
    let wanted = access::WRITE_DATA | access::WRITE_ATTRIBUTES | access::READ_ATTRIBUTES | access::SYNCHRONIZE;
    let wanted = if entry.eas.is_empty() { wanted } else { wanted | access::WRITE_EA };
    // One of our own is emptied and filled anew; anything else must not be there.
    let how = if job.is_ours { disposition::OVERWRITE_IF } else { disposition::CREATE };
    let mut spec = CreateSpec::file(job.path(), wanted, how);
    if let Some(attributes) = settable(entry.attributes) {
        spec.file_attributes = attributes & !ATTRIBUTE_READONLY;
    }
    if spec.file_attributes == 0 {
        spec.file_attributes = ATTRIBUTE_NORMAL;
    }
    let file = match connection.create(tree, &spec).await {
        // Read-only, hidden and system files cannot be overwritten just so.
        Err(WireError::Refused { status: NtStatus::ACCESS_DENIED, .. }) if job.is_ours && job.exists => {
            make_writable(connection, tree, job.path()).await?;
            connection.create(tree, &spec).await?
        }
        other => other?,
    };
    let made = fill_file(connection, tree, job, &file, fill, sent).await;
    let closed = connection.close_file(&file).await;
    made.and(closed)
}

async fn fill_file(
    connection: &Connection,
    tree: &Tree,
    job: &Job,
    file: &OpenFile,
    fill: Fill,
    sent: &AtomicU64,
) -> Result<(), WireError> {
    let entry = &job.placed.entry;
    for stream in &entry.streams {
        let path = format!("{}:{}", job.path(), stream.name);
        data_of_stream(connection, tree, &path, &stream.data, fill, sent).await?;
    }
    if entry.attributes.is_some_and(|attributes| attributes & ATTRIBUTE_SPARSE_FILE != 0) {
        connection.set_sparse(file).await?;
    }
    write(connection, file, &entry.data, fill, sent).await?;
    if !entry.eas.is_empty() {
        let names: Vec<Vec<u8>> = entry.eas.iter().map(|ea| ea.name.chars().map(|c| c as u8).collect()).collect();
        let eas: Vec<_> =
            entry.eas.iter().zip(&names).map(|(ea, name)| (ea.flags, &name[..], &ea.value[..])).collect();
        connection.set_info(file, 1, file_class::FULL_EA, 0, &encode_full_eas(&eas)).await?;
    }
    let attributes = settable(entry.attributes).map(|attributes| attributes.max(normal_if_none(attributes)));
    if attributes.is_some() || entry.times != ImageTimes::default() {
        connection.set_basic(file, &entry.times, attributes).await?;
    }
    Ok(())
}

fn settable(attributes: Option<u32>) -> Option<u32> {
    attributes.map(|attributes| attributes & SETTABLE)
}

fn normal_if_none(attributes: u32) -> u32 {
    if attributes == 0 { ATTRIBUTE_NORMAL } else { 0 }
}

async fn data_of_stream(
    connection: &Connection,
    tree: &Tree,
    path: &str,
    data: &ImageData,
    fill: Fill,
    sent: &AtomicU64,
) -> Result<(), WireError> {
    let mut spec = CreateSpec::file(path, access::WRITE_DATA | access::SYNCHRONIZE, disposition::OVERWRITE_IF);
    // A folder can have streams, too.
    spec.create_options = 0;
    let stream = connection.create(tree, &spec).await?;
    let written = write(connection, &stream, data, fill, sent).await;
    let closed = connection.close_file(&stream).await;
    written.and(closed)
}

/// Writes known bytes, and fills what is not known.
async fn write(
    connection: &Connection,
    file: &OpenFile,
    data: &ImageData,
    fill: Fill,
    sent: &AtomicU64,
) -> Result<(), WireError> {
    let known_to_the_end = data.extents.last().is_some_and(|(at, bytes)| at + bytes.len() as u64 == data.size);
    let may_skip = data.size > HOLE as u64 && fill == Fill::Zero;
    if data.size > 0 && (may_skip || (!known_to_the_end && fill == Fill::Zero)) {
        connection.set_end_of_file(file, data.size).await?;
    }
    let mut at = 0;
    for (offset, bytes) in &data.extents {
        fill_gap(connection, file, at, *offset, fill, sent).await?;
        at = offset + bytes.len() as u64;
        if !may_skip {
            connection.write(file, *offset, bytes).await?;
            sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            continue;
        }
        for (start, run) in runs(bytes) {
            connection.write(file, offset + start as u64, run).await?;
            sent.fetch_add(run.len() as u64, Ordering::Relaxed);
        }
    }
    fill_gap(connection, file, at, data.size, fill, sent).await
}

async fn fill_gap(
    connection: &Connection,
    file: &OpenFile,
    mut from: u64,
    to: u64,
    fill: Fill,
    sent: &AtomicU64,
) -> Result<(), WireError> {
    while fill == Fill::Pattern && from < to {
        let length = CHUNK.min(to - from);
        connection.write(file, from, &fill.bytes(from, length as usize)).await?;
        sent.fetch_add(length, Ordering::Relaxed);
        from += length;
    }
    Ok(())
}

/// The parts of some bytes that are worth writing: without blocks of zeroes, which the file has anyway.
fn runs(bytes: &[u8]) -> Vec<(usize, &[u8])> {
    let mut runs: Vec<(usize, &[u8])> = Vec::new();
    for (i, block) in bytes.chunks(HOLE).enumerate() {
        if block.iter().all(|byte| *byte == 0) {
            continue;
        }
        let at = i * HOLE;
        match runs.last_mut() {
            Some((start, run)) if *start + run.len() == at => *run = &bytes[*start..at + block.len()],
            _ => runs.push((at, block)),
        }
    }
    runs
}

/// Takes the attributes away that stand against changing a file.
pub(super) async fn make_writable(connection: &Connection, tree: &Tree, path: &str) -> Result<(), WireError> {
    let wanted = access::WRITE_ATTRIBUTES | access::READ_ATTRIBUTES | access::SYNCHRONIZE;
    let mut spec = CreateSpec::file(path, wanted, disposition::OPEN);
    spec.create_options = crate::wire::OPTION_OPEN_REPARSE_POINT;
    let file = connection.create(tree, &spec).await?;
    let directory = file.file_attributes & ATTRIBUTE_DIRECTORY;
    let set =
        connection.set_basic(&file, &ImageTimes::default(), Some(directory.max(normal_if_none(directory)))).await;
    let closed = connection.close_file(&file).await;
    set.and(closed)
}

/// What comes last: times and attributes of a folder, EAs of it, refused rights.
pub(super) async fn finish(lab: Lab, job: Job) -> JobOutcome {
    let finished = finishing(&lab, &job).await;
    (job, finished)
}

async fn finishing(lab: &Lab, job: &Job) -> Result<(), WireError> {
    let (connection, tree, entry) = (&lab.connection, tree_of(lab, job)?, &job.placed.entry);
    let attributes = settable(entry.attributes).filter(|attributes| *attributes != 0);
    let basic = entry.directory && (attributes.is_some() || entry.times != ImageTimes::default());
    if !basic && entry.refused == 0 {
        return Ok(());
    }
    let mut wanted = access::READ_ATTRIBUTES | access::SYNCHRONIZE;
    wanted |= if basic { access::WRITE_ATTRIBUTES } else { 0 };
    wanted |= if entry.refused != 0 { access::WRITE_DAC | access::READ_CONTROL } else { 0 };
    let mut spec = CreateSpec::file(job.path(), wanted, disposition::OPEN);
    spec.create_options = 0;
    let file = connection.create(tree, &spec).await?;
    let mut done = Ok(());
    if basic {
        let attributes = attributes.map(|attributes| attributes | ATTRIBUTE_DIRECTORY);
        done = connection.set_basic(&file, &entry.times, attributes).await;
    }
    if entry.refused != 0 && done.is_ok() {
        done = connection.set_dacl(&file, &refusing(entry.refused)).await;
    }
    let closed = connection.close_file(&file).await;
    done.and(closed)?;
    if entry.refused != 0 {
        still_refused(connection, tree, job).await?;
    }
    Ok(())
}

/// Whether the rights that are to be refused are: a server may have another idea of them.
async fn still_refused(connection: &Connection, tree: &Tree, job: &Job) -> Result<(), WireError> {
    let mut spec = CreateSpec::file(job.path(), job.placed.entry.refused, disposition::OPEN);
    spec.create_options = 0;
    match connection.create(tree, &spec).await {
        Ok(file) => {
            connection.close_file(&file).await?;
            Err(WireError::NotSupported {
                address: connection.options().address,
                feature: "refusing rights to the owner of a file (with Samba it takes vfs objects = acl_xattr)",
                dialect: connection.negotiated().dialect,
            })
        }
        Err(WireError::Refused { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_zeroes_are_not_written() {
        let mut bytes = vec![0u8; 5 * HOLE + 10];
        bytes[HOLE + 1] = 1;
        bytes[2 * HOLE] = 1;
        bytes[5 * HOLE + 3] = 1;
        let found: Vec<_> = runs(&bytes).into_iter().map(|(at, run)| (at, run.len())).collect();
        assert_eq!(found, [(HOLE, 2 * HOLE), (5 * HOLE, 10)]);
        assert!(runs(&[0; 100]).is_empty());
    }
}
