//! What no compiler holds: which stage may use which, where columns are named and processes started, how files look, that
//! the container's recipe and the documents name what exists. Each check is a function over text, shown to fail on bad input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod columns;
mod container;
mod documents;
mod front_end;
mod layering;
mod lexer;
mod paths;
#[allow(dead_code)]
#[path = "../support/process.rs"]
mod process;
mod processes;
mod shape;
mod tree;
mod workarounds;

use tree::{Source, Tree};

/// Fails with every finding on a line of its own.
fn assert_clean(findings: Vec<String>) {
    assert!(findings.is_empty(), "{} finding(s):\n{}", findings.len(), findings.join("\n"));
}

fn in_each_source(check: impl Fn(&Source) -> Vec<String>) {
    assert_clean(Tree::of_the_project().sources().iter().flat_map(check).collect());
}

#[test]
fn stages_import_only_what_the_design_lets_them() {
    in_each_source(layering::findings);
}

#[test]
fn use_cases_know_no_terminal() {
    in_each_source(front_end::findings);
}

#[test]
fn every_stage_of_the_layering_is_there_and_no_other() {
    assert_clean(layering::missing_stages(Tree::of_the_project().sources()));
}

#[test]
fn columns_are_named_in_the_schema_alone() {
    let names = columns::names();
    in_each_source(|source| columns::findings(source, &names));
}

#[test]
fn processes_are_started_by_tools_alone() {
    in_each_source(processes::findings);
}

#[test]
fn tests_start_programs_with_a_time_limit() {
    assert_clean(Tree::of_the_project().test_sources().iter().flat_map(processes::unlimited_findings).collect());
}

#[test]
fn async_lives_where_the_network_and_queries_are() {
    in_each_source(processes::async_findings);
}

#[test]
fn mod_files_hold_docs_modules_and_reexports_only() {
    in_each_source(shape::mod_file_findings);
}

#[test]
fn files_are_short_and_named_after_what_they_hold() {
    in_each_source(shape::size_and_name_findings);
}

#[test]
fn the_container_recipe_names_what_exists() {
    let tree = Tree::of_the_project();
    let (docker, manifest) = (tree.text("Dockerfile"), tree.text("Cargo.toml"));
    let mut findings = container::path_findings(&docker, |path| tree.exists(path));
    findings.extend(container::binary_findings(&docker, &manifest));
    findings.extend(container::rust_version_findings(&docker, &manifest));
    findings.extend(container::package_findings(&docker, container::debian_has));
    let mut needed = tree.included_files();
    needed.extend(container::copied_files(&docker));
    needed.extend(["Cargo.toml", "Cargo.lock", "src/main.rs"].map(str::to_owned));
    findings.extend(container::ignored_findings(&tree.text(".dockerignore"), &needed));
    assert_clean(findings);
}

#[test]
fn documents_link_to_what_exists() {
    let tree = Tree::of_the_project();
    let documents = tree.documents();
    assert!(documents.len() > 5, "only {} documents found", documents.len());
    assert_clean(documents.iter().flat_map(|document| documents::link_findings(document, &tree)).collect());
}

#[test]
fn documents_name_files_that_exist() {
    let tree = Tree::of_the_project();
    assert_clean(tree.documents().iter().flat_map(|document| documents::path_findings(document, &tree)).collect());
}

#[test]
fn the_readme_shows_the_two_commands_and_they_can_be_run() {
    let tree = Tree::of_the_project();
    let readme = tree.text("README.md");
    assert_clean(documents::command_findings(&readme, &["scripts/demo.sh", "scripts/test.sh"], &tree));
}

#[test]
fn the_code_map_has_every_module() {
    let tree = Tree::of_the_project();
    assert_clean(documents::code_map_findings(&tree.text("ARCHITECTURE.md"), &tree.top_level_modules()));
}

#[test]
fn ci_runs_the_test_script_and_nothing_else() {
    let tree = Tree::of_the_project();
    assert_clean(documents::ci_findings(&tree.text(".ci/run")));
    assert!(tree.is_executable("scripts/test.sh") && tree.is_executable(".ci/run"));
}

#[test]
fn workarounds_are_looked_at_when_their_dependency_is_updated() {
    let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock")).unwrap();
    assert_clean(workarounds::findings(&lock, &workarounds::WORKAROUNDS));
}
