//! The captures that a request is about which can take several.

use std::collections::BTreeSet;
use std::io;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use super::trace::TraceRequest;
use crate::app::error::DatasetError;
use crate::app::events::{Events, Warning};
use crate::app::path_pattern::PatternError;
use crate::app::workspace::Workspace;
use crate::store::{Dataset, DatasetPath, StoreError};

/// Captures, whose datasets are used together.
#[derive(Clone, Debug, Default)]
pub struct CapturesRequest {
    /// Captures, or patterns with `*`, `?`, `[..]` and `{..}` for their paths; else those of the case, else the workspace's, else
    /// the one ingested last.
    pub traces: Vec<PathBuf>,
    /// The case: all its captures, or those that the patterns name.
    pub case: Option<String>,
    /// The folder that the datasets were written to, if that is not the captures' own.
    pub output: Option<PathBuf>,
    /// Where captures are looked for, and what was ingested last.
    pub workspace: Workspace,
}

/// A dataset with the name that it goes by among the others.
pub(crate) struct NamedDataset {
    /// Name of the capture's file; its path, where two of them are named alike.
    pub(crate) capture: String,
    pub(crate) dataset: Dataset,
}

impl CapturesRequest {
    /// Captures by their paths or patterns.
    pub fn of(traces: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        Self { traces: traces.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// The same captures, with their datasets under this folder.
    #[must_use]
    pub fn with_output(mut self, output: impl Into<PathBuf>) -> Self {
        self.output = Some(output.into());
        self
    }

    /// Opens the datasets. What a pattern or a case leads to and is not ingested is a warning, and left out.
    pub(crate) fn open(&self, events: &dyn Events) -> Result<Vec<NamedDataset>, DatasetError> {
        let mut datasets = Vec::new();
        match (self.traces.as_slice(), &self.case) {
            ([], None) => datasets.push(self.one(None)?),
            ([], Some(case)) => {
                let folder = self.workspace.case_folder(Some(case));
                let found = captures_below(&folder, self.output.as_deref(), events)?;
                datasets.extend(self.ingested(found, &folder, events)?);
            }
            (traces, case) => {
                for trace in traces {
                    if trace.exists() || !is_pattern(trace) {
                        datasets.push(self.one(Some(trace))?);
                        continue;
                    }
                    let mut found = matching(Path::new(""), trace, self.output.as_deref(), events)?;
                    if found.is_empty() || case.is_some() {
                        let folder = self.workspace.case_folder(case.as_deref());
                        found = matching(&folder, trace, self.output.as_deref(), events)?;
                    }
                    datasets.extend(self.ingested(found, trace, events)?);
                }
            }
        }
        let mut seen = BTreeSet::new();
        datasets.retain(|dataset| {
            let folder = dataset.place().folder();
            seen.insert(folder.canonicalize().unwrap_or_else(|_| folder.to_owned()))
        });
        Ok(named(datasets))
    }

    fn one(&self, trace: Option<&PathBuf>) -> Result<Dataset, DatasetError> {
        let (case, output) = (self.case.clone(), self.output.clone());
        TraceRequest { trace: trace.cloned(), case, output, workspace: self.workspace.clone() }.open()
    }

    /// Those of some captures that are ingested; none at all is an error.
    fn ingested(
        &self,
        captures: BTreeSet<PathBuf>,
        asked: &Path,
        events: &dyn Events,
    ) -> Result<Vec<Dataset>, DatasetError> {
        let mut datasets = Vec::new();
        let mut left_out = Vec::new();
        for capture in captures {
            match Dataset::open(DatasetPath::of(&capture, self.output.as_deref())?) {
                Ok(dataset) => datasets.push(dataset),
                Err(StoreError::NoDataset { .. }) => left_out.push(capture),
                Err(error) => return Err(error.into()),
            }
        }
        let asked = asked.to_owned();
        match (datasets.is_empty(), left_out.first()) {
            (true, None) => return Err(DatasetError::NoCapture { asked }),
            (true, Some(capture)) => {
                return Err(DatasetError::NothingIngested { asked, capture: capture.clone() });
            }
            (false, None) => {}
            (false, Some(_)) => events.warning(&Warning::NotIngested { captures: left_out }),
        }
        Ok(datasets)
    }
}

fn named(datasets: Vec<Dataset>) -> Vec<NamedDataset> {
    let file =
        |dataset: &Dataset| dataset.place().capture().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let names: Vec<_> = datasets.iter().map(file).collect();
    let name = |at: usize, dataset: &Dataset| {
        if names.iter().filter(|name| **name == names[at]).count() == 1 {
            return names[at].clone();
        }
        dataset.place().capture().display().to_string()
    };
    datasets
        .into_iter()
        .enumerate()
        .map(|(at, dataset)| NamedDataset { capture: name(at, &dataset), dataset })
        .collect()
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '[', '{'])
}

/// The captures below a folder that a pattern fits, also those of which only the dataset is left.
fn matching(
    base: &Path,
    pattern: &Path,
    output: Option<&Path>,
    events: &dyn Events,
) -> Result<BTreeSet<PathBuf>, DatasetError> {
    let pattern = base.join(pattern);
    let glob = compiled(&pattern)?;
    let fixed: PathBuf = pattern.components().take_while(|part| !is_pattern(Path::new(&part.as_os_str()))).collect();
    let folder = if fixed.as_os_str().is_empty() { Path::new(".") } else { &fixed };
    if !folder.is_dir() {
        return Ok(BTreeSet::new());
    }
    let parts = pattern.components().count() - fixed.components().count();
    let depth = if pattern.components().any(|part| part.as_os_str() == "**") { usize::MAX } else { parts };
    let mut found = Vec::new();
    gather(folder, depth, events, &mut found)
        .map_err(|source| DatasetError::Folder { folder: folder.to_owned(), source })?;
    found.extend(datasets_of(folder, output));
    let plain = |path: &Path| path.components().filter(|part| *part != Component::CurDir).collect::<PathBuf>();
    Ok(found.into_iter().map(|path| plain(&path)).filter(|path| glob.is_match(path)).collect())
}

fn compiled(pattern: &Path) -> Result<GlobMatcher, PatternError> {
    let plain: PathBuf = pattern.components().filter(|part| *part != Component::CurDir).collect();
    let glob = GlobBuilder::new(&plain.to_string_lossy()).literal_separator(true).build()?;
    Ok(glob.compile_matcher())
}

/// The captures of a folder and those below it, and those of which only the dataset is left.
fn captures_below(
    folder: &Path,
    output: Option<&Path>,
    events: &dyn Events,
) -> Result<BTreeSet<PathBuf>, DatasetError> {
    let mut found: BTreeSet<PathBuf> = captures_in(folder, events)?.into_iter().collect();
    found.extend(datasets_of(folder, output));
    Ok(found)
}

/// The captures that datasets are of; those lie under `--output`, if it was given, whatever folder their captures were in.
fn datasets_of(folder: &Path, output: Option<&Path>) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(output.unwrap_or(folder).join(".tracer")) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name());
    names.filter(|name| !name.to_string_lossy().starts_with('.')).map(|name| folder.join(name)).collect()
}

/// The capture files of a folder and the folders below it, by their names, sorted; datasets are left out.
pub(crate) fn captures_in(folder: &Path, events: &dyn Events) -> Result<Vec<PathBuf>, DatasetError> {
    let mut captures = Vec::new();
    gather(folder, usize::MAX, events, &mut captures)
        .map_err(|source| DatasetError::CaseFolder { folder: folder.to_owned(), source })?;
    captures.sort();
    Ok(captures)
}

/// Goes so many folders deep. One below that is not for us is no reason to stop.
fn gather(folder: &Path, depth: usize, events: &dyn Events, captures: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if name.starts_with('.') {
            continue;
        }
        if !entry.file_type()?.is_dir() {
            if is_capture(&name) {
                captures.push(path);
            }
        } else if depth > 1
            && let Err(error) = gather(&path, depth - 1, events, captures)
        {
            events.warning(&Warning::UnreadableFolder { folder: path, error });
        }
    }
    Ok(())
}

fn is_capture(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    // Ring buffers number their files: capture.pcap0, capture.pcap1.
    let stem = plain.trim_end_matches(|c: char| c.is_ascii_digit());
    [".pcap", ".pcapng", ".cap", ".trc"].iter().any(|ending| stem.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Quiet;

    #[test]
    fn captures_are_found_by_patterns_with_or_without_their_files() {
        let base = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = base.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        };
        for name in ["a1.pcap", "a2.pcapng.gz", "b.pcap", "notes.txt", "below/a3.pcap", ".tracer/a9.pcap/sessions/x"]
        {
            make(name);
        }
        let found = |pattern: &str| -> Vec<String> {
            let paths = matching(base.path(), Path::new(pattern), None, &Quiet).unwrap();
            let name = |path: PathBuf| path.strip_prefix(base.path()).unwrap().display().to_string();
            paths.into_iter().map(name).collect()
        };
        assert_eq!(found("a*"), ["a1.pcap", "a2.pcapng.gz", "a9.pcap"]);
        assert_eq!(found("**/a?.pcap"), ["a1.pcap", "a9.pcap", "below/a3.pcap"]);
        assert_eq!(found("below/*"), ["below/a3.pcap"]);
        assert_eq!(found("{b,notes}*"), ["b.pcap"]);
        assert!(found("nowhere/*").is_empty());
        assert!(matching(base.path(), Path::new("a["), None, &Quiet).is_err());
    }
}
