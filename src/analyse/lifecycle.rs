//! The story of a session, as a person would tell it who reads the capture in Wireshark: point by point, with the frame and
//! the display filter that show each.

mod wire;

use rustc_hash::FxHashMap;
use serde::Serialize;

pub use self::wire::wire_points;
use super::opens::{Point, as_text};
use crate::model::message::{NegotiateRequest, NegotiateResponse, SessionSetupResponse, TreeConnectResponse};
use crate::model::{Command, FileId, NtStatus, Operation, Part, Timestamp};

/// One point of the story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoryPoint {
    /// The frame that shows it.
    pub frame: u64,
    /// Its time.
    #[serde(serialize_with = "as_text")]
    pub time: Timestamp,
    /// What part of the story it is.
    pub part: StoryPart,
    /// What happened.
    pub text: String,
    /// What shows it, and all that belongs to it, in Wireshark.
    pub display_filter: String,
}

/// The parts of the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum StoryPart {
    Arp,
    Tcp,
    Negotiate,
    Login,
    Tree,
    Open,
    Transfer,
    Change,
    Close,
    Failure,
    Break,
    Logoff,
}

impl StoryPart {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arp => "ARP",
            Self::Tcp => "TCP",
            Self::Negotiate => "negotiate",
            Self::Login => "login",
            Self::Tree => "tree",
            Self::Open => "open",
            Self::Transfer => "transfer",
            Self::Change => "change",
            Self::Close => "close",
            Self::Failure => "failure",
            Self::Break => "break",
            Self::Logoff => "logoff",
        }
    }
}

/// READs or WRITEs of an open.
#[derive(Clone, Copy, Debug, Default)]
struct Transfers {
    count: u64,
    asked: u64,
    moved: u64,
    last: Option<Point>,
}

/// What is known of an open that is alive.
#[derive(Debug, Default)]
struct OpenFile {
    path: String,
    tcp_stream: u32,
    reads: Transfers,
    writes: Transfers,
}

/// Tells the story of a session from its operations, in their order.
#[derive(Debug, Default)]
pub struct Lifecycle {
    points: Vec<StoryPoint>,
    opens: FxHashMap<FileId, OpenFile>,
    last: Option<Point>,
    logged_in: bool,
    logged_off: bool,
}

impl Lifecycle {
    /// The commands whose PDUs are looked at.
    pub const BODIES: &'static [Command] = &[Command::Negotiate, Command::SessionSetup, Command::TreeConnect];

    /// Takes the next operation; `user` is who logged in, as far as known.
    pub fn add(&mut self, operation: &Operation, user: &str) {
        let Some(at) = operation.response.as_ref().or(operation.request.as_ref()).map(point_of) else { return };
        self.last = Some(at);
        let failed = operation.status.filter(|status| status.is_error());
        if operation.status.is_none() && expects_an_answer(operation.command) {
            let text = format!("{}{} has no answer in the capture", operation.command, named(operation));
            return self.tell(operation, at, StoryPart::Failure, text);
        }
        match (operation.command, failed) {
            (Command::Negotiate, None) => self.negotiate(operation, at),
            (Command::SessionSetup, _) => self.session_setup(operation, at, user),
            (Command::TreeConnect, None) => self.tree_connect(operation, at),
            (Command::Create, None) => self.create(operation, at),
            (Command::Read | Command::Write, None) => self.transfer(operation, at),
            (Command::SetInfo, None) => self.set_info(operation, at),
            (Command::Close, None) => self.close(operation, at),
            (Command::OplockBreak, None) if operation.request.is_none() => {
                self.tell(
                    operation,
                    at,
                    StoryPart::Break,
                    format!("the server breaks an oplock or lease{}", named(operation)),
                );
            }
            (Command::TreeDisconnect, None) => {
                let share = operation.share.as_deref().unwrap_or("a share");
                self.tell(
                    operation,
                    at,
                    StoryPart::Tree,
                    format!("{share} disconnected (TreeId {})", operation.tree_id),
                );
            }
            (Command::Logoff, None) => {
                self.logged_off = true;
                self.tell(operation, at, StoryPart::Logoff, "logged off".to_owned());
            }
            (command, Some(status)) => {
                let text = format!("{command}{} failed: {status}", named(operation));
                self.tell(operation, at, StoryPart::Failure, text);
            }
            _ => {}
        }
    }

    /// The story to its end, in the order of the frames.
    pub fn finish(mut self) -> Vec<StoryPoint> {
        let mut left: Vec<_> = std::mem::take(&mut self.opens).into_iter().collect();
        left.sort_by(|(_, a), (_, b)| a.path.cmp(&b.path));
        for (file_id, file) in left {
            self.transfers(file_id, &file);
            let text = format!("{} is still open when the capture ends, or its connection does", shown(&file.path));
            let filter = filter(file.tcp_stream, &format!("smb2.fid == {}", file_id.as_guid()));
            self.tell_at_end(StoryPart::Close, text, filter);
        }
        if self.logged_in && !self.logged_off {
            self.tell_at_end(StoryPart::Logoff, "no LOGOFF in the capture".to_owned(), "smb2.cmd == 2".to_owned());
        }
        self.points.sort_by_key(|point| point.frame);
        self.points
    }

    fn tell(&mut self, operation: &Operation, at: Point, part: StoryPart, text: String) {
        let display_filter =
            filter(operation.connection.tcp_stream, &format!("smb2.msg_id == {}", operation.message_id));
        self.points.push(StoryPoint { frame: at.frame, time: at.time, part, text, display_filter });
    }

    fn tell_at_end(&mut self, part: StoryPart, text: String, display_filter: String) {
        if let Some(at) = self.last {
            self.points.push(StoryPoint { frame: at.frame, time: at.time, part, text, display_filter });
        }
    }

    fn negotiate(&mut self, operation: &Operation, at: Point) {
        let request = operation.request.as_ref().and_then(|part| NegotiateRequest::decode(&part.pdu).ok());
        let response = operation.response.as_ref().and_then(|part| NegotiateResponse::decode(&part.pdu).ok());
        let offered = match request {
            Some(body) => body.dialects.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            None => "SMB1 and others".to_owned(),
        };
        let text = match response {
            Some(body) => format!(
                "dialects offered: {offered}; the server chose {}, signing {}",
                body.dialect,
                if body.security_mode & 2 != 0 { "required" } else { "as wished" }
            ),
            None => format!("dialects offered: {offered}; no answer"),
        };
        self.tell(operation, at, StoryPart::Negotiate, text);
    }

    fn session_setup(&mut self, operation: &Operation, at: Point, user: &str) {
        let who = if user.is_empty() { String::new() } else { format!(" as {user}") };
        let text = match operation.status {
            Some(NtStatus::SUCCESS) => {
                self.logged_in = true;
                let flags = operation.response.as_ref().and_then(|part| SessionSetupResponse::decode(&part.pdu).ok());
                let flags = flags.map_or(0, |body| body.session_flags);
                let mut kind = Vec::new();
                for (flag, name) in [
                    (SessionSetupResponse::FLAG_IS_GUEST, "guest"),
                    (SessionSetupResponse::FLAG_IS_NULL, "anonymous"),
                    (SessionSetupResponse::FLAG_ENCRYPT_DATA, "sealed"),
                ] {
                    kind.extend((flags & flag != 0).then_some(name));
                }
                let kind = if kind.is_empty() { String::new() } else { format!(" ({})", kind.join(", ")) };
                format!("logged in{who}{kind}, session {}", operation.session_id)
            }
            Some(NtStatus::MORE_PROCESSING_REQUIRED) => "login begins, the server asks for more".to_owned(),
            Some(status) => format!("login{who} failed: {status}"),
            None => "login without an answer".to_owned(),
        };
        self.tell(operation, at, StoryPart::Login, text);
    }

    fn tree_connect(&mut self, operation: &Operation, at: Point) {
        let share = operation.share.as_deref().unwrap_or("a share");
        let body = operation.response.as_ref().and_then(|part| TreeConnectResponse::decode(&part.pdu).ok());
        let kind = match body.map(|body| body.share_type) {
            Some(1) => ", a disk",
            Some(TreeConnectResponse::SHARE_TYPE_PIPE) => ", for pipes",
            Some(3) => ", a printer",
            _ => "",
        };
        self.tell(operation, at, StoryPart::Tree, format!("{share} connected (TreeId {}{kind})", operation.tree_id));
    }

    fn create(&mut self, operation: &Operation, at: Point) {
        let path = operation.path.as_deref().unwrap_or("?");
        let verb = match operation.facts.create_action {
            Some(0) => "superseded",
            Some(2) => "created",
            Some(3) => "overwritten",
            _ => "opened",
        };
        let Some(file_id) = operation.file_id else { return };
        let text = format!("{} {verb} (FileId {})", shown(path), file_id.as_guid());
        self.tell(operation, at, StoryPart::Open, text);
        let tcp_stream = operation.connection.tcp_stream;
        self.opens.insert(file_id, OpenFile { path: path.to_owned(), tcp_stream, ..OpenFile::default() });
    }

    fn transfer(&mut self, operation: &Operation, at: Point) {
        let Some(file_id) = operation.file_id else { return };
        let file = self.opens.entry(file_id).or_insert_with(|| OpenFile {
            path: operation.path.as_deref().unwrap_or("?").to_owned(),
            tcp_stream: operation.connection.tcp_stream,
            ..OpenFile::default()
        });
        let transfers = if operation.command == Command::Read { &mut file.reads } else { &mut file.writes };
        transfers.count += 1;
        transfers.asked += operation.facts.length.unwrap_or_default();
        transfers.moved += operation.facts.bytes.unwrap_or_default();
        transfers.last = Some(at);
    }

    /// The transfers of an open, at the last of each.
    fn transfers(&mut self, file_id: FileId, file: &OpenFile) {
        for (command, transfers, verb) in
            [(Command::Read, file.reads, "returned"), (Command::Write, file.writes, "confirmed")]
        {
            let Some(at) = transfers.last else { continue };
            let Transfers { count, asked, moved, .. } = transfers;
            let s = if count == 1 { "" } else { "s" };
            let text =
                format!("{}: {count} {command}{s}, {asked} bytes asked for, {moved} {verb}", shown(&file.path));
            let of = format!("smb2.cmd == {} && smb2.fid == {}", command.code(), file_id.as_guid());
            let display_filter = filter(file.tcp_stream, &of);
            self.points.push(StoryPoint {
                frame: at.frame,
                time: at.time,
                part: StoryPart::Transfer,
                text,
                display_filter,
            });
        }
    }

    fn set_info(&mut self, operation: &Operation, at: Point) {
        let text = match (&operation.new_path, operation.facts.info_type, operation.facts.info_class) {
            (Some(new_path), _, Some(11)) => format!("hard link {new_path} made{}", named(operation)),
            (Some(new_path), ..) => format!("renamed{} to {new_path}", named(operation)),
            (None, Some(1), Some(13 | 64)) => format!("disposition{} set: to be deleted, or not", named(operation)),
            (None, Some(1), Some(20)) => format!("length{} set", named(operation)),
            (None, Some(3), _) => format!("security{} set", named(operation)),
            _ => return,
        };
        self.tell(operation, at, StoryPart::Change, text);
    }

    fn close(&mut self, operation: &Operation, at: Point) {
        if let Some(file_id) = operation.file_id
            && let Some(file) = self.opens.remove(&file_id)
        {
            self.transfers(file_id, &file);
        }
        let size = operation.facts.end_of_file.map_or(String::new(), |size| format!(", {size} bytes long"));
        let status = operation.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        let text = format!("{} closed: {status}{size}", shown(operation.path.as_deref().unwrap_or("?")));
        self.tell(operation, at, StoryPart::Close, text);
    }
}

/// What is told without an answer: logins for themselves; a CANCEL has none, and others may come much later.
fn expects_an_answer(command: Command) -> bool {
    !matches!(
        command,
        Command::Negotiate | Command::SessionSetup | Command::Cancel | Command::ChangeNotify | Command::OplockBreak
    )
}

fn point_of(part: &Part) -> Point {
    Point { frame: part.frame, time: part.time }
}

/// The share's root has an empty path.
fn shown(path: &str) -> &str {
    if path.is_empty() { "\\" } else { path }
}

fn named(operation: &Operation) -> String {
    let share = matches!(operation.command, Command::TreeConnect).then_some(operation.share.as_deref()).flatten();
    match share.or(operation.path.as_deref()) {
        Some(path) => format!(" of {}", shown(path)),
        None => String::new(),
    }
}

fn filter(tcp_stream: u32, rest: &str) -> String {
    format!("tcp.stream == {tcp_stream} && {rest}")
}

#[cfg(test)]
mod tests;
