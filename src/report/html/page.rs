//! The file: template, style, scripts and data in one, and the policy that lets nothing else run.

use std::fmt::Write as _;

use serde::Serialize;
use sha2::{Digest, Sha256};

const TEMPLATE: &str = include_str!("template.html");
const STYLE: &str = include_str!("style.css");
/// Apache ECharts, as its project publishes it. `scripts/vendor-echarts.sh` fetches it.
const LIBRARY: &str = include_str!("vendor/echarts/echarts.min.js");
/// The parts of the page's own script, in the order in which they build on each other.
const SCRIPTS: [&str; 11] = [
    include_str!("script/dom.js"),
    include_str!("script/figures.js"),
    include_str!("script/table.js"),
    include_str!("script/charts.js"),
    include_str!("script/timeline.js"),
    include_str!("script/time_charts.js"),
    include_str!("script/latency_charts.js"),
    include_str!("script/ladder.js"),
    include_str!("script/capture.js"),
    include_str!("script/run.js"),
    include_str!("script/main.js"),
];

/// A page of these data.
pub(super) fn page(title: &str, data: &impl Serialize) -> serde_json::Result<String> {
    let data = embedded_json(data)?;
    let script = script();
    let mut page = String::with_capacity(LIBRARY.len() + STYLE.len() + script.len() + data.len() + 8192);
    let mut pieces = TEMPLATE.split("{{");
    page.push_str(pieces.next().unwrap_or_default());
    // What is put in is not looked at again: it may hold anything.
    for piece in pieces {
        let (name, text) = piece.split_once("}}").unwrap_or((piece, ""));
        match name {
            "title" => page.push_str(&escaped(title)),
            "version" => page.push_str(env!("CARGO_PKG_VERSION")),
            "policy" => page.push_str(&policy(&[LIBRARY, &script], STYLE)),
            "style" => page.push_str(STYLE),
            "library" => page.push_str(LIBRARY),
            "data" => page.push_str(&data),
            "script" => page.push_str(&script),
            _ => {}
        }
        page.push_str(text);
    }
    Ok(page)
}

fn script() -> String {
    let mut script = "\"use strict\";\n(() => {\n".to_owned();
    SCRIPTS.iter().for_each(|part| script.push_str(part));
    script.push_str("})();\n");
    script
}

/// JSON that no browser takes for markup: a `<` stands in it only within texts, where it can be written otherwise.
fn embedded_json(data: &impl Serialize) -> serde_json::Result<String> {
    Ok(serde_json::to_string(data)?.replace('<', "\\u003c"))
}

/// Text between tags, or in the quotes of an attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            character => safe.push(character),
        }
    }
    safe
}

/// Scripts and the style run by their hashes, images are what the page draws itself, and nothing is loaded or sent.
fn policy(scripts: &[&str], style: &str) -> String {
    let mut policy = "default-src 'none'; script-src".to_owned();
    for script in scripts {
        // Writing to a string cannot fail.
        let _ = write!(policy, " 'sha256-{}'", base64(&Sha256::digest(script)));
    }
    let _ = write!(policy, "; style-src 'sha256-{}'; img-src data:", base64(&Sha256::digest(style)));
    policy.push_str("; base-uri 'none'; form-action 'none'");
    policy
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = (0..3).fold(0u32, |number, at| number << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let digit = char::from(DIGITS[(number >> (18 - 6 * at) & 63) as usize]);
            text.push(if at > chunk.len() { '=' } else { digit });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_the_published_one() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/vendor-echarts.sh");
        let script = std::fs::read_to_string(path).unwrap();
        let found = hex::encode(Sha256::digest(LIBRARY));
        assert!(script.contains(&format!("sha256={found}")), "{found}");
        let version = script.lines().find_map(|line| line.strip_prefix("version=")).unwrap();
        assert!(
            LIBRARY.contains(&format!("version=\"{version}\"")) && TEMPLATE.contains(&format!("ECharts {version},"))
        );
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn nothing_in_the_data_or_the_title_is_markup() {
        let hostile = "</script><img src=x onerror=alert(1)><!--{{library}}\u{2028}";
        let page = page(hostile, &[hostile]).unwrap();
        let plain = super::page("a", &["b"]).unwrap();
        for markup in ["<script", "</script", "<img", "<!--"] {
            assert_eq!(page.matches(markup).count(), plain.matches(markup).count(), "{markup}");
        }
        let json = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
        assert_eq!(serde_json::from_str::<Vec<String>>(json).unwrap(), [hostile]);
    }

    #[test]
    fn all_of_the_template_is_filled_in_and_nothing_in_it_ends_a_block_early() {
        let page = page("t", &1).unwrap();
        for name in ["title", "version", "policy", "style", "library", "data", "script"] {
            assert!(
                TEMPLATE.contains(&format!("{{{{{name}}}}}")) && !page.contains(&format!("{{{{{name}}}}}")),
                "{name}"
            );
        }
        assert_eq!(page.matches("</script").count(), 3);
        assert_eq!(page.matches("</style").count(), 1);
        let ours = page.replace(LIBRARY, "");
        assert!(!ours.contains("src=\"") && !ours.contains("href=\"http"));
    }

    #[test]
    fn scripts_set_text_and_never_markup() {
        let forbidden =
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "cssText"];
        for word in forbidden {
            assert!(!script().contains(word), "{word}");
        }
    }
}
