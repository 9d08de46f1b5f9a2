//! What a setup and replays made is removed again, and nothing else.
//!
//! The list of names says what was free before anything was made. What is under such a name now was made since, unless it is
//! something older that a replay has moved there: that is known by its file id, and stays.

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::FxHashSet;
use tokio::sync::watch;

use super::descriptor::allowing;
use super::in_flight;
use super::make::make_writable;
use super::plan_names::file_of;
use super::reach::Lab;
use super::survey::{depth, is_nothing};
use crate::model::fscc::{StandardInformation, file_class};
use crate::model::{Before, MadeName, NtStatus};
use crate::wire::{Connection, CreateSpec, OPTION_OPEN_REPARSE_POINT, Tree, WireError, access, disposition};

/// How long it is waited for opens of a killed replay to end, and for what is being deleted to be gone.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// What a cleanup came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Files, folders and streams removed.
    pub removed: u64,
    /// Names under which there was nothing any more.
    pub gone: u64,
    /// What could not or must not be removed.
    pub left: Vec<Left>,
}

/// Something that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its name.
    pub name: MadeName,
    /// Why it stays.
    pub reason: String,
}

enum Fate {
    Removed,
    Gone,
    Left(String),
}

/// Removes what is under the names of `names` that were free before. `all` are all names written down for the target: they tell
/// older files again that were moved.
pub async fn cleanup(
    lab: &Lab,
    names: &[MadeName],
    all: &[MadeName],
    mut progress: impl FnMut(u64, u64),
    stop: &watch::Receiver<bool>,
) -> Result<Cleaned, WireError> {
    let foreign: FxHashSet<u64> = all
        .iter()
        .filter(|name| name.before != Before::Absent && name.file_id != 0)
        .map(|name| name.file_id)
        .collect();
    let foreign = std::sync::Arc::new(foreign);
    // The innermost names first, a stream before its file.
    let mut levels: BTreeMap<(usize, bool), Vec<MadeName>> = BTreeMap::new();
    for name in names.iter().filter(|name| name.before == Before::Absent) {
        let is_stream = file_of(&name.path) != name.path;
        levels.entry((depth(&name.path), is_stream)).or_default().push(name.clone());
    }
    let total = levels.values().map(Vec::len).sum::<usize>() as u64;
    let mut cleaned = Cleaned::default();
    let mut failed = None;
    let mut done = 0;
    for level in levels.into_values().rev() {
        in_flight::each(
            level,
            stop,
            |name| {
                let (lab, foreign) = (lab.clone(), std::sync::Arc::clone(&foreign));
                async move {
                    let fate = match lab.tree(&name.share) {
                        Some(tree) => remove(&lab.connection, tree, &name.path, &foreign).await,
                        None => Ok(Fate::Left("its share is not connected".to_owned())),
                    };
                    (name, fate)
                }
            },
            |(name, fate)| {
                done += 1;
                match fate {
                    Ok(Fate::Removed) => cleaned.removed += 1,
                    Ok(Fate::Gone) => cleaned.gone += 1,
                    Ok(Fate::Left(reason)) => cleaned.left.push(Left { name, reason }),
                    Err(error) => {
                        cleaned.left.push(Left { name, reason: error.to_string() });
                        failed = failed.take().or(Some(error).filter(WireError::is_connection_lost));
                    }
                }
                progress(done, total);
            },
        )
        .await;
        if *stop.borrow() {
            break;
        }
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(cleaned),
    }
}

/// Removes one name, with patience.
async fn remove(
    connection: &Connection,
    tree: &Tree,
    path: &str,
    foreign: &FxHashSet<u64>,
) -> Result<Fate, WireError> {
    let begun = std::time::Instant::now();
    let (mut writable, mut allowed) = (false, false);
    loop {
        let status = match try_to_remove(connection, tree, path, foreign).await {
            Err(WireError::Refused { status, .. }) => status,
            other => return other,
        };
        match status {
            status if is_nothing(status) => return Ok(Fate::Gone),
            NtStatus::CANNOT_DELETE if !writable => {
                writable = true;
                let _ = make_writable(connection, tree, path).await;
            }
            NtStatus::ACCESS_DENIED if !allowed => {
                allowed = true;
                allow(connection, tree, path).await;
            }
            NtStatus::SHARING_VIOLATION | NtStatus::DELETE_PENDING | NtStatus::DIRECTORY_NOT_EMPTY
                if begun.elapsed() < PATIENCE
                    && !(status == NtStatus::DIRECTORY_NOT_EMPTY && holds_more(connection, tree, path).await?) =>
            {
                tokio::time::sleep(PAUSE).await;
            }
            NtStatus::DIRECTORY_NOT_EMPTY => {
                return Ok(Fate::Left("something is in it that was not made here".to_owned()));
            }
            status => return Ok(Fate::Left(format!("refused: {status}"))),
        }
    }
}

async fn try_to_remove(
    connection: &Connection,
    tree: &Tree,
    path: &str,
    foreign: &FxHashSet<u64>,
) -> Result<Fate, WireError> {
    let mut spec = CreateSpec::file(path, access::DELETE | access::READ_ATTRIBUTES, disposition::OPEN);
    spec.create_options = OPTION_OPEN_REPARSE_POINT;
    let file = connection.create(tree, &spec).await?;
    let marked = async {
        if !foreign.is_empty() && file_of(path) == path && foreign.contains(&connection.index_number(&file).await?) {
            let standard = connection.query_info(&file, 1, file_class::STANDARD, 0).await?;
            // One of several names of an older file can go: the file stays.
            if StandardInformation::decode(&standard).map_or(1, |standard| standard.number_of_links) < 2 {
                return Ok(Some("it was there before, under another name".to_owned()));
            }
        }
        connection.delete_on_close(&file).await.map(|()| None)
    }
    .await;
    connection.close_file(&file).await?;
    Ok(match marked? {
        Some(reason) => Fate::Left(reason),
        None => Fate::Removed,
    })
}

/// Whether a folder lists something: else what was in it is only on its way out.
async fn holds_more(connection: &Connection, tree: &Tree, path: &str) -> Result<bool, WireError> {
    let wanted = access::READ_DATA | access::READ_ATTRIBUTES | access::SYNCHRONIZE;
    let folder = match connection.create(tree, &CreateSpec::directory(path, wanted, disposition::OPEN)).await {
        Ok(folder) => folder,
        Err(WireError::Refused { .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    let entries = connection.query_directory(&folder, "*").await;
    connection.close_file(&folder).await?;
    match entries {
        Ok(entries) => Ok(!entries.is_empty()),
        Err(WireError::Refused { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Takes back what a setup refused. That it fails shows when the file is to be removed.
async fn allow(connection: &Connection, tree: &Tree, path: &str) {
    let mut spec = CreateSpec::file(path, access::WRITE_DAC | access::READ_CONTROL, disposition::OPEN);
    spec.create_options = OPTION_OPEN_REPARSE_POINT;
    if let Ok(file) = connection.create(tree, &spec).await {
        let _ = connection.set_dacl(&file, &allowing()).await;
        let _ = connection.close_file(&file).await;
    }
}
