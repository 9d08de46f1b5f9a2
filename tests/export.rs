//! `export`: what it writes has the names, types and values that Zeek, OCSF and ECS publish (`tests/fields/`), and says what the
//! dataset and tshark say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests, also outside of the test functions"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use smbreplay::report::ZeekLog;
use smbreplay::store::flat_columns;
use support::case::{Case, rows};

/// The published fields of something: name, type, requirement, allowed values.
struct Field {
    of: String,
    name: String,
    kind: String,
    required: bool,
    allowed: Vec<String>,
}

/// The lists with an owner in the first column.
fn published(file: &str) -> Vec<Field> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fields").join(file);
    let text = fs::read_to_string(path).unwrap();
    let field = |line: &str| {
        let mut cells = line.split('\t').map(str::to_owned);
        let mut cell = || cells.next().unwrap_or_default();
        let (of, name, kind, required) = (cell(), cell(), cell(), cell() == "required");
        let allowed = cell();
        Field {
            of,
            name,
            kind,
            required,
            allowed: allowed.split(',').filter(|it| !it.is_empty()).map(str::to_owned).collect(),
        }
    };
    text.lines().filter(|line| !line.starts_with('#')).map(field).collect()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn zeek_logs_have_the_columns_that_zeek_publishes() {
    let published = published("zeek.tsv");
    for log in ZeekLog::ALL {
        let theirs: Vec<_> = published.iter().filter(|field| field.of == log.name()).collect();
        assert!(theirs.len() > 9, "{}", log.name());
        let case = Case::fixture(if log == ZeekLog::DceRpc { "pipes" } else { "many-sessions" });
        let text = case.run(&["export", "--to", "zeek", "--log", log.name()]).ok();
        let header = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split('\t').skip(1).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(header("#fields"), theirs.iter().map(|field| field.name.clone()).collect::<Vec<_>>());
        assert_eq!(header("#types"), theirs.iter().map(|field| field.kind.clone()).collect::<Vec<_>>());
        assert_eq!(header("#path"), [log.name()]);
        let rows: Vec<Vec<&str>> =
            text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect()).collect();
        assert!(!rows.is_empty());
        for row in &rows {
            assert_eq!(row.len(), theirs.len());
            for (cell, field) in row.iter().zip(&theirs) {
                assert!(*cell != "-" || !field.required, "{}: {row:?}", field.name);
                let fits = match field.kind.as_str() {
                    "time" | "interval" => cell.split_once('.').is_some_and(|(_, micros)| micros.len() == 6),
                    "port" | "count" => cell.parse::<u64>().is_ok(),
                    "addr" => cell.parse::<std::net::IpAddr>().is_ok(),
                    "bool" => ["T", "F"].contains(cell),
                    _ => true,
                };
                assert!(fits || *cell == "-", "{}: {cell}", field.name);
            }
        }
        let json = lines(&case.run(&["export", "--to", "zeek", "--log", log.name(), "--format", "json"]).ok());
        assert_eq!(json.len(), rows.len());
        let names: BTreeSet<_> = theirs.iter().map(|field| field.name.as_str()).collect();
        for object in &json {
            assert!(object.as_object().unwrap().keys().all(|key| names.contains(key.as_str())), "{object}");
        }
    }
}

/// The frames that a display filter shows.
fn frames(case: &Case, filter: &str) -> usize {
    case.tshark(&["-Y", filter]).lines().count()
}

#[test]
fn zeek_rows_are_what_tshark_sees() {
    for name in ["quickstart", "many-sessions", "pipes", "unicode-names"] {
        let case = Case::fixture(name);
        let log = |log: &str| lines(&case.run(&["export", "--to", "zeek", "--log", log, "--format", "json"]).ok());
        let granted = "smb2.cmd == 3 && smb2.flags.response == 1 && smb2.nt_status == 0";
        let mapping = log("smb_mapping");
        assert_eq!(mapping.len(), frames(&case, granted), "{name}");
        let pipes = mapping.iter().filter(|row| row["share_type"] == "PIPE").count();
        assert_eq!(pipes, frames(&case, &format!("{granted} && smb2.share_type == 2")), "{name}");
        let files = log("smb_files");
        let opens = files.iter().filter(|row| row["action"] == "SMB::FILE_OPEN").count();
        let listed = case.json(&["opens"]);
        let on_disk = |open: &&Value| !open["share"].as_str().unwrap_or_default().ends_with("IPC$");
        assert_eq!(opens, rows(&listed).iter().filter(on_disk).count(), "{name}");
        let ntlm = log("ntlm");
        let users = case.tshark(&["-Y", "ntlmssp.messagetype == 3", "-T", "fields", "-e", "ntlmssp.auth.username"]);
        let mut theirs: Vec<_> = users.lines().map(|user| user.replace("NULL", "")).collect();
        let mut ours: Vec<_> =
            ntlm.iter().map(|row| row["username"].as_str().unwrap_or_default().to_owned()).collect();
        theirs.sort();
        ours.sort();
        assert_eq!(ours, theirs, "{name}");
        let refused = "smb2.cmd == 1 && smb2.nt_status >= 0xc0000000 && smb2.nt_status != 0xc0000016";
        assert_eq!(ntlm.iter().filter(|row| row["success"] == false).count(), frames(&case, refused), "{name}");
    }
    let case = Case::fixture("quickstart");
    let files = lines(&case.run(&["export", "--to", "zeek", "--log", "smb_files", "--format", "json"]).ok());
    let renamed = files.iter().find(|row| row["action"] == "SMB::FILE_RENAME").unwrap();
    assert_eq!((&renamed["prev_name"], &renamed["name"]), (&"docs\\notes.txt".into(), &"docs\\readme.txt".into()));
    let opened = files.iter().find(|row| row["name"] == "hello.txt").unwrap();
    let created = opened["times.created"].as_f64().unwrap();
    assert!((created - opened["ts"].as_f64().unwrap()).abs() < 86_400.0, "{opened}");
    let logs = case.run(&["export", "--to", "zeek", "-o", "logs"]);
    assert_eq!(logs.ok(), "");
    for log in ZeekLog::ALL {
        let file = case.folder.path().join("logs").join(format!("{}.log", log.name()));
        assert!(fs::read_to_string(file).unwrap().ends_with('\n'));
    }
    let all = case.run(&["export", "--to", "zeek", "--format", "json"]).ok();
    let named: BTreeSet<_> = lines(&all).iter().map(|row| row["_path"].as_str().unwrap().to_owned()).collect();
    assert_eq!(named.len(), 3, "no calls on pipes in it");
}

/// Holds an object against the published attributes of it.
fn check_ocsf(fields: &BTreeMap<&str, Vec<&Field>>, of: &str, object: &Value) {
    let known = &fields[of];
    let object = object.as_object().unwrap_or_else(|| panic!("{of} is no object: {object}"));
    for field in known.iter().filter(|field| field.required) {
        assert!(object.contains_key(&field.name), "{of} lacks {}: {object:?}", field.name);
    }
    for (name, value) in object {
        let Some(field) = known.iter().find(|field| field.name == *name) else { panic!("{of} has no {name}") };
        let (kind, items) = match field.kind.strip_suffix("[]") {
            Some(kind) => (kind, value.as_array().unwrap_or_else(|| panic!("{name} is no array")).as_slice()),
            None => (field.kind.as_str(), std::slice::from_ref(value)),
        };
        for item in items {
            let fits = match kind {
                "integer_t" | "long_t" | "timestamp_t" | "port_t" => item.is_i64() || item.is_u64(),
                "boolean_t" => item.is_boolean(),
                "ip_t" => item.as_str().is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok()),
                "object" => item.is_object(),
                kind if kind.ends_with("_t") => item.is_string(),
                inner => {
                    check_ocsf(fields, inner, item);
                    true
                }
            };
            assert!(fits, "{of}.{name} is {kind}, not {item}");
            if !field.allowed.is_empty() {
                let text = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
                assert!(field.allowed.contains(&text), "{of}.{name} cannot be {text}");
            }
        }
    }
}

#[test]
fn ocsf_events_are_of_the_published_class() {
    let published = published("ocsf.tsv");
    let mut fields: BTreeMap<&str, Vec<&Field>> = BTreeMap::new();
    for field in &published {
        fields.entry(&field.of).or_default().push(field);
    }
    for name in ["quickstart", "many-sessions", "pipes", "errors", "compound"] {
        let case = Case::fixture(name);
        let events = lines(&case.run(&["export", "--to", "ocsf"]).ok());
        let sessions = case.json(&["session", "--list"]);
        let operations: u64 = rows(&sessions).iter().map(|session| session["operations"].as_u64().unwrap()).sum();
        assert_eq!(events.len() as u64, operations, "{name}");
        for event in &events {
            check_ocsf(&fields, "smb_activity", event);
            assert_eq!(event["type_uid"], 400_600 + event["activity_id"].as_u64().unwrap());
        }
        let activity = |id: u64| events.iter().filter(|event| event["activity_id"] == id).count();
        for (id, disposition) in (1..).zip(0..6) {
            let sent =
                format!("smb2.cmd == 5 && smb2.flags.response == 0 && smb2.create.disposition == {disposition}");
            let values = case.tshark(&["-Y", &sent, "-T", "fields", "-e", "smb2.create.disposition"]);
            let theirs = values.split([',', '\n']).filter(|value| *value == disposition.to_string()).count();
            assert_eq!(activity(id), theirs, "{name}: disposition {disposition}");
        }
    }
}

/// The leaves of a document by their dotted names.
fn leaves(prefix: &str, value: &Value, take: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(fields) if prefix != "labels" => {
            for (name, value) in fields {
                let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                leaves(&name, value, take);
            }
        }
        value => take(prefix, value),
    }
}

#[test]
fn ecs_documents_have_published_fields_only() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fields/ecs.tsv")).unwrap();
    let mut published = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<_> = line.split('\t').chain(["", "", ""]).collect();
        let allowed: Vec<_> = cells[3].split(',').filter(|value| !value.is_empty()).collect();
        published.insert(cells[0], (cells[1], cells[2] == "array", allowed));
    }
    for name in ["quickstart", "many-sessions", "pipes"] {
        let case = Case::fixture(name);
        let documents = lines(&case.run(&["export", "--to", "ecs"]).ok());
        assert!(documents.len() > 50, "{name}");
        for document in &documents {
            for required in ["@timestamp", "ecs", "event"] {
                assert!(document.get(required).is_some(), "{document}");
            }
            leaves("", document, &mut |name, value| {
                let Some((kind, array, allowed)) = published.get(name) else { panic!("{name} is no field of ECS") };
                assert!(*array == value.is_array() || !value.is_array(), "{name} is no array");
                let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                for item in items {
                    let fits = match *kind {
                        "long" => item.is_i64() || item.is_u64(),
                        "ip" => item.as_str().is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok()),
                        "date" => item.as_str().is_some_and(|text| text.ends_with('Z')),
                        "object" => item.as_object().is_some_and(|labels| labels.values().all(Value::is_string)),
                        _ => item.is_string(),
                    };
                    assert!(fits, "{name} is {kind}, not {item}");
                    assert!(
                        allowed.is_empty() || allowed.contains(&item.as_str().unwrap()),
                        "{name} cannot be {item}"
                    );
                }
            });
        }
        let failed = documents.iter().filter(|document| document["event"]["outcome"] == "failure").count();
        let errors = case.json(&["session", "--list"]);
        let errors: u64 = rows(&errors)
            .iter()
            .flat_map(|session| session["errors"].as_object().unwrap().values())
            .map(|count| count.as_u64().unwrap())
            .sum();
        assert_eq!(failed as u64, errors, "{name}");
    }
    let case = Case::fixture("quickstart");
    let one = lines(&case.run(&["export", "--to", "ecs", "--command", "write", "--path", "docs/*.txt"]).ok());
    assert_eq!((one.len(), &one[0]["file"]["extension"]), (1, &"txt".into()));
    assert_eq!((&one[0]["source"]["bytes"], &one[0]["user"]["name"]), (&38.into(), &"testuser".into()));
}

#[test]
fn csv_and_parquet_hold_every_operation_of_every_capture() {
    let case = Case::fixture("quickstart");
    case.add("pipes", "pipes.pcapng", true);
    let csv = case.run(&["export", "--to", "csv", "--trace", "*.pcapng"]).ok();
    let header: Vec<_> = csv.lines().next().unwrap().split(',').collect();
    assert_eq!(header.len(), flat_columns().count() + 1);
    assert!(header.contains(&"capture") && !header.contains(&"request_pdu"));
    assert_eq!(csv.lines().count(), 83 + 68 + 1);
    assert_eq!(csv.lines().filter(|line| line.ends_with(",pipes.pcapng")).count(), 68);
    let out = case.folder.path().join("all.parquet");
    case.run(&["export", "--to", "parquet", "--trace", "*.pcapng", "-o", "all.parquet"]).ok();
    let batches = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&out).unwrap()).unwrap().build().unwrap();
    assert_eq!(batches.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 83 + 68);
    let some = case.run(&["export", "--to", "csv", "--trace", "capture.pcapng", "--command", "write"]).ok();
    let whole = case.run(&[
        "session",
        "1",
        "--trace",
        "capture.pcapng",
        "--command",
        "write",
        "--fields",
        "op_index",
        "--format",
        "csv",
    ]);
    let index = |line: &str| line.split(',').next().unwrap().to_owned();
    assert_eq!(some.lines().map(index).collect::<Vec<_>>(), whole.ok().lines().map(index).collect::<Vec<_>>());
    case.run(&["export", "--to", "parquet"]).fails(2, &["-o FILE"]);
    case.run(&["export", "--to", "ocsf", "--log", "ntlm"]).fails(2, &["--to zeek"]);
}
