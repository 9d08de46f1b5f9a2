//! What stands out for somebody who looks for trouble: named as what it is, with its frame, and no verdict.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use super::opens::{Opens, Point};
use crate::model::{Anomaly, Command, Dialect, NtStatus, Operation, SessionEntry, path};

/// So many renames or deletes …
const MANY: usize = 20;
/// … within so many nanoseconds are many at once.
const AT_ONCE_NS: i64 = 60_000_000_000;
/// So many failed logins of a client are told as one.
const MANY_LOGINS: u64 = 5;

/// What stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum FindingKind {
    Smb1,
    OldDialect,
    Unprotected,
    Guest,
    Anonymous,
    FailedLogin,
    ManyFailedLogins,
    AdminShare,
    ServiceControl,
    TaskScheduler,
    RemoteRegistry,
    AccountDatabase,
    RemotePipe,
    MassRename,
    MassDelete,
}

impl FindingKind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Smb1 => "SMB1",
            Self::OldDialect => "old dialect",
            Self::Unprotected => "neither signed nor sealed",
            Self::Guest => "guest",
            Self::Anonymous => "anonymous",
            Self::FailedLogin => "failed login",
            Self::ManyFailedLogins => "many failed logins",
            Self::AdminShare => "admin share",
            Self::ServiceControl => "service control",
            Self::TaskScheduler => "task scheduler",
            Self::RemoteRegistry => "remote registry",
            Self::AccountDatabase => "account database",
            Self::RemotePipe => "pipe",
            Self::MassRename => "mass rename",
            Self::MassDelete => "mass delete",
        }
    }
}

/// One thing that stands out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// In which session; null for the capture as a whole.
    pub session: Option<String>,
    /// Where it is seen first; null for what the capture's totals tell.
    pub frame: Option<u64>,
    /// Its time.
    pub time: Option<String>,
    /// How often.
    pub count: u64,
    /// In words.
    pub text: String,
}

/// Pipes by what is done through them.
const PIPES: [(&str, FindingKind, &str); 8] = [
    ("svcctl", FindingKind::ServiceControl, "services of the server can be made, started and stopped through it"),
    ("atsvc", FindingKind::TaskScheduler, "tasks of the server can be made through it"),
    ("winreg", FindingKind::RemoteRegistry, "the server's registry can be read and changed through it"),
    ("samr", FindingKind::AccountDatabase, "users and groups can be listed and changed through it"),
    ("lsarpc", FindingKind::AccountDatabase, "names and identifiers of accounts can be looked up through it"),
    ("netlogon", FindingKind::AccountDatabase, "domain logins go through it"),
    ("efsrpc", FindingKind::RemotePipe, "the server can be made to log in elsewhere through it"),
    ("spoolss", FindingKind::RemotePipe, "the print service; the server can be made to log in elsewhere through it"),
];

/// Looks at the operations of one session after the other.
#[derive(Debug, Default)]
pub struct Findings {
    session: String,
    found: BTreeMap<(String, FindingKind, String), Finding>,
    opens: Opens,
    renames: Burst,
    failed_logins: BTreeMap<String, (u64, Option<Point>)>,
}

/// Things of a kind, and how many of them came close together.
#[derive(Debug, Default)]
struct Burst {
    recent: VecDeque<Point>,
    /// The first, the last, and how many, of the greatest burst.
    most: Option<(Point, Point, usize)>,
}

impl Findings {
    /// The commands whose PDUs are looked at.
    pub const BODIES: &'static [Command] = &[Command::SetInfo];

    /// SMB1 in the capture, which has no operations in the dataset.
    pub fn smb1(&mut self, messages: u64) {
        if messages > 0 {
            let text = format!("{messages} SMB1 messages; `smbreplay smb1 FILE` shows them; they cannot be replayed");
            self.note(FindingKind::Smb1, None, messages, text);
        }
    }

    /// The operations that follow are of this session.
    pub fn begin_session(&mut self, entry: &SessionEntry) {
        self.end_session();
        self.session.clone_from(&entry.id);
        self.opens.begin_session(&entry.id, "");
        if let Some(dialect) = entry.dialect.filter(|dialect| *dialect < Dialect::SMB3_0) {
            let text = format!("SMB {dialect}: no encryption, and its negotiation can be tampered with");
            self.note(FindingKind::OldDialect, None, 1, text);
        }
        if !entry.signing && !entry.encryption {
            self.note(FindingKind::Unprotected, None, 1, "no request is signed or sealed".to_owned());
        }
        if entry.login.guest {
            self.note(FindingKind::Guest, None, 1, "the server let the client in as a guest".to_owned());
        }
        if entry.login.anonymous {
            self.note(FindingKind::Anonymous, None, 1, "the client logged in without a name".to_owned());
        }
    }

    /// Takes the next operation.
    pub fn add(&mut self, operation: &Operation) {
        let part = operation.response.as_ref().or(operation.request.as_ref());
        let at = part.map(|part| Point { frame: part.frame, time: part.time });
        self.opens.add(operation);
        if operation.anomalies.contains(Anomaly::Smb1Negotiate) {
            let text = "the client began with an SMB1 NEGOTIATE that offers SMB2".to_owned();
            self.note(FindingKind::Smb1, at, 1, text);
        }
        let succeeded = operation.status.is_some_and(|status| !status.is_error());
        match operation.command {
            Command::SessionSetup => {
                if let Some(status) = operation.status.filter(|status| status.is_error()) {
                    self.failed_login(operation, status, at);
                }
            }
            Command::TreeConnect => {
                if let Some(share) = operation.share.as_deref().filter(|share| is_admin_share(share)) {
                    let status = operation.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
                    self.note(FindingKind::AdminShare, at, 1, format!("{share} connected: {status}"));
                }
            }
            Command::Create if succeeded && operation.share.as_deref().is_some_and(path::is_ipc) => {
                let name = operation.path.as_deref().unwrap_or_default();
                let pipe = PIPES.iter().find(|(pipe, ..)| pipe.eq_ignore_ascii_case(name));
                if let Some((pipe, kind, text)) = pipe {
                    self.note(*kind, at, 1, format!("pipe {pipe} opened: {text}"));
                } else if name.to_ascii_lowercase().starts_with("psexe") {
                    self.note(FindingKind::ServiceControl, at, 1, format!("pipe {name} opened: remote commands"));
                }
            }
            Command::SetInfo
                if succeeded && operation.facts.info_class == Some(10) && operation.new_path.is_some() =>
            {
                if let Some(at) = at {
                    self.renames.add(at);
                }
            }
            _ => {}
        }
    }

    /// What was found, the capture's own first, then by session and frame.
    pub fn finish(mut self) -> Vec<Finding> {
        self.end_session();
        for (client, (count, at)) in std::mem::take(&mut self.failed_logins) {
            if count >= MANY_LOGINS {
                let text = format!("{count} logins of {client} failed");
                self.session.clear();
                self.note(FindingKind::ManyFailedLogins, at, count, text);
            }
        }
        let mut found: Vec<_> = self.found.into_values().collect();
        found.sort_by(|a, b| (&a.session, a.frame, a.kind).cmp(&(&b.session, b.frame, b.kind)));
        found
    }

    fn failed_login(&mut self, operation: &Operation, status: NtStatus, at: Option<Point>) {
        self.note(FindingKind::FailedLogin, at, 1, format!("login failed: {status}"));
        let client = operation.connection.client.ip().to_string();
        let (count, first) = self.failed_logins.entry(client).or_default();
        *count += 1;
        *first = first.or(at);
    }

    /// Adds a finding, or one more to what was found already.
    fn note(&mut self, kind: FindingKind, at: Option<Point>, count: u64, text: String) {
        let key = (self.session.clone(), kind, text);
        if let Some(known) = self.found.get_mut(&key) {
            known.count += count;
            return;
        }
        let finding = Finding {
            kind,
            session: (!key.0.is_empty()).then(|| key.0.clone()),
            frame: at.map(|at| at.frame),
            time: at.map(|at| at.time.to_string()),
            count,
            text: key.2.clone(),
        };
        self.found.insert(key, finding);
    }

    fn end_session(&mut self) {
        let (opens, _) = std::mem::take(&mut self.opens).finish();
        let mut deletes = Burst::default();
        let mut ends: Vec<_> = opens.iter().filter(|open| open.deletes()).filter_map(|open| open.ended).collect();
        ends.sort_by_key(|end| end.frame);
        ends.into_iter().for_each(|end| deletes.add(end));
        let renames = std::mem::take(&mut self.renames);
        for (burst, kind, what) in
            [(renames, FindingKind::MassRename, "renames"), (deletes, FindingKind::MassDelete, "deletes")]
        {
            if let Some((first, last, count)) = burst.most.filter(|(.., count)| *count >= MANY) {
                let seconds = last.time.since(first.time) as f64 / 1e9;
                self.note(kind, Some(first), count as u64, format!("{count} {what} in {seconds:.1} s"));
            }
        }
    }
}

impl Burst {
    fn add(&mut self, at: Point) {
        self.recent.push_back(at);
        while self.recent.front().is_some_and(|first| at.time.since(first.time) > AT_ONCE_NS) {
            self.recent.pop_front();
        }
        let most = self.most.map_or(0, |(.., most)| most);
        if let Some(first) = self.recent.front().filter(|_| self.recent.len() > most) {
            self.most = Some((*first, at, self.recent.len()));
        }
    }
}

/// `C$`, `ADMIN$` and their like; `IPC$` and `PRINT$` are for everybody.
fn is_admin_share(share: &str) -> bool {
    let name = path::share_name(share);
    let drive = name.len() == 2 && name.ends_with('$') && name.starts_with(|c: char| c.is_ascii_alphabetic());
    drive || name.eq_ignore_ascii_case("ADMIN$")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{operation, with};
    use super::*;

    fn kinds(operations: &[Operation]) -> Vec<(FindingKind, u64)> {
        let mut findings = Findings::default();
        findings.begin_session(&SessionEntry {
            id: "0x07".into(),
            dialect: Some(Dialect::SMB3_1_1),
            signing: true,
            ..SessionEntry::default()
        });
        operations.iter().for_each(|operation| findings.add(operation));
        findings.finish().iter().map(|finding| (finding.kind, finding.count)).collect()
    }

    fn on(share: &str, command: Command, path: &str) -> Operation {
        with(operation(command, 1, path, 1), |operation| operation.share = Some(share.into()))
    }

    #[test]
    fn admin_shares_and_telling_pipes_are_named() {
        let tree = |share| on(share, Command::TreeConnect, "");
        let pipe = |name| on(r"\\srv\IPC$", Command::Create, name);
        let plain =
            [tree(r"\\srv\data$"), tree(r"\\srv\IPC$"), pipe("srvsvc"), on(r"\\s\d", Command::Create, "svcctl")];
        assert!(kinds(&plain).is_empty());
        let found =
            kinds(&[tree(r"\\srv\C$"), tree(r"\\srv\admin$"), pipe("SVCCTL"), pipe("svcctl"), pipe("winreg")]);
        let expected = [
            (FindingKind::AdminShare, 1),
            (FindingKind::AdminShare, 1),
            (FindingKind::ServiceControl, 2),
            (FindingKind::RemoteRegistry, 1),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn many_renames_at_once_stand_out_and_few_or_slow_ones_do_not() {
        let rename = |frame| {
            with(operation(Command::SetInfo, frame, "a", 1), |operation| {
                operation.facts.info_class = Some(10);
                operation.new_path = Some("a.locked".into());
            })
        };
        let fast: Vec<_> = (0..25).map(|at| rename(at * 1000)).collect();
        assert_eq!(kinds(&fast), [(FindingKind::MassRename, 25)]);
        let slow: Vec<_> = (0..25).map(|at| rename(at * 10_000)).collect();
        assert!(kinds(&slow).is_empty());
        assert!(kinds(&fast[..19]).is_empty());
    }

    #[test]
    fn many_deletes_at_once_stand_out() {
        let operations: Vec<_> = (0..21u8)
            .flat_map(|open| {
                let frame = u64::from(open) * 10;
                let create = with(operation(Command::Create, frame, "a", open), |operation| {
                    operation.facts.create_options = Some(0x1000);
                });
                [create, operation(Command::Close, frame + 2, "a", open)]
            })
            .collect();
        assert_eq!(kinds(&operations), [(FindingKind::MassDelete, 21)]);
    }

    #[test]
    fn failed_logins_are_counted_by_client() {
        let failed = with(operation(Command::SessionSetup, 1, "", 0), |operation| {
            operation.status = Some(NtStatus::LOGON_FAILURE);
        });
        let found = kinds(&vec![failed; 6]);
        assert_eq!(found, [(FindingKind::ManyFailedLogins, 6), (FindingKind::FailedLogin, 6)]);
    }

    #[test]
    fn sessions_that_are_old_or_open_to_all_are_named() {
        let mut findings = Findings::default();
        findings.smb1(3);
        findings.begin_session(&SessionEntry {
            id: "0x07".into(),
            dialect: Some(Dialect::SMB2_1),
            ..SessionEntry::default()
        });
        let found: Vec<_> = findings.finish().iter().map(|finding| finding.kind).collect();
        assert_eq!(found, [FindingKind::Smb1, FindingKind::OldDialect, FindingKind::Unprotected]);
    }
}
