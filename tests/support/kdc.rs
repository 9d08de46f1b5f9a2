//! A private MIT KDC for tests: a realm with the Samba's user and one service, in a folder of its own, ended when dropped.

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::process::{Child, Command};
use super::{Samba, free_port};

/// A running KDC on 127.0.0.1.
pub(crate) struct Kdc {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl Kdc {
    pub(crate) const REALM: &'static str = "SMBREPLAY.TEST";
    /// The name of the server whose service has a ticket.
    pub(crate) const SERVER: &'static str = "labserver";

    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("smbreplay-kdc-").tempdir().expect("a folder for the KDC");
        let port = free_port();
        write_configuration(folder.path(), port);
        run(folder.path(), "kdb5_util", &["create", "-s", "-r", Self::REALM, "-P", "master"], "");
        let (user, service) = (Samba::USER, format!("cifs/{}", Self::SERVER));
        // sspi wants a KDC that asks for preauthentication, as Active Directory does.
        let queries = format!(
            "addprinc +requires_preauth -pw {} {user}\naddprinc -randkey {service}\nktadd -k {} {service}\n",
            Samba::PASSWORD,
            folder.path().join("keytab").display()
        );
        run(folder.path(), "kadmin.local", &["-r", Self::REALM], &queries);
        let process = command(folder.path(), "krb5kdc")
            .args(["-n", "-r", Self::REALM, "-P"])
            .arg(folder.path().join("pid"))
            .stdout(Stdio::null())
            .spawn()
            .expect("krb5kdc starts: scripts/install-deps.sh --test");
        let kdc = Self { folder, port, process };
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "the KDC does not answer on port {port}");
            std::thread::sleep(Duration::from_millis(20));
        }
        kdc
    }

    /// `tcp://127.0.0.1:port`
    pub(crate) fn url(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }

    /// The file with the service's key.
    pub(crate) fn keytab(&self) -> PathBuf {
        self.folder.path().join("keytab")
    }

    /// Lines for Samba's `[global]` by which it takes this KDC's tickets.
    pub(crate) fn samba_settings(&self) -> String {
        format!(
            "realm = {}\n    kerberos method = dedicated keytab\n    dedicated keytab file = {}",
            Self::REALM,
            self.keytab().display()
        )
    }
}

impl Drop for Kdc {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn write_configuration(folder: &Path, port: u16) {
    let (realm, at) = (Kdc::REALM, folder.display());
    let client = format!(
        "[libdefaults]\n default_realm = {realm}\n dns_lookup_kdc = false\n\
         [realms]\n {realm} = {{\n  kdc = tcp/127.0.0.1:{port}\n }}\n"
    );
    // A standalone Samba takes no tickets with a PAC.
    let server = format!(
        "[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n\
         [realms]\n {realm} = {{\n  database_name = {at}/principal\n  key_stash_file = {at}/stash\n  \
         acl_file = {at}/acl\n  disable_pac = true\n }}\n[logging]\n kdc = FILE:{at}/log\n"
    );
    std::fs::write(folder.join("krb5.conf"), client).expect("krb5.conf");
    std::fs::write(folder.join("kdc.conf"), server).expect("kdc.conf");
}

fn command(folder: &Path, program: &str) -> Command {
    // Debian keeps these where only root's PATH looks.
    let installed = PathBuf::from("/usr/sbin").join(program);
    let mut command = if installed.exists() { Command::new(installed) } else { Command::new(program) };
    command.env("KRB5_CONFIG", folder.join("krb5.conf")).env("KRB5_KDC_PROFILE", folder.join("kdc.conf"));
    command
}

fn run(folder: &Path, program: &str, arguments: &[&str], input: &str) {
    let mut child = command(folder, program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}: scripts/install-deps.sh --test"));
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("the queries are read");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}
