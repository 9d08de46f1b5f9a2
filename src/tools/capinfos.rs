//! capinfos: what a capture file is, and whether it is whole.

use std::path::Path;

use super::child::Exit;
use super::error::ToolError;
use super::locate::{Located, Tool};

/// What capinfos says of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureInfo {
    /// `pcap`, `pcapng`, … as Wireshark abbreviates it; of a damaged file capinfos tells only the packets.
    pub file_type: Option<String>,
    /// The link type as Wireshark abbreviates it: `ether`, `linux-sll2`, `per-packet` …
    pub encapsulation: Option<String>,
    /// Packets that can be read.
    pub packets: u64,
    /// Time of the earliest packet, nanoseconds since 1970; None without packets.
    pub first_time: Option<i64>,
    /// Time of the latest packet.
    pub last_time: Option<i64>,
    /// Whether the packets are in the order of their times.
    pub in_time_order: bool,
    /// Whether the file is whole.
    pub damage: Damage,
}

/// Whether a capture is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It is.
    None,
    /// It ends in the middle of a packet.
    CutShort,
    /// A packet is damaged and what comes after it cannot be read; in capinfos' words.
    Damaged(String),
}

/// Asks capinfos about a file.
pub fn inspect(capinfos: &Located, file: &Path) -> Result<CaptureInfo, ToolError> {
    let options = ["-M", "-S", "-t", "-E", "-c", "-a", "-e", "-o"];
    // A file name that begins with a dash is no option when a folder stands before it.
    let name = if file.is_absolute() { file.to_owned() } else { Path::new(".").join(file) };
    let (report, exit) = capinfos.command().args(options).arg(&name).run()?;
    let Exit { code, messages } = exit;
    let value = |key: &str| report.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':').map(str::trim));
    let counted = value("Number of packets").and_then(|packets| packets.parse().ok());
    let Some(packets) = counted.or_else(|| packets_before_damage(&messages)) else {
        return Err(match (code, messages.first()) {
            (Some(0), _) => ToolError::UnexpectedOutput { tool: Tool::Capinfos, text: report },
            (_, Some(reason)) => {
                let reason = reason.strip_prefix("capinfos: ").unwrap_or(reason).to_owned();
                ToolError::NotACapture { path: file.to_owned(), reason }
            }
            (code, None) => ToolError::Failed { tool: Tool::Capinfos, code, messages },
        });
    };
    let damage = match code {
        Some(0) => Damage::None,
        Some(1) => Damage::CutShort,
        _ => Damage::Damaged(messages.join(" ")),
    };
    Ok(CaptureInfo {
        file_type: value("File type").map(str::to_owned),
        encapsulation: value("File encapsulation").map(str::to_owned),
        packets,
        first_time: value("First packet time").or(value("Earliest packet time")).and_then(nanoseconds),
        last_time: value("Last packet time").or(value("Latest packet time")).and_then(nanoseconds),
        in_time_order: value("Strict time order") == Some("True"),
        damage,
    })
}

/// Of a file that is damaged within, capinfos prints no report, but says how far it came.
fn packets_before_damage(messages: &[String]) -> Option<u64> {
    let came =
        messages.iter().find_map(|line| line.split_once("An error occurred after reading ")?.1.split_once(' '))?;
    came.0.parse().ok()
}

/// `1795314733.703175` as nanoseconds.
fn nanoseconds(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = format!("{fraction:0<9}");
    let seconds: i64 = seconds.parse().ok()?;
    let fraction: i64 = fraction.get(..9)?.parse().ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(if text.starts_with('-') { -fraction } else { fraction })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capinfos() -> Located {
        Tool::Capinfos.locate(None).expect("the tests need capinfos: scripts/install-deps.sh")
    }

    fn quickstart() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/quickstart/capture.pcapng")
    }

    #[test]
    fn a_whole_capture_is_described() {
        let info = inspect(&capinfos(), &quickstart()).expect("a capture");
        assert_eq!((info.file_type.as_deref(), info.encapsulation.as_deref()), (Some("pcapng"), Some("ether")));
        assert!(info.packets > 100);
        assert!(info.first_time < info.last_time);
        assert_eq!(info.damage, Damage::None);
    }

    #[test]
    fn damage_and_what_is_no_capture_are_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let whole = std::fs::read(quickstart()).expect("the fixture");
        let file = folder.path().join("-cut.pcapng");
        std::fs::write(&file, &whole[..100_000]).expect("written");
        assert_eq!(inspect(&capinfos(), &file).expect("readable in part").damage, Damage::CutShort);
        let mut damaged = whole;
        let middle = damaged.len() / 2;
        damaged[middle..middle + 4000].fill(0xFF);
        std::fs::write(&file, &damaged).expect("written");
        let info = inspect(&capinfos(), &file).expect("readable in part");
        assert!(
            info.packets > 10 && matches!(&info.damage, Damage::Damaged(text) if text.contains("damaged")),
            "{info:?}"
        );
        std::fs::write(&file, "just text\n").expect("written");
        let error = inspect(&capinfos(), &file).expect_err("text");
        assert!(matches!(error, ToolError::NotACapture { .. }), "{error}");
        let error = inspect(&capinfos(), Path::new("/nowhere/x.pcap")).expect_err("no file");
        assert!(error.to_string().contains("/nowhere/x.pcap"), "{error}");
    }

    #[test]
    fn times_keep_their_nanoseconds() {
        assert_eq!(nanoseconds("1795314733.703175"), Some(1_795_314_733_703_175_000));
        assert_eq!(nanoseconds("1.000000001"), Some(1_000_000_001));
        assert_eq!(nanoseconds("-1.5"), Some(-1_500_000_000));
        assert_eq!(nanoseconds("n/a"), None);
    }
}
