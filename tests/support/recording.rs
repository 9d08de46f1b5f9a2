//! What a test says to a server, recorded.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::process::{Child, Command};

/// tcpdump on the loopback interface, for one port.
pub(crate) struct Recording {
    tcpdump: Child,
    file: PathBuf,
}

impl Recording {
    pub(crate) fn start(folder: &Path, port: u16) -> Self {
        let file = folder.join("replay.pcap");
        let mut tcpdump = Command::new("tcpdump")
            .args(["-i", "lo", "-s", "0", "-B", "131072", "-U", "-Z", "root", "-w"])
            .arg(&file)
            .arg(format!("tcp port {port}"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("the tests need tcpdump: scripts/install-deps.sh --test");
        let mut stderr = BufReader::new(tcpdump.stderr.take().expect("tcpdump runs"));
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            assert!(stderr.read_line(&mut line).expect("tcpdump runs") > 0, "tcpdump does not listen");
        }
        Self { tcpdump, file }
    }

    /// Ends it when its file has not grown for a while.
    pub(crate) fn stop(mut self) -> PathBuf {
        let size = || std::fs::metadata(&self.file).map(|metadata| metadata.len()).unwrap_or(0);
        let (mut last, mut since) = (size(), Instant::now());
        while since.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(20));
            if size() != last {
                (last, since) = (size(), Instant::now());
            }
        }
        let kill =
            Command::new("kill").arg("-INT").arg(self.tcpdump.id().to_string()).status().expect("tcpdump runs");
        assert!(kill.success());
        self.tcpdump.wait().expect("tcpdump runs");
        self.file.clone()
    }
}
