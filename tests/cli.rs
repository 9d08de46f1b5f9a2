//! The program as it is run: help, exit statuses, configuration, doctor, output formats.

#![allow(clippy::expect_used, reason = "in tests, also outside of the test functions themselves")]

mod support;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use support::process::Command;
use support::program::Run;
use tempfile::TempDir;

/// A home of its own: no environment and no configuration of whoever runs the tests.
struct Home {
    folder: TempDir,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smbreplay"));
        command.args(args).env_clear().stdin(Stdio::null());
        command.env("HOME", self.folder.path()).env("SMBREPLAY_CONFIG", self.config());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        Run::of(self.command(args).output().expect("smbreplay runs"))
    }
}

#[test]
fn help_begins_with_examples_for_every_command() {
    let home = Home::new();
    let help = home.run(&["--help"]).ok();
    assert!(help.starts_with("Examples:\n"), "{help}");
    assert!(help.contains("Exit status:"));
    let commands =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| line.starts_with("  "));
    let names: Vec<_> =
        commands.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    assert!(names.contains(&"config") && names.contains(&"doctor"), "{names:?}");
    for name in names {
        let help = home.run(&[name, "--help"]).ok();
        let help = if help.contains("Examples:") {
            help
        } else {
            // A command that only holds others, as `list` does.
            home.run(&[name, "traces", "--help"]).ok()
        };
        assert!(help.starts_with("Examples:\n"), "{name}: {help}");
    }
}

#[test]
fn a_wrong_command_line_ends_with_2_and_says_why() {
    let home = Home::new();
    for args in [&["--no-such-option"][..], &["no-such-command"], &["config"], &[]] {
        let run = home.run(args);
        assert_eq!(run.status, 2, "{args:?}");
        assert!(!run.stderr.is_empty() && run.stdout.is_empty(), "{args:?}");
    }
    assert_eq!(home.run(&["--version"]).status, 0);
}

#[test]
fn settings_round_trip_in_a_file_that_only_its_owner_can_read() {
    let home = Home::new();
    assert_eq!(home.run(&["config", "get", "port"]).ok(), "445\n");
    assert_eq!(home.run(&["config", "path"]).ok().trim(), home.config().to_str().expect("a path"));
    home.run(&["config", "set", "server_ip", "192.0.2.1"]).ok();
    home.run(&["config", "set", "port", "1445"]).ok();
    home.run(&["config", "set", "max-wait", "2.5"]).ok();
    let mode = std::fs::metadata(home.config()).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(home.run(&["config", "get", "server_ip"]).ok(), "192.0.2.1\n");
    assert_eq!(home.run(&["config", "get", "max_wait"]).ok(), "2.5\n");
    home.run(&["config", "unset", "server_ip"]).ok();
    assert_eq!(home.run(&["config", "get", "server_ip"]).ok(), "127.0.0.1\n");
    let text = std::fs::read_to_string(home.config()).expect("the file");
    assert!(text.contains("port = 1445") && !text.contains("server_ip"), "{text}");
}

#[test]
fn a_file_that_others_could_read_is_closed_when_it_is_written() {
    let home = Home::new();
    std::fs::write(home.config(), "port = 1\n").expect("written");
    std::fs::set_permissions(home.config(), std::fs::Permissions::from_mode(0o644)).expect("opened");
    home.run(&["config", "set", "port", "2"]).ok();
    assert_eq!(std::fs::metadata(home.config()).expect("the file").permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_environment_goes_before_the_file_and_the_origin_says_so() {
    let home = Home::new();
    home.run(&["config", "set", "port", "1445"]).ok();
    home.run(&["config", "set", "username", "filed"]).ok();
    let mut command = home.command(&["config", "show", "--origin", "--format", "json"]);
    let output = command.env("SMBREPLAY_PORT", "2445").env("TRACES_FOLDER", "/traces").output().expect("it runs");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&Run::of(output).ok()).expect("JSON");
    let row = |key: &str| {
        let row = rows.iter().find(|row| row["key"] == key).expect(key);
        (row["value"].clone(), row["origin"].as_str().expect("an origin").to_owned())
    };
    assert_eq!(row("port"), ("2445".into(), "environment SMBREPLAY_PORT".to_owned()));
    assert_eq!(row("traces_folder"), ("/traces".into(), "environment TRACES_FOLDER".to_owned()));
    assert_eq!(row("username"), ("filed".into(), "file".to_owned()));
    assert_eq!(row("server_ip"), ("127.0.0.1".into(), "default".to_owned()));
    assert_eq!(row("domain"), (serde_json::Value::Null, "default".to_owned()));
}

#[test]
fn a_password_is_never_stored() {
    let home = Home::new();
    let run = home.run(&["config", "set", "password", "geheim"]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("SMBREPLAY_PASSWORD") && run.stderr.contains("--password-stdin"), "{}", run.stderr);
    assert!(!run.stderr.contains("geheim"));
    assert!(!home.config().exists());
    std::fs::write(home.config(), "password = \"geheim\"\n").expect("written");
    let run = home.run(&["doctor"]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.starts_with("error: ") && run.stderr.lines().count() == 1, "{}", run.stderr);
    assert!(!run.stderr.contains("geheim"), "{}", run.stderr);
}

#[test]
fn wrong_settings_are_named_with_what_is_expected() {
    let home = Home::new();
    let run = home.run(&["config", "set", "port", "x"]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("a port number from 1 to 65535"), "{}", run.stderr);
    let run = home.run(&["config", "set", "colour", "red"]);
    assert!(run.status == 2 && run.stderr.contains("server_ip"), "{}", run.stderr);
    let output = home.command(&["doctor"]).env("SMBREPLAY_PORT", "0").output().expect("it runs");
    let run = Run::of(output);
    assert!(run.status == 2 && run.stderr.contains("SMBREPLAY_PORT"), "{}", run.stderr);
}

#[test]
fn every_format_of_a_table_can_be_read() {
    let home = Home::new();
    home.run(&["config", "set", "username", "a,\"b\""]).ok();
    let show = |format| home.run(&["config", "show", "--format", format]).ok();
    let json: Vec<serde_json::Value> = serde_json::from_str(&show("json")).expect("JSON");
    let ndjson: Vec<serde_json::Value> =
        show("ndjson").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(json, ndjson);
    assert_eq!(json.len(), 11);
    let csv = show("csv");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(reader.headers().expect("a header"), vec!["key", "value"]);
    let rows: Vec<_> = reader.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 11);
    assert!(rows.iter().any(|row| &row[0] == "username" && &row[1] == "a,\"b\""));
    let table = show("table");
    assert!(table.starts_with("key") && table.lines().count() == 12 && !table.contains('\x1b'), "{table}");
    let coloured = home.run(&["--color", "always", "doctor"]);
    assert!(coloured.stdout.contains('\x1b'));
}

/// A folder with links to some programs, to be the whole PATH.
fn path_with(programs: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = std::env::var_os("PATH").expect("PATH");
    for program in programs {
        let found = std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.exists());
        let found = found.expect("the tests need all tools: scripts/install-deps.sh");
        std::os::unix::fs::symlink(found, folder.path().join(program)).expect("a link");
    }
    folder
}

#[test]
fn doctor_without_tshark_ends_with_5_and_names_the_command_that_installs_it() {
    let home = Home::new();
    let path = path_with(&["capinfos", "pcapfix"]);
    let output = home.command(&["doctor", "--format", "json"]).env("PATH", path.path()).output().expect("it runs");
    let run = Run::of(output);
    assert_eq!(run.status, 5, "{}", run.stderr);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&run.stdout).expect("JSON");
    let row = |what: &str| rows.iter().find(|row| row["what"] == what).expect("a row").clone();
    assert_eq!(row("tshark")["state"], "missing");
    assert!(row("tshark")["detail"].as_str().expect("text").contains("apt-get install tshark"));
    assert_eq!(row("capinfos")["state"], "ok");
    assert_eq!(row("pcapfix")["state"], "ok");
}

#[test]
fn doctor_shows_what_is_there() {
    let home = Home::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port().to_string();
    let out = home.run(&["doctor", "--port", &port]).ok();
    for expected in ["tshark", "capinfos", "pcapfix", "configuration", "from PATH", &format!("port {port} answers")] {
        assert!(out.contains(expected), "{expected}: {out}");
    }
    drop(listener);
    let out = home.run(&["doctor", "--port", &port, "--timeout", "500ms"]).ok();
    assert!(out.contains("does not answer"), "{out}");
    let output = home.command(&["doctor"]).env("SMBREPLAY_TSHARK", "/nowhere/tshark").output().expect("it runs");
    let run = Run::of(output);
    assert_eq!(run.status, 5);
    assert!(run.stdout.contains("SMBREPLAY_TSHARK"), "{}", run.stdout);
}

#[test]
fn a_closed_pipe_is_silent() {
    let home = Home::new();
    // The completions are longer than a buffer and shorter than a pipe, so the pipe is closed before anything is written.
    for args in [&["completions", "bash"][..], &["config", "show"], &["man"], &["--help"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = home.command(args).stdout(writer).stderr(Stdio::piped()).output().expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
    }
}

#[test]
fn completions_and_manual_pages_are_what_they_should_be() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = home.run(&["completions", shell]).ok();
        assert!(script.contains("doctor") && script.contains("smbreplay"), "{shell}");
    }
    let bash = home.run(&["completions", "bash"]).ok();
    let file = home.folder.path().join("completions");
    std::fs::write(&file, bash).expect("written");
    assert!(Command::new("bash").arg("-n").arg(&file).status().expect("bash").success());
    let page = home.run(&["man"]).ok();
    assert!(page.contains(".TH smbreplay 1") && page.contains("smbreplay\\-doctor"), "{page}");
    let page = home.run(&["man", "config"]).ok();
    assert!(page.contains(".TH smbreplay-config 1"), "{page}");
    let run = home.run(&["man", "nothing"]);
    assert!(run.status == 2 && run.stderr.contains("doctor"), "{}", run.stderr);
}

#[test]
fn rows_come_one_by_one_for_a_reader_that_stops() {
    let home = Home::new();
    let mut child =
        home.command(&["config", "show", "--format", "ndjson"]).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut first).expect("a line");
    assert!(first.contains("server_ip"));
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn the_default_place_of_the_configuration_is_in_the_users_home() {
    let home = Home::new();
    let output = home.command(&["config", "path"]).env_remove("SMBREPLAY_CONFIG").output().expect("it runs");
    let expected = home.folder.path().join(".config/smbreplay/config.toml");
    assert_eq!(Path::new(Run::of(output).ok().trim()), expected);
}
