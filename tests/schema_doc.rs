//! docs/schema.md says what src/store/schema.rs says. The parts between the markers are made from the schema; the rest is
//! written by hand. `UPDATE_GOLDEN=1 cargo test --test schema_doc` writes it anew.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use arrow_schema::{DataType, TimeUnit};
use smbreplay::store::{COLUMNS, Column, RESULT_COLUMNS, RESULTS_VERSION, SCHEMA_VERSION};
use support::process::Command;

const OPERATIONS: [&str; 2] =
    ["<!-- made by tests/schema_doc.rs: begin -->\n", "<!-- made by tests/schema_doc.rs: end -->\n"];
const RESULTS: [&str; 2] =
    ["<!-- made by tests/schema_doc.rs: begin results -->\n", "<!-- made by tests/schema_doc.rs: end results -->\n"];

/// An Arrow type as the document spells it.
fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "bool".to_owned(),
        DataType::Utf8 => "utf8".to_owned(),
        DataType::LargeBinary => "large_binary".to_owned(),
        DataType::FixedSizeBinary(size) => format!("fixed_size_binary({size})"),
        DataType::Dictionary(_, values) => format!("dictionary<{}>", type_name(values)),
        DataType::Timestamp(TimeUnit::Nanosecond, Some(zone)) => format!("timestamp(ns, {zone})"),
        DataType::List(item) => format!("list<{}>", type_name(item.data_type())),
        DataType::Struct(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|field| format!("{}: {}", field.name(), type_name(field.data_type()))).collect();
            format!("struct<{}>", fields.join(", "))
        }
        number => number.to_string().to_lowercase(),
    }
}

fn row(column: &Column) -> String {
    let nullable = if column.nullable { "yes" } else { "" };
    let wireshark = if column.wireshark.is_empty() { String::new() } else { format!("`{}`", column.wireshark) };
    // A bar would end the cell.
    let meaning = column.meaning.replace('|', "\\|");
    format!("| `{}` | {} | {nullable} | {meaning} | {wireshark} |\n", column.name, type_name(&column.data_type()))
}

fn made_part() -> String {
    let mut text = format!("Schema version {SCHEMA_VERSION}, {} columns.\n\n", COLUMNS.len());
    text.push_str("| column | type | null | meaning | Wireshark |\n|---|---|---|---|---|\n");
    COLUMNS.iter().for_each(|column| text.push_str(&row(column)));
    text
}

/// The columns of results; nothing in Wireshark is like them.
fn made_results() -> String {
    let mut text = format!("Results version {RESULTS_VERSION}, {} columns.\n\n", RESULT_COLUMNS.len());
    text.push_str("| column | type | null | meaning |\n|---|---|---|---|\n");
    for column in &RESULT_COLUMNS {
        let nullable = if column.nullable { "yes" } else { "" };
        let (name, kind) = (column.name, type_name(&column.data_type()));
        text.push_str(&format!("| `{name}` | {kind} | {nullable} | {} |\n", column.meaning));
    }
    text
}

/// A document with its made parts replaced; None when a marker is missing.
fn with_made_parts(document: &str) -> Option<String> {
    let document = with_made_part(document, OPERATIONS, &made_part())?;
    with_made_part(&document, RESULTS, &made_results())
}

/// A document with one made part replaced.
fn with_made_part(document: &str, [begin, end]: [&str; 2], made: &str) -> Option<String> {
    let begin = document.find(begin)? + begin.len();
    let end = begin + document[begin..].find(end)?;
    let mut text = String::new();
    write!(text, "{}\n{made}\n{}", &document[..begin], &document[end..]).ok()?;
    Some(text)
}

#[test]
fn the_document_has_the_columns_as_they_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema.md");
    let document = fs::read_to_string(&path).unwrap();
    let expected = with_made_parts(&document).expect("docs/schema.md has lost its markers");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &expected).unwrap();
        return;
    }
    let differing = document.lines().zip(expected.lines()).find(|(is, should)| is != should);
    assert!(
        document == expected,
        "docs/schema.md is out of date; UPDATE_GOLDEN=1 cargo test --test schema_doc writes it anew. First difference: {differing:#?}"
    );
}

#[test]
fn a_changed_column_changes_the_document() {
    let empty = [OPERATIONS, RESULTS].map(|markers| markers.concat()).concat();
    let document = with_made_parts(&format!("before\n{empty}after\n")).unwrap();
    assert_eq!(with_made_parts(&document).as_ref(), Some(&document), "it is stable");
    assert!(document.starts_with("before\n") && document.ends_with("after\n"));
    for column in &COLUMNS {
        let changed = Column { nullable: !column.nullable, ..*column };
        assert!(document.contains(&row(column)) && !document.contains(&row(&changed)), "{}", column.name);
    }
    for column in &RESULT_COLUMNS {
        assert!(document.contains(&format!("| `{}` | {} |", column.name, type_name(&column.data_type()))));
    }
    assert_eq!(with_made_parts("no markers"), None);
}

/// Blocks of Python under the heading for pyarrow.
fn pyarrow_queries(document: &str) -> Vec<String> {
    let section = document.split("### pyarrow").nth(1).expect("the section for pyarrow");
    let section = section.split("\n### ").next().expect("its end");
    section.split("```python\n").skip(1).map(|block| block.split("```").next().unwrap_or("").to_owned()).collect()
}

#[test]
fn the_worked_queries_run_with_pyarrow_and_say_what_the_fixture_holds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let venv = Command::new(root.join("scripts/install-deps.sh")).arg("--venv").output().unwrap();
    let venv = String::from_utf8(venv.stdout).unwrap();
    let python = Path::new(venv.trim()).join("bin/python");
    assert!(python.exists(), "the tests need pyarrow: scripts/install-deps.sh --test");
    let output = tempfile::tempdir().unwrap();
    let ingested = Command::new(env!("CARGO_BIN_EXE_smbreplay"))
        .args(["ingest", "--no-tshark", "--output"])
        .arg(output.path())
        .arg(root.join("fixtures/quickstart/capture.pcapng"))
        .env("XDG_STATE_HOME", output.path())
        .env("SMBREPLAY_CONFIG", output.path().join("config.toml"))
        .output()
        .unwrap();
    assert!(ingested.status.success(), "{}", String::from_utf8_lossy(&ingested.stderr));
    let document = fs::read_to_string(root.join("docs/schema.md")).unwrap();
    let mut said = String::new();
    for query in pyarrow_queries(&document) {
        let run = Command::new(&python)
            .args(["-c", &query])
            .current_dir(output.path().join(".tracer/capture.pcapng/sessions"))
            .output()
            .unwrap();
        assert!(run.status.success(), "{query}\n{}", String::from_utf8_lossy(&run.stderr));
        said += &String::from_utf8_lossy(&run.stdout);
    }
    for expected in ["83 operations", "CREATE STATUS_SUCCESS", "docs\\data.bin 0 ", "smbreplay.schema_version"] {
        assert!(said.contains(expected), "{expected:?} is not in\n{said}");
    }
}
