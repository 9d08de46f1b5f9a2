//! What a test waits for has a limit: programs that it starts, and the test itself (`scripts/limit-tests.py`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use support::process::Command;

/// Two programs, one started by the other, that never end; the number of the second is in the file.
fn endless(file: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "echo a word >&2; sleep 1000000 & echo $! >\"$0\"; wait"]).arg(file);
    command.limit(Duration::from_secs(2));
    command
}

fn runs(file: &Path) -> bool {
    let id = std::fs::read_to_string(file).unwrap();
    // One that has ended and is waited for by nobody has no command line.
    std::fs::read(format!("/proc/{}/cmdline", id.trim())).is_ok_and(|line| !line.is_empty())
}

fn gone(file: &Path) -> bool {
    let begun = Instant::now();
    while runs(file) && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    !runs(file)
}

#[test]
fn a_program_that_does_not_end_fails_its_test_and_is_ended_with_what_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("id");
    let failed = catch_unwind(AssertUnwindSafe(|| endless(&file).output())).unwrap_err();
    let text = failed.downcast_ref::<String>().unwrap();
    assert!(text.contains("ended after 2 s") && text.contains("sleep 1000000") && text.contains("a word"), "{text}");
    assert!(gone(&file));

    let failed = catch_unwind(AssertUnwindSafe(|| endless(&file).status())).unwrap_err();
    assert!(failed.downcast_ref::<String>().unwrap().contains("ended after 2 s"));
    assert!(gone(&file));

    // Nobody waits for it.
    drop(endless(&file).spawn().unwrap());
    std::thread::sleep(Duration::from_secs(1));
    assert!(runs(&file));
    assert!(gone(&file));
}

#[test]
fn what_holds_the_output_of_a_program_open_is_not_waited_for() {
    let begun = Instant::now();
    let output = Command::new("sh").args(["-c", "echo said; sleep 15 & true"]).output().unwrap();
    assert_eq!(output.stdout, b"said\n");
    assert!(begun.elapsed() < Duration::from_secs(14), "{:?}", begun.elapsed());
}

fn running(program: &Path, arguments: &[&str], limits: [&str; 2]) -> Command {
    let mut command = Command::new(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scripts/limit-tests.py"));
    command.arg(program).args(arguments);
    command.env("TEST_LIMIT", limits[0]).env("BINARY_LIMIT", limits[1]);
    command
}

fn run_tests(program: &Path, arguments: &[&str], limits: [&str; 2]) -> (Output, String) {
    let output = running(program, arguments, limits).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, text)
}

#[test]
#[ignore = "a part of the tests below, run by them"]
fn waits_for_ever() {
    let server = std::env::var_os("LIMITS_SERVER").unwrap();
    // Like a server it leaves whoever started it.
    let mut leaving = Command::new("sh");
    leaving.args(["-c", "setsid sleep 1000000 >/dev/null 2>&1 & echo $! >\"$0\""]).arg(server);
    assert!(leaving.status().unwrap().success());
    loop {
        std::thread::park();
    }
}

#[test]
#[ignore = "a part of the tests below, run by them"]
fn ends_at_once() {}

/// This very program, in which one test hangs: with several threads and with one.
#[test]
fn a_test_that_hangs_fails_by_name_and_leaves_nothing_running() {
    let program = std::env::current_exe().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("id");
    // Of several tests at once libtest names the slow ones after a minute only, and the limit of the program comes first.
    for (threads, limits) in [("--test-threads=2", ["600", "5"]), ("--test-threads=1", ["5", "600"])] {
        let output = running(&program, &["--ignored", threads], limits).env("LIMITS_SERVER", &file).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(101), "{text}");
        assert!(text.contains("test ends_at_once ... ok"), "{text}");
        assert!(text.contains("test waits_for_ever FAILED: "), "{text}");
        assert!(!text.contains("test ends_at_once FAILED"), "{text}");
        assert!(text.contains("sleep 1000000"), "what was running: {text}");
        assert!(gone(&file));
    }
}

/// What libtest prints of slow tests, by a program that prints just that.
#[test]
fn the_slow_test_is_the_one_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    let script = "#!/bin/sh\n\
        echo 'test wire::quick has been running for over 60 seconds'\n\
        echo 'test wire::slow has been running for over 60 seconds'\n\
        echo 'test wire::quick ... ok'\n\
        sleep 1000000\n";
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let (output, text) = run_tests(&program, &[], ["62", "600"]);
    assert_eq!(output.status.code(), Some(101), "{text}");
    assert!(text.contains("test wire::slow FAILED: it had not ended after 62 s"), "{text}");
    assert!(!text.contains("test wire::quick FAILED"), "{text}");
}

#[test]
fn a_program_that_ends_by_itself_is_passed_on_as_it_is() {
    let program = std::env::current_exe().unwrap();
    let (output, text) = run_tests(&program, &["--ignored", "ends_at_once"], ["60", "60"]);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("test ends_at_once ... ok") && text.contains("1 passed"), "{text}");
    let (output, _) = run_tests(Path::new("/bin/sh"), &["-c", "exit 101"], ["60", "60"]);
    assert_eq!(output.status.code(), Some(101));
    let (output, _) = run_tests(Path::new("/bin/sh"), &["-c", "kill -SEGV $$"], ["60", "60"]);
    assert_eq!(output.status.code(), Some(139));
}
