//! Names of columns stand in src/store/schema.rs alone.

use crate::lexer::Kind;
use crate::tree::Source;

const SCHEMA: &str = "src/store/schema.rs";

/// Words that are a column's name and, in these places, something else.
const OTHER_MEANINGS: [(&str, &[&str]); 6] = [
    // Keys of the configuration, which the Python original had first.
    ("src/cli/", &["session_id", "server_ip"]),
    // Fields of a divergence as the report lists them.
    ("src/cli/commands/replay/results.rs", &["op_index", "captured_status"]),
    ("src/cli/commands/replay/calibrate.rs", &["op_index"]),
    ("src/cli/commands/diff.rs", &["op_index"]),
    // A function of SQL, called as the column that it would give.
    ("src/query/functions.rs", &["status_name"]),
    // Fields of a response that a divergence names, spelt as [MS-SMB2] does.
    ("src/replay/", &["create_action", "end_of_file", "file_attributes", "granted_oplock"]),
];

/// The columns that no other thing is named like: those of several words. A literal "path" or "status" tells nothing.
pub(crate) fn names() -> Vec<&'static str> {
    let columns = smbreplay::store::COLUMNS.iter().chain(&smbreplay::store::RESULT_COLUMNS);
    columns.map(|column| column.name).filter(|name| name.contains('_')).collect()
}

/// The literals of a file that are names of columns.
pub(crate) fn findings(source: &Source, names: &[&str]) -> Vec<String> {
    if source.path == SCHEMA {
        return Vec::new();
    }
    let other = |text: &str| {
        OTHER_MEANINGS.iter().any(|(place, words)| source.path.starts_with(place) && words.contains(&text))
    };
    source
        .tokens()
        .into_iter()
        .filter_map(|token| match token.kind {
            Kind::Text(text) if names.contains(&text.as_str()) && !other(&text) => {
                Some(format!("{}:{}: the column {text} is named outside {SCHEMA}", source.path, token.line))
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        findings(&Source::new(path, text), &names()).len()
    }

    #[test]
    fn a_literal_outside_the_schema_is_found() {
        assert_eq!(found("src/store/reader.rs", "batch.column_by_name(\"request_pdu\")"), 1);
        assert_eq!(found("src/cli/commands/session.rs", "[\"op_index\", \"latency_ns\"]"), 2);
        assert_eq!(found("src/store/schema.rs", "const A: &str = \"request_pdu\";"), 0);
        assert_eq!(found("src/store/reader.rs", "// \"request_pdu\"\nlet request_pdu = \"path\";"), 0);
    }

    #[test]
    fn words_with_another_meaning_pass_in_their_places_only() {
        assert_eq!(found("src/cli/config.rs", "\"server_ip\""), 0);
        assert_eq!(found("src/store/dataset.rs", "\"server_ip\""), 1);
    }
}
