//! Workarounds for faults of dependencies, and the versions that have them: who updates one of these looks whether it still does.

/// A fault that we work around.
pub(crate) struct Workaround {
    /// The crate.
    package: &'static str,
    /// The newest version that is known to have the fault.
    newest_with_fault: (u64, u64, u64),
    /// What to do about a newer one.
    to_do: &'static str,
}

/// All of them.
pub(crate) const WORKAROUNDS: [Workaround; 1] = [Workaround {
    package: "datafusion-physical-plan",
    newest_with_fault: (55, 2, 0),
    to_do: "queries could hang for ever in RepartitionExec (apache/datafusion#24883; src/query/one_writer.rs). Look whether \
            this version has the cure #24891: the reader of a spill pool (src/spill/spill_pool.rs) then reads from any open \
            file, not from the oldest alone. If so, remove src/query/one_writer.rs but for its test of queries in little \
            memory, and the workaround here and in docs/adr/0020-datafusion-for-sql.md and docs/performance.md. If not, raise \
            newest_with_fault",
}];

/// The version of a package in `Cargo.lock`.
fn locked(lock: &str, package: &str) -> Option<(u64, u64, u64)> {
    let mut lines = lock.lines().skip_while(|line| *line != format!("name = \"{package}\""));
    let version = lines.nth(1)?.strip_prefix("version = \"")?.trim_end_matches('"');
    let mut numbers = version.split(['.', '-', '+']).map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

/// Dependencies that are newer than what was looked at, or are there no more.
pub(crate) fn findings(lock: &str, workarounds: &[Workaround]) -> Vec<String> {
    let finding = |workaround: &Workaround| {
        let package = workaround.package;
        match locked(lock, package) {
            None => {
                Some(format!("Cargo.lock has no {package}, and there is a workaround for it: {}", workaround.to_do))
            }
            Some(version) if version > workaround.newest_with_fault => {
                let (major, minor, patch) = version;
                Some(format!(
                    "{package} is {major}.{minor}.{patch} now. Up to {:?} {}",
                    workaround.newest_with_fault, workaround.to_do
                ))
            }
            Some(_) => None,
        }
    };
    workarounds.iter().filter_map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_versions_and_missing_packages_are_found() {
        let lock = |version: &str| {
            format!("[[package]]\nname = \"datafusion-physical-plan\"\nversion = \"{version}\"\nsource = \"x\"\n")
        };
        assert!(findings(&lock("55.2.0"), &WORKAROUNDS).is_empty());
        assert!(findings(&lock("55.1.9"), &WORKAROUNDS).is_empty());
        for version in ["55.2.1", "55.3.0", "56.0.0"] {
            let found = findings(&lock(version), &WORKAROUNDS);
            assert!(found.len() == 1 && found[0].contains(version) && found[0].contains("24891"), "{found:?}");
        }
        assert_eq!(findings("[[package]]\nname = \"datafusion\"\nversion = \"55.2.0\"\n", &WORKAROUNDS).len(), 1);
    }
}
