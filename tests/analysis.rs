//! What the commands say that tell what happened in a capture: `session`, `stats`, `opens`, `files`, `extract`, `lifecycle`,
//! `auth`, on the committed captures; and that it is what tshark says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests, also outside of the test functions"
)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use support::case::{Case, rows};
use support::process::Command;
use support::program::{Run, golden};

#[test]
fn operations_are_chosen_by_path_status_latency_and_time() {
    let case = Case::fixture("quickstart");
    let count = |args: &[&str]| rows(&case.json(&[&["session", "1"], args].concat())).len();
    assert_eq!(count(&[]), 83);
    assert_eq!(count(&["--path", "docs/*"]), count(&["--file-filter", "DOCS\\*"]));
    assert_eq!(count(&["--status", "no_more_files"]), 5);
    assert_eq!(count(&["--status", "0xC0000225,STATUS_NO_MORE_FILES"]), 6);
    let slow = case.json(&["session", "1", "--slow", "1ms"]);
    assert!(rows(&slow).iter().all(|row| row["latency_ns"].as_i64().unwrap() >= 1_000_000));
    assert_eq!(
        rows(&slow).len(),
        case.tshark(&["-Y", "smb2.time >= 0.001 && smb2.nt_status != 0x103", "-T", "fields", "-e", "frame.number"])
            .lines()
            .count()
    );
    let (before, after) = (count(&["--to", "25ms"]), count(&["--from", "0.025"]));
    assert!(before > 0 && after > 0);
    assert_eq!(before + after, 83);
    case.run(&["session", "1", "--status", "lost"]).fails(2, &["--status", "lost"]);
    let run = case.run(&["session", "1", "--from", "yesterday"]);
    assert!(run.status == 2 && run.stderr.contains("02:32:13.5"), "{}", run.stderr);
}

#[test]
fn a_compound_shows_as_one_group() {
    let table = Case::fixture("compound").run(&["session", "1", "--brief"]).ok();
    let lines: Vec<_> = table.lines().collect();
    let follower = lines.iter().position(|line| line.starts_with(' ') && line.trim_start().starts_with("+ "));
    let follower = follower.expect("a line of a compound, without a frame of its own");
    assert!(
        lines[follower - 1].split_whitespace().next().unwrap().parse::<u64>().is_ok()
            || lines[follower - 1].contains("+ ")
    );
    golden("session-compound-brief.txt", &table);
}

#[test]
fn a_frame_shows_its_operation_in_full() {
    let case = Case::fixture("quickstart");
    golden("session-1-frame-32.txt", &case.run(&["session", "1", "--frame", "32"]).ok());
    let detail = &case.json(&["session", "1", "--frame", "32"])[0];
    assert_eq!(detail["command"], "CREATE");
    let pdu = detail["request"]["pdu"].as_str().unwrap();
    let raw = case.tshark(&["-Y", "frame.number==32", "-T", "fields", "-e", "tcp.payload"]);
    // Behind the four bytes of the NetBIOS header.
    assert_eq!(pdu, &raw.trim()[8..]);
    let text = case.run(&["session", "1", "--frame", "33", "--dissect"]).ok();
    assert_eq!(text.matches("SMB2 (Server Message Block Protocol version 2)").count(), 2, "{text}");
    case.run(&["session", "1", "--frame", "1"]).fails(2, &["frame 1 completes no message"]);
    case.run(&["session", "1", "--frame", "32", "--format", "csv"]).fails(2, &["--format"]);
    let compound = Case::fixture("compound");
    let frames = compound.tshark(&[
        "-Y",
        "smb2.flags.chained==1 && smb2.flags.response==0",
        "-T",
        "fields",
        "-e",
        "frame.number",
        "-e",
        "smb2.cmd",
    ]);
    let (frame, commands) = frames.lines().next().unwrap().split_once('\t').unwrap();
    let details = compound.json(&["session", "1", "--frame", frame]);
    assert_eq!(rows(&details).len(), commands.split(',').count());
}

#[test]
fn a_pager_is_for_terminals_only_and_can_be_done_without() {
    let case = Case::fixture("quickstart");
    let paged = |args: &str, terminal: bool| {
        let mut command = if terminal {
            let command = case.command(&[]);
            let line = format!("{} {args}", env!("CARGO_BIN_EXE_smbreplay"));
            let mut script = Command::new("script");
            script.args(["-qec", &line, "/dev/null"]).current_dir(case.folder.path()).stdin(Stdio::null());
            script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            script
        } else {
            case.command(&args.split(' ').collect::<Vec<_>>())
        };
        command.env("PAGER", "sed s/^/paged:/");
        Run::of(command.output().expect("script of bsdutils")).ok()
    };
    assert!(paged("session 1 --brief", true).contains("paged:"));
    assert!(!paged("session 1 --brief --no-pager", true).contains("paged:"));
    assert!(!paged("session 1 --brief", false).contains("paged:"));
}

/// Calls, least and greatest time in seconds, by the command's code, as `-z smb2,srt` has them.
fn srt(case: &Case) -> std::collections::BTreeMap<u64, (u64, f64, f64)> {
    let text = case.tshark(&["-q", "-z", "smb2,srt"]);
    let line = |line: &str| {
        // "    5  Create                     24   0.000076   0.002811   0.000368   0.008836"
        let code: u64 = line.split_whitespace().next()?.parse().ok()?;
        let mut numbers: Vec<&str> = line.split_whitespace().collect();
        let numbers = numbers.split_off(numbers.len().checked_sub(5)?);
        let number = |at: usize| numbers[at].parse::<f64>().ok();
        Some((code, (number(0)? as u64, number(1)?, number(2)?)))
    };
    text.lines().filter_map(line).filter(|(_, (calls, ..))| *calls > 0).collect()
}

fn stats_equal_srt(name: &str, case: &Case) {
    let by_command = case.json(&["stats", "--by", "command"]);
    let ours: std::collections::BTreeMap<_, _> = rows(&by_command)
        .iter()
        // tshark's table leaves acknowledged breaks out.
        .filter(|row| row["answered"].as_u64().unwrap() > 0 && row["key"] != "OPLOCK_BREAK")
        .map(|row| {
            let code = smbreplay::model::Command::parse(row["key"].as_str().unwrap()).unwrap().code();
            let seconds = |key: &str| row["latency"][key].as_f64().unwrap() / 1e9;
            (u64::from(code), (row["answered"].as_u64().unwrap(), seconds("min_ns"), seconds("max_ns")))
        })
        .collect();
    let theirs = srt(case);
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "{name}");
    for (code, (calls, min, max)) in &theirs {
        let (our_calls, our_min, our_max) = ours[code];
        assert_eq!(our_calls, *calls, "{name}, command {code}");
        // A CANCEL has the id of what it cancels, and tshark measures from it.
        if *code == u64::from(smbreplay::model::Command::ChangeNotify.code()) {
            continue;
        }
        // It prints microseconds.
        assert!((our_min - min).abs() < 1.1e-6 && (our_max - max).abs() < 1.1e-6, "{name}, command {code}");
    }
}

#[test]
fn connections_are_the_conversations_of_tshark() {
    for name in ["quickstart", "durable", "many-sessions", "leases-oplocks", "big-transfer"] {
        let case = Case::fixture(name);
        let mut ours = std::collections::BTreeSet::new();
        for session in 1..=rows(&case.json(&["session", "--list"])).len() {
            let fields = "client_ip,client_port,server_ip,server_port";
            let lines = case.run(&["session", &session.to_string(), "--fields", fields, "--format", "csv"]).ok();
            ours.extend(lines.lines().skip(1).map(|line| line.replace(',', " ")));
        }
        // "127.0.0.1:49962            <-> 127.0.0.1:445                   41 6768 bytes …"
        let end = |text: &str| text.rsplit_once(':').map(|(address, port)| format!("{address} {port}")).unwrap();
        let text = case.tshark(&["-q", "-z", "conv,tcp"]);
        let lines = text.lines().filter_map(|line| line.split_once("<->"));
        let ends = lines.map(|(left, right)| (left.trim(), right.split_whitespace().next().unwrap()));
        let theirs = ends.map(|(client, server)| format!("{} {}", end(client), end(server))).collect();
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn stats_count_and_time_as_tshark_does() {
    for name in ["quickstart", "compound", "async", "errors", "pipes", "many-sessions", "setinfo", "unicode-names"] {
        stats_equal_srt(name, &Case::fixture(name));
    }
}

#[test]
fn stats_count_as_tshark_does_on_captures_of_others() {
    let folder = Path::new("/work/shared/captures");
    if !folder.exists() {
        println!("skipped: {} is not there", folder.display());
        return;
    }
    for name in
        ["smb2_100_small_files.pcap", "smb2-multiple-pdus.pcap", "smb2-zero-byte-error-ioctl.pcapng", "smb2_krb.pcap"]
    {
        stats_equal_srt(name, &Case::of(&folder.join(name)));
    }
}

#[test]
fn stats_agree_with_themselves_however_they_are_put_together() {
    let case = Case::fixture("many-sessions");
    let report = case.json(&["stats"]);
    let total = &report["total"];
    for by in ["session", "client", "user", "share", "command"] {
        let groups = case.json(&["stats", "--by", by]);
        for figure in ["operations", "answered", "errors", "bytes_read", "bytes_written"] {
            let sum: u64 = rows(&groups).iter().map(|group| group[figure].as_u64().unwrap()).sum();
            assert_eq!(Some(sum), total[figure].as_u64(), "{figure} by {by}");
        }
    }
    let sessions = case.json(&["session", "--list"]);
    let listed: u64 = rows(&sessions).iter().map(|session| session["operations"].as_u64().unwrap()).sum();
    assert_eq!(Some(listed), total["operations"].as_u64());
    let one = case.json(&["stats", "1"]);
    assert_eq!(one["total"]["operations"], rows(&sessions)[0]["operations"]);
    let csv = case.run(&["stats", "--by", "file", "--top", "3", "--format", "csv"]).ok();
    assert!(csv.starts_with("file,operations,") && csv.lines().count() <= 4, "{csv}");
}

#[test]
fn the_statistics_of_the_quickstart_capture_are_told_as_ever() {
    let case = Case::fixture("quickstart");
    golden("stats.txt", &case.run(&["stats"]).ok());
    golden("stats-by-file.txt", &case.run(&["stats", "--by", "file"]).ok());
    golden("opens.txt", &case.run(&["opens"]).ok());
    golden("files.txt", &case.run(&["files"]).ok());
}

#[test]
fn opens_are_the_creates_that_were_granted() {
    for name in ["quickstart", "compound", "leases-oplocks", "durable", "unicode-names"] {
        let case = Case::fixture(name);
        let opens = case.json(&["opens"]);
        let granted = "smb2.cmd == 5 && smb2.flags.response == 1";
        let statuses = case.tshark(&["-Y", granted, "-T", "fields", "-e", "smb2.cmd", "-e", "smb2.nt_status"]);
        let granted = statuses.lines().flat_map(|line| {
            let (commands, statuses) = line.split_once('\t').unwrap();
            let pairs: Vec<_> = commands.split(',').zip(statuses.split(',')).collect();
            pairs.into_iter().filter(|pair| *pair == ("5", "0x00000000")).map(|_| ()).collect::<Vec<_>>()
        });
        assert_eq!(rows(&opens).iter().filter(|open| !open["opened"].is_null()).count(), granted.count(), "{name}");
    }
}

#[test]
fn the_opens_of_a_moment_are_those_that_were_there() {
    let case = Case::fixture("quickstart");
    let all = case.json(&["opens"]);
    let open = &rows(&all)[3];
    let at = open["opened"]["time"].as_str().unwrap();
    let there = case.json(&["opens", "--at", at]);
    assert!(rows(&there).contains(open), "{there}");
    assert!(rows(&there).len() < rows(&all).len());
    assert_eq!(rows(&case.json(&["opens", "--at", "0"])).len(), 0);
    assert_eq!(rows(&case.json(&["opens", "--at", "3600"])).len(), 0);
}

/// SHA-256 and length of what tshark exports.
fn exported(case: &Case) -> std::collections::BTreeSet<(String, u64)> {
    let folder = case.folder.path().join("exported");
    case.tshark(&["-q", "--export-objects", &format!("smb,{}", folder.display())]);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|file| (sha256(&file), fs::metadata(&file).unwrap().len())).filter(|(_, length)| *length > 0).collect()
}

fn sha256(file: &Path) -> String {
    let output = Command::new("sha256sum").arg(file).output().expect("sha256sum");
    String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().to_owned()
}

#[test]
fn extracted_files_are_those_that_tshark_exports() {
    for name in ["quickstart", "unicode-names"] {
        let case = Case::fixture(name);
        let files = case.json(&["extract", "--to", "out"]);
        let mut whole = std::collections::BTreeSet::new();
        for file in rows(&files) {
            let place = case.folder.path().join("out").join(file["file"].as_str().unwrap());
            assert_eq!(sha256(&place), file["sha256"].as_str().unwrap(), "{name}: {file}");
            assert_eq!(fs::metadata(&place).unwrap().len(), file["size"].as_u64().unwrap(), "{name}: {file}");
            if rows(&file["gaps"]).is_empty() {
                whole.insert((file["sha256"].as_str().unwrap().to_owned(), file["size"].as_u64().unwrap()));
            }
        }
        assert!(!whole.is_empty(), "{name}");
        assert_eq!(whole, exported(&case), "{name}");
    }
}

/// The hashes of the server's own files after the capture.
fn on_the_server(name: &str) -> std::collections::BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name).join("share.sha256");
    let text = fs::read_to_string(path).unwrap();
    let line = |line: &str| line.split_once("  ").map(|(hash, path)| (path.replace('/', "\\"), hash.to_owned()));
    text.lines().filter_map(line).collect()
}

#[test]
fn extracted_files_are_those_that_the_server_had_at_the_end() {
    for (name, expected) in [("quickstart", 2), ("compound", 1), ("big-transfer", 1), ("async", 1)] {
        let files = Case::fixture(name).json(&["extract", "--to", "out"]);
        let on_the_server = on_the_server(name);
        let mut last = std::collections::BTreeMap::new();
        for file in rows(&files).iter().filter(|file| rows(&file["gaps"]).is_empty()) {
            last.insert(file["name"].as_str().unwrap(), file["sha256"].as_str().unwrap());
        }
        let found: Vec<_> = last.iter().filter_map(|(path, hash)| Some((on_the_server.get(*path)?, *hash))).collect();
        assert!(found.len() >= expected, "{name}: {files}");
        assert!(found.iter().all(|(theirs, ours)| *theirs == ours), "{name}: {found:?}");
    }
}

#[test]
fn nothing_is_extracted_over_what_is_there() {
    let case = Case::fixture("quickstart");
    let only = case.json(&["extract", "--to", "one", "--path", "docs/*"]);
    assert!(rows(&only).iter().all(|file| file["name"].as_str().unwrap().starts_with("docs\\")), "{only}");
    case.run(&["extract", "--to", "one"]).fails(2, &["one", "not empty"]);
    golden("extract.txt", &case.run(&["extract", "--to", "two"]).ok());
    let run = case.run(&["extract"]);
    assert!(run.status == 2 && run.stderr.contains("--to"), "{}", run.stderr);
}

#[test]
fn the_story_of_a_session_goes_from_the_handshake_to_the_end() {
    let case = Case::fixture("quickstart");
    golden("lifecycle.txt", &case.run(&["lifecycle", "1"]).ok());
    let points = case.json(&["lifecycle", "1"]);
    let texts: Vec<&str> = rows(&points).iter().map(|point| point["text"].as_str().unwrap()).collect();
    assert!(texts[0].starts_with("SYN from "), "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("the server chose 3.1.1")), "{texts:?}");
    // Every filter is one, and shows the frame that it is told of.
    for point in rows(&points).iter().step_by(7) {
        let (filter, frame) = (point["display_filter"].as_str().unwrap(), point["frame"].as_u64().unwrap());
        let shown = case.tshark(&["-Y", filter, "-T", "fields", "-e", "frame.number"]);
        let of_end = point["text"].as_str().unwrap() == "no LOGOFF in the capture";
        assert!(
            of_end || shown.lines().any(|line| line == frame.to_string()),
            "{filter} does not show frame {frame}"
        );
    }
    let without = case.json(&["lifecycle", "1", "--no-tshark"]);
    let handshake =
        |points: &Value| rows(points).iter().any(|point| point["text"].as_str().unwrap().starts_with("SYN"));
    assert!(handshake(&points) && !handshake(&without));
    fs::remove_file(case.capture()).unwrap();
    let run = case.run(&["lifecycle", "1"]);
    assert!(run.stderr.contains("not there any more") && run.status == 0, "{}", run.stderr);
}

#[test]
fn logins_are_told_as_tshark_sees_them() {
    let case = Case::fixture("many-sessions");
    let report = case.json(&["auth"]);
    let mut ours: Vec<(u64, String, String)> = rows(&report["logins"])
        .iter()
        .filter(|login| login["message"] == "AUTHENTICATE")
        .map(|login| {
            let text = |key: &str| login[key].as_str().unwrap_or("NULL").to_owned();
            (login["frame"].as_u64().unwrap(), text("user"), text("workstation"))
        })
        .collect();
    ours.sort();
    let fields = ["-e", "frame.number", "-e", "ntlmssp.auth.username", "-e", "ntlmssp.auth.hostname"];
    let text = case.tshark(&[&["-Y", "ntlmssp.messagetype == 3", "-T", "fields"][..], &fields].concat());
    let theirs: Vec<(u64, String, String)> = text
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            (fields[0].parse().unwrap(), fields[1].to_owned(), fields[2].to_owned())
        })
        .collect();
    assert_eq!(ours, theirs);
    let failed = rows(&report["logins"]).iter().filter(|login| login["failed"] == true).count();
    let refused =
        case.tshark(&["-Y", "smb2.cmd == 1 && smb2.nt_status >= 0xc0000000 && smb2.nt_status != 0xc0000016"]);
    assert_eq!(failed, refused.lines().count());
    let golden_case = Case::fixture("quickstart");
    golden("auth.txt", &golden_case.run(&["auth"]).ok());
}

#[test]
fn what_stands_out_is_named() {
    let case = Case::fixture("pipes");
    let findings = case.json(&["auth", "--findings"]);
    let kinds: Vec<&str> = rows(&findings).iter().map(|finding| finding["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"account_database") && kinds.contains(&"old_dialect"), "{findings}");
    for finding in rows(&findings).iter().filter(|finding| finding["kind"] == "account_database") {
        let shown = case.tshark(&["-Y", &format!("frame.number == {} && smb2.cmd == 5", finding["frame"])]);
        assert_eq!(shown.lines().count(), 1, "{finding}");
    }
}

#[test]
fn calls_on_pipes_are_those_that_tshark_sees() {
    let case = Case::fixture("pipes");
    let told = case.json(&["session", "--list"]);
    let mut calls = Vec::new();
    let mut binds = Vec::new();
    for number in 1..=rows(&told).len() {
        let fields = "request_frame,rpc_interface,rpc_opnum,rpc_operation";
        for row in rows(&case.json(&["session", &number.to_string(), "--fields", fields])) {
            let frame = row["request_frame"].as_u64().unwrap();
            match (row["rpc_interface"].as_str(), row["rpc_opnum"].as_u64(), row["rpc_operation"].as_str()) {
                (_, Some(opnum), Some(_)) => calls.push((frame, opnum)),
                (Some(interface), None, Some("bind")) => binds.push((frame, interface.to_owned())),
                (None, None, None) => {}
                odd => panic!("{odd:?}"),
            }
        }
    }
    calls.sort_unstable();
    binds.sort_unstable();
    let lines = |filter: &str, field: &str| -> Vec<(u64, String)> {
        let text = case.tshark(&["-Y", filter, "-T", "fields", "-e", "frame.number", "-e", field]);
        text.lines()
            .map(|line| line.split_once('\t').unwrap())
            .map(|(frame, value)| (frame.parse().unwrap(), value.to_owned()))
            .collect()
    };
    let theirs: Vec<_> = lines("dcerpc.pkt_type == 0", "dcerpc.opnum")
        .into_iter()
        .map(|(frame, opnum)| (frame, opnum.parse::<u64>().unwrap()))
        .collect();
    assert!(calls.len() > 10);
    assert_eq!(calls, theirs);
    let uuids = [
        ("srvsvc", "4b324fc8-1670-01d3-1278-5a47bf6ee188"),
        ("wkssvc", "6bffd098-a112-3610-9833-46c3f87e345a"),
        ("lsarpc", "12345778-1234-abcd-ef00-0123456789ab"),
        ("samr", "12345778-1234-abcd-ef00-0123456789ac"),
    ];
    let named = lines("dcerpc.pkt_type == 11", "dcerpc.cn_bind_to_uuid").into_iter().map(|(frame, uuid)| {
        let first = uuid.split(',').next().unwrap();
        (frame, uuids.iter().find(|(_, known)| *known == first).unwrap().0.to_owned())
    });
    assert_eq!(binds, named.collect::<Vec<_>>());
    let table = case.run(&["session", "3"]).ok();
    assert!(table.contains("[samr bind]") && table.contains("[samr SamrEnumerateUsersInDomain]"), "{table}");
}
