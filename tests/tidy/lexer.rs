//! Rust source as tokens: enough to tell code from comments and text, without a parser.

/// A token with its line, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub line: usize,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier or keyword, or a number.
    Word(String),
    /// A string literal of any sort, as it is written between its quotes.
    Text(String),
    /// Any other character; a path separator is two colons.
    Sign(char),
}

impl Token {
    pub(crate) fn is(&self, text: &str) -> bool {
        match &self.kind {
            Kind::Word(word) => word == text,
            Kind::Sign(sign) => text.chars().eq([*sign]),
            Kind::Text(_) => false,
        }
    }

    pub(crate) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }
}

/// The tokens of a source text; comments, lifetimes and character literals are left out.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { rest: source, line: 1, tokens: Vec::new() };
    while lexer.step() {}
    lexer.tokens
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    tokens: Vec<Token>,
}

impl<'a> Lexer<'a> {
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else { return false };
        let after = |n: usize| self.rest.chars().nth(n);
        if self.rest.starts_with("//") {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.take(end);
        } else if self.rest.starts_with("/*") {
            self.take(block_comment(self.rest));
        } else if let Some((before, hashes)) = raw_string(self.rest) {
            let open = before + hashes + 1;
            let close = format!("\"{}", "#".repeat(hashes));
            let end = self.rest[open..].find(&close).map_or(self.rest.len(), |at| open + at);
            self.text(open, end, end + close.len());
        } else if first == '"' || (matches!(first, 'b' | 'c') && after(1) == Some('"')) {
            let open = self.rest.find('"').unwrap_or(0) + 1;
            let end = open + plain_string(&self.rest[open..]);
            self.text(open, end, end + 1);
        } else if first == '\'' || (first == 'b' && after(1) == Some('\'')) {
            let open = self.rest.find('\'').unwrap_or(0) + 1;
            let end = open + quoted_or_lifetime(&self.rest[open..]);
            self.take(end);
        } else if first == '_' || first.is_alphanumeric() {
            let end = self.rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(self.rest.len());
            let line = self.line;
            let word = self.take(end).to_owned();
            self.tokens.push(Token { line, kind: Kind::Word(word) });
        } else {
            if !first.is_whitespace() {
                self.tokens.push(Token { line: self.line, kind: Kind::Sign(first) });
            }
            self.take(first.len_utf8());
        }
        true
    }

    fn text(&mut self, open: usize, close: usize, end: usize) {
        let (line, text) = (self.line, self.rest[open..close].to_owned());
        self.tokens.push(Token { line, kind: Kind::Text(text) });
        self.take(end.min(self.rest.len()));
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }
}

/// The length of a block comment; they nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of `r`, `br` or `cr` and the number of `#` before the quote of a raw string.
fn raw_string(text: &str) -> Option<(usize, usize)> {
    let before = ["r", "br", "cr"]
        .into_iter()
        .find(|prefix| text.strip_prefix(prefix).is_some_and(|rest| rest.trim_start_matches('#').starts_with('"')))?;
    let rest = &text[before.len()..];
    Some((before.len(), rest.len() - rest.trim_start_matches('#').len()))
}

/// The length of a string up to its closing quote.
fn plain_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at,
            _ => {}
        }
    }
    text.len()
}

/// The length of what follows a single quote: a character with its closing quote, or a lifetime.
fn quoted_or_lifetime(text: &str) -> usize {
    let mut chars = text.char_indices();
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, escaped))) => {
            let rest = at + escaped.len_utf8();
            text[rest..].find('\'').map_or(text.len(), |close| rest + close + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str) -> Vec<String> {
        let show = |token: Token| match token.kind {
            Kind::Word(word) => word,
            Kind::Text(text) => format!("<{text}>"),
            Kind::Sign(sign) => sign.to_string(),
        };
        tokens(source).into_iter().map(show).collect()
    }

    #[test]
    fn comments_are_left_out_even_nested_ones() {
        assert_eq!(shown("a // \"b\"\n/* c /* d */ e */ f"), ["a", "f"]);
    }

    #[test]
    fn strings_of_all_sorts_are_texts() {
        assert_eq!(
            shown(r####""a\"b" b"c" r"d\" r##"e"#f"## br#"g"#"####),
            [r#"<a\"b>"#, "<c>", r"<d\>", "<e\"#f>", "<g>"]
        );
    }

    #[test]
    fn quotes_of_characters_and_lifetimes_open_no_string() {
        assert_eq!(shown("'\"' 'a '\\'' b'\"' \"x\""), ["a", "<x>"]);
        assert_eq!(shown(r"'\u{41}' x"), ["x"]);
        assert_eq!(shown("&'static str"), ["&", "static", "str"]);
    }

    #[test]
    fn lines_are_counted_through_texts_and_comments() {
        let lines: Vec<_> = tokens("a\n\"b\nc\" /*\n*/ d").iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 2, 4]);
    }
}
