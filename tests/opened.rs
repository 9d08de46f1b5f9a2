//! What only tshark can open: messages sealed with keys of a ticket or a password, however long, and compressed ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod support;

use std::path::{Path, PathBuf};

use smbreplay::ingest::{Extractor, IngestOptions, IngestProgress, IngestReport, ingest};
use smbreplay::model::{Command, Operation};
use smbreplay::store::{Dataset, Projection};
use smbreplay::tools::{Keys, Profile, Tool, Tshark};
use smbreplay::wire::{ConnectOptions, Connection, CreateSpec, Credentials, Password, access, disposition};
use support::Samba;
use support::kdc::Kdc;
use support::messages::Messages;
use support::packets::{Conversation, Link, Segment, pcap_of};
use support::process;
use support::recording::Recording;
use support::skips::without_root;

fn ingested(capture: &Path, port: u16, keys: Option<&Keys>, extractor: Extractor) -> (IngestReport, Vec<Operation>) {
    let folder = tempfile::tempdir().unwrap();
    let located = Tool::Tshark.locate(None).expect("the tests need tshark: scripts/install-deps.sh --test");
    let profile = |keys: &Keys| Tshark::new(located.clone(), Profile::new(keys).unwrap());
    let options = IngestOptions {
        inputs: vec![capture.to_owned()],
        output: Some(folder.path().to_owned()),
        ports: vec![port],
        extractor,
        tshark: keys.map(profile),
        has_keys: keys.is_some_and(|keys| !keys.is_empty()),
        tshark_version: Some("test".to_owned()),
        ..IngestOptions::default()
    };
    let report = ingest(&options, &IngestProgress::default()).unwrap();
    let dataset = Dataset::open(report.place.clone()).unwrap();
    let read = |entry| dataset.operations(entry, Projection::Everything).unwrap().map(Result::unwrap);
    let operations = dataset.sessions().iter().flat_map(read).collect();
    (report, operations)
}

/// Eight MiB, written to the share that demands sealing, and recorded.
fn sealed_writes(samba: &Samba, options: ConnectOptions, user: &Credentials, folder: &Path) -> PathBuf {
    let recording = Recording::start(folder, samba.port());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let connection = Connection::connect(options).await.unwrap();
        let session = connection.login(user).await.unwrap();
        let tree = connection.tree_connect(&session, "encshare").await.unwrap();
        let spec = CreateSpec::file("sealed.bin", access::WRITE_DATA, disposition::OVERWRITE_IF);
        let file = connection.create(&tree, &spec).await.unwrap();
        connection.write(&file, 0, &eight_mebibytes()).await.unwrap();
        connection.close_file(&file).await.unwrap();
    });
    assert!(std::fs::read(samba.share_dir("encshare").join("sealed.bin")).unwrap() == eight_mebibytes());
    recording.stop()
}

fn eight_mebibytes() -> Vec<u8> {
    (0..8 << 20).map(|at: u32| (at / 253 + at) as u8).collect()
}

fn expect_opened(capture: &Path, port: u16, keys: &Keys) {
    let (report, operations) = ingested(capture, port, Some(keys), Extractor::Native);
    let quality = &report.manifest.quality;
    assert_eq!((quality.undecrypted_messages, quality.is_partial()), (0, false), "{quality:?}");
    let writes: Vec<_> = operations.iter().filter(|op| op.command == Command::Write).collect();
    assert!(writes.iter().all(|write| write.encrypted && write.path.as_deref() == Some("sealed.bin")));
    let written: Vec<u8> = writes
        .iter()
        .flat_map(|write| {
            let pdu = write.request.as_ref().unwrap().pdu.clone();
            let offset = usize::from(u16::from_le_bytes([pdu[66], pdu[67]]));
            pdu[offset..].to_vec()
        })
        .collect();
    assert!(written == eight_mebibytes(), "{} bytes in {} WRITEs", written.len(), writes.len());

    // tshark reads only 17 bits of a message's length on other ports than 445: it counts what it could not open.
    let (report, by_tshark) = ingested(capture, port, Some(keys), Extractor::Tshark);
    let missed =
        writes.len() - by_tshark.iter().filter(|op| op.command == Command::Write && op.request.is_some()).count();
    assert_eq!(report.manifest.quality.undecrypted_messages, missed as u64);
    assert!(by_tshark.iter().any(|operation| operation.encrypted && operation.path.as_deref() == Some("sealed.bin")));

    let (report, operations) = ingested(capture, port, None, Extractor::Native);
    assert!(report.manifest.quality.undecrypted_messages >= 4 && report.manifest.quality.is_partial());
    assert!(operations.iter().all(|operation| operation.command != Command::Write));
}

#[test]
fn sealed_writes_of_eight_mebibytes_are_opened_with_a_keytab() {
    if without_root("capture with tcpdump") {
        return;
    }
    let kdc = Kdc::start();
    let samba = Samba::start(&[("SMBD_GLOBAL", &kdc.samba_settings())]);
    let user = Credentials::Kerberos {
        user: Samba::USER.to_owned(),
        realm: Kdc::REALM.to_owned(),
        password: Password::new(Samba::PASSWORD),
        kdc: Some(kdc.url()),
    };
    let options = ConnectOptions { server_name: Kdc::SERVER.to_owned(), ..ConnectOptions::new(samba.address()) };
    let folder = tempfile::tempdir().unwrap();
    let capture = sealed_writes(&samba, options, &user, folder.path());
    expect_opened(&capture, samba.port(), &Keys { keytab: Some(kdc.keytab()), ..Keys::default() });
}

/// smbclient writes eight MiB with one WRITE.
#[test]
fn a_sealed_write_of_eight_mebibytes_is_opened_with_a_password() {
    if without_root("capture with tcpdump") {
        return;
    }
    let samba = Samba::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let (file, login) = (folder.path().join("file"), folder.path().join("login"));
    std::fs::write(&file, eight_mebibytes()).unwrap();
    std::fs::write(&login, format!("username={}\npassword={}\n", Samba::USER, Samba::PASSWORD)).unwrap();
    let recording = Recording::start(folder.path(), samba.port());
    let output = process::Command::new("smbclient")
        .args(["//127.0.0.1/encshare", "--authentication-file"])
        .arg(&login)
        .args(["--port", &samba.port().to_string(), "--command"])
        .arg(format!("put {} sealed.bin", file.display()))
        .output()
        .expect("the tests need smbclient: scripts/install-deps.sh --test");
    assert!(output.status.success(), "{output:?}");
    let capture = recording.stop();
    let password = Some(Samba::PASSWORD.to_owned().into());
    expect_opened(&capture, samba.port(), &Keys { nt_password: password, ..Keys::default() });
}

/// Plain LZ77 of literals alone, [MS-XCA] 2.3: 32 of them behind each word of zero bits, the last word filled with ones.
fn literals(bytes: &[u8]) -> Vec<u8> {
    let word = |count: usize| if count == 32 { 0 } else { u32::MAX >> count };
    bytes.chunks(32).flat_map(|chunk| [&word(chunk.len()).to_le_bytes(), chunk].concat()).collect()
}

/// A message of which all behind the first `plain` bytes is compressed, [MS-SMB2] 2.2.42.1.
fn compressed(message: &[u8], plain: usize) -> Vec<u8> {
    const LZ77: u16 = 2;
    let mut out = b"\xFCSMB".to_vec();
    out.extend(((message.len() - plain) as u32).to_le_bytes());
    out.extend(LZ77.to_le_bytes());
    out.extend(0u16.to_le_bytes());
    out.extend((plain as u32).to_le_bytes());
    out.extend(&message[..plain]);
    out.extend(literals(&message[plain..]));
    out
}

#[test]
fn compressed_messages_are_opened_by_tshark_and_counted_without_it() {
    let (mut messages, mut segments): (_, Vec<Segment>) = (Messages::default(), Vec::new());
    let mut conversation = Conversation::open("192.0.2.1:50000", "192.0.2.9:445", &mut segments);
    let plain = [messages.negotiate(0x0311, [7; 16]), messages.session_setup(false, false, 0x77)];
    let packed = [messages.tree_connect(r"\\server\share", 1), messages.echo(), messages.echo()];
    for (at, [request, response]) in plain.iter().chain(&packed).enumerate() {
        let pack = |message: &Vec<u8>| match at {
            0 | 1 => message.clone(),
            2 => compressed(message, 0),
            _ => compressed(message, 64),
        };
        conversation.message(true, &pack(request), &mut segments);
        conversation.message(false, &pack(response), &mut segments);
    }
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("compressed.pcap");
    std::fs::write(&capture, pcap_of(Link::Ethernet, &segments)).unwrap();

    for extractor in [Extractor::Native, Extractor::Tshark] {
        let (report, operations) = ingested(&capture, 445, Some(&Keys::default()), extractor);
        assert!(!report.manifest.quality.is_partial(), "{extractor:?}: {:?}", report.manifest.quality);
        let pdus: Vec<_> = operations.iter().flat_map(Operation::parts).map(|part| part.pdu.to_vec()).collect();
        let expected: Vec<_> = plain.iter().chain(&packed).flatten().cloned().collect();
        assert!(pdus == expected, "{extractor:?}: {} of {} messages", pdus.len(), expected.len());
        assert_eq!(operations[2].share.as_deref(), Some(r"\\server\share"), "{extractor:?}");
    }
    let (report, operations) = ingested(&capture, 445, None, Extractor::Native);
    assert_eq!((report.manifest.quality.compressed_messages, operations.len()), (6, 2));
    assert!(report.manifest.quality.is_partial());
}
