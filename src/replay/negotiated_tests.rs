//! What differs between two negotiations, and what follows from it.

use super::negotiated::{NegotiatedDifference, NegotiatedKind, NegotiatedValue, Negotiation};
use super::negotiated_causes::Differences;
use super::testing::{create_body, create_response_body, operation, part, pdu, read};
use crate::model::message::{LeaseContext, encode_contexts};
use crate::model::{Capability, Command, Dialect, FileId, NtStatus, Operation};
use crate::wire::{Cipher, SigningAlgorithm};

fn negotiation(dialect: Dialect) -> Negotiation {
    Negotiation {
        dialect,
        capabilities: 0x27,
        asked: Some(0x7f),
        max_transact_size: 8 << 20,
        max_read_size: 8 << 20,
        max_write_size: 8 << 20,
        signing_required: false,
        signing_algorithm: Some(SigningAlgorithm::AesGmac),
        cipher: Some(Cipher::Aes128Gcm),
        offered_algorithms: SigningAlgorithm::ALL.to_vec(),
        offered_ciphers: Cipher::ALL.to_vec(),
    }
}

fn words(was: &Negotiation, is: &Negotiation) -> Vec<String> {
    was.differences(is).iter().map(ToString::to_string).collect()
}

#[test]
fn equal_negotiations_do_not_differ() {
    let one = negotiation(Dialect::SMB3_1_1);
    assert_eq!(words(&one, &one), [""; 0]);
}

#[test]
fn each_difference_has_its_words() {
    let was = negotiation(Dialect::SMB3_1_1);
    let is = Negotiation {
        capabilities: 0x0f,
        max_read_size: 1 << 20,
        max_write_size: 65_537,
        max_transact_size: 64 << 10,
        signing_required: true,
        signing_algorithm: Some(SigningAlgorithm::AesCmac),
        cipher: None,
        ..was.clone()
    };
    assert_eq!(
        words(&was, &is),
        [
            "MULTI_CHANNEL offered, was not",
            "DIRECTORY_LEASING not offered, was",
            "max read 1 MiB, was 8 MiB",
            "max write 65537 bytes, was 8 MiB",
            "max transact 64 KiB, was 8 MiB",
            "signing required, was not",
            "signing algorithm aes-cmac, was aes-gmac",
            "cipher none, was aes-128-gcm",
        ]
    );
}

#[test]
fn what_follows_from_the_dialect_is_not_told_again() {
    let was = negotiation(Dialect::SMB3_1_1);
    let is = Negotiation { capabilities: 1, signing_algorithm: None, cipher: None, ..negotiation(Dialect::SMB2_0_2) };
    assert_eq!(words(&was, &is), ["dialect 2.0.2, was 3.1.1"]);
}

#[test]
fn what_the_captured_client_had_not_asked_for_is_told_apart() {
    let was = Negotiation { capabilities: 0x07, asked: Some(0x07), ..negotiation(Dialect::SMB3_1_1) };
    let is = negotiation(Dialect::SMB3_1_1);
    let differences = was.differences(&is);
    assert_eq!(differences.len(), 1);
    assert!(differences[0].asked_by_replay_only);
    let text = "DIRECTORY_LEASING offered, was not (the captured client did not ask for it)";
    assert_eq!(differences[0].to_string(), text);
    // What clients need not ask for says something of the server in any case.
    let was = Negotiation { capabilities: 0x25, asked: Some(0), ..is.clone() };
    assert!(!was.differences(&is)[0].asked_by_replay_only);
}

#[test]
fn an_algorithm_that_one_client_had_not_offered_says_nothing_of_the_server() {
    let was = Negotiation {
        cipher: Some(Cipher::Aes128Ccm),
        offered_ciphers: vec![Cipher::Aes128Ccm],
        signing_algorithm: Some(SigningAlgorithm::AesCmac),
        offered_algorithms: vec![SigningAlgorithm::AesCmac],
        ..negotiation(Dialect::SMB3_1_1)
    };
    assert_eq!(words(&was, &negotiation(Dialect::SMB3_1_1)), [""; 0]);
}

const ID: FileId = FileId([7; 16]);
const DIRECTORY: u32 = 0x10;
const FILE: u32 = 0x20;
const LEASED: u8 = 0xff;

fn directory_leasing() -> NegotiatedDifference {
    NegotiatedDifference {
        kind: NegotiatedKind::Capability(Capability::DirectoryLeasing),
        captured: NegotiatedValue::Offered(false),
        observed: NegotiatedValue::Offered(true),
        asked_by_replay_only: false,
    }
}

fn lower_dialect() -> NegotiatedDifference {
    NegotiatedDifference {
        kind: NegotiatedKind::Dialect,
        captured: NegotiatedValue::Dialect(Dialect::SMB3_1_1),
        observed: NegotiatedValue::Dialect(Dialect::SMB2_0_2),
        asked_by_replay_only: false,
    }
}

fn smaller_reads() -> NegotiatedDifference {
    NegotiatedDifference {
        kind: NegotiatedKind::MaxReadSize,
        captured: NegotiatedValue::Bytes(8 << 20),
        observed: NegotiatedValue::Bytes(1 << 20),
        asked_by_replay_only: false,
    }
}

fn create_answer(attributes: u32, size: u64, oplock: u8) -> bytes::Bytes {
    let mut body = create_response_body(ID, size, attributes);
    body[2] = oplock;
    pdu(Command::Create, NtStatus::SUCCESS, true, &body)
}

/// A CREATE that asks for a lease of version 2, answered without one.
fn leasing_create(attributes: u32) -> Operation {
    let contexts = encode_contexts(&[(LeaseContext::NAME, &[9; 52])]);
    let body = create_body("a", 0x81, 1, 0, &contexts);
    let mut create = operation(Command::Create, &body, 1, Some(2));
    create.response = Some(part(2, create_answer(attributes, 0, 0)));
    create
}

fn refused(command: Command, status: NtStatus) -> bytes::Bytes {
    pdu(command, status, true, &[9, 0, 0, 0, 0, 0, 0, 0, 0])
}

#[test]
fn a_lease_on_a_directory_follows_from_directory_leasing_and_nothing_else_does() {
    let known = [directory_leasing()];
    let differences = Differences(&known);
    let granted = create_answer(DIRECTORY, 0, LEASED);
    assert_eq!(differences.of_answer(&leasing_create(DIRECTORY), &granted), Some(directory_leasing()));
    let on_a_file = create_answer(FILE, 0, LEASED);
    assert_eq!(differences.of_answer(&leasing_create(FILE), &on_a_file), None, "a file's lease");
    let hidden = create_answer(DIRECTORY | 2, 0, LEASED);
    assert_eq!(differences.of_answer(&leasing_create(DIRECTORY), &hidden), None, "the attributes differ too");
    let mut without_lease = leasing_create(DIRECTORY);
    without_lease.request =
        Some(part(1, pdu(Command::Create, NtStatus(0), false, &create_body("a", 0x81, 1, 0, &[]))));
    assert_eq!(differences.of_answer(&without_lease, &granted), None, "no lease was asked for");
    assert_eq!(Differences(&[]).of_answer(&leasing_create(DIRECTORY), &granted), None);
}

#[test]
fn a_lease_that_a_dialect_has_not_got_follows_from_the_dialect() {
    let mut leased = leasing_create(FILE);
    leased.response = Some(part(2, create_answer(FILE, 0, LEASED)));
    let known = [lower_dialect()];
    assert_eq!(Differences(&known).of_answer(&leased, &create_answer(FILE, 0, 0)), Some(lower_dialect()));
    assert_eq!(Differences(&known).of_answer(&leased, &create_answer(FILE, 5, 0)), None, "the size differs too");
    assert_eq!(Differences(&known).of_missing_break(&leased), Some(lower_dialect()));
    let known = [smaller_reads()];
    assert_eq!(Differences(&known).of_answer(&leased, &create_answer(FILE, 0, 0)), None);
    assert_eq!(Differences(&known).of_missing_break(&leased), None);
}

#[test]
fn a_durable_reconnect_of_version_2_follows_from_the_dialect() {
    let body = |name: &[u8]| create_body("a", 0x81, 1, 0, &encode_contexts(&[(name, &[9; 36])]));
    let reconnect = |name| {
        let mut create = operation(Command::Create, &body(name), 1, Some(2));
        create.response = Some(part(2, create_answer(FILE, 0, 0)));
        create
    };
    let known = [lower_dialect()];
    let refused = refused(Command::Create, NtStatus::OBJECT_NAME_NOT_FOUND);
    assert_eq!(Differences(&known).of_answer(&reconnect(b"DH2C"), &refused), Some(lower_dialect()));
    assert_eq!(Differences(&known).of_answer(&reconnect(b"DHnC"), &refused), None, "2.0.2 knows version 1");
}

#[test]
fn a_read_follows_from_the_size_that_it_exceeds() {
    let known = [smaller_reads()];
    let differences = Differences(&known);
    let of = |length, answer| {
        let mut read = read("a", ID, 0, length, 1, 2);
        let mut body = vec![17, 0, 80, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
        read.response = Some(part(2, pdu(Command::Read, NtStatus::SUCCESS, true, &body)));
        body[4] = 0;
        match answer {
            NtStatus::SUCCESS => differences.of_answer(&read, &pdu(Command::Read, answer, true, &body)),
            _ => differences.of_answer(&read, &refused(Command::Read, answer)),
        }
    };
    assert_eq!(of((1 << 20) + 1, NtStatus::INVALID_PARAMETER), Some(smaller_reads()));
    assert_eq!(of((1 << 20) + 1, NtStatus::SUCCESS), Some(smaller_reads()), "answered in part");
    assert_eq!(of(1 << 20, NtStatus::INVALID_PARAMETER), None, "it fits");
    assert_eq!(of((8 << 20) + 1, NtStatus::INVALID_PARAMETER), None, "it fitted the captured server neither");
    assert_eq!(of((1 << 20) + 1, NtStatus::ACCESS_DENIED), None, "refused for another reason");
}

#[test]
fn arbitrary_answers_never_panic() {
    let known = [directory_leasing(), lower_dialect(), smaller_reads()];
    for length in 0..200 {
        let bytes: Vec<u8> = (0..length).map(|at| (at * 37) as u8).collect();
        let _ = Differences(&known).of_answer(&leasing_create(DIRECTORY), &bytes);
    }
}
