//! What an SMB1 session did, out of its messages: requests with their answers, logins, and what came to each file. To look at, not to
//! replay.

use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::model::{NtStatus, Smb1Command, Smb1Message, Timestamp, path};

/// A request of SMB1 with its answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Smb1Operation {
    /// Frame of the request; of the response, when that alone is there.
    pub frame: u64,
    /// Frame of the response.
    pub response_frame: Option<u64>,
    /// Time of `frame`, in nanoseconds since 1970.
    pub time_ns: i64,
    /// Nanoseconds from the request to its response.
    pub latency_ns: Option<i64>,
    /// The TCP conversation, as Wireshark counts them.
    pub tcp_stream: u32,
    /// `address:port`
    pub client: String,
    /// `address:port`
    pub server: String,
    /// `DOMAIN\user` of the login that its UID stands for.
    pub user: Option<String>,
    /// The command, those of an AndX chain joined by `+`.
    pub command: String,
    /// `\\server\share`
    pub share: Option<String>,
    /// Path in the share.
    pub path: Option<String>,
    /// Target of a rename.
    pub new_path: Option<String>,
    /// Search pattern.
    pub pattern: Option<String>,
    /// Name of the status; null without an answer.
    pub status: Option<String>,
    /// Whether the answer is an error.
    pub failed: bool,
    /// Bytes read or written.
    pub bytes: Option<u64>,
    /// Always false: there is no replay of SMB1.
    pub replayable: bool,
}

/// A login over SMB1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Smb1Login {
    /// Frame of the request that names the user.
    pub frame: u64,
    /// `address:port`
    pub client: String,
    /// `address:port`
    pub server: String,
    /// Who; null for nobody, as in an anonymous login.
    pub user: Option<String>,
    /// Their domain.
    pub domain: Option<String>,
    /// From where, as the client says.
    pub workstation: Option<String>,
    /// Name of the status; null without an answer.
    pub status: Option<String>,
    /// Whether the server took them for a guest.
    pub guest: bool,
}

/// What came to a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Smb1File {
    /// `\\server\share`
    pub share: Option<String>,
    /// Path in the share.
    pub path: String,
    /// Opens that were granted.
    pub opens: u64,
    /// Requests that failed.
    pub failed: u64,
    /// READs that were answered with data.
    pub reads: u64,
    /// Their bytes.
    pub bytes_read: u64,
    /// WRITEs that were accepted.
    pub writes: u64,
    /// Their bytes.
    pub bytes_written: u64,
    /// Closes.
    pub closes: u64,
    /// Whether a request by its name deleted it.
    pub deleted: bool,
    /// What it was renamed to.
    pub renamed_to: Option<String>,
    /// Who, each once.
    pub users: Vec<String>,
    /// First and last frame of it.
    pub frames: (u64, u64),
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Smb1Activity {
    /// In order of time.
    pub logins: Vec<Smb1Login>,
    /// In the order in which they are first seen.
    pub files: Vec<Smb1File>,
    /// In the order of the requests.
    pub operations: Vec<Smb1Operation>,
}

/// The activity that messages, in the order of their frames, tell of.
pub fn smb1_activity(messages: impl IntoIterator<Item = Smb1Message>) -> Smb1Activity {
    let mut waiting: FxHashMap<(u32, (u32, u16)), usize> = FxHashMap::default();
    let mut pairs: Vec<(Smb1Message, Option<Smb1Message>)> = Vec::new();
    for message in messages {
        let key = (message.tcp_stream, message.multiplex);
        if !message.response {
            waiting.insert(key, pairs.len());
            pairs.push((message, None));
        } else if let Some(at) = waiting.remove(&key) {
            pairs[at].1 = Some(message);
        } else {
            pairs.push((message, None));
        }
    }
    let mut activity = Smb1Activity::default();
    let mut users: FxHashMap<(u32, u16), String> = FxHashMap::default();
    let mut places = FxHashMap::default();
    for (request, response) in pairs {
        let answer = response.as_ref().or(request.response.then_some(&request));
        activity.login(&request, answer, &mut users);
        let operation = operation(&request, answer, &users);
        activity.file(&request, answer, &operation, &mut places);
        activity.operations.push(operation);
    }
    activity
}

fn status_of(answer: &Smb1Message) -> Option<String> {
    match answer.dos_error {
        Some((0, 0)) => Some(NtStatus::SUCCESS.to_string()),
        Some((class, code)) => Some(format!("DOS error {class}/{code}")),
        None => answer.status.map(|status| status.to_string()),
    }
}

fn failed(answer: &Smb1Message) -> bool {
    match answer.dos_error {
        Some((class, _)) => class != 0,
        None => answer.status.is_some_and(NtStatus::is_error),
    }
}

fn operation(
    request: &Smb1Message,
    answer: Option<&Smb1Message>,
    users: &FxHashMap<(u32, u16), String>,
) -> Smb1Operation {
    let lone = request.response;
    let (client, server) = if lone { (&request.to, &request.from) } else { (&request.from, &request.to) };
    let of_both = |field: fn(&Smb1Message) -> &Option<String>| {
        field(request).clone().or_else(|| answer.and_then(|answer| field(answer).clone()))
    };
    let commands: Vec<_> = request.commands.iter().map(Smb1Command::to_string).collect();
    Smb1Operation {
        frame: request.frame,
        response_frame: answer.map(|answer| answer.frame),
        time_ns: request.time.0,
        latency_ns: answer.filter(|_| !lone).map(|answer| answer.time.since(request.time)),
        tcp_stream: request.tcp_stream,
        client: client.clone(),
        server: server.clone(),
        user: users.get(&(request.tcp_stream, request.user_id)).cloned(),
        command: commands.join("+"),
        share: of_both(|message| &message.share),
        // The answer to a search names what was found.
        path: match request.pattern {
            Some(_) => request.path.clone(),
            None => of_both(|message| &message.path),
        },
        new_path: request.new_path.clone(),
        pattern: request.pattern.clone(),
        status: answer.and_then(status_of),
        failed: answer.is_some_and(failed),
        bytes: answer.and_then(|answer| answer.bytes),
        replayable: false,
    }
}

impl Smb1Activity {
    fn login(
        &mut self,
        request: &Smb1Message,
        answer: Option<&Smb1Message>,
        users: &mut FxHashMap<(u32, u16), String>,
    ) {
        let setup = request.commands.contains(&Smb1Command::SESSION_SETUP_ANDX) && !request.response;
        // The first leg of an NTLM login names nobody, and is no login yet.
        let goes_on = answer.is_some_and(|answer| answer.status == Some(NtStatus::MORE_PROCESSING_REQUIRED));
        if !setup || goes_on {
            return;
        }
        if let Some(answer) = answer.filter(|answer| !failed(answer)) {
            let user = request.user.as_deref().unwrap_or("anonymous");
            let named = match request.domain.as_deref() {
                Some(domain) => format!("{domain}\\{user}"),
                None => user.to_owned(),
            };
            users.insert((answer.tcp_stream, answer.user_id), named);
        }
        self.logins.push(Smb1Login {
            frame: request.frame,
            client: request.from.clone(),
            server: request.to.clone(),
            user: request.user.clone(),
            domain: request.domain.clone(),
            workstation: request.workstation.clone(),
            status: answer.and_then(status_of),
            guest: answer.is_some_and(|answer| answer.guest),
        });
    }

    fn file(
        &mut self,
        request: &Smb1Message,
        answer: Option<&Smb1Message>,
        operation: &Smb1Operation,
        places: &mut FxHashMap<(Option<String>, String), usize>,
    ) {
        let pipe = operation.share.as_deref().is_some_and(path::is_ipc);
        let Some(path) = operation.path.as_ref().filter(|_| !pipe) else { return };
        let next = self.files.len();
        let at = *places.entry((operation.share.clone(), path.clone())).or_insert(next);
        if at == next {
            self.files.push(Smb1File {
                share: operation.share.clone(),
                path: path.clone(),
                frames: (operation.frame, operation.frame),
                ..Smb1File::default()
            });
        }
        let file = &mut self.files[at];
        file.frames.1 = operation.response_frame.unwrap_or(operation.frame);
        if let Some(user) = operation.user.as_ref().filter(|user| !file.users.contains(user)) {
            file.users.push(user.clone());
        }
        if answer.is_none() {
            return;
        }
        if operation.failed {
            file.failed += 1;
            return;
        }
        let bytes = operation.bytes.unwrap_or_default();
        for command in &request.commands {
            file.opens += u64::from(command.opens());
            file.deleted |= command.deletes();
            file.closes += u64::from(*command == Smb1Command::CLOSE);
            if command.reads() {
                file.reads += 1;
                file.bytes_read += bytes;
            }
            if command.writes() {
                file.writes += 1;
                file.bytes_written += bytes;
            }
        }
        file.renamed_to = operation.new_path.clone().or(file.renamed_to.take());
    }
}

impl Smb1Operation {
    /// When it began.
    pub fn time(&self) -> Timestamp {
        Timestamp(self.time_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(frame: u64, command: u8, mid: u16, response: bool) -> Smb1Message {
        Smb1Message {
            frame,
            time: Timestamp(frame as i64),
            response,
            commands: vec![Smb1Command(command)],
            status: response.then_some(NtStatus::SUCCESS),
            multiplex: (1, mid),
            from: if response { "server" } else { "client" }.into(),
            to: if response { "client" } else { "server" }.into(),
            ..Smb1Message::default()
        }
    }

    #[test]
    fn requests_meet_their_answers_and_what_has_none_stays() {
        let refused = NtStatus(0xC000_0022);
        let activity = smb1_activity([
            Smb1Message { user: Some("ann".into()), domain: Some("CORP".into()), ..message(1, 0x73, 1, false) },
            Smb1Message { user_id: 7, ..message(2, 0x73, 1, true) },
            Smb1Message { user_id: 7, path: Some("a".into()), ..message(3, 0xA2, 2, false) },
            Smb1Message { user_id: 7, path: Some("a".into()), ..message(4, 0x2E, 3, false) },
            Smb1Message { bytes: Some(512), ..message(6, 0x2E, 3, true) },
            message(7, 0xA2, 2, true),
            Smb1Message { path: Some("a".into()), ..message(8, 0x06, 4, false) },
            Smb1Message { status: Some(refused), ..message(9, 0x06, 4, true) },
            message(10, 0x2F, 5, false),
            message(11, 0x04, 6, true),
        ]);
        let frames: Vec<_> = activity.operations.iter().map(|op| (op.frame, op.response_frame)).collect();
        let pairs = [(1, Some(2)), (3, Some(7)), (4, Some(6)), (8, Some(9)), (10, None), (11, Some(11))];
        assert_eq!(frames, pairs);
        assert!(activity.operations.iter().all(|op| op.client == "client" && !op.replayable));
        assert_eq!(activity.operations[2].user.as_deref(), Some("CORP\\ann"));
        assert_eq!(activity.operations[2].latency_ns, Some(2));
        assert_eq!(activity.logins.len(), 1);
        let file = &activity.files[0];
        assert_eq!((file.opens, file.reads, file.bytes_read, file.failed), (1, 1, 512, 1));
        assert_eq!((file.users.len(), file.frames), (1, (3, 9)));
    }
}
