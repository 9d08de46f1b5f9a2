//! Documents: their links resolve, the files they name exist, the commands they show can be run.

use crate::tree::{Document, Tree, joined};

/// Folders of the project; a path that begins with one is meant to exist.
const FOLDERS: [&str; 7] = ["src/", "docs/", "scripts/", "tests/", "fixtures/", "benches/", ".ci/"];

/// Links whose target or heading is not there.
pub(crate) fn link_findings(document: &Document, tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (line, target) in links(&document.text) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (path, heading) = target.split_once('#').unwrap_or((&target, ""));
        let path = if path.is_empty() { document.path.clone() } else { joined(&document.path, path) };
        let text = || if path == document.path { document.text.clone() } else { tree.text(&path) };
        if path != document.path && !tree.exists(&path) {
            found.push(format!("{}:{line}: link to {target}: there is no {path}", document.path));
        } else if !heading.is_empty() && !anchors(&text()).iter().any(|anchor| anchor == heading) {
            found.push(format!("{}:{line}: link to {target}: no such heading in {path}", document.path));
        }
    }
    found
}

/// Paths of the project in code, and scripts anywhere, that are not there.
pub(crate) fn path_findings(document: &Document, tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (line, path) in named_paths(&document.text) {
        if !tree.exists(&path) {
            found.push(format!("{}:{line}: names {path}, which does not exist", document.path));
        }
    }
    found
}

/// Commands that a text does not show, or that cannot be run.
pub(crate) fn command_findings(text: &str, commands: &[&str], tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for command in commands {
        if !text.lines().any(|line| line.split_whitespace().any(|word| word.trim_matches('`') == *command)) {
            found.push(format!("{command} is not shown"));
        }
        if !tree.is_executable(command) {
            found.push(format!("{command} is no executable file"));
        }
    }
    found
}

/// Top-level modules that the code map does not have.
pub(crate) fn code_map_findings(text: &str, modules: &[String]) -> Vec<String> {
    let has = |module: &String| {
        [format!("`src/{module}/`"), format!("`src/{module}.rs`")].iter().any(|path| text.contains(path))
    };
    modules
        .iter()
        .filter(|module| !has(module))
        .map(|module| format!("ARCHITECTURE.md: no `src/{module}/`"))
        .collect()
}

/// What a CI script does beside calling the test script.
pub(crate) fn ci_findings(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (calls, others): (Vec<_>, Vec<_>) = lines.partition(|line| line.contains("scripts/test.sh"));
    let mut found: Vec<_> = others
        .iter()
        .filter(|line| !line.starts_with("set -") && !line.starts_with("cd "))
        .map(|line| format!(".ci/run: {line}"))
        .collect();
    if calls.len() != 1 || !calls[0].trim_start_matches("exec ").trim_matches('"').ends_with("scripts/test.sh") {
        found.push(format!(".ci/run: calls of the test script: {calls:?}"));
    }
    found
}

/// The lines outside of code blocks, from 1.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut in_block = false;
    let outside = |(_, line): &(usize, &str)| {
        let fence = line.trim_start().starts_with("```");
        in_block ^= fence;
        !in_block && !fence
    };
    text.lines().enumerate().map(|(at, line)| (at + 1, line)).filter(outside).collect()
}

/// A line cut at its backticks: code is at the odd places.
fn code_and_text(line: &str) -> impl Iterator<Item = (bool, &str)> {
    line.split('`').enumerate().map(|(at, part)| (at % 2 == 1, part))
}

/// The targets of links, with their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut targets = Vec::new();
    for (number, line) in prose(text) {
        if let Some((_, target)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            targets.push((number, target.trim().to_owned()));
            continue;
        }
        // Code within a link's text is part of the link, code elsewhere is not looked at.
        let mut rest: String = code_and_text(line).map(|(code, part)| if code { "" } else { part }).collect();
        while let Some(at) = rest.find("](") {
            let tail = rest.split_off(at + 2);
            let end = tail.find(')').unwrap_or(tail.len());
            targets.push((number, tail[..end].to_owned()));
            rest = tail[end..].to_owned();
        }
    }
    targets
}

/// The paths of the project that code names, and scripts anywhere. Patterns and placeholders are none.
fn named_paths(text: &str) -> Vec<(usize, String)> {
    let in_prose = prose(text).into_iter().flat_map(|(number, line)| {
        code_and_text(line).filter(|(code, _)| *code).map(move |(_, part)| (number, part)).collect::<Vec<_>>()
    });
    let anywhere = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    let scripts =
        anywhere.flat_map(|(number, line)| line.split(['`', ' ', '(', ')']).map(move |word| (number, word)));
    let scripts = scripts.filter(|(_, word)| word.trim_start_matches("./").starts_with("scripts/"));
    let mut paths = Vec::new();
    for (number, part) in in_prose.chain(scripts) {
        let Some(word) = part.split_whitespace().next() else { continue };
        let word = word.trim_start_matches("./").trim_end_matches([',', '.', ';', ':']);
        let is_pattern = word.contains(['<', '>', '*', '…', '{', '$', '?']);
        if FOLDERS.iter().any(|folder| word.starts_with(folder)) && !is_pattern {
            paths.push((number, word.split(':').next().unwrap_or(word).to_owned()));
        }
    }
    paths
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> Vec<String> {
    let headings = prose(text).into_iter().map(|(_, line)| line).filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let kept = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document { path: "docs/x.md".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let tree = Tree::of_the_project();
        for (text, findings) in [
            ("[a](../Cargo.toml) [b](https://example.org/x) [c](#title)\n# Title\n", 0),
            ("[a](../no-such-file.md)", 1),
            ("[`code`](no-such-file.md) and [b](nor-this.md)", 2),
            ("[a](#no-such-heading)\n# Title", 1),
            ("[a]: no-such-file.md", 1),
            ("```\n[a](no-such-file.md)\n```\n`[a](no-such-file.md)`", 0),
        ] {
            assert_eq!(link_findings(&document(text), &tree).len(), findings, "{text}");
        }
    }

    #[test]
    fn paths_that_do_not_exist_are_found() {
        let tree = Tree::of_the_project();
        for (text, findings) in [
            ("`src/lib.rs` and `src/model/` and `fixtures/<case>/capture.pcapng`", 0),
            ("`src/no_such.rs`", 1),
            ("```\n$ scripts/no-such.sh start\n```", 1),
            ("run scripts/no-such.sh.", 1),
            ("```\nsrc/whatever/in/a/block\n```", 0),
        ] {
            assert_eq!(path_findings(&document(text), &tree).len(), findings, "{text}");
        }
    }

    #[test]
    fn commands_must_be_shown_and_executable() {
        let tree = Tree::of_the_project();
        assert!(command_findings("    scripts/demo.sh   # all", &["scripts/demo.sh"], &tree).is_empty());
        assert_eq!(command_findings("", &["scripts/demo.sh"], &tree).len(), 1);
        assert_eq!(command_findings("scripts/requirements.txt", &["scripts/requirements.txt"], &tree).len(), 1);
    }

    #[test]
    fn modules_missing_from_the_code_map_are_found() {
        let modules = ["model".to_owned(), "ingest".to_owned(), "wire".to_owned()];
        assert_eq!(code_map_findings("### `src/model/`\n`src/ingest.rs`", &modules).len(), 1);
    }

    #[test]
    fn ci_may_only_call_the_test_script() {
        let good = "#!/bin/bash\nset -e\ncd \"$(dirname \"$0\")/..\"\nexec scripts/test.sh\n";
        assert!(ci_findings(good).is_empty());
        assert_eq!(ci_findings(&good.replace("exec scripts/test.sh", "exec scripts/test.sh --quick")).len(), 1);
        assert_eq!(ci_findings(&good.replace("exec", "apt-get update\nexec")).len(), 1);
        assert_eq!(ci_findings("set -e").len(), 1);
    }
}
