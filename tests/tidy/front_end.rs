//! What belongs to a front end alone: the terminal, the command line, signals. The application layer has none of it.

use crate::lexer::Kind;
use crate::tree::Source;

/// Crates of the command line, and the streams of the process.
const NAMES: [&str; 10] = [
    "clap",
    "indicatif",
    "anstream",
    "anstyle",
    "comfy_table",
    "rpassword",
    "signal_hook",
    "stdin",
    "stdout",
    "stderr",
];
const MACROS: [&str; 5] = ["print", "println", "eprint", "eprintln", "dbg"];

/// Where a file of `app` uses what is for front ends.
pub(crate) fn findings(source: &Source) -> Vec<String> {
    if source.stage() != "app" {
        return Vec::new();
    }
    let tokens = source.tokens();
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Kind::Word(word) = &token.kind else { continue };
        let called = MACROS.contains(&word.as_str()) && tokens.get(at + 1).is_some_and(|next| next.is("!"));
        if called || NAMES.contains(&word.as_str()) {
            found.push(format!("{}:{}: {word} is for front ends", source.path, token.line));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_case_that_talks_to_a_terminal_is_found() {
        let count = |path: &str, text: &str| findings(&Source::new(path, text)).len();
        for text in [
            "use clap::Args;",
            "use std::io::{self, stdin};",
            "fn f() { std::io::stdout().flush(); }",
            "fn f() { anstream::eprint!(\"x\") }",
            "fn f() { println!(\"x\") }",
            "use signal_hook::flag;",
        ] {
            assert!(count("src/app/files.rs", text) > 0, "{text}");
            assert_eq!(count("src/cli/terminal.rs", text), 0, "{text}");
        }
        assert_eq!(count("src/app/files.rs", "fn print(x: u8) {} // println!() \"stdin\""), 0);
    }
}
