use proptest::prelude::*;

use super::*;
use crate::model::{AsyncId, TreeId};
use crate::wire::options::SigningAlgorithm;
use crate::wire::session::NewSession;
use crate::wire::sign::SigningKey;

const RESPONSE: u32 = HeaderFlags::SERVER_TO_REDIR;

/// A connection without a network: what would be written comes out of `frames`.
struct Bench {
    shared: Multiplexer,
    frames: mpsc::Receiver<Frame>,
    events: mpsc::Receiver<Event>,
}

fn bench() -> Bench {
    let mut options = ConnectOptions::new(([127, 0, 0, 1], 445).into());
    options.response_timeout = Duration::from_millis(1500);
    let (frame_sender, frames) = mpsc::channel(QUEUED_FRAMES);
    let (event_sender, events) = mpsc::channel(4);
    Bench { shared: Multiplexer::new(options, frame_sender, event_sender), frames, events }
}

fn session() -> Session {
    Session::new(NewSession {
        id: SessionId(77),
        user: String::from("user"),
        flags: 0,
        anonymous: false,
        dialect: crate::model::Dialect::SMB3_1_1,
        signing: Some(SigningKey::new(SigningAlgorithm::AesCmac, &[5; 16])),
        seal: None,
        sign_all: true,
        seal_all: false,
    })
}

fn response(message_id: u64, status: NtStatus, flags: u32, credits: u16) -> Header {
    Header {
        credit_charge: 1,
        status,
        command: Command::Echo,
        credits,
        flags: HeaderFlags(RESPONSE | flags),
        next_command: 0,
        message_id: MessageId(message_id),
        async_id: (flags & HeaderFlags::ASYNC_COMMAND != 0).then_some(AsyncId(42)),
        tree_id: (flags & HeaderFlags::ASYNC_COMMAND == 0).then_some(TreeId(0)),
        session_id: SessionId(77),
        signature: [0; 16],
    }
}

fn encoded(header: &Header) -> Vec<u8> {
    let mut pdu = Vec::new();
    header.encode(&mut pdu);
    pdu.extend_from_slice(&[4, 0, 0, 0]);
    pdu
}

fn deliver(bench: &Bench, pdu: Vec<u8>) {
    bench.shared.deliver(pdu.into(), false, Instant::now()).unwrap();
}

async fn send(bench: &Bench, session: Option<&Session>) -> Ticket {
    let mut request = Outgoing::new(Command::Echo, vec![4, 0, 0, 0]);
    request.session = session.cloned();
    bench.shared.submit(request.into(), false).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_signed_request_takes_no_answer_but_a_signed_and_unchanged_one() {
    let key = SigningKey::new(SigningAlgorithm::AesCmac, &[5; 16]);
    let signed = |status| {
        let mut pdu = encoded(&response(0, status, HeaderFlags::SIGNED, 1));
        key.sign(&mut pdu);
        pdu
    };
    for (pdu, expected) in [
        (signed(NtStatus::SUCCESS), "verified"),
        (encoded(&response(0, NtStatus::SUCCESS, 0, 1)), "unsigned"),
        (encoded(&response(0, NtStatus::SUCCESS, HeaderFlags::SIGNED, 1)), "mismatch"),
        (
            {
                let mut pdu = signed(NtStatus::SUCCESS);
                pdu[66] ^= 1;
                pdu
            },
            "mismatch",
        ),
        (encoded(&response(0, NtStatus::USER_SESSION_DELETED, HeaderFlags::SIGNED, 1)), "unproved"),
        (encoded(&response(0, NtStatus::FILE_CLOSED, HeaderFlags::SIGNED, 1)), "unproved"),
        (
            {
                let mut pdu = signed(NtStatus::FILE_CLOSED);
                pdu[66] ^= 1;
                pdu
            },
            "mismatch",
        ),
    ] {
        let bench = bench();
        let ticket = send(&bench, Some(&session())).await;
        deliver(&bench, pdu);
        let outcome = match ticket.await {
            Ok(reply) if reply.verified => "verified",
            Ok(_) => "unproved",
            Err(WireError::Unsigned { .. }) => "unsigned",
            Err(WireError::SignatureMismatch { .. }) => "mismatch",
            Err(error) => panic!("{error}"),
        };
        assert_eq!(outcome, expected);
    }
}

#[tokio::test]
async fn interims_breaks_and_orphans_are_told_apart() {
    let mut bench = bench();
    let mut ticket = send(&bench, None).await;
    let pending = response(0, NtStatus::PENDING, HeaderFlags::ASYNC_COMMAND, 1);
    deliver(&bench, encoded(&pending));
    assert_eq!(ticket.interim().await.unwrap().async_id, Some(AsyncId(42)));
    deliver(&bench, encoded(&pending));
    deliver(&bench, encoded(&response(5, NtStatus::SUCCESS, 0, 0)));
    deliver(&bench, encoded(&response(u64::MAX, NtStatus::SUCCESS, 0, 0)));
    deliver(&bench, encoded(&response(0, NtStatus::SUCCESS, HeaderFlags::ASYNC_COMMAND, 0)));
    assert!((&mut ticket).await.unwrap().interim.is_some());
    let mut kinds = Vec::new();
    while let Ok(event) = bench.events.try_recv() {
        kinds.push(event.kind);
    }
    assert_eq!(kinds, [EventKind::ExtraInterim(MessageId(0)), EventKind::Orphan(MessageId(5)), EventKind::Break]);
}

#[tokio::test]
async fn events_that_nobody_reads_are_counted_and_dropped() {
    let bench = bench();
    for _ in 0..10 {
        deliver(&bench, encoded(&response(u64::MAX, NtStatus::SUCCESS, 0, 0)));
    }
    assert_eq!(bench.shared.dropped_events(), 6);
}

#[tokio::test]
async fn a_cancel_names_its_request_by_message_id_then_by_async_id() {
    let mut bench = bench();
    let ticket = send(&bench, Some(&session())).await;
    bench.frames.recv().await.unwrap();
    bench.shared.cancel(&ticket.handle()).await.unwrap();
    deliver(&bench, encoded(&response(0, NtStatus::PENDING, HeaderFlags::ASYNC_COMMAND, 1)));
    bench.shared.cancel(&ticket.handle()).await.unwrap();
    for expected in [None, Some(AsyncId(42))] {
        let frame = bench.frames.recv().await.unwrap();
        let header = frame.pdus[0].header;
        assert_eq!((header.command, header.message_id, header.async_id), (Command::Cancel, MessageId(0), expected));
        assert_eq!((header.credits, header.credit_charge, header.flags.is_async()), (0, 0, expected.is_some()));
        assert!(header.flags.is_signed() && frame.pdus[0].signer.is_some());
    }
}

#[tokio::test]
async fn a_chain_that_no_answer_can_pay_for_is_refused_instead_of_waiting() {
    let bench = bench();
    let chain = vec![Outgoing::new(Command::Echo, vec![4, 0, 0, 0]); 3];
    let error = bench.shared.submit(chain.into(), false).await.unwrap_err();
    assert!(matches!(error, WireError::TooFewCredits { needed: 3, granted: 1, .. }), "{error}");
    // The credit it waited with is still there.
    send(&bench, None).await;
}

#[tokio::test]
async fn a_chain_waits_as_long_as_answers_can_bring_credits() {
    let bench = bench();
    let first = send(&bench, None).await;
    let chain = vec![Outgoing::new(Command::Echo, vec![4, 0, 0, 0]); 3];
    let answer = async {
        tokio::time::sleep(STARVATION_CHECK * 3 / 2).await;
        deliver(&bench, encoded(&response(0, NtStatus::SUCCESS, 0, 3)));
    };
    let (tickets, ()) = tokio::join!(bench.shared.submit(chain.into(), false), answer);
    assert_eq!(tickets.unwrap().len(), 3);
    first.await.unwrap();
}

#[tokio::test]
async fn a_chain_longer_than_a_frame_is_refused() {
    let bench = bench();
    for chain in [Chain::new(Vec::new()), Outgoing::new(Command::Write, vec![0; 1 << 24]).into()] {
        let error = bench.shared.submit(chain, false).await.unwrap_err();
        assert!(matches!(error, WireError::UnsendableChain { .. }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_leave_in_the_order_of_their_ids_however_many_submit() {
    let Bench { shared, mut frames, events: _events } = bench();
    deliver_credits(&shared, 400);
    let shared = Arc::new(shared);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let shared = Arc::clone(&shared);
        tasks.spawn(async move {
            for at in 0..20 {
                let chain = vec![Outgoing::new(Command::Echo, vec![4, 0, 0, 0]); 1 + at % 2];
                shared.submit(chain.into(), false).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let mut expected = 0;
    for _ in 0..8 * 20 {
        for pdu in frames.recv().await.unwrap().pdus {
            assert_eq!(pdu.header.message_id, MessageId(expected));
            expected += 1;
        }
    }
    assert_eq!((expected, shared.in_flight()), (240, 240));
}

fn deliver_credits(shared: &Multiplexer, credits: u16) {
    shared
        .deliver(encoded(&response(u64::MAX, NtStatus::SUCCESS, 0, credits)).into(), false, Instant::now())
        .unwrap();
}

#[tokio::test]
async fn a_lost_connection_ends_what_is_in_flight_what_waits_and_what_comes() {
    let bench = bench();
    let ticket = send(&bench, None).await;
    let waiting = bench.shared.submit(Outgoing::new(Command::Echo, vec![4, 0, 0, 0]).into(), false);
    let lose = async {
        tokio::task::yield_now().await;
        bench.shared.lose(Violation::ClosedByServer);
        bench.shared.lose(Violation::ClosedHere);
    };
    let (waited, ()) = tokio::join!(waiting, lose);
    let later = bench.shared.submit(Outgoing::new(Command::Echo, Vec::new()).into(), false).await;
    for error in [ticket.await.unwrap_err(), waited.unwrap_err(), later.unwrap_err()] {
        assert!(error.to_string().ends_with("connection lost: the server closed it"), "{error}");
    }
}

proptest! {
    #[test]
    fn nothing_that_a_server_sends_makes_it_panic(
        pdus in proptest::collection::vec((any::<[u8; 12]>(), 0u64..4, proptest::collection::vec(any::<u8>(), 0..80)), 0..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let bench = bench();
            deliver_credits(&bench.shared, 4);
            let session = session();
            let tickets = [send(&bench, Some(&session)).await, send(&bench, None).await];
            for (start, message_id, body) in pdus {
                let mut pdu = encoded(&response(message_id, NtStatus::SUCCESS, 0, 0));
                pdu[6..18].copy_from_slice(&start);
                pdu.extend_from_slice(&body);
                let _ = bench.shared.deliver(pdu.into(), false, Instant::now());
                let _ = bench.shared.deliver(body.into(), false, Instant::now());
            }
            bench.shared.lose(Violation::ClosedByServer);
            for ticket in tickets {
                let _ = ticket.await;
            }
        });
    }
}
