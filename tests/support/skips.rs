//! Tests that cannot be made here. They say so, and `scripts/test.sh` counts them; as root it lets none pass.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::panic::Location;

/// Whether this runs without root's rights. A test that needs them for what is named here ends then.
#[track_caller]
pub(crate) fn without_root(what: &str) -> bool {
    // A folder that belongs to whom the process runs as.
    let uid = std::fs::metadata("/proc/self").expect("/proc is there").uid();
    if uid != 0 {
        skipped(&format!("only root may {what}"));
    }
    uid != 0
}

/// Says that the test was skipped, and why; `SMBREPLAY_SKIPPED` names the file in which such tests are counted.
#[track_caller]
pub(crate) fn skipped(reason: &str) {
    let place = Location::caller();
    let thread = std::thread::current();
    let name = thread.name().filter(|name| name.contains("::") || *name != "main").unwrap_or(place.file());
    let line = format!("{}: {name}: {reason}\n", place.file());
    eprint!("SKIPPED: {line}");
    if let Some(file) = std::env::var_os("SMBREPLAY_SKIPPED") {
        let file = std::fs::File::options().append(true).create(true).open(file);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("SMBREPLAY_SKIPPED can be written to");
    }
}
