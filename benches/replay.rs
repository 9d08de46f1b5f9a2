//! What the replay engine costs: the same requests by the engine and by a bare loop on a connection, against a private
//! smbd, in turns: `cargo bench --bench replay`; `-- --quick` for a short run. docs/performance.md has the figures.
//! Ends with 1 when the engine reaches less than 80 % of the bare loop.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command as Process, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use smbreplay::model::message::{CreateRequest, ReadRequest, TreeConnectRequest, WriteRequest};
use smbreplay::model::{
    Command, Connection as Captured, ConnectionIndex, Facts, FileId, Header, HeaderFlags, MessageId, NtStatus,
    Operation, Part, SessionId, Timestamp, TreeId, Utf16,
};
use smbreplay::replay::{NameMap, Options, Run, Target};
use smbreplay::wire::{ConnectOptions, Connection, CreateSpec, Credentials, Outgoing};
use tokio::sync::watch;

const USER: &str = "testuser";
const PASSWORD: &str = "Passw0rd!";
const FILE: &str = "bench.bin";
/// FILE_READ_DATA and its kin, FILE_WRITE_DATA and its kin.
const ACCESS: u32 = 0x0012_019F;
const OPEN_IF: u32 = 3;
/// What the engine has to reach of the bare loop.
const WANTED: f64 = 0.8;

/// One kind of request, so many of them, so many in flight.
#[derive(Clone, Copy)]
struct Load {
    name: &'static str,
    command: Command,
    size: usize,
    count: usize,
    in_flight: usize,
}

/// A private smbd, stopped when dropped.
struct Samba {
    folder: tempfile::TempDir,
    port: u16,
}

impl Samba {
    fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("smbreplay-bench-").tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let samba = Self { folder, port };
        assert!(samba.script("start"), "smbd does not start; it needs root");
        samba
    }

    fn script(&self, action: &str) -> bool {
        let mut command = Process::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/smbd.sh"));
        command.arg(action).env("SMBD_BASE", self.folder.path().join("smbd")).env("SMBD_PORT", self.port.to_string());
        command.env("SMBD_USER", USER).env("SMBD_PASSWORD", PASSWORD).status().unwrap().success()
    }

    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        self.script("stop");
    }
}

fn credentials() -> Credentials {
    Credentials::ntlm(USER, "", PASSWORD)
}

impl Load {
    fn offset(self, at: usize) -> u64 {
        // 64 MiB, over and over: it stays in the page cache.
        ((at * self.size) % (64 << 20)) as u64
    }

    fn body(self, at: usize, file_id: FileId, payload: &[u8]) -> Vec<u8> {
        let mut body = Vec::with_capacity(64 + self.size);
        match self.command {
            Command::Read => ReadRequest {
                padding: 80,
                flags: 0,
                length: self.size as u32,
                offset: self.offset(at),
                file_id,
                minimum_count: 0,
                channel: 0,
                remaining_bytes: 0,
            }
            .encode(&mut body),
            _ => WriteRequest {
                offset: self.offset(at),
                file_id,
                channel: 0,
                remaining_bytes: 0,
                flags: 0,
                data: payload,
            }
            .encode(&mut body),
        }
        body
    }
}

/// Requests by a loop that keeps so many in flight. Seconds from the first to the last answer.
async fn bare(address: SocketAddr, load: Load, payload: &[u8]) -> f64 {
    let connection = Connection::connect(ConnectOptions::new(address)).await.unwrap();
    let session = connection.login(&credentials()).await.unwrap();
    let tree = connection.tree_connect(&session, "\\\\127.0.0.1\\testshare").await.unwrap();
    let file = connection.create(&tree, &CreateSpec::file(FILE, ACCESS, OPEN_IF)).await.unwrap();
    let began = Instant::now();
    let mut waiting = VecDeque::new();
    for at in 0..load.count {
        if waiting.len() == load.in_flight {
            answered(waiting.pop_front().unwrap()).await;
        }
        let body = load.body(at, file.file_id, payload);
        let request = Outgoing::new(load.command, body).in_session(&session).in_tree(tree.id).charged_for(load.size);
        waiting.extend(connection.submit(request).await.unwrap());
    }
    for ticket in waiting {
        answered(ticket).await;
    }
    let seconds = began.elapsed().as_secs_f64();
    connection.close_file(&file).await.unwrap();
    seconds
}

async fn answered(ticket: smbreplay::wire::Ticket) {
    let reply = ticket.await.unwrap();
    assert_eq!(reply.status(), NtStatus::SUCCESS);
}

fn pdu(command: Command, response: bool, body: &[u8]) -> Bytes {
    let header = Header {
        credit_charge: 1,
        status: NtStatus::SUCCESS,
        command,
        credits: 1,
        flags: HeaderFlags(if response { HeaderFlags::SERVER_TO_REDIR } else { 0 }),
        next_command: 0,
        message_id: MessageId(0),
        async_id: None,
        tree_id: Some(TreeId(7)),
        session_id: SessionId(1),
        signature: [0; 16],
    };
    let mut bytes = Vec::with_capacity(64 + body.len());
    header.encode(&mut bytes);
    bytes.extend_from_slice(body);
    bytes.into()
}

/// What a capture of the bare loop would hold: the answer to a request comes before the request that had to wait for it.
fn operations(load: Load, payload: &[u8]) -> Vec<Operation> {
    let id = FileId([9; 16]);
    let connection = Arc::new(Captured {
        index: ConnectionIndex(0),
        tcp_stream: 0,
        client: "10.0.0.2:50000".parse().unwrap(),
        server: "10.0.0.1:445".parse().unwrap(),
    });
    let hash = xxhash_rust::xxh3::xxh3_128(payload).to_be_bytes();
    let facts = Facts { data_hash: Some(hash), bytes: Some(load.size as u64), ..Facts::default() };
    let mut made = Vec::new();
    let mut add = |command, body: &[u8], answer: Bytes, sent: u64, answered: u64| {
        let part = |frame, pdu| Part { frame, time: Timestamp(frame as i64 * 1000), flags: 0, pdu };
        made.push(Operation {
            op_index: made.len() as u32,
            session_id: SessionId(1),
            request: Some(part(sent, pdu(command, false, body))),
            response: Some(part(answered, answer)),
            message_id: MessageId(made.len() as u64),
            tree_id: TreeId(7),
            credit_charge: Some(load.size.div_ceil(0x1_0000).max(1) as u16),
            credits_requested: Some(1),
            credits_granted: Some(1),
            status: Some(NtStatus::SUCCESS),
            share: Some("\\\\captured\\data".into()),
            file_id: Some(id),
            path: Some(FILE.into()),
            facts: facts.clone(),
            ..Operation::blank(command, connection.clone())
        });
    };
    let mut body = Vec::new();
    TreeConnectRequest::encode("\\\\captured\\data", 0, &mut body);
    let mut answer = vec![0; 16];
    (answer[0], answer[2]) = (16, 1);
    add(Command::TreeConnect, &body, pdu(Command::TreeConnect, true, &answer), 1, 2);

    let name = Utf16::encode(FILE);
    let mut empty = vec![0u8; 120];
    empty[108..110].copy_from_slice(&120u16.to_le_bytes());
    let template = CreateRequest::decode(&empty).unwrap();
    let mut body = Vec::new();
    CreateRequest {
        impersonation_level: 2,
        desired_access: ACCESS,
        share_access: 7,
        create_disposition: OPEN_IF,
        name: Utf16(&name),
        ..template
    }
    .encode(&[], &mut body);
    let mut answer = vec![0u8; 88];
    (answer[0], answer[4]) = (89, 1);
    answer[48..56].copy_from_slice(&(64u64 << 20).to_le_bytes());
    answer[64..80].copy_from_slice(&id.0);
    add(Command::Create, &body, pdu(Command::Create, true, &answer), 3, 4);

    let answer = match load.command {
        Command::Read => {
            let mut answer = vec![0u8; 16];
            (answer[0], answer[2]) = (17, 80);
            answer[4..8].copy_from_slice(&(load.size as u32).to_le_bytes());
            answer.extend_from_slice(payload);
            pdu(Command::Read, true, &answer)
        }
        command => {
            let mut answer = vec![0u8; 17];
            answer[0] = 17;
            answer[4..8].copy_from_slice(&(load.size as u32).to_le_bytes());
            pdu(command, true, &answer)
        }
    };
    for at in 0..load.count {
        let sent = 6 + 2 * at as u64;
        let answered = sent + 2 * load.in_flight as u64 - 1;
        add(load.command, &load.body(at, id, payload), answer.clone(), sent, answered);
    }
    made
}

/// The same requests by the engine. Seconds from the first to the last answer.
async fn engine(address: SocketAddr, load: Load, operations: Vec<Operation>) -> f64 {
    let target = Target {
        connect: ConnectOptions::new(address),
        credentials: credentials(),
        users: Vec::new(),
        names: NameMap { server: "127.0.0.1".into(), share: Some("testshare".into()), ..NameMap::default() },
        follow_dialect: true,
    };
    let prepared = Run::prepare(vec![operations], target, Options::default()).unwrap();
    let (_stop, stopped) = watch::channel(false);
    let report = prepared.execute(|_| {}, stopped).await.unwrap();
    let outcomes = &report.outcomes[2..];
    assert_eq!(outcomes.len(), load.count);
    assert!(report.divergences.iter().all(|row| row.command == "CREATE"), "{:?}", report.divergences.first());
    let first = outcomes.iter().filter_map(|outcome| outcome.sent).min().unwrap();
    let last = outcomes.iter().filter_map(|outcome| outcome.answered).max().unwrap();
    (last - first).as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> ExitCode {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (rounds, less) = if quick { (3, 10) } else { (7, 1) };
    let loads = [
        Load {
            name: "READ 4 KiB, 32 in flight",
            command: Command::Read,
            size: 4 << 10,
            count: 40_000 / less,
            in_flight: 32,
        },
        Load {
            name: "READ 1 MiB, 8 in flight",
            command: Command::Read,
            size: 1 << 20,
            count: 1_000 / less,
            in_flight: 8,
        },
        Load {
            name: "WRITE 1 MiB, 8 in flight",
            command: Command::Write,
            size: 1 << 20,
            count: 500 / less,
            in_flight: 8,
        },
    ];
    let samba = Samba::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let content: Vec<u8> = (0..64usize << 20).map(|at| (at % 4096 % 251) as u8).collect();
    let share = samba.folder.path().join("smbd/shares/testshare");
    let mut holds = true;
    println!("| requests | bare loop | engine | engine / bare |\n|---|---:|---:|---:|");
    for load in loads {
        let path = share.join(FILE);
        std::fs::write(&path, &content).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
        let payload = &content[..load.size];
        let operations = operations(load, payload);
        let (mut bare_times, mut engine_times) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            bare_times.push(runtime.block_on(bare(samba.address(), load, payload)));
            engine_times.push(runtime.block_on(engine(samba.address(), load, operations.clone())));
            std::thread::sleep(Duration::from_millis(100));
        }
        let ratios = bare_times.iter().zip(&engine_times).map(|(bare, engine)| bare / engine).collect();
        let ratio = median(ratios);
        let rate = |seconds: f64| {
            let a_second = load.count as f64 / seconds;
            match load.size >= 1 << 20 {
                true => format!("{:.0} MiB/s", a_second * load.size as f64 / (1 << 20) as f64),
                false => format!("{a_second:.0} ops/s"),
            }
        };
        let (bare, engine) = (rate(median(bare_times)), rate(median(engine_times)));
        println!("| {} | {bare} | {engine} | {ratio:.2} |", load.name);
        holds &= ratio >= WANTED;
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
