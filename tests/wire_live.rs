//! The engine against a real smbd.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use smbreplay::model::message::{
    CloseRequest, CreateContexts, CreateRequest, CreateResponse, IoctlRequest, IoctlResponse, OplockBreak,
    ReadRequest, ReadResponse, WriteRequest, encode_bodyless,
};
use smbreplay::model::{Command, CtlCode, Dialect, FileId, NtStatus, Utf16};
use smbreplay::wire::{
    Chain, Cipher, ConnectOptions, Connection, CreateSpec, Credentials, Encryption, EventKind, LoginOptions,
    OpenFile, Outgoing, Session, Signing, SigningAlgorithm, Tree, Violation, WireError, access, disposition,
};
use support::Samba;

const READ_WRITE: u32 = access::READ_DATA | access::WRITE_DATA | access::READ_ATTRIBUTES | access::DELETE;

fn user() -> Credentials {
    Credentials::ntlm(Samba::USER, "", Samba::PASSWORD)
}

fn options(samba: &Samba, dialect: Dialect) -> ConnectOptions {
    ConnectOptions { dialects: vec![dialect], ..ConnectOptions::new(samba.address()) }
}

async fn connected(options: ConnectOptions, share: &str) -> (Connection, Session, Tree) {
    let connection = Connection::connect(options).await.unwrap();
    let session = connection.login(&user()).await.unwrap();
    let tree = connection.tree_connect(&session, share).await.unwrap();
    (connection, session, tree)
}

async fn new_file(connection: &Connection, tree: &Tree, name: &str) -> OpenFile {
    connection.create(tree, &CreateSpec::file(name, READ_WRITE, disposition::OVERWRITE_IF)).await.unwrap()
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 251 + at) as u8).collect()
}

/// Writes a file, reads it back, and looks at it on the server's disk.
async fn write_and_read_back(samba: &Samba, connection: &Connection, tree: &Tree, share: &str, name: &str) {
    let data = pattern(200_000);
    let file = new_file(connection, tree, name).await;
    connection.write(&file, 0, &data).await.unwrap();
    assert!(connection.read(&file, 0, data.len() + 1).await.unwrap() == data, "{name} reads back otherwise");
    connection.close_file(&file).await.unwrap();
    assert!(std::fs::read(samba.share_dir(share).join(name)).unwrap() == data, "{name} is otherwise on disk");
}

fn read_request(file: &OpenFile, offset: u64, length: u32) -> Outgoing {
    let request = ReadRequest {
        padding: 0x50,
        flags: 0,
        length,
        offset,
        file_id: file.file_id,
        minimum_count: 0,
        channel: 0,
        remaining_bytes: 0,
    };
    let mut body = Vec::new();
    request.encode(&mut body);
    Outgoing::new(Command::Read, body)
        .in_session(&file.tree.session)
        .in_tree(file.tree.id)
        .charged_for(length as usize)
}

/// CHANGE_NOTIFY for names in a directory, [MS-SMB2] 2.2.35.
fn change_notify(directory: &OpenFile) -> Outgoing {
    let mut body = vec![32, 0, 0, 0];
    body.extend_from_slice(&1000u32.to_le_bytes());
    body.extend_from_slice(&directory.file_id.0);
    body.extend_from_slice(&3u32.to_le_bytes());
    body.extend_from_slice(&[0; 4]);
    Outgoing::new(Command::ChangeNotify, body).in_session(&directory.tree.session).in_tree(directory.tree.id)
}

fn echo(session: &Session) -> Outgoing {
    let mut body = Vec::new();
    encode_bodyless(&mut body);
    Outgoing::new(Command::Echo, body).in_session(session)
}

/// A directory that no other test changes.
async fn open_directory(connection: &Connection, tree: &Tree, name: &str) -> OpenFile {
    let spec = CreateSpec::directory(name, access::READ_DATA | access::READ_ATTRIBUTES, disposition::OPEN_IF);
    connection.create(tree, &spec).await.unwrap()
}

#[tokio::test]
async fn every_dialect_logs_in_and_moves_data_with_signatures_both_ways() {
    let samba = Samba::shared();
    for dialect in Dialect::ALL {
        let (connection, session, tree) = connected(options(&samba, dialect), "testshare").await;
        assert_eq!(connection.negotiated().dialect, dialect);
        assert!(session.can_sign() && !session.is_guest());
        write_and_read_back(&samba, &connection, &tree, "testshare", &format!("dialect-{dialect}")).await;
        let reply = connection.exchange(echo(&session)).await.unwrap();
        assert!(reply.header.flags.is_signed() && reply.verified && !reply.sealed, "{dialect}");
        connection.tree_disconnect(&tree).await.unwrap();
        connection.logoff(&session).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_demands_signatures_accepts_ours() {
    let samba = Samba::start(&[("SMBD_GLOBAL", "server signing = mandatory")]);
    for dialect in Dialect::ALL {
        let options = ConnectOptions { signing: Signing::IfRequired, ..options(&samba, dialect) };
        let (connection, session, _) = connected(options, "testshare").await;
        assert!(connection.negotiated().signing_required());
        assert!(connection.exchange(echo(&session)).await.unwrap().header.flags.is_signed(), "{dialect}");
    }
}

#[tokio::test]
async fn without_need_nothing_is_signed_unless_asked_for() {
    let samba = Samba::shared();
    let options = ConnectOptions { signing: Signing::IfRequired, ..ConnectOptions::new(samba.address()) };
    let (connection, session, tree) = connected(options, "testshare").await;
    write_and_read_back(&samba, &connection, &tree, "testshare", "unsigned").await;
    assert!(!connection.exchange(echo(&session)).await.unwrap().header.flags.is_signed());
    let signed = Outgoing { sign: true, ..echo(&session) };
    assert!(connection.exchange(signed).await.unwrap().header.flags.is_signed());
}

#[tokio::test]
async fn every_signing_algorithm_of_3_1_1_verifies() {
    let samba = Samba::shared();
    for algorithm in SigningAlgorithm::ALL {
        let options = ConnectOptions { signing_algorithms: vec![algorithm], ..options(&samba, Dialect::SMB3_1_1) };
        let (connection, session, tree) = connected(options, "testshare").await;
        assert_eq!(connection.negotiated().signing_algorithm, algorithm);
        write_and_read_back(&samba, &connection, &tree, "testshare", &format!("signed-{algorithm}")).await;
        assert!(connection.exchange(echo(&session)).await.unwrap().header.flags.is_signed());
    }
}

#[tokio::test]
async fn every_cipher_seals_a_share_that_demands_it() {
    let samba = Samba::shared();
    for cipher in Cipher::ALL {
        let options = ConnectOptions { ciphers: vec![cipher], ..options(&samba, Dialect::SMB3_1_1) };
        let (connection, session, tree) = connected(options, "encshare").await;
        assert_eq!(connection.negotiated().cipher, Some(cipher));
        assert!(session.is_sealed(tree.id));
        write_and_read_back(&samba, &connection, &tree, "encshare", &format!("sealed-{cipher}")).await;
        let reply = connection.exchange(echo(&session).in_tree(tree.id)).await.unwrap();
        assert!(reply.sealed);
    }
    for dialect in [Dialect::SMB3_0, Dialect::SMB3_0_2] {
        let (connection, _, tree) = connected(options(&samba, dialect), "encshare").await;
        assert_eq!(connection.negotiated().cipher, Some(Cipher::Aes128Ccm));
        write_and_read_back(&samba, &connection, &tree, "encshare", &format!("sealed-{dialect}")).await;
    }
}

#[tokio::test]
async fn a_session_can_be_sealed_whole() {
    let samba = Samba::shared();
    let options = ConnectOptions { encryption: Encryption::Required, ..ConnectOptions::new(samba.address()) };
    let (connection, session, tree) = connected(options, "testshare").await;
    write_and_read_back(&samba, &connection, &tree, "testshare", "sealed-session").await;
    assert!(connection.exchange(echo(&session)).await.unwrap().sealed);
}

#[tokio::test]
async fn a_sealed_share_without_encryption_is_refused_with_a_reason() {
    let samba = Samba::shared();
    let options = ConnectOptions { encryption: Encryption::Forbidden, ..ConnectOptions::new(samba.address()) };
    let connection = Connection::connect(options).await.unwrap();
    assert_eq!(connection.negotiated().cipher, None);
    let session = connection.login(&user()).await.unwrap();
    let error = connection.tree_connect(&session, "encshare").await.unwrap_err();
    assert!(error.is_target() && error.to_string().contains("encshare"), "{error}");
}

#[tokio::test]
async fn guests_and_null_sessions_work_unsigned() {
    let samba = Samba::shared();
    for dialect in [Dialect::SMB2_1, Dialect::SMB3_1_1] {
        let connection = Connection::connect(options(&samba, dialect)).await.unwrap();

        let guest = connection.login(&Credentials::Guest).await.unwrap();
        assert!(guest.is_guest() && !guest.can_sign());
        let tree = connection.tree_connect(&guest, "guestshare").await.unwrap();
        write_and_read_back(&samba, &connection, &tree, "guestshare", &format!("guest-{dialect}")).await;

        // A name that the server does not know makes a guest too: `map to guest = Bad User`.
        let stranger = connection.login(&Credentials::ntlm("nobody-we-know", "", "x")).await.unwrap();
        assert!(stranger.is_guest());

        let anonymous = connection.login(&Credentials::Anonymous).await.unwrap();
        assert!(anonymous.is_anonymous() && !anonymous.can_sign());
        connection.tree_connect(&anonymous, "IPC$").await.unwrap();
    }
}

#[tokio::test]
async fn a_wrong_password_is_a_refused_login_that_names_the_user() {
    let samba = Samba::shared();
    let connection = Connection::connect(ConnectOptions::new(samba.address())).await.unwrap();
    let error = connection.login(&Credentials::ntlm(Samba::USER, "DOM", "wrong")).await.unwrap_err();
    assert!(error.is_target() && error.status() == Some(NtStatus::LOGON_FAILURE), "{error}");
    assert!(error.to_string().contains("DOM\\testuser") && !error.to_string().contains("wrong"), "{error}");
    // The connection is as good as before.
    connection.login(&user()).await.unwrap();
}

#[tokio::test]
async fn an_unknown_share_is_refused_by_name() {
    let samba = Samba::shared();
    let connection = Connection::connect(ConnectOptions::new(samba.address())).await.unwrap();
    let session = connection.login(&user()).await.unwrap();
    let error = connection.tree_connect(&session, "nosuchshare").await.unwrap_err();
    assert!(
        matches!(&error, WireError::ShareRefused { share, status: NtStatus::BAD_NETWORK_NAME, .. }
        if share == "\\\\127.0.0.1\\nosuchshare"),
        "{error}"
    );
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let address = ([127, 0, 0, 1], support::free_port()).into();
    let error = Connection::connect(ConnectOptions::new(address)).await.unwrap_err();
    assert!(matches!(error, WireError::Unreachable { .. }) && error.is_target(), "{error}");
}

#[tokio::test]
async fn a_dialect_that_the_server_does_not_speak_is_named() {
    let samba = Samba::start(&[("SMBD_GLOBAL", "server min protocol = SMB3_00")]);
    let error = Connection::connect(options(&samba, Dialect::SMB2_1)).await.unwrap_err();
    assert!(matches!(&error, WireError::NoCommonDialect { offered, .. } if offered == "2.1"), "{error}");
}

#[tokio::test]
async fn a_server_that_speaks_something_else_or_nothing_is_an_error_and_no_hang() {
    use tokio::io::AsyncWriteExt;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answers: [&[u8]; 5] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\0\0\0\x05hello",
        b"\0\xFF\xFF\xFF\xFESMB",
        b"\0\0\0\x48\xFESMB\x40\0\0\0",
        b"",
    ];
    for answer in answers {
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(answer).await.unwrap();
        };
        let options = ConnectOptions { max_frame: 1 << 20, ..ConnectOptions::new(address) };
        let (result, ()) = tokio::join!(Connection::connect(options), server);
        assert!(result.unwrap_err().is_connection_lost());
    }

    let mute = async {
        let accepted = listener.accept().await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(accepted);
    };
    let options = ConnectOptions { response_timeout: Duration::from_millis(200), ..ConnectOptions::new(address) };
    let result = tokio::select! { result = Connection::connect(options) => result, () = mute => panic!("it hangs") };
    assert!(matches!(result.unwrap_err(), WireError::Timeout { waiting_for: "NEGOTIATE", .. }));
}

/// CREATE, WRITE, CLOSE with inherited ids: one frame, one related compound.
fn related_chain(tree: &Tree, name: &str, data: &[u8]) -> Chain {
    let name = Utf16::encode(name);
    let create = CreateRequest {
        requested_oplock_level: 0,
        impersonation_level: 2,
        desired_access: READ_WRITE,
        file_attributes: 0x80,
        share_access: 7,
        create_disposition: disposition::OVERWRITE_IF,
        create_options: 0x40,
        name: Utf16(&name),
        contexts: CreateContexts::default(),
    };
    let write =
        WriteRequest { offset: 0, file_id: FileId::INHERITED, channel: 0, remaining_bytes: 0, flags: 0, data };
    let (mut bodies, mut close) = (vec![Vec::new(), Vec::new()], Vec::new());
    create.encode(&[], &mut bodies[0]);
    write.encode(&mut bodies[1]);
    CloseRequest { flags: 0, file_id: FileId::INHERITED }.encode(&mut close);
    bodies.push(close);
    let commands = [Command::Create, Command::Write, Command::Close];
    let requests = commands.into_iter().zip(bodies).enumerate().map(|(at, (command, body))| {
        let request = Outgoing::new(command, body).in_session(&tree.session).in_tree(tree.id);
        if at == 0 { request } else { request.related() }
    });
    Chain::new(requests.collect())
}

#[tokio::test]
async fn a_related_compound_travels_as_one_signed_or_sealed() {
    let samba = Samba::shared();
    for (dialect, share) in [
        (Dialect::SMB2_0_2, "testshare"),
        (Dialect::SMB2_1, "testshare"),
        (Dialect::SMB3_1_1, "testshare"),
        (Dialect::SMB3_1_1, "encshare"),
    ] {
        let (connection, _, tree) = connected(options(&samba, dialect), share).await;
        let name = format!("chain-{dialect}");
        let tickets = connection.submit(related_chain(&tree, &name, b"odd length")).await.unwrap();
        let first = tickets[0].message_id().0;
        assert_eq!(tickets.iter().map(|t| t.message_id().0 - first).collect::<Vec<_>>(), [0, 1, 2]);
        let mut received = Vec::new();
        for ticket in tickets {
            let reply = ticket.await.unwrap();
            assert_eq!(reply.status(), NtStatus::SUCCESS, "{dialect} {share} {}", reply.header.command);
            received.push(reply.received);
        }
        assert!(received.windows(2).all(|pair| pair[0] == pair[1]), "the answers came in several frames");
        assert_eq!(std::fs::read(samba.share_dir(share).join(&name)).unwrap(), b"odd length");
    }
}

#[tokio::test]
async fn sixty_four_reads_at_once_each_get_their_own_bytes() {
    let samba = Samba::shared();
    let (connection, _, tree) = connected(ConnectOptions::new(samba.address()), "testshare").await;
    let data = pattern(64 * 5000);
    samba.put("testshare", "concurrent", &data);
    let spec = CreateSpec::file("concurrent", access::READ_DATA, disposition::OPEN);
    let file = connection.create(&tree, &spec).await.unwrap();
    let mut reads = tokio::task::JoinSet::new();
    for at in 0..64 {
        let (connection, request) = (connection.clone(), read_request(&file, at * 5000, 5000));
        reads.spawn(async move { (at as usize * 5000, connection.exchange(request).await.unwrap()) });
    }
    let mut seen = 0;
    while let Some(outcome) = reads.join_next().await {
        let (at, reply) = outcome.unwrap();
        assert!(reply.received >= reply.sent);
        assert!(ReadResponse::decode(&reply.pdu).unwrap().data == &data[at..at + 5000], "read at {at}");
        seen += 1;
    }
    assert_eq!((seen, connection.in_flight()), (64, 0));
}

#[tokio::test]
async fn credits_carry_thousands_of_requests_and_large_ones_among_them() {
    let samba = Samba::shared();
    let (connection, session, tree) = connected(ConnectOptions::new(samba.address()), "testshare").await;
    assert!(connection.negotiated().multi_credit());
    let file = new_file(&connection, &tree, "large").await;
    let data = pattern(3 << 20);
    connection.write(&file, 0, &data).await.unwrap();
    let mut tickets = Vec::new();
    for at in 0..2000 {
        tickets.extend(connection.submit(echo(&session)).await.unwrap());
        if at % 200 == 0 {
            tickets.extend(connection.submit(read_request(&file, 0, 1 << 20)).await.unwrap());
        }
    }
    let ids: Vec<_> = tickets.iter().map(|ticket| ticket.message_id()).collect();
    assert!(ids.is_sorted());
    for ticket in tickets {
        assert_eq!(ticket.await.unwrap().status(), NtStatus::SUCCESS);
    }
}

#[tokio::test]
async fn a_change_notify_pends_until_it_is_cancelled() {
    let samba = Samba::shared();
    for (dialect, share) in
        [(Dialect::SMB2_0_2, "testshare"), (Dialect::SMB3_1_1, "testshare"), (Dialect::SMB3_1_1, "encshare")]
    {
        let (connection, _, tree) = connected(options(&samba, dialect), share).await;
        let quiet = open_directory(&connection, &tree, "quiet").await;
        let ticket = connection.submit(change_notify(&quiet)).await.unwrap().remove(0);
        let interim = ticket.interim().await.expect("an interim response");
        assert!(interim.async_id.is_some() && ticket.async_id() == interim.async_id);
        connection.cancel(&ticket.handle()).await.unwrap();
        let reply = tokio::time::timeout(Duration::from_secs(60), ticket).await.unwrap().unwrap();
        assert_eq!(reply.status(), NtStatus::CANCELLED, "{dialect} {share}");
        assert_eq!(reply.interim.unwrap().pdu, interim.pdu);
    }
}

#[tokio::test]
async fn a_change_notify_completes_when_a_name_appears() {
    let samba = Samba::shared();
    let (connection, _, tree) = connected(ConnectOptions::new(samba.address()), "testshare").await;
    let directory = open_directory(&connection, &tree, "watched").await;
    let mut ticket = connection.submit(change_notify(&directory)).await.unwrap().remove(0);
    ticket.interim().await.expect("an interim response");
    // Samba's processes tell each other of watches in their own time: a second name may be the first that is noticed.
    let mut reply = None;
    for attempt in 0..20 {
        let file = new_file(&connection, &tree, &format!("watched\\new{attempt}")).await;
        reply = tokio::time::timeout(Duration::from_secs(1), &mut ticket).await.ok();
        connection.delete_on_close(&file).await.unwrap();
        connection.close_file(&file).await.unwrap();
        if reply.is_some() {
            break;
        }
    }
    assert_eq!(reply.expect("an answer to the watch").unwrap().status(), NtStatus::SUCCESS);
}

#[tokio::test]
async fn a_killed_server_ends_every_ticket_and_all_that_follows() {
    let samba = Samba::start(&[]);
    let (connection, session, tree) = connected(ConnectOptions::new(samba.address()), "testshare").await;
    let quiet = open_directory(&connection, &tree, "quiet").await;
    let mut tickets = Vec::new();
    for _ in 0..5 {
        tickets.extend(connection.submit(change_notify(&quiet)).await.unwrap());
    }
    tickets[4].interim().await.expect("an interim response");
    samba.stop();
    for ticket in tickets {
        // A server that goes down in order may still answer; what it does not answer is lost.
        match tokio::time::timeout(Duration::from_secs(60), ticket).await.expect("no ticket hangs") {
            Err(error) => assert!(error.is_connection_lost(), "{error}"),
            Ok(reply) => panic!("answered with {}", reply.status()),
        }
    }
    assert!(connection.lost().is_some());
    assert!(connection.submit(echo(&session)).await.unwrap_err().is_connection_lost());
    assert_eq!(connection.in_flight(), 0);
}

#[tokio::test]
async fn closing_a_connection_ends_its_tickets() {
    let samba = Samba::shared();
    let (connection, _, tree) = connected(ConnectOptions::new(samba.address()), "testshare").await;
    let quiet = open_directory(&connection, &tree, "quiet").await;
    let ticket = connection.submit(change_notify(&quiet)).await.unwrap().remove(0);
    connection.close();
    let error = ticket.await.unwrap_err();
    assert!(
        matches!(&error, WireError::ConnectionLost { reason, .. } if matches!(**reason, Violation::ClosedHere)),
        "{error}"
    );
}

#[tokio::test]
async fn an_oplock_break_is_an_event_and_its_acknowledgement_lets_the_other_in() {
    let samba = Samba::shared();
    let (holder, session, tree) = connected(ConnectOptions::new(samba.address()), "testshare").await;
    let (other, _, other_tree) = connected(ConnectOptions::new(samba.address()), "testshare").await;
    let mut events = holder.take_events().unwrap();
    assert!(holder.take_events().is_none());

    const BATCH: u8 = 9;
    let spec = CreateSpec::file("oplocked", READ_WRITE, disposition::OVERWRITE_IF);
    let held = holder.create(&tree, &CreateSpec { requested_oplock_level: BATCH, ..spec.clone() }).await.unwrap();
    assert_eq!(held.oplock_level, BATCH);
    let opening = tokio::spawn({
        let other = other.clone();
        async move { other.create(&other_tree, &CreateSpec::file("oplocked", access::READ_DATA, disposition::OPEN)).await }
    });
    let event = tokio::time::timeout(Duration::from_secs(60), events.recv()).await.unwrap().unwrap();
    assert_eq!(event.kind, EventKind::Break);
    let OplockBreak::Oplock { oplock_level, file_id } = OplockBreak::decode(&event.pdu).unwrap() else {
        panic!("a lease break");
    };
    assert_eq!(file_id, held.file_id);

    let mut body = vec![24, 0, oplock_level, 0, 0, 0, 0, 0];
    body.extend_from_slice(&file_id.0);
    let acknowledgement = Outgoing::new(Command::OplockBreak, body).in_session(&session).in_tree(tree.id);
    assert_eq!(holder.exchange(acknowledgement).await.unwrap().status(), NtStatus::SUCCESS);
    tokio::time::timeout(Duration::from_secs(60), opening).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn several_sessions_live_on_one_connection_signed_and_sealed() {
    let samba = Samba::shared();
    let connection = Connection::connect(ConnectOptions::new(samba.address())).await.unwrap();
    let one = connection.login(&user()).await.unwrap();
    let two = connection.login(&user()).await.unwrap();
    assert_ne!(one.id(), two.id());
    let plain = connection.tree_connect(&one, "testshare").await.unwrap();
    let sealed = connection.tree_connect(&two, "encshare").await.unwrap();
    tokio::join!(
        write_and_read_back(&samba, &connection, &plain, "testshare", "session-one"),
        write_and_read_back(&samba, &connection, &sealed, "encshare", "session-two"),
    );
    connection.logoff(&one).await.unwrap();
    connection.echo(&two).await.unwrap();
    // The status of a session that is gone is an answer like any other.
    let reply = connection.exchange(echo(&one).in_tree(plain.id)).await;
    assert!(matches!(&reply, Ok(reply) if reply.status().is_error() && !reply.verified), "{reply:?}");
}

#[tokio::test]
async fn a_session_takes_the_place_of_an_earlier_one() {
    let samba = Samba::shared();
    let (old, session, _) = connected(ConnectOptions::new(samba.address()), "testshare").await;
    let new = Connection::connect(ConnectOptions::new(samba.address())).await.unwrap();
    let options = LoginOptions { previous_session_id: Some(session.id()) };
    new.login_with(&user(), options).await.unwrap();
    let outcome = old.exchange(echo(&session)).await;
    let ended = match &outcome {
        Ok(reply) => reply.status() == NtStatus::USER_SESSION_DELETED,
        Err(error) => error.is_connection_lost(),
    };
    assert!(ended, "{outcome:?}");
}

#[tokio::test]
async fn a_session_is_bound_to_a_second_connection() {
    let samba = Samba::shared();
    for dialect in [Dialect::SMB3_0_2, Dialect::SMB3_1_1] {
        for share in ["testshare", "encshare"] {
            let options = ConnectOptions { client_guid: Some([dialect.0 as u8; 16]), ..options(&samba, dialect) };
            let (first, session, tree) = connected(options.clone(), share).await;
            assert!(first.negotiated().multi_channel());
            let second = Connection::connect(options).await.unwrap();
            let channel = second.bind(&session, &user()).await.unwrap();
            assert_eq!(channel.id(), session.id());
            let tree = Tree { session: channel, ..tree };
            write_and_read_back(&samba, &second, &tree, share, &format!("bound-{dialect}")).await;
            first.echo(&session).await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_negotiation_validates_as_the_server_saw_it() {
    let samba = Samba::shared();
    for dialect in [Dialect::SMB3_0, Dialect::SMB3_0_2] {
        let (connection, session, tree) = connected(options(&samba, dialect), "testshare").await;
        let negotiated = connection.negotiated();
        let input = negotiated.validate_negotiate_input();
        let request = IoctlRequest {
            ctl_code: CtlCode(0x0014_0204),
            file_id: FileId::INHERITED,
            input_offset: 120,
            input: &input,
            max_input_response: 0,
            output: &[],
            max_output_response: 24,
            flags: 1,
        };
        let mut body = Vec::new();
        request.encode(&mut body);
        let request = Outgoing::new(Command::Ioctl, body).in_session(&session).in_tree(tree.id);
        let reply = connection.exchange(request).await.unwrap();
        assert_eq!(reply.status(), NtStatus::SUCCESS);
        let output = IoctlResponse::decode(&reply.pdu).unwrap().output;
        assert_eq!(output[4..20], negotiated.server_guid);
        assert_eq!(output[22..24], dialect.0.to_le_bytes());
    }
}

#[tokio::test]
async fn directories_are_listed_and_files_deleted_and_cut() {
    let samba = Samba::shared();
    let (connection, _, tree) = connected(ConnectOptions::new(samba.address()), "testshare").await;
    let spec = CreateSpec::directory("listed", READ_WRITE, disposition::CREATE);
    let directory = connection.create(&tree, &spec).await.unwrap();
    let mut expected = Vec::new();
    // More entries than fit one answer.
    for at in 0..700 {
        let name = format!("näme-{at:04}");
        samba.put("testshare", &format!("listed/{name}"), vec![0; at]);
        expected.push((name, at as u64));
    }
    let entries = connection.query_directory(&directory, "*").await.unwrap();
    let mut found: Vec<_> = entries.into_iter().map(|entry| (entry.name, entry.end_of_file)).collect();
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(connection.query_directory(&directory, "näme-0699").await.unwrap().len(), 1);
    assert!(connection.query_directory(&directory, "no*such").await.unwrap().is_empty());

    let path = "listed\\näme-0699";
    let file = connection.create(&tree, &CreateSpec::file(path, READ_WRITE, disposition::OPEN)).await.unwrap();
    connection.set_end_of_file(&file, 5).await.unwrap();
    assert_eq!(connection.read(&file, 0, 100).await.unwrap(), [0; 5]);
    connection.delete_on_close(&file).await.unwrap();
    connection.close_file(&file).await.unwrap();
    let gone = connection.create(&tree, &CreateSpec::file(path, READ_WRITE, disposition::OPEN)).await.unwrap_err();
    assert_eq!(gone.status(), Some(NtStatus::OBJECT_NAME_NOT_FOUND));
    assert!(gone.to_string().contains("näme-0699"), "{gone}");
}

#[tokio::test]
async fn any_status_of_a_submitted_request_is_an_answer() {
    let samba = Samba::shared();
    let (connection, _, tree) = connected(ConnectOptions::new(samba.address()), "roshare").await;
    let tickets = connection.submit(related_chain(&tree, "forbidden", b"x")).await.unwrap();
    let mut statuses = Vec::new();
    for ticket in tickets {
        let reply = ticket.await.unwrap();
        assert!(CreateResponse::decode(&reply.pdu).is_err());
        statuses.push(reply.status());
    }
    assert!(statuses.iter().all(|status| status.is_error()), "{statuses:?}");
    let malformed = Outgoing::new(Command::Read, vec![49, 0]).in_session(&tree.session).in_tree(tree.id);
    assert_eq!(connection.exchange(malformed).await.unwrap().status(), NtStatus::INVALID_PARAMETER);
}
