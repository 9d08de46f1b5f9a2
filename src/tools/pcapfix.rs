//! pcapfix: repairs a damaged capture into a copy.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::error::ToolError;
use super::locate::{Located, Tool};
use super::profile::private_folder;

/// Exit status for an empty file.
const EXIT_EMPTY: i32 = 252;
/// Exit status for a file that is no capture.
const EXIT_NOT_A_CAPTURE: i32 = 245;
/// Exit status for a file that cannot be opened.
const EXIT_NO_FILE: i32 = 254;

/// What pcapfix made of a capture.
#[derive(Debug)]
pub enum Repair {
    /// There was nothing to repair.
    Sound,
    /// A repaired copy.
    Repaired(RepairedCapture),
}

/// A repaired copy in a private folder, removed when dropped.
#[derive(Debug)]
pub struct RepairedCapture {
    path: PathBuf,
    said: Vec<String>,
    // Holds the folder of the path.
    _folder: TempDir,
}

impl RepairedCapture {
    /// Where the copy is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What pcapfix said it did: its first findings, and the last.
    pub fn said(&self) -> &[String] {
        &self.said
    }
}

/// Repairs a capture. Compressed ones are refused: pcapfix takes them for damaged ones and makes junk of them.
pub fn repair(pcapfix: &Located, file: &Path) -> Result<Repair, ToolError> {
    let not_a_capture = |reason: &str| ToolError::NotACapture { path: file.to_owned(), reason: reason.to_owned() };
    if is_compressed(file).map_err(|error| not_a_capture(&error.to_string()))? {
        return Err(ToolError::Compressed { path: file.to_owned() });
    }
    let private = |source| ToolError::PrivateFolder { tool: Tool::Pcapfix, source };
    let folder = private_folder("smbreplay-pcapfix-").map_err(private)?;
    let path = folder.path().join("repaired");
    let absolute = std::path::absolute(file).map_err(private)?;
    // In its own folder: without -o, and for what it keeps beside, it writes to the working folder.
    let command = pcapfix.command().arg("-o").arg(&path).arg(absolute).folder(folder.path());
    let (printed, exit) = command.run()?;
    match exit.code {
        Some(0) if path.exists() => {
            Ok(Repair::Repaired(RepairedCapture { path, said: findings(&printed), _folder: folder }))
        }
        Some(0) => Ok(Repair::Sound),
        Some(EXIT_EMPTY) => Err(not_a_capture("the file is empty")),
        Some(EXIT_NOT_A_CAPTURE) => Err(not_a_capture("this is no capture that pcapfix could repair")),
        Some(EXIT_NO_FILE) => Err(not_a_capture("there is no such file")),
        code => Err(ToolError::Failed { tool: Tool::Pcapfix, code, messages: exit.messages }),
    }
}

/// The lines about damage: `[-] …` and `[+] … CORRECTED …`, with the verdict at the end.
fn findings(printed: &str) -> Vec<String> {
    const MOST: usize = 5;
    let finding = |line: &str| {
        let text = line.strip_prefix("[-] ").or_else(|| {
            line.strip_prefix("[+] ").filter(|text| text.contains("CORRECTED") || text.contains("SUCCESS"))
        })?;
        Some(text.trim().to_owned())
    };
    let mut found: Vec<_> = printed.lines().filter_map(finding).collect();
    if found.len() > MOST {
        let last = found.pop();
        let more = found.len() - (MOST - 1);
        found.truncate(MOST - 1);
        found.push(format!("{more} more"));
        found.extend(last);
    }
    found
}

/// gzip and zstd, by their first bytes.
fn is_compressed(file: &Path) -> std::io::Result<bool> {
    let mut start = Vec::new();
    File::open(file)?.take(4).read_to_end(&mut start)?;
    Ok(start.starts_with(&[0x1F, 0x8B]) || start.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pcapfix() -> Located {
        Tool::Pcapfix.locate(None).expect("the tests need pcapfix: scripts/install-deps.sh")
    }

    fn quickstart() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/quickstart/capture.pcapng")
    }

    #[test]
    fn a_sound_capture_stays_and_a_cut_one_is_repaired_into_a_private_copy() {
        assert!(matches!(repair(&pcapfix(), &quickstart()), Ok(Repair::Sound)));
        let folder = tempfile::tempdir().expect("a folder");
        let cut = folder.path().join("cut.pcapng");
        let whole = std::fs::read(quickstart()).expect("the fixture");
        std::fs::write(&cut, &whole[..100_000]).expect("written");
        let Ok(Repair::Repaired(repaired)) = repair(&pcapfix(), &cut) else { panic!("not repaired") };
        let copy = repaired.path().to_owned();
        assert_eq!(repaired.said().last().map(String::as_str), Some("SUCCESS: 3 Corruption(s) fixed!"));
        assert!(repaired.said().len() > 1);
        assert!(std::fs::metadata(&copy).expect("the copy").len() > 0);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is written beside it");
        drop(repaired);
        assert!(!copy.exists());
    }

    #[test]
    fn what_cannot_be_repaired_says_why() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("x");
        for (content, expected) in [
            (&b""[..], "empty"),
            (b"just text, and a good deal of it so that a header would fit\n", "no capture"),
            (&[0x1F, 0x8B, 8, 0], "compressed"),
        ] {
            std::fs::write(&file, content).expect("written");
            let error = repair(&pcapfix(), &file).expect_err(expected);
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert!(repair(&pcapfix(), Path::new("/nowhere/x")).is_err());
    }
}
