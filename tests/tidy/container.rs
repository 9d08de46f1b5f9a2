//! The container's recipe, which no engine is at hand to try: its paths, packages, binary and compiler must exist.

use crate::process::Command;

/// The instructions of a Dockerfile, each as one line.
fn instructions(docker: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut current = String::new();
    for line in docker.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        current.push_str(line.trim_end_matches('\\'));
        if !line.ends_with('\\') {
            all.push(std::mem::take(&mut current));
        }
    }
    all
}

/// What follows a keyword, word by word, for each instruction with that keyword.
fn arguments(docker: &str, keyword: &str) -> Vec<Vec<String>> {
    let is_it = |line: &String| line.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case(keyword));
    let words = |line: String| line.split_whitespace().skip(1).map(str::to_owned).collect();
    instructions(docker).into_iter().filter(is_it).map(words).collect()
}

/// The sources of COPY: what they come from (None for the project) and where they are.
fn copied(docker: &str) -> Vec<(Option<String>, Vec<String>)> {
    let source = |mut words: Vec<String>| {
        words.pop();
        let from = words.iter().find_map(|word| word.strip_prefix("--from=").map(str::to_owned));
        words.retain(|word| !word.starts_with("--"));
        (from, words)
    };
    arguments(docker, "COPY").into_iter().map(source).collect()
}

/// Files of the project that the recipe copies.
pub(crate) fn copied_files(docker: &str) -> Vec<String> {
    copied(docker).into_iter().filter(|(from, _)| from.is_none()).flat_map(|(_, paths)| paths).collect()
}

/// Copies of what is not there, or from a stage that is not there.
pub(crate) fn path_findings(docker: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let named = |words: &Vec<String>| match &words[..] {
        [_, keyword, name] if keyword.eq_ignore_ascii_case("as") => Some(name.clone()),
        _ => None,
    };
    let stages: Vec<_> = arguments(docker, "FROM").iter().filter_map(named).collect();
    let mut found = Vec::new();
    for (from, paths) in copied(docker) {
        match from {
            Some(stage) if !stages.contains(&stage) => found.push(format!("Dockerfile: no stage {stage}")),
            Some(_) => {}
            None => {
                let missing = paths.iter().filter(|path| !exists(path));
                found.extend(missing.map(|path| format!("Dockerfile: COPY {path}: there is no such file")));
            }
        }
    }
    found
}

/// The binary that is built, copied and started must be the one of the manifest.
pub(crate) fn binary_findings(docker: &str, manifest: &str) -> Vec<String> {
    let binary = value(manifest, "[[bin]]", "name").unwrap_or_default();
    let mut found = Vec::new();
    let built = format!("/target/release/{binary}");
    let copies: Vec<_> =
        copied(docker).into_iter().filter(|(from, _)| from.is_some()).flat_map(|(_, paths)| paths).collect();
    if !copies.iter().any(|path| path.ends_with(&built)) {
        found.push(format!("Dockerfile: nothing copies …{built}, which is what cargo builds"));
    }
    let entry = arguments(docker, "ENTRYPOINT").concat().concat();
    if entry != format!("[\"{binary}\"]") {
        found.push(format!("Dockerfile: ENTRYPOINT {entry} does not start {binary}"));
    }
    found
}

/// The compiler's image must be new enough for the manifest.
pub(crate) fn rust_version_findings(docker: &str, manifest: &str) -> Vec<String> {
    let numbers = |text: &str| text.split('.').map_while(|part| part.parse().ok()).collect::<Vec<u32>>();
    let needed = numbers(&value(manifest, "[package]", "rust-version").unwrap_or_default());
    let images: Vec<_> = arguments(docker, "FROM").into_iter().filter_map(|words| words.into_iter().next()).collect();
    let tags: Vec<_> = images.iter().filter_map(|image| image.strip_prefix("rust:")).collect();
    // A tag without a minor version is the newest of its major one.
    let fits = |tag: &str| {
        let has = numbers(tag.split('-').next().unwrap_or_default());
        !has.is_empty() && !needed.is_empty() && (has.len() == 1 && has[0] == needed[0] || has >= needed)
    };
    match &tags[..] {
        [tag] if fits(tag) => Vec::new(),
        _ => vec![format!("Dockerfile: rust images {tags:?}, and Cargo.toml needs {needed:?}")],
    }
}

/// The packages that the recipe installs.
fn packages(docker: &str) -> Vec<String> {
    let mut packages = Vec::new();
    for command in arguments(docker, "RUN").iter().flat_map(|words| words.split(|word| word == "&&" || word == ";")) {
        let mut words = command.iter().skip_while(|word| *word != "apt-get");
        if words.next().is_some() && words.any(|word| word == "install") {
            packages.extend(words.filter(|word| !word.starts_with('-')).cloned());
        }
    }
    packages
}

/// Packages that Debian does not have.
pub(crate) fn package_findings(docker: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let packages = packages(docker);
    if packages.is_empty() {
        return vec!["Dockerfile: installs no package; tshark at least is needed".to_owned()];
    }
    let missing = packages.iter().filter(|package| !exists(package));
    missing
        .map(|package| {
            format!("Dockerfile: {package}: not installed here, and unknown to apt-cache (apt-get update?)")
        })
        .collect()
}

/// Whether a package is installed here or can be.
pub(crate) fn debian_has(package: &str) -> bool {
    let output = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).arg(package).output();
        let output = output.unwrap_or_else(|error| panic!("{program}: {error}; these tests run on Debian"));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    output("dpkg-query", &["--show", "--showformat=${db:Status-Status}"]) == "installed"
        || output("apt-cache", &["policy"])
            .lines()
            .any(|line| line.trim().strip_prefix("Candidate: ").is_some_and(|version| version != "(none)"))
}

/// Files needed for the build that .dockerignore keeps out of it.
pub(crate) fn ignored_findings(dockerignore: &str, needed: &[String]) -> Vec<String> {
    let kept_out = |path: &String| {
        let mut ignored = false;
        for line in dockerignore.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let pattern = line.trim_start_matches('!').trim_end_matches('/');
            let parts: Vec<_> = path.split('/').collect();
            if (1..=parts.len()).any(|length| matches(pattern, &parts[..length].join("/"))) {
                ignored = !line.starts_with('!');
            }
        }
        ignored
    };
    needed
        .iter()
        .filter(|path| kept_out(path))
        .map(|path| format!(".dockerignore: keeps {path} out of the build"))
        .collect()
}

/// Whether a pattern of .dockerignore is this path.
fn matches(pattern: &str, path: &str) -> bool {
    if let Some(rest) = pattern.strip_prefix("**/") {
        return matches(rest, path) || path.split_once('/').is_some_and(|(_, below)| matches(pattern, below));
    }
    match pattern.split_once('*') {
        None => pattern == path,
        Some((before, after)) => path.strip_prefix(before).is_some_and(|rest| {
            let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.take_while(|at| !rest[..*at].contains('/')).any(|at| matches(after, &rest[at..]))
        }),
    }
}

/// The value of a key in a section of a manifest.
fn value(manifest: &str, section: &str, key: &str) -> Option<String> {
    let lines = manifest.lines().skip_while(|line| line.trim() != section).skip(1);
    lines.take_while(|line| !line.starts_with('[')).find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == key).then(|| value.trim().trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[package]\nname = \"x\"\nrust-version = \"1.93\"\n\n[[bin]]\nname = \"prog\"\n";
    const GOOD: &str = "FROM rust:1-bookworm AS build\nCOPY . .\nFROM debian\nRUN apt-get update \\\n  && apt-get install -y tshark pcapfix \\\n  && rm -rf /x\nCOPY --from=build /b/target/release/prog /usr/bin/prog\nCOPY LICENSE /doc/\nENTRYPOINT [\"prog\"]\n";

    #[test]
    fn a_sound_recipe_passes() {
        assert!(path_findings(GOOD, |path| [".", "LICENSE"].contains(&path)).is_empty());
        assert!(binary_findings(GOOD, MANIFEST).is_empty());
        assert!(rust_version_findings(GOOD, MANIFEST).is_empty());
        assert_eq!(packages(GOOD), ["tshark", "pcapfix"]);
        assert_eq!(copied_files(GOOD), [".", "LICENSE"]);
    }

    #[test]
    fn missing_files_and_stages_are_found() {
        assert_eq!(path_findings(GOOD, |path| path == ".").len(), 1);
        assert_eq!(path_findings(&GOOD.replace("--from=build", "--from=other"), |_| true).len(), 1);
    }

    #[test]
    fn another_binary_is_found() {
        assert_eq!(binary_findings(&GOOD.replace("release/prog", "debug/prog"), MANIFEST).len(), 1);
        assert_eq!(binary_findings(GOOD, &MANIFEST.replace("prog", "other")).len(), 2);
    }

    #[test]
    fn an_old_compiler_is_found() {
        for (image, findings) in
            [("rust:1.92", 1), ("rust:1.93-slim", 0), ("rust:1.100", 0), ("rust:latest", 1), ("gcc:1", 1)]
        {
            assert_eq!(
                rust_version_findings(&GOOD.replace("rust:1-bookworm", image), MANIFEST).len(),
                findings,
                "{image}"
            );
        }
    }

    #[test]
    fn packages_that_do_not_exist_are_found() {
        assert_eq!(package_findings(GOOD, |package| package != "pcapfix").len(), 1);
        assert_eq!(package_findings("FROM debian", |_| true).len(), 1);
        assert!(debian_has("dpkg") && !debian_has("no-such-package-of-smbreplay"));
    }

    #[test]
    fn what_is_ignored_but_needed_is_found() {
        let count = |ignore: &str, path: &str| ignored_findings(ignore, &[path.to_owned()]).len();
        for (ignore, path, findings) in [
            ("docs\n", "docs/schema.md", 1),
            ("*.md", "ARCHITECTURE.md", 1),
            ("*.md", "src/x.md", 0),
            ("**/*.md", "src/x.md", 1),
            ("**/*.md\n!src/x.md", "src/x.md", 0),
            ("# docs\n", "docs/schema.md", 0),
            ("doc", "docs/schema.md", 0),
        ] {
            assert_eq!(count(ignore, path), findings, "{ignore:?} {path}");
        }
    }
}
