//! The project's files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::lexer::{Kind, Token, tokens};

/// A Rust file below src or tests.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the project's root, with `/`.
    pub path: String,
    pub text: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    pub(crate) fn tokens(&self) -> Vec<Token> {
        tokens(&self.text)
    }

    /// The path of its module from the crate's root.
    pub(crate) fn module(&self) -> Vec<String> {
        let path = self.path.strip_prefix("src/").unwrap_or(&self.path).trim_end_matches(".rs");
        let mut parts: Vec<_> = path.split('/').map(str::to_owned).collect();
        if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) && path != "main" {
            parts.pop();
        }
        parts
    }

    /// Its top-level module; `lib` and `main` for the roots.
    pub(crate) fn stage(&self) -> &str {
        let path = self.path.strip_prefix("src/").unwrap_or(&self.path);
        path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }
}

/// A Markdown file.
#[derive(Debug)]
pub(crate) struct Document {
    /// From the project's root, with `/`.
    pub path: String,
    pub text: String,
}

/// The project as it lies on disk.
pub(crate) struct Tree {
    root: PathBuf,
    sources: Vec<Source>,
}

impl Tree {
    pub(crate) fn of_the_project() -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let mut paths = Vec::new();
        collect(&root.join("src"), ".rs", &mut paths);
        let sources = paths.iter().map(|path| Source { path: relative(&root, path), text: read(path) }).collect();
        Self { root, sources }
    }

    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The Rust files below tests.
    pub(crate) fn test_sources(&self) -> Vec<Source> {
        let mut paths = Vec::new();
        collect(&self.root.join("tests"), ".rs", &mut paths);
        paths.iter().map(|path| Source { path: relative(&self.root, path), text: read(path) }).collect()
    }

    /// A file's text. Fails when there is none.
    pub(crate) fn text(&self, path: &str) -> String {
        read(&self.root.join(path))
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    pub(crate) fn is_executable(&self, path: &str) -> bool {
        self.root.join(path).metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    }

    /// The Markdown files: those at the root, and those below docs and fixtures.
    pub(crate) fn documents(&self) -> Vec<Document> {
        let mut paths: Vec<_> = entries(&self.root).into_iter().filter(|path| is_named(path, ".md")).collect();
        for folder in ["docs", "fixtures"] {
            collect(&self.root.join(folder), ".md", &mut paths);
        }
        paths.iter().map(|path| Document { path: relative(&self.root, path), text: read(path) }).collect()
    }

    /// The modules that src/lib.rs declares.
    pub(crate) fn top_level_modules(&self) -> Vec<String> {
        let tokens = tokens(&self.text("src/lib.rs"));
        let declared = tokens.windows(2).filter(|pair| pair[0].is("mod"));
        declared.filter_map(|pair| pair[1].word().map(str::to_owned)).collect()
    }

    /// The files that the sources take in when they are built, from the project's root.
    pub(crate) fn included_files(&self) -> Vec<String> {
        let mut files = Vec::new();
        for source in &self.sources {
            let tokens = source.tokens();
            for window in tokens.windows(4) {
                if let [name, _, _, Token { kind: Kind::Text(file), .. }] = window
                    && (name.is("include_str") || name.is("include_bytes"))
                {
                    files.push(joined(&source.path, file));
                }
            }
        }
        files
    }
}

/// A relative path as it is meant in a file at `from`, without `.` and `..`.
pub(crate) fn joined(from: &str, path: &str) -> String {
    let mut parts: Vec<_> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn collect(folder: &Path, ending: &str, files: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        if path.is_dir() {
            collect(&path, ending, files);
        } else if is_named(&path, ending) {
            files.push(path);
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(found) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = found.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn is_named(path: &Path, ending: &str) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(ending))
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap().to_str().unwrap().to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_know_their_module_and_stage() {
        for (path, module, stage) in [
            ("src/store/reader.rs", &["store", "reader"][..], "store"),
            ("src/model/message/mod.rs", &["model", "message"], "model"),
            ("src/ingest.rs", &["ingest"], "ingest"),
            ("src/lib.rs", &[], "lib"),
            ("src/main.rs", &["main"], "main"),
        ] {
            let source = Source::new(path, "");
            assert_eq!(source.module(), module, "{path}");
            assert_eq!(source.stage(), stage);
        }
    }

    #[test]
    fn relative_paths_are_resolved() {
        assert_eq!(joined("docs/adr/README.md", "../schema.md"), "docs/schema.md");
        assert_eq!(joined("README.md", "./docs/adr/"), "docs/adr");
    }
}
