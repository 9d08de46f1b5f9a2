//! A server that falls silent at any point ends each command in time.

use std::fs::File;
use std::io::{Read, Write, copy, sink};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

/// A connection's own requests are waited for 30 s; the machine may be busy.
const LIMIT: Duration = Duration::from_secs(180);

/// Stands before a server and hands on so many of its frames on each connection, as long as the number is what it is when the
/// connection is made; after that it takes what comes and says nothing.
fn falls_silent_after(frames: &Arc<AtomicUsize>, server: SocketAddr) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let limit = Arc::clone(frames);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(upstream) = TcpStream::connect(server) else { continue };
            let (mut to_server, mut from_client) = (upstream.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || {
                let _ = copy(&mut from_client, &mut to_server);
                let _ = to_server.shutdown(std::net::Shutdown::Both);
            });
            let frames = limit.load(Ordering::SeqCst);
            thread::spawn(move || {
                let _ = hand_on(frames, upstream, client);
            });
        }
    });
    port
}

fn hand_on(frames: usize, mut upstream: TcpStream, mut client: TcpStream) -> std::io::Result<u64> {
    for _ in 0..frames {
        let mut frame = vec![0; 4];
        upstream.read_exact(&mut frame)?;
        let length = u32::from_be_bytes([0, frame[1], frame[2], frame[3]]) as usize;
        frame.resize(4 + length, 0);
        upstream.read_exact(&mut frame[4..])?;
        client.write_all(&frame)?;
    }
    // The client's side stays open, silent, until the client itself goes.
    copy(&mut upstream, &mut sink())
}

/// How a command ended, with what it said; None if it had to be killed at the limit.
fn within_limit(mut command: Command, said: &Path) -> Option<(ExitStatus, String)> {
    command.stdout(Stdio::null()).stderr(File::create(said).unwrap());
    let begun = Instant::now();
    let mut child = command.spawn().unwrap();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some((status, std::fs::read_to_string(said).unwrap()));
        }
        if begun.elapsed() > LIMIT {
            child.kill().and_then(|()| child.wait()).unwrap();
            return None;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_server_that_falls_silent_ends_every_command_in_time() {
    let lab = Lab::new();
    thread::scope(|scope| {
        // NEGOTIATE, both halves of the login, TREE_CONNECT, and what follows.
        for frames in [0, 1, 2, 3, 5] {
            // A folder of its own for each: who set it up is written down with the server's port.
            let limit = Arc::new(AtomicUsize::new(usize::MAX));
            let port = falls_silent_after(&limit, lab.samba.address()).to_string();
            let folder = format!("lab-{frames}");
            let target = ["--server-ip", "127.0.0.1", "--port", &port, "--username", Samba::USER];
            let command = |words: &[&str]| {
                let mut command = lab.command(words);
                command.args(target).args(["--tree-name", "testshare", "--all", "--base-dir", &folder]);
                command
            };
            // So that there is something to look at and to clean up.
            let made = command(&["setup", "--yes"]).output().unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            limit.store(frames, Ordering::SeqCst);
            let commands: [&[&str]; 4] =
                [&["replay", "--yes", "--timeout", "2"], &["setup", "--yes"], &["validate"], &["cleanup", "--yes"]];
            for words in commands {
                let command = command(words);
                let said = lab.home.path().join(format!("said-{frames}-{}", words[0]));
                scope.spawn(move || {
                    let ended = within_limit(command, &said);
                    let (status, said) =
                        ended.unwrap_or_else(|| panic!("{words:?} after {frames} frames has not ended in {LIMIT:?}"));
                    if frames < 4 {
                        assert!(matches!(status.code(), Some(1 | 4)), "{words:?} after {frames}: {status}: {said}");
                    }
                });
            }
        }
    });
}
