//! Processes are started in src/tools, asynchronous code stands in query, wire, replay, app and cli, and nowhere else; tests start
//! programs with a time limit.

use crate::lexer::Token;
use crate::tree::Source;

/// What of `std::process` starts nothing.
const HARMLESS: [&str; 4] = ["id", "ExitCode", "ChildStdin", "ChildStdout"];

/// Whether a name of `process` may stand in a stage. An exit without ado leaves children behind: only the command line
/// knows whether there are any.
fn harmless(token: &Token, stage: &str) -> bool {
    HARMLESS.iter().any(|name| token.is(name)) || stage == "cli" && token.is("exit")
}

/// Uses of `std::process` or `tokio::process` that can start a process, outside of `tools`.
pub(crate) fn findings(source: &Source) -> Vec<String> {
    if source.stage() == "tools" {
        return Vec::new();
    }
    let tokens = source.tokens();
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        if !tokens[at].is("process") {
            continue;
        }
        // A local of that name, or a method, is no path.
        let named_by_path = at >= 2 && tokens[at - 1].is(":") && tokens[at - 2].is(":");
        let in_group = at >= 1 && (tokens[at - 1].is("{") || tokens[at - 1].is(",")) && within_use(&tokens[..at]);
        let leads_on = tokens.get(at + 1).is_some_and(|t| t.is(":")) && tokens.get(at + 2).is_some_and(|t| t.is(":"));
        let renamed = tokens.get(at + 1).is_some_and(|t| t.is("as"));
        if leads_on {
            let names = group(&tokens[at + 3..]).filter(|name| !harmless(name, source.stage()));
            found.extend(names.map(|name| {
                format!("{}:{}: {:?} of process is for src/tools alone", source.path, name.line, name.kind)
            }));
        } else if renamed && (named_by_path || in_group) {
            found.push(format!("{}:{}: process under another name", source.path, tokens[at].line));
        }
    }
    found
}

/// The one file of the tests that may start programs: it gives each a time limit.
const LIMITED: &str = "tests/support/process.rs";

/// Uses of `std::process::Command` and `tokio::process` in tests: programs started without a time limit.
pub(crate) fn unlimited_findings(source: &Source) -> Vec<String> {
    if source.path == LIMITED {
        return Vec::new();
    }
    let tokens = source.tokens();
    let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is(word));
    let mut found = Vec::new();
    for at in (0..tokens.len()).filter(|at| is(*at, "process")) {
        let after_path = at >= 3 && is(at - 1, ":") && (is(at - 3, "std") || is(at - 3, "tokio"));
        let in_group = at >= 1 && (is(at - 1, "{") || is(at - 1, ",")) && within_use(&tokens[..at]);
        if !after_path && !in_group {
            continue;
        }
        let leads_on = is(at + 1, ":") && is(at + 2, ":");
        let names_it = |name: &Token| ["Command", "*", "self"].iter().any(|word| name.is(word));
        if !leads_on || group(&tokens[at + 3..]).any(names_it) {
            found.push(format!("{}:{}: start programs with {LIMITED}", source.path, tokens[at].line));
        }
    }
    found
}

/// Async code and tokio outside of the stages that have them.
pub(crate) fn async_findings(source: &Source) -> Vec<String> {
    if ["query", "wire", "replay", "app", "cli"].contains(&source.stage()) {
        return Vec::new();
    }
    let tokens = source.tokens();
    tokens
        .iter()
        .filter(|token| ["tokio", "async", "await"].iter().any(|word| token.is(word)))
        .map(|token| {
            format!("{}:{}: {:?} in {}, which is threads", source.path, token.line, token.kind, source.stage())
        })
        .collect()
}

/// The names that a path leads to: one, or those of a group.
fn group(tokens: &[Token]) -> impl Iterator<Item = &Token> {
    let grouped = tokens.first().is_some_and(|token| token.is("{"));
    let end = if grouped { tokens.iter().position(|token| token.is("}")).unwrap_or(tokens.len()) } else { 1 };
    let separators = ["{", ",", "}"];
    tokens.iter().take(end).filter(move |token| !separators.iter().any(|sign| token.is(sign)))
}

/// Whether the last statement of these tokens is a `use` still under way.
fn within_use(tokens: &[Token]) -> bool {
    tokens.iter().rev().take_while(|token| !token.is(";")).any(|token| token.is("use"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        findings(&Source::new(path, text)).len()
    }

    #[test]
    fn whatever_starts_a_process_is_found() {
        for text in [
            "use std::process::Command;",
            "use std::process::{ExitCode, Command};",
            "use std::process; fn f() { process::Command::new(\"x\"); }",
            "use tokio::process::Command;",
            "use std::process as p;",
            "use std::{io, process as p};",
            "use std::process::*;",
            "use std::os::unix::process::CommandExt;",
            "fn f() { std::process::exit(1) }",
        ] {
            assert_eq!(found("src/ingest/feed.rs", text), 1, "{text}");
        }
    }

    #[test]
    fn tools_may_and_harmless_names_pass() {
        assert_eq!(found("src/tools/child.rs", "use std::process::Command;"), 0);
        assert_eq!(found("src/cli/mod.rs", "use std::process::ExitCode; fn process() {} fn g(process: u8) {}"), 0);
        assert_eq!(found("src/store/staging.rs", "std::process::id()"), 0);
        assert_eq!(found("src/cli/commands/replay.rs", "std::process::exit(130)"), 0);
        assert_eq!(found("src/cli/commands/replay.rs", "std::process::Command::new(program)"), 1);
    }

    #[test]
    fn programs_without_a_limit_are_found_in_tests() {
        let count = |path: &str, text: &str| unlimited_findings(&Source::new(path, text)).len();
        for text in [
            "use std::process::Command;",
            "use std::process::{Command, Stdio};",
            "use std::process;",
            "use std::process as p;",
            "use std::{io, process};",
            "use std::process::{self, Stdio};",
            "use tokio::process::*;",
            "fn f() { std::process::Command::new(\"x\"); }",
        ] {
            assert_eq!(count("tests/cli.rs", text), 1, "{text}");
            assert_eq!(count(LIMITED, text), 0);
        }
        for text in [
            "use std::process::{Output, Stdio};",
            "use support::process::Command;",
            "use super::process::{Child, Command};",
            "fn f(process: u8) {} struct S { process: Child }",
        ] {
            assert_eq!(count("tests/cli.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn async_outside_its_stages_is_found() {
        let count = |path: &str, text: &str| async_findings(&Source::new(path, text)).len();
        assert_eq!(count("src/ingest.rs", "use tokio::sync::mpsc;"), 1);
        assert_eq!(count("src/store/reader.rs", "async fn f() { g().await }"), 2);
        assert_eq!(count("src/model/ids.rs", "struct AsyncId; fn is_async() {} // async"), 0);
        assert_eq!(count("src/wire/reader.rs", "use tokio::io; async fn f() {}"), 0);
    }
}
