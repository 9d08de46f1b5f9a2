//! What is there already, under the names that matter.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use tokio::sync::watch;

use super::in_flight;
use super::layout::folded_parts;
use super::reach::Lab;
use crate::model::NtStatus;
use crate::model::fscc::ATTRIBUTE_DIRECTORY;
use crate::wire::{
    Connection, CreateSpec, DirectoryEntry, OPTION_OPEN_REPARSE_POINT, Tree, WireError, access, disposition,
};

/// From so many names in a folder on it is listed, and not asked for each.
const LISTED_FROM: usize = 8;

/// STATUS_OBJECT_PATH_SYNTAX_BAD: a name that nothing can have.
const PATH_SYNTAX_BAD: NtStatus = NtStatus(0xC000_003B);

/// Something that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Whether it is a folder.
    pub directory: bool,
    /// `EndOfFile` in bytes.
    pub size: u64,
    /// `FileAttributes`
    pub attributes: u32,
    /// `IndexNumber`; 0 when the server does not tell.
    pub file_id: u64,
    /// Whether it can be opened at all; what cannot has no size and attributes here.
    pub readable: bool,
}

/// What is there on one share, by path in any case.
#[derive(Clone, Debug, Default)]
pub struct Survey(FxHashMap<String, Found>);

impl Survey {
    /// One made by hand: paths, and whether they are folders.
    #[cfg(test)]
    pub(super) fn of(found: &[(&str, bool)]) -> Self {
        let found = found.iter().map(|(path, directory)| {
            let here = Found { directory: *directory, size: 0, attributes: 0, file_id: 1, readable: true };
            (path.to_lowercase(), here)
        });
        Self(found.collect())
    }

    /// What is under a path that was asked for; None for nothing.
    pub fn get(&self, path: &str) -> Option<Found> {
        self.0.get(&path.to_lowercase()).copied()
    }
}

/// Looks what is under paths of a share. Nothing is changed, and nothing of the share is read but these paths and their
/// folders.
pub async fn survey<'a>(
    lab: &Lab,
    share: &str,
    paths: impl IntoIterator<Item = &'a str>,
) -> Result<Survey, WireError> {
    let mut survey = Survey::default();
    let Some(tree) = lab.tree(share) else { return Ok(survey) };
    // The names that matter, by folder, shallow folders first.
    let mut folders: BTreeMap<(usize, String), BTreeSet<String>> = BTreeMap::new();
    for path in paths {
        let parts: Vec<&str> = path.split('\\').filter(|part| !part.is_empty()).collect();
        for depth in 0..parts.len() {
            let folder = parts[..depth].join("\\");
            let names = folders.entry((depth, folder.to_lowercase())).or_default();
            // The first spelling of a name does: the server does not tell cases apart.
            if !names.iter().any(|name| name == parts[depth]) {
                names.insert(parts[depth].to_owned());
            }
        }
    }
    let (_never, stop) = watch::channel(false);
    let depths = folders.keys().map(|(depth, _)| *depth).max().map_or(0, |depth| depth + 1);
    for depth in 0..depths {
        let at_depth = folders.range((depth, String::new())..(depth + 1, String::new()));
        let there = at_depth.filter(|((_, folder), _)| {
            folder.is_empty() || survey.0.get(folder).is_some_and(|found| found.directory)
        });
        let jobs: Vec<_> = there.map(|((_, folder), names)| (folder.clone(), names.clone())).collect();
        let mut failed = None;
        let mut results = Vec::new();
        in_flight::each(
            jobs,
            &stop,
            |(folder, names)| look(lab.connection.clone(), tree.clone(), folder, names),
            |result| match result {
                Ok(found) => results.extend(found),
                Err(error) => failed = Some(error),
            },
        )
        .await;
        if let Some(error) = failed {
            return Err(error);
        }
        survey.0.extend(results);
    }
    Ok(survey)
}

/// The names of one folder, folded with their folder.
async fn look(
    connection: Connection,
    tree: Tree,
    folder: String,
    names: BTreeSet<String>,
) -> Result<Vec<(String, Found)>, WireError> {
    let path = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}\\{name}") };
    let listed = if names.len() >= LISTED_FROM { list(&connection, &tree, &folder).await? } else { None };
    let mut found = Vec::new();
    for name in names {
        let here = match &listed {
            // What a listing does not show is not there, unless the listing may show it under another name.
            Some(entries) => match entries.get(&name.to_lowercase()) {
                Some(entry) => Some(*entry),
                None if is_plain(&name) => None,
                None => ask(&connection, &tree, &path(&name)).await?,
            },
            None => ask(&connection, &tree, &path(&name)).await?,
        };
        found.extend(here.map(|here| (path(&name).to_lowercase(), here)));
    }
    Ok(found)
}

/// A folder's entries; None when it cannot be listed.
async fn list(
    connection: &Connection,
    tree: &Tree,
    folder: &str,
) -> Result<Option<FxHashMap<String, Found>>, WireError> {
    let wanted = access::READ_DATA | access::READ_ATTRIBUTES | access::SYNCHRONIZE;
    let directory = match connection.create(tree, &CreateSpec::directory(folder, wanted, disposition::OPEN)).await {
        Ok(directory) => directory,
        Err(WireError::Refused { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let entries = connection.query_directory(&directory, "*").await;
    connection.close_file(&directory).await?;
    match entries {
        Ok(entries) => {
            Ok(Some(entries.into_iter().map(|entry| (entry.name.to_lowercase(), of_entry(&entry))).collect()))
        }
        Err(WireError::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn of_entry(entry: &DirectoryEntry) -> Found {
    Found {
        directory: entry.is_directory(),
        size: entry.end_of_file,
        attributes: entry.file_attributes,
        file_id: entry.file_id,
        readable: true,
    }
}

/// Whether a name is listed as it is spelt: servers have short names for others, and their own view of cases.
fn is_plain(name: &str) -> bool {
    !name.ends_with([' ', '.'])
        && name.len() <= 200
        && name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
        && !name.contains(['"', '*', ':', '<', '>', '?', '|', '~'])
}

/// Opens a path to see whether something is there.
pub(super) async fn ask(connection: &Connection, tree: &Tree, path: &str) -> Result<Option<Found>, WireError> {
    let mut spec = CreateSpec::file(path, access::READ_ATTRIBUTES, disposition::OPEN);
    spec.create_options = OPTION_OPEN_REPARSE_POINT;
    let file = match connection.create(tree, &spec).await {
        Ok(file) => file,
        Err(WireError::Refused { status, .. }) => {
            return Ok((!is_nothing(status)).then_some(Found {
                directory: status == NtStatus::FILE_IS_A_DIRECTORY,
                size: 0,
                attributes: 0,
                file_id: 0,
                readable: false,
            }));
        }
        Err(error) => return Err(error),
    };
    let file_id = match connection.index_number(&file).await {
        Ok(id) => id,
        Err(WireError::Refused { .. }) => 0,
        Err(error) => return Err(error),
    };
    connection.close_file(&file).await?;
    Ok(Some(Found {
        directory: file.file_attributes & ATTRIBUTE_DIRECTORY != 0,
        size: file.end_of_file,
        attributes: file.file_attributes,
        file_id,
        readable: true,
    }))
}

/// Whether a status means that nothing has this name.
pub(super) fn is_nothing(status: NtStatus) -> bool {
    matches!(
        status,
        NtStatus::OBJECT_NAME_NOT_FOUND
            | NtStatus::OBJECT_PATH_NOT_FOUND
            | NtStatus::NO_SUCH_FILE
            | NtStatus::OBJECT_NAME_INVALID
            | PATH_SYNTAX_BAD
    )
}

/// How deep a path lies.
pub(super) fn depth(path: &str) -> usize {
    folded_parts(path).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_server_may_list_otherwise_are_asked_for() {
        for name in ["a.txt", "With Space.doc", "-x_1(2)"] {
            assert!(is_plain(name), "{name}");
        }
        for name in ["dot.", "space ", "ä", "a:b", "what?", "SHORT~1.TXT"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
