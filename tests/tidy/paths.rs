//! The paths that lead out of a module: `crate::…`, `super::…`, `use crate::{…}`, followed to the stage they name.

use crate::lexer::{Kind, Token};

/// A use of a top-level module, or of the crate's root itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Use {
    pub line: usize,
    /// The top-level module; `*` and the like for what names the root as a whole.
    pub module: String,
}

/// The top-level modules that a file's tokens use. `module` is the path of the file's module from the crate's root.
pub(crate) fn used_modules(tokens: &[Token], module: &[String]) -> Vec<Use> {
    let mut uses = Vec::new();
    let mut inline: Vec<(String, usize)> = Vec::new();
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match &token.kind {
            Kind::Sign('{') => {
                depth += 1;
                if let [.., word, name] = &tokens[..at]
                    && word.is("mod")
                    && let Some(name) = name.word()
                {
                    inline.push((name.to_owned(), depth));
                }
            }
            Kind::Sign('}') => {
                inline.retain(|(_, opened)| *opened != depth);
                depth -= 1;
            }
            Kind::Word(word) if matches!(word.as_str(), "crate" | "super" | "smbreplay") => {
                if at >= 2 && tokens[at - 1].is(":") && tokens[at - 2].is(":") {
                    continue;
                }
                let here: Vec<_> = module.iter().chain(inline.iter().map(|(name, _)| name)).cloned().collect();
                follow(&tokens[at..], here, &mut uses);
            }
            _ => {}
        }
    }
    uses
}

/// Follows a path from its first word.
fn follow(tokens: &[Token], here: Vec<String>, uses: &mut Vec<Use>) {
    let (mut base, mut at) = match tokens[0].word() {
        Some("super") => (here[..here.len().saturating_sub(1)].to_vec(), 1),
        _ => (Vec::new(), 1),
    };
    let separator =
        |at: usize| tokens.get(at).is_some_and(|t| t.is(":")) && tokens.get(at + 1).is_some_and(|t| t.is(":"));
    if !separator(at) {
        // `pub(crate)`, `pub(super)`, a binary's own name.
        let whole = tokens.get(at).is_some_and(|token| token.is("as"));
        if whole && base.is_empty() {
            uses.push(Use { line: tokens[0].line, module: "the whole crate".to_owned() });
        }
        return;
    }
    while separator(at) && tokens.get(at + 2).is_some_and(|token| token.is("super")) {
        base.pop();
        at += 3;
    }
    if !base.is_empty() || !separator(at) {
        return;
    }
    for first in first_words(&tokens[at + 2..]) {
        let module = match &first.kind {
            Kind::Word(word) => word.clone(),
            Kind::Sign(sign) => sign.to_string(),
            Kind::Text(_) => continue,
        };
        uses.push(Use { line: first.line, module });
    }
}

/// The first words of a path's rest: one, or those of each branch of a group.
fn first_words(tokens: &[Token]) -> Vec<&Token> {
    let Some(first) = tokens.first() else { return Vec::new() };
    if !first.is("{") {
        return vec![first];
    }
    let (mut depth, mut begins, mut words) = (0, true, Vec::new());
    for token in tokens {
        match &token.kind {
            Kind::Sign('{') => depth += 1,
            Kind::Sign('}') => depth -= 1,
            Kind::Sign(',') if depth == 1 => begins = true,
            _ if depth == 1 && begins => {
                words.push(token);
                begins = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer::tokens;

    fn modules(source: &str, module: &[&str]) -> Vec<String> {
        let module: Vec<_> = module.iter().map(|part| (*part).to_owned()).collect();
        used_modules(&tokens(source), &module).into_iter().map(|found| found.module).collect()
    }

    #[test]
    fn paths_in_code_and_groups_lead_to_their_modules() {
        assert_eq!(modules("use crate::model::{A, B};", &["store"]), ["model"]);
        assert_eq!(
            modules("use crate::{capture::A, model::{B, C}, tools};", &["store"]),
            ["capture", "model", "tools"]
        );
        assert_eq!(modules("fn f() -> crate::wire::W { crate::cli::main() }", &["store"]), ["wire", "cli"]);
        assert_eq!(modules("pub(in crate::store) fn f() {}", &["store", "x"]), ["store"]);
        assert_eq!(modules("macro_rules! m { () => { $crate::wire::f() } }", &["store"]), ["wire"]);
    }

    #[test]
    fn super_is_followed_beyond_the_stage_but_not_within_it() {
        assert_eq!(modules("use super::reader::A;", &["store", "x"]), [""; 0]);
        assert_eq!(modules("use super::super::capture::A;", &["store", "x"]), ["capture"]);
        assert_eq!(modules("use super::capture::A;", &["store"]), ["capture"]);
        assert_eq!(modules("mod tests { use super::super::reader::A; }", &["store", "x"]), [""; 0]);
        assert_eq!(modules("mod tests { fn f() {} }\nuse super::super::capture::A;", &["store", "x"]), ["capture"]);
        assert_eq!(modules("pub(super) fn f() {} pub(crate) fn g() {}", &["store"]), [""; 0]);
    }

    #[test]
    fn the_root_as_a_whole_is_noticed() {
        assert_eq!(modules("use crate::*;", &["store"]), ["*"]);
        assert_eq!(modules("use crate as all;", &["store"]), ["the whole crate"]);
    }

    #[test]
    fn comments_and_texts_use_nothing() {
        assert_eq!(modules("// crate::cli::x\nlet a = \"crate::cli\";", &["store"]), [""; 0]);
    }
}
