//! Which captures a command is about that can take several.

use std::collections::BTreeSet;
use std::io;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use super::args::{CapturesArgs, TraceArgs};
use super::config::Config;
use super::datasets::{open, workspace};
use super::exit_status::ExitStatus;
use super::failure::Failure;
use crate::store::{Dataset, DatasetPath, StoreError};

/// A dataset with the name that it goes by among the others.
pub(super) struct Chosen {
    /// Name of the capture's file; its path, where two of them are named alike.
    pub(super) capture: String,
    pub(super) dataset: Dataset,
}

/// The datasets that were asked for. What a pattern or a case leads to and is not ingested is told of and left out.
pub(super) fn chosen(config: &Config, args: &CapturesArgs) -> Result<Vec<Chosen>, Failure> {
    let single = |trace: Option<PathBuf>| {
        open(config, &TraceArgs { trace, case: args.case.clone(), output: args.output.clone() })
    };
    let mut datasets = Vec::new();
    match (args.trace.as_slice(), &args.case) {
        ([], None) => datasets.push(single(None)?),
        ([], Some(case)) => {
            let folder = workspace(config)?.case_folder(Some(case));
            let found = captures_below(&folder, args.output.as_deref())?;
            datasets.extend(ingested(found, args.output.as_deref(), &folder.display().to_string())?);
        }
        (traces, case) => {
            for trace in traces {
                if trace.exists() || !is_pattern(trace) {
                    datasets.push(single(Some(trace.clone()))?);
                    continue;
                }
                let mut found = matching(Path::new(""), trace, args.output.as_deref())?;
                if found.is_empty() || case.is_some() {
                    let folder = workspace(config)?.case_folder(case.as_deref());
                    found = matching(&folder, trace, args.output.as_deref())?;
                }
                datasets.extend(ingested(found, args.output.as_deref(), &trace.display().to_string())?);
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

/// Those of some captures that are ingested; none at all is a failure.
fn ingested(captures: BTreeSet<PathBuf>, output: Option<&Path>, asked: &str) -> Result<Vec<Dataset>, Failure> {
    let mut datasets = Vec::new();
    let mut left_out = Vec::new();
    for capture in captures {
        match Dataset::open(DatasetPath::of(&capture, output)?) {
            Ok(dataset) => datasets.push(dataset),
            Err(StoreError::NoDataset { .. }) => left_out.push(capture.display().to_string()),
            Err(error) => return Err(error.into()),
        }
    }
    match (datasets.is_empty(), left_out.as_slice()) {
        (true, []) => Err(Failure::message(ExitStatus::Unreadable, format!("{asked}: there is no capture"))
            .remedy("`smbreplay list traces` shows those of traces_folder")),
        (true, some) => {
            Err(Failure::message(ExitStatus::Unreadable, format!("{asked}: nothing of that is ingested"))
                .remedy(format!("smbreplay ingest {}", some[0])))
        }
        (false, []) => Ok(datasets),
        (false, some) => {
            tracing::warn!("left out, as they are not ingested: {}", some.join(", "));
            Ok(datasets)
        }
    }
}

fn named(datasets: Vec<Dataset>) -> Vec<Chosen> {
    let file =
        |dataset: &Dataset| dataset.place().capture().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let names: Vec<_> = datasets.iter().map(file).collect();
    let name = |at: usize, dataset: &Dataset| {
        if names.iter().filter(|name| **name == names[at]).count() == 1 {
            return names[at].clone();
        }
        dataset.place().capture().display().to_string()
    };
    datasets.into_iter().enumerate().map(|(at, dataset)| Chosen { capture: name(at, &dataset), dataset }).collect()
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '[', '{'])
}

/// The captures below a folder that a pattern fits, also those of which only the dataset is left.
fn matching(base: &Path, pattern: &Path, output: Option<&Path>) -> Result<BTreeSet<PathBuf>, Failure> {
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
    gather(folder, depth, &mut found)
        .map_err(|error| Failure::message(ExitStatus::Unreadable, format!("{}: {error}", folder.display())))?;
    found.extend(datasets_of(folder, output));
    let plain = |path: &Path| path.components().filter(|part| *part != Component::CurDir).collect::<PathBuf>();
    Ok(found.into_iter().map(|path| plain(&path)).filter(|path| glob.is_match(path)).collect())
}

fn compiled(pattern: &Path) -> Result<GlobMatcher, Failure> {
    let plain: PathBuf = pattern.components().filter(|part| *part != Component::CurDir).collect();
    let glob = GlobBuilder::new(&plain.to_string_lossy()).literal_separator(true).build();
    let glob = glob.map_err(|error| Failure::message(ExitStatus::Usage, format!("--trace: {error}")))?;
    Ok(glob.compile_matcher())
}

/// The captures of a folder and those below it, and those of which only the dataset is left.
fn captures_below(folder: &Path, output: Option<&Path>) -> Result<BTreeSet<PathBuf>, Failure> {
    let mut found: BTreeSet<PathBuf> = captures_in(folder)?.into_iter().collect();
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
pub(super) fn captures_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut captures = Vec::new();
    gather(folder, usize::MAX, &mut captures).map_err(|error| {
        let text = format!("{}: {error}", folder.display());
        Failure::message(ExitStatus::Unreadable, text)
            .remedy("`smbreplay config set traces_folder DIR` says where cases are")
    })?;
    captures.sort();
    Ok(captures)
}

/// Goes so many folders deep. One below that is not for us is no reason to stop.
fn gather(folder: &Path, depth: usize, captures: &mut Vec<PathBuf>) -> io::Result<()> {
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
            && let Err(error) = gather(&path, depth - 1, captures)
        {
            tracing::warn!("{}: {error}; left out", path.display());
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
            let paths = matching(base.path(), Path::new(pattern), None).unwrap();
            let name = |path: PathBuf| path.strip_prefix(base.path()).unwrap().display().to_string();
            paths.into_iter().map(name).collect()
        };
        assert_eq!(found("a*"), ["a1.pcap", "a2.pcapng.gz", "a9.pcap"]);
        assert_eq!(found("**/a?.pcap"), ["a1.pcap", "a9.pcap", "below/a3.pcap"]);
        assert_eq!(found("below/*"), ["below/a3.pcap"]);
        assert_eq!(found("{b,notes}*"), ["b.pcap"]);
        assert!(found("nowhere/*").is_empty());
        assert!(matching(base.path(), Path::new("a["), None).is_err());
    }
}
