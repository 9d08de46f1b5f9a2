//! The files of an ingest: standard input spooled, several files in the order of their time, damaged ones repaired.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use crossbeam_channel::{RecvTimeoutError, bounded};
use tempfile::NamedTempFile;

use super::error::IngestError;
use crate::capture::{CaptureError, Input, PacketReader, Progress};
use crate::model::Timestamp;
use crate::store::fingerprint;
use crate::tools::{Damage, Located, Repair, RepairedCapture, Tool, ToolError, inspect, repair};

/// What stands for standard input on the command line.
const STDIN: &str = "-";
/// The name of a dataset made from standard input.
const STDIN_NAME: &str = "stdin";
/// How often somebody who waits for input looks whether to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// One file.
struct Source {
    /// As the user names it.
    name: PathBuf,
    /// The bytes that were given.
    original: PathBuf,
    /// What is read: the original, or its repaired copy.
    path: PathBuf,
    first_time: Option<Timestamp>,
}

/// The files of one capture, in the order of time. Temporary ones among them live as long as this.
pub(super) struct Sources {
    files: Vec<Source>,
    spooled: Vec<NamedTempFile>,
    repaired: Vec<RepairedCapture>,
    notes: Vec<String>,
}

impl Sources {
    /// Looks at each file: it is there and a capture, or, when it is going to be repaired, may become one.
    pub(super) fn gather(inputs: &[PathBuf], to_repair: bool, progress: &Progress) -> Result<Self, IngestError> {
        let mut sources = Self { files: Vec::new(), spooled: Vec::new(), repaired: Vec::new(), notes: Vec::new() };
        for name in inputs {
            let path = if name == Path::new(STDIN) {
                let file = spool(progress)?;
                let path = file.path().to_owned();
                sources.spooled.push(file);
                path
            } else {
                name.clone()
            };
            let opened = Input::open(&path, &progress.beside()).and_then(|input| PacketReader::new(input, 0));
            let first_time = match opened {
                Ok(packets) => packets.first_time(),
                Err(CaptureError::NotACapture { .. }) if to_repair => None,
                Err(error) => return Err(error.named(shown_name(name)).into()),
            };
            sources.files.push(Source { name: name.clone(), original: path.clone(), path, first_time });
        }
        // Without a packet a file holds nothing that could be out of order.
        sources.files.sort_by_key(|file| (file.first_time.is_none(), file.first_time));
        if sources.files.is_empty() { Err(IngestError::NoInput) } else { Ok(sources) }
    }

    /// Has pcapfix repair what is damaged, each into a private copy.
    pub(super) fn repair(&mut self, pcapfix: &Located, progress: &Progress) -> Result<(), IngestError> {
        let capinfos = Tool::Capinfos.locate(None).ok();
        for file in &mut self.files {
            let name = shown_name(&file.name);
            let Some(damage) = damage_of(&file.original, capinfos.as_ref(), &progress.beside())? else { continue };
            match repair(pcapfix, &file.original).map_err(|error| named(error, &name))? {
                Repair::Sound => self
                    .notes
                    .push(format!("{}: damaged ({damage}), but pcapfix found nothing to repair", name.display())),
                Repair::Repaired(copy) => {
                    let said = copy.said().join("; ");
                    self.notes.push(format!(
                        "{}: damaged ({damage}); read from a copy that pcapfix repaired: {said}",
                        name.display()
                    ));
                    file.path = copy.path().to_owned();
                    self.repaired.push(copy);
                }
            }
        }
        Ok(())
    }

    /// What is to be read.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|file| file.path.clone()).collect()
    }

    /// Whether what is read is what was given, and not a repaired copy.
    pub(super) fn are_originals(&self) -> bool {
        self.files.iter().all(|file| file.path == file.original)
    }

    /// The files as the user named them.
    pub(super) fn names(&self) -> Vec<String> {
        self.files.iter().map(|file| file.name.display().to_string()).collect()
    }

    /// The file that the dataset is named after.
    pub(super) fn name_giver(&self) -> PathBuf {
        self.files.first().map(|file| shown_name(&file.name)).unwrap_or_default()
    }

    /// What is to be said about them.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// A hash over all that was given.
    pub(super) fn fingerprint(&self) -> Result<String, IngestError> {
        let originals: Vec<_> = self.files.iter().map(|file| &file.original).collect();
        Ok(fingerprint(&originals)?)
    }

    /// Bytes of all files, and when the newest was changed, in nanoseconds since 1970. Standard input has no time.
    pub(super) fn size_and_time(&self) -> Result<(u64, i64), IngestError> {
        let (mut size, mut newest) = (0, 0);
        for file in &self.files {
            let fail = |source| IngestError::Input { path: shown_name(&file.name), source };
            let metadata = fs::metadata(&file.original).map_err(fail)?;
            size += metadata.len();
            if file.name != Path::new(STDIN) {
                let modified = metadata.modified().map_err(fail)?.duration_since(UNIX_EPOCH).unwrap_or_default();
                newest = newest.max(modified.as_nanos() as i64);
            }
        }
        Ok((size, newest))
    }
}

fn shown_name(name: &Path) -> PathBuf {
    if name == Path::new(STDIN) { PathBuf::from(STDIN_NAME) } else { name.to_owned() }
}

/// The errors of tools about a file, with the name that the user knows.
fn named(error: ToolError, name: &Path) -> ToolError {
    match error {
        ToolError::Compressed { .. } => ToolError::Compressed { path: name.to_owned() },
        ToolError::NotACapture { reason, .. } => ToolError::NotACapture { path: name.to_owned(), reason },
        other => other,
    }
}

/// Copies standard input to a file that only we can read: a capture may be read twice, and is hashed.
fn spool(progress: &Progress) -> Result<NamedTempFile, IngestError> {
    let fail = |source| IngestError::Input { path: PathBuf::from(STDIN_NAME), source };
    let mut file = tempfile::Builder::new().prefix("smbreplay-stdin-").tempfile().map_err(fail)?;
    // Nothing wakes a thread that waits for input; that one is left behind when the user interrupts.
    let (sender, chunks) = bounded(4);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        loop {
            let mut chunk = vec![0; 1 << 18];
            let read = input.read(&mut chunk).map(|length| {
                chunk.truncate(length);
                chunk
            });
            let ended = read.as_ref().is_ok_and(Vec::is_empty);
            if read.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::Interrupted) {
                continue;
            }
            let failed = read.is_err();
            if ended || sender.send(read).is_err() || failed {
                return;
            }
        }
    });
    loop {
        match chunks.recv_timeout(GLANCE) {
            Ok(chunk) => file.write_all(&chunk.map_err(fail)?).map_err(fail)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if progress.is_stopped() {
            return Err(IngestError::Interrupted);
        }
    }
    file.flush().map_err(fail)?;
    Ok(file)
}

/// What is wrong with a file, by our own reader or by capinfos.
fn damage_of(path: &Path, capinfos: Option<&Located>, progress: &Progress) -> Result<Option<String>, IngestError> {
    let mut packets = match Input::open(path, progress).and_then(|input| PacketReader::new(input, 0)) {
        Ok(packets) => packets,
        Err(CaptureError::NotACapture { found, .. }) => return Ok(Some(format!("its beginning is {found}"))),
        Err(error) => return Err(error.into()),
    };
    packets.for_each(|_| {
        if progress.is_stopped() { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
    });
    if progress.is_stopped() {
        return Err(IngestError::Interrupted);
    }
    if let Some(damage) = packets.damage() {
        return Ok(Some(damage.to_owned()));
    }
    let Some(capinfos) = capinfos else { return Ok(None) };
    Ok(match inspect(capinfos, path) {
        Ok(info) => match info.damage {
            Damage::None => None,
            Damage::CutShort => Some("capinfos: cut short".to_owned()),
            Damage::Damaged(reason) => Some(format!("capinfos: {reason}")),
        },
        Err(ToolError::NotACapture { reason, .. }) => Some(format!("capinfos: {reason}")),
        // Our own reader found nothing; that capinfos failed is no damage.
        Err(_) => None,
    })
}
