//! The texts of a made-up run, against the files in `golden/`. `UPDATE_GOLDEN=1` writes them anew.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::replay::{
    Class, CommandSummary, Finding, Judged, Judgement, NegotiatedDifference, NegotiatedKind, NegotiatedValue,
    Options, Pacing, Pass, PassTally, Percentiles, RootCause, Row, RunReport, RunSummary, TargetDifference, UserUse,
};

fn latency(base: u64) -> Option<Percentiles> {
    Some(Percentiles {
        count: 9,
        p50_ns: base,
        p90_ns: base * 4,
        p99_ns: base * 30,
        p999_ns: base * 31,
        max_ns: base * 31,
    })
}

fn command(name: &str, steps: usize, diverged: usize, skipped: usize, not_replayable: usize) -> CommandSummary {
    let matching = steps - diverged - skipped - not_replayable;
    CommandSummary {
        command: name.into(),
        steps,
        matching,
        diverged,
        noise: 0,
        skipped,
        not_replayable,
        classes: [("match", matching)].into(),
        captured_latency: latency(87_000),
        replayed_latency: if matching + diverged > 0 { latency(124_500) } else { None },
    }
}

fn row(op_index: u32, command: &str, path: &str, class: Class, findings: &[(&str, &str, &str)]) -> Row {
    Row {
        pass: Pass::default(),
        step: op_index,
        session_id: "0x00000000deadbeef".into(),
        op_index,
        frame: 100 + u64::from(op_index),
        command: command.into(),
        path: Some(path.into()),
        class,
        noise: false,
        captured_status: Some("STATUS_SUCCESS".into()),
        status: Some("STATUS_SUCCESS".into()),
        findings: findings.iter().map(|(what, was, is)| Finding::new(*what, was, is)).collect(),
        cause: None,
        note: None,
        drawn_in: false,
    }
}

fn run(diverged: bool) -> RunReport {
    let create = row(
        7,
        "CREATE",
        "docs\\a & <b>.txt",
        Class::Status,
        &[("status", "STATUS_SUCCESS", "STATUS_OBJECT_NAME_NOT_FOUND")],
    );
    let read = row(
        12,
        "READ",
        "data\u{1b}[31m.bin",
        Class::Length,
        &[("length", "65536", "4096"), ("byte 17 of the file", "00ff00ff", "00000000")],
    );
    let divergences = if diverged { vec![create.clone(), read] } else { Vec::new() };
    let counts = if diverged { [17, 1, 0, 1, 2, 3] } else { [24, 0, 0, 0, 0, 0] };
    let names = ["match", "status", "data", "length", "skipped", "not_replayable"];
    RunReport {
        target: "127.0.0.1:1445".parse().unwrap(),
        user: "testuser".into(),
        started: crate::model::Timestamp(1_790_000_000_123_456_789),
        users: vec![UserUse { captured: "CORP\\alice".into(), target: "testuser".into(), sessions: 2, mapped: true }],
        selection: None,
        options: Options { pacing: if diverged { Pacing::Captured } else { Pacing::Asap }, ..Options::default() },
        outcomes: Vec::new(),
        passes: Vec::new(),
        summary: RunSummary {
            steps: 27,
            sent: 22,
            own: 3,
            drawn_in: 0,
            classes: Class::NAMES
                .into_iter()
                .map(|name| (name, names.iter().position(|n| *n == name).map_or(0, |at| counts[at])))
                .collect(),
            noise: 0,
            uncompared: usize::from(diverged),
            not_replayable: if diverged { [("truncated", 3)].into() } else { [].into() },
            commands: match diverged {
                true => {
                    vec![command("CREATE", 10, 1, 0, 0), command("READ", 9, 1, 2, 0), command("WRITE", 5, 0, 0, 3)]
                }
                false => vec![command("CREATE", 10, 0, 0, 0), command("READ", 14, 0, 0, 0)],
            },
            captured_latency: latency(87_000),
            replayed_latency: latency(124_500),
            root_causes: if diverged { vec![RootCause { row: create, skipped: 2 }] } else { Vec::new() },
            target_differences: Vec::new(),
            bytes_read: 2_500_000,
            bytes_written: 512,
            lateness: latency(2_000),
            behind: latency(100_000),
            late: 3,
            held_up: 2,
            logins_ahead: 1,
            unexpected_breaks: usize::from(diverged),
            sent_again: usize::from(diverged),
            elapsed: Duration::from_millis(1240),
            captured_elapsed: Duration::from_secs(12),
        },
        divergences,
        thresholds: Vec::new(),
        interrupted: false,
    }
}

/// The run that diverged, with a noise model that covers one of the steps, and with thresholds.
fn judged() -> RunReport {
    let mut report = run(true);
    let mut noise = report.divergences[1].clone();
    noise.noise = true;
    report.divergences[1] = noise;
    report.summary.noise = 1;
    report.summary.commands[1].noise = 1;
    report.summary.commands[1].diverged = 0;
    report.summary.classes.insert("length", 0);
    let judged = |expression: &str, judgement, observed: &str| Judged {
        expression: expression.into(),
        judgement,
        observed: observed.into(),
    };
    report.thresholds = vec![
        judged("p99(READ)>50ms", Judgement::Passed, "3.735 ms"),
        judged("match<99%", Judgement::Failed, "70.83 % (17 of 24)"),
        judged("p99(LOCK)>1s", Judgement::NothingToJudge, "the run has no LOCK"),
    ];
    report
}

fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, expected, "{name} differs; UPDATE_GOLDEN=1 writes it anew");
}

fn table(report: &RunReport) -> String {
    let mut out = Vec::new();
    write_replay_table(report, 20, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_terminal_text_is_as_agreed() {
    check("diverged.txt", &table(&run(true)));
    check("agreed.txt", &table(&run(false)));
    check("judged.txt", &table(&judged()));
}

/// Two copies, twice; the second time of the second copy diverged.
fn copies() -> RunReport {
    let mut report = run(true);
    report.options = Options { clones: 2, iterations: 2, ..report.options };
    let tally = |iteration, copy: u32, diverged| PassTally {
        pass: Pass { copy, iteration },
        folder: Some(format!("runs\\clone-{copy}")),
        matching: 17 - diverged,
        diverged,
        skipped: diverged,
        not_reached: 0,
        elapsed: 0.62,
    };
    report.passes = vec![tally(1, 1, 0), tally(1, 2, 0), tally(2, 1, 0), tally(2, 2, 2)];
    let last = Pass { copy: 2, iteration: 2 };
    report.divergences.iter_mut().for_each(|row| row.pass = last);
    report.summary.root_causes.iter_mut().for_each(|cause| cause.row.pass = last);
    report
}

#[test]
fn several_copies_are_told_apart() {
    check("copies.txt", &table(&copies()));
}

/// The run that diverged, on a target of which one of the divergences follows, with a reason longer than a table shows.
fn differs() -> RunReport {
    let mut report = run(true);
    let difference = |kind, captured, observed| NegotiatedDifference {
        kind,
        captured: NegotiatedValue::Bytes(captured),
        observed: NegotiatedValue::Bytes(observed),
        asked_by_replay_only: false,
    };
    let reads = difference(NegotiatedKind::MaxReadSize, 8 << 20, 4 << 10);
    let tally = |difference, divergences, skipped| TargetDifference {
        difference,
        connections: 1,
        divergences,
        noise: 0,
        skipped,
    };
    report.summary.target_differences =
        vec![tally(reads, 1, 0), tally(difference(NegotiatedKind::MaxWriteSize, 8 << 20, 1 << 20), 0, 0)];
    let [create, read] = report.divergences.as_mut_slice() else { panic!("two divergences") };
    read.cause = Some(reads);
    let long = "127.0.0.1:1445: connection lost: the server answers in dialect 2.0.2, which was not offered";
    create.findings.push(Finding::new("connection", "as captured", long));
    report
}

#[test]
fn a_target_that_negotiates_otherwise_is_told_at_the_head_with_what_follows() {
    check("differs.txt", &table(&differs()));
    check("differs.xml", &junit_xml(&differs()));
}

#[test]
fn the_json_is_as_agreed() {
    check("diverged.json", &replay_json(&run(true)).unwrap());
    check("differs.json", &replay_json(&differs()).unwrap());
}

#[test]
fn the_junit_xml_is_as_agreed() {
    check("diverged.xml", &junit_xml(&run(true)));
    check("judged.xml", &junit_xml(&judged()));
}

#[test]
fn thresholds_alone_decide_where_there_are_some() {
    let mut report = judged();
    assert!(report.failed());
    report.thresholds.remove(1);
    assert!(!report.failed(), "what diverged is told and not judged");
    assert!(junit_xml(&report).contains("failures=\"0\""));
    report.thresholds.clear();
    assert!(report.failed());
    assert!(!run(false).failed());
}

#[test]
fn a_long_list_of_divergences_is_cut_and_says_so() {
    let mut out = Vec::new();
    write_replay_table(&run(true), 1, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("… and 1 divergence more"), "{text}");
}
