//! The sessions of a dataset by their names: the number in the list from 1, the id, or a unique beginning of the id.

use crate::app::error::DatasetError;
use crate::model::SessionEntry;
use crate::store::Dataset;

/// The session that was named; the only one if none was.
pub(crate) fn choose_session<'a>(dataset: &'a Dataset, name: Option<&str>) -> Result<&'a SessionEntry, DatasetError> {
    match (name, dataset.sessions()) {
        (Some(name), _) => session_of(dataset, name),
        (None, [only]) => Ok(only),
        (None, sessions) => Err(DatasetError::SessionNotNamed { sessions: sessions.len() }),
    }
}

/// The session that was named, or all.
pub(crate) fn chosen_sessions<'a>(
    dataset: &'a Dataset,
    name: Option<&str>,
) -> Result<Vec<&'a SessionEntry>, DatasetError> {
    match name {
        Some(name) => Ok(vec![session_of(dataset, name)?]),
        None => Ok(dataset.sessions().iter().collect()),
    }
}

fn session_of<'a>(dataset: &'a Dataset, name: &str) -> Result<&'a SessionEntry, DatasetError> {
    let sessions = dataset.sessions();
    if let Ok(number) = name.parse::<usize>()
        && let Some(session) = number.checked_sub(1).and_then(|at| sessions.get(at))
    {
        return Ok(session);
    }
    let digits = name.trim_start_matches("0x").to_ascii_lowercase();
    let matches = |session: &&SessionEntry| {
        let id = session.id.trim_start_matches("0x");
        let short = id.trim_start_matches('0');
        id == digits || short == digits || id.starts_with(&digits) || short.starts_with(&digits)
    };
    let exact: Vec<_> = sessions
        .iter()
        .filter(|session| {
            let id = session.id.trim_start_matches("0x");
            id == digits || id.trim_start_matches('0') == digits
        })
        .collect();
    let found: Vec<_> = if exact.is_empty() { sessions.iter().filter(matches).collect() } else { exact };
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(DatasetError::NoSession { name: name.to_owned() }),
        several => Err(DatasetError::AmbiguousSession { name: name.to_owned(), sessions: several.len() }),
    }
}
