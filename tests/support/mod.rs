//! What tests are made with. Here: a private Samba, started from `scripts/smbd.sh` in a folder of its own, stopped when dropped.
#![allow(dead_code)] // Not every test binary uses all of it.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr)] // All of it is for tests.

pub(crate) mod case;
pub(crate) mod chromium;
pub(crate) mod kdc;
pub(crate) mod messages;
pub(crate) mod packets;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod recording;
pub(crate) mod rpc_facts;
pub(crate) mod skips;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use smbreplay::replay::{NameMap, Target};
use smbreplay::wire::{ConnectOptions, Credentials};
use tempfile::TempDir;

use process::Command;

/// How long replays wait for an answer in tests, as `SMBREPLAY_MAX_WAIT`: a busy machine is no fault of the server.
pub(crate) const PATIENT_SECONDS: &str = "60";

/// A running smbd on 127.0.0.1.
pub(crate) struct Samba {
    folder: TempDir,
    port: u16,
    settings: Vec<(String, String)>,
}

static SHARED: Mutex<Weak<Samba>> = Mutex::new(Weak::new());

impl Samba {
    pub(crate) const USER: &'static str = "testuser";
    pub(crate) const PASSWORD: &'static str = "Passw0rd!";

    /// The server that the tests of a binary share while any of them runs. Use files with names of your own.
    pub(crate) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(samba) = shared.upgrade() {
            return samba;
        }
        let samba = Arc::new(Self::start(&[]));
        *shared = Arc::downgrade(&samba);
        samba
    }

    /// A server of one's own. `settings` are further variables of `scripts/smbd.sh`: `("SMBD_GLOBAL", "server signing = mandatory")`.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        for attempt in 1.. {
            let folder = tempfile::Builder::new().prefix("smbreplay-test-").tempdir().expect("a folder for smbd");
            // smbd serves files as the user who logged in.
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("chmod");
            let settings = settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            let samba = Self { folder, port: free_port(), settings };
            let output = samba.script("start");
            if output.status.success() {
                return samba;
            }
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            // Another program may have taken the port in the meantime.
            assert!(attempt < 4 && stderr.contains("is taken"), "smbd does not start: {stderr}");
        }
        unreachable!()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The folder behind a share: `testshare`, `roshare`, `guestshare`, `encshare`.
    pub(crate) fn share_dir(&self, share: &str) -> PathBuf {
        self.base().join("shares").join(share)
    }

    /// Where a replay of its own user goes here; shares keep their names.
    pub(crate) fn target(&self) -> Target {
        Target {
            connect: ConnectOptions::new(self.address()),
            credentials: Credentials::ntlm(Self::USER, "", Self::PASSWORD),
            users: Vec::new(),
            names: NameMap { server: "127.0.0.1".into(), ..NameMap::default() },
            follow_dialect: true,
        }
    }

    /// Makes a folder in a share that everybody may write to.
    pub(crate) fn make_folder(&self, share: &str, name: &str) -> PathBuf {
        let folder = self.share_dir(share).join(name);
        std::fs::create_dir(&folder).expect("a folder in the share");
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).expect("chmod");
        folder
    }

    /// Puts a file into a share, with the folders on its way, that everybody may read and write whatever the umask is.
    pub(crate) fn put(&self, share: &str, path: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let root = self.share_dir(share);
        let folders: Vec<_> = Path::new(path).ancestors().skip(1).filter(|part| *part != Path::new("")).collect();
        for folder in folders.into_iter().rev().filter(|folder| !root.join(folder).exists()) {
            self.make_folder(share, folder.to_str().expect("text"));
        }
        let file = root.join(path);
        std::fs::write(&file, bytes).expect("a file in the share");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).expect("chmod");
        file
    }

    /// Puts a share in the state in which a fixture was captured.
    pub(crate) fn prepare(&self, case: &str, share: &str) {
        let output = self.preparing(case, share).output().expect("scripts/prepare-share.sh runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The command that does it.
    pub(crate) fn preparing(&self, case: &str, share: &str) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/prepare-share.sh");
        let mut command = Command::new(script);
        command.arg(case).arg(self.share_dir(share)).env("SMBD_USER", Self::USER);
        command
    }

    /// Ends the server while tests hold connections to it.
    pub(crate) fn stop(&self) {
        let output = self.script("stop");
        assert!(output.status.success(), "smbd does not stop: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Starts it again after [`Samba::stop`], on the same port and with the same files.
    pub(crate) fn restart(&self) {
        let output = self.script("start");
        assert!(output.status.success(), "smbd does not start: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn base(&self) -> PathBuf {
        self.folder.path().join("smbd")
    }

    fn script(&self, action: &str) -> Output {
        Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/smbd.sh"))
            .arg(action)
            .env("SMBD_BASE", self.base())
            .env("SMBD_PORT", self.port.to_string())
            .env("SMBD_USER", Self::USER)
            .env("SMBD_PASSWORD", Self::PASSWORD)
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .output()
            .expect("scripts/smbd.sh runs")
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        let output = self.script("stop");
        if !output.status.success() {
            eprintln!("smbd does not stop: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

/// What replays run on.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its number").port()
}
