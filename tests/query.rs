//! `query`: SQL over datasets and results says what the other commands say, changes nothing, and stays within its memory.
#![cfg(feature = "query")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests, also outside of the test functions"
)]

mod support;

use std::fs;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use smbreplay::model::{Command, NtStatus, ReplayedStep, RunEntry, SessionId};
use smbreplay::store::{DatasetPath, RUN_RESULTS, ResultsFile, RunFolder};
use support::case::{Case, rows};

impl Case {
    fn ask(&self, sql: &str) -> Vec<Value> {
        rows(&self.json(&["query", sql])).to_vec()
    }
}

const FIXTURES: [&str; 7] = ["quickstart", "compound", "async", "errors", "pipes", "many-sessions", "unicode-names"];

/// The figures that `stats` has of a group, from SQL; `by` is what it is put together by.
fn grouped(by: &str) -> String {
    format!(
        "SELECT {by} AS key, count(*) AS operations, count(latency_ns) AS answered,
            count(*) FILTER (WHERE is_error(status)) AS errors,
            coalesce(sum(bytes) FILTER (WHERE command = 'READ'), 0) AS bytes_read,
            coalesce(sum(bytes) FILTER (WHERE command = 'WRITE'), 0) AS bytes_written,
            min(latency_ns) AS min_ns, max(latency_ns) AS max_ns, sum(latency_ns) AS sum_ns
         FROM operations JOIN sessions USING (capture, session_id) GROUP BY 1 ORDER BY 1"
    )
}

#[test]
fn query_and_stats_agree() {
    for name in FIXTURES {
        let case = Case::fixture(name);
        let user = "CASE WHEN domain <> '' THEN domain || '\\' || \"user\" ELSE coalesce(\"user\", '') END";
        for (option, by) in
            [("command", "command"), ("session", "id"), ("client", "operations.client_ip"), ("user", user)]
        {
            let mut stats = rows(&case.json(&["stats", "--by", option])).to_vec();
            stats.sort_by(|a, b| a["key"].as_str().cmp(&b["key"].as_str()));
            let asked = case.ask(&grouped(by));
            assert_eq!(asked.len(), stats.len(), "{name} by {option}: {asked:?} {stats:?}");
            for (asked, stats) in asked.iter().zip(&stats) {
                for figure in ["key", "operations", "answered", "errors", "bytes_read", "bytes_written"] {
                    assert_eq!(asked[figure], stats[figure], "{name} by {option}: {figure} of {asked} {stats}");
                }
                let latency = &stats["latency"];
                for figure in ["min_ns", "max_ns", "sum_ns"] {
                    let figure_of_stats = if latency.is_null() { &Value::Null } else { &latency[figure] };
                    assert_eq!(&asked[figure], figure_of_stats, "{name} by {option}: {figure} of {asked}");
                }
            }
        }
    }
}

#[test]
fn files_and_sessions_are_those_of_their_commands() {
    for name in FIXTURES {
        let case = Case::fixture(name);
        let listed = case.json(&["files"]);
        let asked = case.ask("SELECT * FROM files");
        assert_eq!(asked.len(), rows(&listed).len(), "{name}");
        for (asked, listed) in asked.iter().zip(rows(&listed)) {
            for column in
                ["share", "path", "opens", "failed_opens", "failures", "bytes_read", "writes", "size", "users"]
            {
                assert_eq!(asked[column], listed[column], "{name}: {column} of {listed}");
            }
            assert_eq!(asked["created_frame"], listed["created"]["frame"], "{name}: {listed}");
            assert_eq!(asked["first_time"], listed["first"]["time"], "{name}: {listed}");
        }
        let listed = case.json(&["session", "--list"]);
        let asked = case.ask("SELECT * FROM sessions ORDER BY number");
        assert_eq!(asked.len(), rows(&listed).len(), "{name}");
        for (asked, listed) in asked.iter().zip(rows(&listed)) {
            for column in ["id", "client", "server", "operations", "user", "shares", "bytes_written", "tcp_streams"] {
                assert_eq!(asked[column], listed[column], "{name}: {column} of {listed}");
            }
        }
    }
}

#[test]
fn rows_tell_their_capture_when_there_are_several() {
    let case = Case::fixture("quickstart");
    case.add("pipes", "case7/mon-1.pcapng", true);
    case.add("compound", "case7/mon-2.pcapng", true);
    case.add("errors", "case7/tue.pcapng", false);
    let count = |args: &[&str]| -> Vec<(String, u64)> {
        let sql = "SELECT capture, count(*) AS n FROM operations GROUP BY capture ORDER BY capture";
        let run = case.run(&[&["query", sql, "--format", "json"], args].concat());
        let found = serde_json::from_str::<Value>(&run.ok()).unwrap();
        let row = |row: &Value| (row["capture"].as_str().unwrap().to_owned(), row["n"].as_u64().unwrap());
        rows(&found).iter().map(row).collect()
    };
    let (pipes, compound) = (("mon-1.pcapng".to_owned(), 68), ("mon-2.pcapng".to_owned(), 30));
    let found = count(&["--trace", "case7/mon*"]);
    assert_eq!((found.len(), &found[0], &found[1].0), (2, &pipes, &compound.0));
    assert_eq!(count(&["--trace", "**/*.pcapng"]).len(), 3);
    let two = count(&["--trace", "capture.pcapng", "--trace", "case7/mon-1.pcapng"]);
    assert_eq!(two, [("capture.pcapng".to_owned(), 83), pipes.clone()]);
    // The same twice is one; the last ingested without any.
    assert_eq!(count(&["--trace", "*.pcapng", "--trace", "capture.pcapng"]).len(), 1);
    assert_eq!(count(&[])[0].0, compound.0);
    let mut command = case.command(&["query", "SELECT DISTINCT capture FROM sessions", "--case", "case7"]);
    command.env("TRACES_FOLDER", case.folder.path());
    let run = support::program::Run::of(command.output().unwrap());
    assert!(run.stderr.contains("not ingested") && run.stderr.contains("tue.pcapng"), "{}", run.stderr);
    assert_eq!(run.ok().lines().count(), 3);
    // One that is filtered by its capture is as one that was asked alone.
    let alone = case.ask("SELECT sum(op_index) AS n FROM operations WHERE capture = 'mon-2.pcapng'");
    case.run(&["query", "--trace", "case7/mon*", "SELECT 1 FROM nowhere"])
        .fails(2, &["nowhere", "operations", "results"]);
    let sql = "SELECT sum(op_index) AS n FROM operations WHERE capture = 'mon-2.pcapng'";
    let among = case.run(&["query", "--trace", "case7/mon*", sql, "--format", "json"]).json();
    assert_eq!(rows(&among), alone);
    // Two files of one name are told apart by their paths.
    case.add("async", "other/mon-1.pcapng", true);
    let alike = count(&["--trace", "*/mon-1.pcapng"]);
    assert_eq!(
        alike.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["case7/mon-1.pcapng", "other/mon-1.pcapng"]
    );
    case.run(&["query", "--trace", "case7/t*", sql]).fails(3, &["case7/t*", "smbreplay ingest", "tue.pcapng"]);
    case.run(&["query", "--trace", "case7/x*", sql]).fails(3, &["case7/x*", "no capture"]);
}

#[test]
fn queries_change_nothing_and_read_nothing_else() {
    let case = Case::fixture("quickstart");
    let target = case.folder.path().join("written.csv");
    let secret = case.folder.path().join("secret.csv");
    fs::write(&secret, "a,b\n1,2\n").unwrap();
    for sql in [
        format!("COPY operations TO '{}'", target.display()),
        format!("COPY (SELECT 1) TO '{}' STORED AS CSV", target.display()),
        "CREATE TABLE x AS SELECT 1".to_owned(),
        "CREATE VIEW x AS SELECT 1".to_owned(),
        format!("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '{}'", secret.display()),
        "DROP TABLE operations".to_owned(),
        "INSERT INTO sessions SELECT * FROM sessions".to_owned(),
        "DELETE FROM sessions".to_owned(),
        "UPDATE sessions SET number = 1".to_owned(),
        "SET datafusion.execution.batch_size = 1".to_owned(),
        format!("EXPLAIN ANALYZE COPY operations TO '{}'", target.display()),
    ] {
        let run = case.run(&["query", &sql]);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{sql}: {}", run.stderr);
        assert!(run.stderr.contains("only read") || run.stderr.contains("not supported"), "{sql}: {}", run.stderr);
    }
    case.run(&["query", &format!("SELECT * FROM '{}'", secret.display())]).fails(2, &["there is no table"]);
    assert!(!target.exists());
}

#[test]
fn mistakes_are_told_with_what_there_is() {
    let case = Case::fixture("quickstart");
    case.run(&["query", "SELECT pth FROM operations"]).fails(2, &["pth", "operations.path", "--tables"]);
    case.run(&["query", "SELECT * FROM operation"]).fails(2, &["operation", "operations, sessions, files, results"]);
    case.run(&["query", "SELEKT 1"]).fails(2, &["SELEKT", "Line: 1"]);
    case.run(&["query", "SELECT hex(status) FROM operations"]).fails(2, &["to_hex"]);
    case.run(&["query", "SELECT 1", "--format", "parquet"]).fails(2, &["-o FILE"]);
    case.run(&["query", "SELECT 1", "-o", "x.dat"]).fails(2, &["--format"]);
    let tables = case.json(&["query", "--tables"]);
    for (table, column) in
        [("operations", "latency_ns"), ("sessions", "user"), ("files", "bytes_read"), ("results", "run")]
    {
        assert!(rows(&tables).iter().any(|row| row["table"] == table && row["column"] == column), "{column}");
    }
    let file = fs::read_dir(case.folder.path().join(".tracer/capture.pcapng/sessions")).unwrap();
    let file = file.map(|entry| entry.unwrap().path()).find(|path| path.extension().unwrap() == "parquet").unwrap();
    fs::write(&file, b"PAR1 this is none PAR1").unwrap();
    case.run(&["query", "SELECT count(*) FROM operations"]).fails(3, &["cannot be read", "ingest"]);
    assert_eq!(case.ask("SELECT count(*) AS n FROM sessions"), [json!({ "n": 1 })]);
    fs::remove_file(&file).unwrap();
    case.run(&["query", "SELECT path FROM operations"]).fails(3, &["smb2_session_0x"]);
}

#[test]
fn results_come_in_every_format_with_bytes_as_hex() {
    let case = Case::fixture("quickstart");
    let sql = "SELECT op_index, session_id, command, request_time, file_id, hex(file_id) AS hex, request_pdu, locks, \
               status_name(status) = status_name AS named FROM operations WHERE file_id IS NOT NULL ORDER BY op_index";
    let json = case.ask(sql);
    let first = &json[0];
    assert_eq!((first["file_id"].as_str().unwrap().len(), &first["named"]), (32, &json!(true)));
    assert_eq!(first["file_id"], first["hex"]);
    assert!(first["request_pdu"].as_str().unwrap().starts_with("fe534d42"));
    assert!(first["request_time"].as_str().unwrap().starts_with("2026-") && first["locks"].is_null());
    let ndjson = case.run(&["query", sql, "--format", "ndjson"]).ok();
    let lines: Vec<Value> = ndjson.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, json);
    let csv = case.run(&["query", sql, "--format", "csv"]).ok();
    assert!(csv.starts_with("op_index,session_id,command,") && csv.lines().count() == json.len() + 1, "{csv}");
    let table = case.run(&["query", sql]).ok();
    assert!(table.contains(" bytes)") && table.lines().count() == json.len() + 1, "{table}");
    // From standard input, to files.
    fs::write(case.folder.path().join("q.sql"), sql).unwrap();
    for name in ["out.json", "out.csv", "out.ndjson", "out.parquet"] {
        let mut command = case.command(&["query", "-", "-o", name]);
        command.stdin(fs::File::open(case.folder.path().join("q.sql")).unwrap());
        assert_eq!(support::program::Run::of(command.output().unwrap()).ok(), "");
    }
    let written = |name: &str| fs::read_to_string(case.folder.path().join(name)).unwrap();
    assert_eq!((written("out.csv"), written("out.ndjson")), (csv, ndjson));
    assert_eq!(serde_json::from_str::<Value>(&written("out.json")).unwrap(), Value::Array(json.clone()));
    let file = fs::File::open(case.folder.path().join("out.parquet")).unwrap();
    let batches: Vec<_> = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().collect();
    assert_eq!(batches.iter().map(|batch| batch.as_ref().unwrap().num_rows()).sum::<usize>(), json.len());
    let ids = batches[0].as_ref().unwrap().column_by_name("session_id").unwrap().as_primitive::<UInt64Type>();
    assert_eq!(Some(ids.value(0)), first["session_id"].as_u64());
    let left: Vec<_> = fs::read_dir(case.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".smbreplay-")), "{left:?}");
}

#[test]
fn memory_is_bounded_sorts_go_to_disk_and_what_cannot_says_so() {
    let case = Case::fixture("quickstart");
    let ask = |sql: &str| case.run(&["query", "--memory", "16", "--format", "json", sql]);
    // 400,000 rows of 100 bytes.
    let sorted = "SELECT count(*) AS n FROM (SELECT repeat('x', 100) || value AS t, row_number() OVER (ORDER BY value % 1000) \
                  AS r FROM generate_series(1, 400000)) WHERE length(t) > 100";
    assert_eq!(ask(sorted).json(), json!([{ "n": 400_000 }]));
    let held = "SELECT count(*) FROM (SELECT DISTINCT repeat('x', 1000) || value AS t, array_agg(repeat('y', 100) || value) \
                AS a FROM generate_series(1, 100000) GROUP BY 1)";
    let run = ask(held);
    if run.status != 0 {
        run.fails(2, &["16 MiB", "--memory"]);
    }
}

fn step(number: u32, class: &'static str) -> ReplayedStep {
    ReplayedStep {
        step: number,
        copy: 1,
        iteration: 1,
        op_index: number,
        session_id: SessionId(0x41),
        command: Command::Create,
        frame: 7,
        share: None,
        path: Some("docs\\a".into()),
        class: class.into(),
        root_step: None,
        reason: None,
        noise: false,
        compared: true,
        captured_status: Some(NtStatus(0)),
        replayed_status: Some(NtStatus(0xC000_0022)),
        captured_length: None,
        replayed_length: None,
        captured_bytes: None,
        replayed_bytes: None,
        captured_hash: Some([7; 16]),
        replayed_hash: None,
        due_ns: None,
        ready_ns: None,
        sent_ns: Some(1),
        answered_ns: Some(2),
        captured_latency_ns: Some(5),
        replayed_latency_ns: Some(9),
        differences: vec![smbreplay::model::Difference {
            subject: "status".into(),
            captured: "a".into(),
            observed: "b".into(),
        }],
        note: None,
    }
}

#[test]
fn runs_are_asked_all_or_one() {
    let case = Case::fixture("quickstart");
    assert_eq!(case.ask("SELECT count(*) AS n FROM results"), [json!({ "n": 0 })]);
    let place = DatasetPath::of(&case.capture(), None).unwrap();
    for (name, steps) in [("20260101T000000000Z-all", 3), ("20260102T000000000Z-all", 2)] {
        let folder = RunFolder::create(&place, name).unwrap();
        let mut results = ResultsFile::create(&folder.file(RUN_RESULTS), &RunEntry::default()).unwrap();
        for number in 0..steps {
            results.push(step(number, if number == 0 { "match" } else { "status" })).unwrap();
        }
        results.finish().unwrap();
        folder.publish().unwrap();
    }
    let counted = case.ask("SELECT run, count(*) AS n FROM results WHERE class = 'status' GROUP BY run ORDER BY run");
    assert_eq!(
        counted,
        [json!({ "run": "20260101T000000000Z-all", "n": 2 }), json!({ "run": "20260102T000000000Z-all", "n": 1 })]
    );
    let one = case.json(&["query", "--run", "last", "SELECT * FROM results ORDER BY step"]);
    assert_eq!((rows(&one).len(), &one[1]["replayed_status_name"]), (2, &json!("STATUS_ACCESS_DENIED")));
    assert_eq!(one[0]["differences"], json!([{ "subject": "status", "captured": "a", "observed": "b" }]));
    let alike = case.ask("SELECT r.path, o.path FROM results r, operations o LIMIT 1");
    assert!(alike[0].get("path").is_some() && alike[0].get("path_2").is_some(), "{alike:?}");
    let joined =
        "SELECT count(*) AS n FROM results r JOIN operations o ON r.capture = o.capture AND r.op_index = o.op_index";
    assert_eq!(case.ask(joined), [json!({ "n": 5 })]);
    case.run(&["query", "--run", "last-2", "SELECT 1"]).fails(2, &["last-2"]);
}
