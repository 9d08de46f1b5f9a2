//! How files look: mod.rs files without code, no long files, no names that say nothing.

use crate::lexer::{Kind, Token};
use crate::tree::Source;

const LONGEST: usize = 600;
/// Tables made from the specification.
const GENERATED: [&str; 2] = ["src/model/nt_status_names.rs", "src/model/ctl_code.rs"];
/// Names of whatever found no better place.
const MEANINGLESS: [&str; 8] = ["util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"];

/// What a `mod.rs` or `lib.rs` holds beside docs, attributes, module lines and re-exports.
pub(crate) fn mod_file_findings(source: &Source) -> Vec<String> {
    let is_mod_file = source.path.ends_with("/mod.rs") || source.path == "src/lib.rs";
    if !is_mod_file {
        return Vec::new();
    }
    let tokens = source.tokens();
    let mut rest = &tokens[..];
    while let Some(first) = rest.first() {
        match item_length(rest) {
            Some(length) => rest = &rest[length..],
            None => {
                return vec![format!(
                    "{}:{}: {:?} begins no module line or re-export",
                    source.path, first.line, first.kind
                )];
            }
        }
    }
    Vec::new()
}

/// The length of the attribute, module line or re-export at the beginning.
fn item_length(tokens: &[Token]) -> Option<usize> {
    if tokens[0].is("#") {
        return bracketed(tokens, "[", "]");
    }
    let mut at = 0;
    let public = tokens[0].is("pub");
    if public {
        at += 1;
        if tokens.get(at)?.is("(") {
            at += bracketed(&tokens[at..], "(", ")")?;
        }
    }
    let end = at + tokens[at..].iter().position(|token| token.is(";"))?;
    let item = &tokens[at..end];
    let module_line = item.len() == 2 && item[0].is("mod");
    let reexport = public && item.first()?.is("use");
    (module_line || reexport).then_some(end + 1)
}

/// The length up to the bracket that closes the first one.
fn bracketed(tokens: &[Token], open: &str, close: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        depth += i32::from(token.is(open)) - i32::from(token.is(close));
        if depth == 0 && token.is(close) {
            return Some(at + 1);
        }
    }
    None
}

/// Files that are too long, and files and modules with a meaningless name.
pub(crate) fn size_and_name_findings(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let lines = source.text.lines().count();
    if lines > LONGEST && !GENERATED.contains(&source.path.as_str()) {
        found.push(format!("{}: {lines} lines; {LONGEST} at most, one concern each", source.path));
    }
    let named_by_path = source.path.trim_end_matches(".rs").split('/').map(|part| (1, part.to_owned()));
    let tokens = source.tokens();
    let inline = tokens.windows(2).filter(|pair| pair[0].is("mod")).filter_map(|pair| match &pair[1].kind {
        Kind::Word(name) => Some((pair[1].line, name.clone())),
        _ => None,
    });
    for (line, name) in named_by_path.chain(inline) {
        if name.split('_').any(|word| MEANINGLESS.contains(&word)) {
            found.push(format!("{}:{line}: {name} says nothing about what is in it", source.path));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_in_a_mod_file_is_found() {
        let count = |text: &str| mod_file_findings(&Source::new("src/store/mod.rs", text)).len();
        assert_eq!(count("//! Docs.\n#![allow(dead_code)]\nmod a;\npub mod b;\npub(crate) use a::{A, B};\n"), 0);
        assert_eq!(count("#![doc = include_str!(\"x.md\")]\n#[cfg(test)]\nmod tests;\npub use a::*;"), 0);
        for text in [
            "fn f() {}",
            "mod a { }",
            "use a::A;",
            "const A: u8 = 1;",
            "mod a;\nstruct S;",
            "macro_rules! m { () => {} }",
        ] {
            assert_eq!(count(text), 1, "{text}");
        }
        assert!(mod_file_findings(&Source::new("src/store/reader.rs", "fn f() {}")).is_empty());
    }

    #[test]
    fn long_files_are_found() {
        let count = |path: &str, lines: usize| size_and_name_findings(&Source::new(path, &"\n".repeat(lines))).len();
        assert_eq!(count("src/store/reader.rs", 600), 0);
        assert_eq!(count("src/store/reader.rs", 601), 1);
        assert_eq!(count("src/model/nt_status_names.rs", 900), 0);
    }

    #[test]
    fn meaningless_names_are_found() {
        let count = |path: &str, text: &str| size_and_name_findings(&Source::new(path, text)).len();
        assert_eq!(count("src/store/utils.rs", ""), 1);
        assert_eq!(count("src/helpers/a.rs", ""), 1);
        assert_eq!(count("src/wire/session_manager.rs", ""), 1);
        assert_eq!(count("src/wire/a.rs", "mod test_helpers { }"), 1);
        assert_eq!(count("src/wire/commonality.rs", "mod tests { }"), 0);
    }
}
