//! The command lines of tshark.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::child::Command;
use super::error::ToolError;
use super::keys::SessionKey;
use super::locate::Located;
use super::profile::Profile;
use super::standstill::PATIENCE;

/// The fields of [`Tshark::wire_events_command`], in their order.
const WIRE_EVENT_FIELDS: [&str; 17] = [
    "frame.number",
    "frame.time_epoch",
    "arp.opcode",
    "arp.src.proto_ipv4",
    "arp.src.hw_mac",
    "arp.dst.proto_ipv4",
    "tcp.stream",
    "ip.src",
    "ipv6.src",
    "tcp.srcport",
    "ip.dst",
    "ipv6.dst",
    "tcp.dstport",
    "tcp.flags",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.analysis.retransmission",
];

/// In which order tshark puts the segments of TCP connections together. Neither finds all messages of all captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentOrder {
    /// By their sequence numbers: it waits for what is missing. It stops at a segment that never comes, and some versions stop
    /// where one is repeated before its message is complete.
    BySequence,
    /// As they were captured: what comes out of order is lost now and then.
    AsCaptured,
}

impl SegmentOrder {
    /// The preference, for `-o`. Which of its values is the default is not the same for all versions to come.
    pub fn preference(self) -> &'static str {
        match self {
            Self::BySequence => "tcp.reassemble_out_of_order:TRUE",
            Self::AsCaptured => "tcp.reassemble_out_of_order:FALSE",
        }
    }
}

/// tshark, with the preferences and keys that its runs share.
#[derive(Clone, Debug)]
pub struct Tshark {
    located: Located,
    profile: Arc<Profile>,
    patience: Duration,
}

impl Tshark {
    /// tshark at a place, with a profile.
    pub fn new(located: Located, profile: Profile) -> Self {
        Self { located, profile: Arc::new(profile), patience: PATIENCE }
    }

    /// The same with the keys of more sessions.
    pub fn with_session_keys(&self, keys: Vec<SessionKey>) -> Result<Self, ToolError> {
        let profile = Arc::new(self.profile.with_session_keys(keys)?);
        Ok(Self { located: self.located.clone(), profile, patience: self.patience })
    }

    /// The same, ended after so long without doing anything ([`Command::patience`]).
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Whether it has a keytab, with which it opens tickets.
    pub fn has_keytab(&self) -> bool {
        self.profile.has_keytab()
    }

    /// Where it is.
    pub fn located(&self) -> &Located {
        &self.located
    }

    /// Dissects PDUs given on stdin as a capture of link type 252 (`dissect::FeedWriter` writes it), and prints one
    /// object a PDU, in order. Flushes after each, so that rows come while the feed goes on.
    ///
    /// `raw` adds the bytes of PDUs and of what was decrypted or decompressed from them.
    pub fn pdu_feed_command(&self, raw: bool) -> Command {
        // Link type 252 is Wireshark Upper PDU; -l flushes after each packet. Of pipe traffic only the DCE/RPC layer is
        // printed: the interface shows as the name of a layer that is left out.
        let command = self.command().args(["-l", "-r", "-", "-T", "ek", "-J", "frame smb2 dcerpc"]);
        if raw { command.arg("-x") } else { command }
    }

    /// Opens the tickets in a feed of SESSION_SETUP messages, and prints a line a message: its number in the feed, a tab,
    /// and in hex the last key within, if any.
    pub fn ticket_keys_command(&self) -> Command {
        let fields = ["-e", "frame.number", "-e", "kerberos.keyvalue", "-E", "occurrence=l"];
        self.command().args(["-r", "-", "-T", "fields"]).args(fields)
    }

    /// Dissects a capture given on stdin that has the messages of some connections as a clean stream
    /// (`dissect::CleanStreamWriter` writes it), and prints one object for each that is SMB2, with the bytes that were
    /// decrypted or decompressed.
    pub fn clean_stream_command(&self) -> Command {
        self.command().args(["-l", "-r", "-", "-Y", "smb2", "-T", "ek", "-x", "-J", "frame smb2"])
    }

    /// Dissects a whole capture and prints one object for each frame that has SMB in it, with the bytes of each PDU (of
    /// SMB1 too: those are counted, and a multi-protocol NEGOTIATE explains the answer to it).
    ///
    /// `ports` are server ports beside 445 and 139.
    pub fn whole_file_command(&self, file: &Path, ports: &[u16], order: SegmentOrder) -> Command {
        let command = self.of_file(file, ports).args(["-o", order.preference()]);
        command.args(["-Y", "smb2 or smb", "-T", "ek", "-x", "-J", "frame ip ipv6 tcp smb smb2"])
    }

    /// Prints one object for each frame of a capture that has SMB1 in it (`dissect::smb1_messages` reads it).
    pub fn smb1_command(&self, file: &Path, ports: &[u16]) -> Command {
        self.of_file(file, ports).args(["-Y", "smb", "-T", "ek", "-J", "frame ip ipv6 tcp smb"])
    }

    /// Prints one frame in full, as `tshark -V` does.
    pub fn verbose_frame_command(&self, file: &Path, ports: &[u16], frame: u64) -> Command {
        let command = self.of_file(file, ports).arg("-Y").arg(format!("frame.number=={frame}"));
        command.arg("-V")
    }

    /// Prints a line of fields for each packet that begins or ends one of these TCP connections, repeats something of it after
    /// that, or asks for an address by ARP (`dissect::wire_event` reads it).
    pub fn wire_events_command(&self, file: &Path, ports: &[u16], streams: &[u32]) -> Command {
        let streams: Vec<_> = streams.iter().map(u32::to_string).collect();
        let of_them = format!("tcp.stream in {{{}}}", streams.join(", "));
        let marks = "tcp.flags.syn == 1 || tcp.flags.fin == 1 || tcp.flags.reset == 1 || tcp.analysis.retransmission";
        let mut command = self.of_file(file, ports).arg("-Y").arg(format!("arp || ({of_them} && ({marks}))"));
        command = command.args(["-T", "fields", "-E", "separator=/t", "-E", "occurrence=l"]);
        for field in WIRE_EVENT_FIELDS {
            command = command.args(["-e", field]);
        }
        command
    }

    fn of_file(&self, file: &Path, ports: &[u16]) -> Command {
        let mut command = self.command().arg("-r").arg(file);
        for port in ports.iter().filter(|port| !matches!(port, 445 | 139)) {
            command = command.arg("-d").arg(format!("tcp.port=={port},nbss"));
        }
        command
    }

    fn command(&self) -> Command {
        self.located.command().arg("-n").profile(Arc::clone(&self.profile)).patience(self.patience)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufRead;
    use std::path::PathBuf;

    use zeroize::Zeroizing;

    use super::super::child::{Ending, Input};
    use super::super::keys::Keys;
    use super::super::locate::Tool;
    use super::*;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
    }

    fn tshark(keys: &Keys) -> Tshark {
        let located = Tool::Tshark.locate(None).expect("the tests need tshark: scripts/install-deps.sh");
        Tshark::new(located, Profile::new(keys).expect("a profile"))
    }

    fn rows(command: &Command) -> (Vec<String>, Ending) {
        let mut child = command.spawn(Input::Null).expect("tshark starts");
        let output = child.take_output().expect("stdout");
        let rows = output.lines().map(|line| line.expect("a line")).filter(|line| !line.starts_with("{\"index\""));
        let rows = rows.collect();
        (rows, child.finish().expect("tshark ends well"))
    }

    #[test]
    fn the_whole_file_command_prints_the_frames_of_the_quickstart_capture() {
        let command = tshark(&Keys::default()).whole_file_command(
            &fixture("quickstart/capture.pcapng"),
            &[445],
            SegmentOrder::AsCaptured,
        );
        let (rows, ending) = rows(&command);
        assert!(rows.len() > 100 && rows.iter().all(|row| row.contains("\"smb2_raw\"")), "{} rows", rows.len());
        assert_eq!(ending, Ending::Complete);
    }

    #[test]
    fn a_capture_cut_short_gives_its_rows_and_is_partial() {
        let whole = std::fs::read(fixture("quickstart/capture.pcapng")).expect("the fixture");
        let folder = tempfile::tempdir().expect("a folder");
        let cut = folder.path().join("cut.pcapng");
        std::fs::write(&cut, &whole[..100_000]).expect("written");
        let (rows, ending) = rows(&tshark(&Keys::default()).whole_file_command(&cut, &[], SegmentOrder::AsCaptured));
        assert!(!rows.is_empty());
        assert!(matches!(&ending, Ending::Partial { messages } if messages.iter().any(|m| m.contains("cut short"))));
    }

    /// Sealed frames, and those of them that were opened.
    fn sealed_and_opened(keys: &Keys) -> (usize, usize) {
        let command =
            tshark(keys).whole_file_command(&fixture("encrypted/capture.pcapng"), &[], SegmentOrder::AsCaptured);
        let (rows, _) = rows(&command);
        let sealed = rows.iter().filter(|row| row.contains("\"smb2_smb2_header_transform_msg_size\""));
        let sealed: Vec<_> = sealed.collect();
        let opened = sealed.iter().filter(|row| row.contains("\"smb2_smb2_cmd\"")).count();
        (sealed.len(), opened)
    }

    #[test]
    fn sealed_frames_open_with_the_password() {
        let (sealed, opened) = sealed_and_opened(&Keys::default());
        assert!(sealed > 0);
        assert_eq!(opened, 0, "without keys");
        let password = Some(Zeroizing::new("Passw0rd!".to_owned()));
        assert_eq!(sealed_and_opened(&Keys { nt_password: password, ..Keys::default() }), (sealed, sealed));
    }

    #[test]
    fn sealed_frames_open_with_session_keys() {
        let list = std::fs::read_to_string(fixture("encrypted/keys.txt")).expect("the fixture's keys");
        let session_keys = list.lines().map(|line| line.parse().expect("a key")).collect();
        let (sealed, opened) = sealed_and_opened(&Keys { session_keys, ..Keys::default() });
        assert!(sealed > 0);
        assert_eq!(opened, sealed);
    }

    #[test]
    fn secrets_are_in_files_that_only_we_can_read_and_not_in_arguments() {
        use std::os::unix::fs::PermissionsExt;
        let keys = Keys {
            nt_password: Some(Zeroizing::new("Passw0rd!".to_owned())),
            session_keys: vec!["0x1:00112233445566778899aabbccddeeff".parse().expect("a key")],
            ..Keys::default()
        };
        let tshark = tshark(&keys);
        let command = tshark.whole_file_command(Path::new("x"), &[1445], SegmentOrder::BySequence);
        let folder = tshark.profile.folder();
        assert!(!format!("{command:?} {tshark:?}").contains("Passw0rd"));
        assert!(!format!("{command:?} {tshark:?}").contains("00112233"));
        let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode(folder), 0o700);
        assert_eq!(mode(&folder.join("preferences")), 0o600);
        assert_eq!(mode(&folder.join("smb2_seskey_list")), 0o600);
        let gone = folder.to_owned();
        drop(tshark);
        assert!(gone.exists(), "the command still needs it");
        drop(command);
        assert!(!gone.exists());
    }

    #[test]
    fn passwords_and_keytabs_that_tshark_would_misread_are_refused() {
        for password in [" leading", "two\nlines"] {
            let keys = Keys { nt_password: Some(Zeroizing::new(password.into())), ..Keys::default() };
            assert!(Profile::new(&keys).is_err(), "{password:?}");
        }
        let keys = Keys { keytab: Some("/nowhere/keytab".into()), ..Keys::default() };
        assert!(Profile::new(&keys).is_err());
    }
}
