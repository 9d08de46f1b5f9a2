//! What counts as a divergence, and what does not.

use super::divergence::{Context, compare};
use super::listing::{Listings, continued_listings};
use super::name_map::NameMap;
use super::outcome::Class;
use super::testing::*;
use crate::model::message::{QueryDirectoryRequest, QueryInfoRequest};
use crate::model::{Command, FileId, NtStatus, Operation, Utf16};

const ID: FileId = FileId([3; 16]);

fn answered(mut operation: Operation, status: NtStatus, body: &[u8]) -> Operation {
    operation.response = Some(part(9, pdu(operation.command, status, true, body)));
    operation.status = Some(status);
    operation
}

fn read_body(data: &[u8]) -> Vec<u8> {
    let mut body = vec![17, 0, 80, 0];
    body.extend_from_slice(&(data.len() as u32).to_le_bytes());
    body.extend_from_slice(&[0; 8]);
    body.extend_from_slice(data);
    body
}

fn output_body(output: &[u8]) -> Vec<u8> {
    let mut body = vec![9, 0, 72, 0];
    body.extend_from_slice(&(output.len() as u32).to_le_bytes());
    body.extend_from_slice(output);
    body
}

fn live(command: Command, status: NtStatus, body: &[u8]) -> Vec<u8> {
    pdu(command, status, true, body).to_vec()
}

#[test]
fn reads_are_compared_byte_by_byte() {
    let mut captured = answered(read("f", ID, 4096, 5, 1, 2), NtStatus::SUCCESS, &read_body(b"hello"));
    captured.facts.offset = Some(4096);
    let compare = |data: &[u8]| {
        compare(&captured, &live(Command::Read, NtStatus::SUCCESS, &read_body(data)), Context::default())
    };
    assert_eq!(compare(b"hello").class, Class::Match);
    let other = compare(b"heLlo");
    assert_eq!(other.class, Class::Data);
    assert_eq!(other.findings[0].subject, "byte 4098 of the file");
    assert_eq!((other.findings[0].expected.as_str(), other.findings[0].observed.as_str()), ("6c6c6f", "4c6c6f"));
    let short = compare(b"hell");
    assert_eq!(short.class, Class::Length);
    assert_eq!((short.findings[0].expected.as_str(), short.findings[0].observed.as_str()), ("5", "4"));
}

#[test]
fn another_status_is_a_divergence_and_told_by_name() {
    let captured = create("f", ID, 1, 1, 2);
    let error = live(Command::Create, NtStatus::OBJECT_NAME_NOT_FOUND, &[9, 0, 0, 0, 0, 0, 0, 0, 0]);
    let comparison = compare(&captured, &error, Context::default());
    assert_eq!(comparison.class, Class::Status);
    assert_eq!(comparison.findings[0].observed, "STATUS_OBJECT_NAME_NOT_FOUND");
}

#[test]
fn creates_agree_in_size_and_attributes_and_not_in_ids() {
    let compare = |id: u8, size, attributes| {
        let body = create_response_body(FileId([id; 16]), size, attributes);
        compare(&create("f", ID, 1, 1, 2), &live(Command::Create, NtStatus::SUCCESS, &body), Context::default())
    };
    assert_eq!(compare(77, 0, 0x20).class, Class::Match, "another FileId");
    let larger = compare(3, 12, 0x21);
    assert_eq!(larger.class, Class::Info);
    let subjects: Vec<_> = larger.findings.iter().map(|finding| finding.subject.as_str()).collect();
    assert_eq!(subjects, ["file_attributes", "end_of_file"]);
}

#[test]
fn pipes_diverge_by_status_only() {
    let captured = answered(read("srvsvc", ID, 0, 5, 1, 2), NtStatus::SUCCESS, &read_body(b"hello"));
    let pipe = Context { on_pipe: true, ..Context::default() };
    let other = live(Command::Read, NtStatus::SUCCESS, &read_body(b"something else"));
    let comparison = compare(&captured, &other, pipe);
    assert_eq!(comparison.class, Class::Match);
    assert!(comparison.note.is_some());
    let partial = live(Command::Read, NtStatus::BUFFER_OVERFLOW, &read_body(b"some"));
    assert_eq!(compare(&captured, &partial, pipe).class, Class::Match);
    let gone = live(Command::Read, NtStatus(0xC000_00B1), &[9, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(compare(&captured, &gone, pipe).class, Class::Status);
}

fn query_info(info_type: u8, class: u8, output: &[u8]) -> Operation {
    let mut body = Vec::new();
    let request = QueryInfoRequest {
        info_type,
        file_info_class: class,
        output_buffer_length: 1000,
        additional_information: 0,
        flags: 0,
        file_id: ID,
        input: &[],
    };
    request.encode(&mut body);
    answered(operation(Command::QueryInfo, &body, 1, Some(2)), NtStatus::SUCCESS, &output_body(output))
}

#[test]
fn information_is_compared_by_its_fields_and_volatile_ones_are_left_out() {
    let network_open = |time: u8, allocation: u8, size: u8| {
        let mut buffer = vec![time; 32];
        buffer.extend_from_slice(&[
            allocation, 0, 0, 0, 0, 0, 0, 0, size, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0,
        ]);
        buffer
    };
    let captured = query_info(1, 34, &network_open(1, 1, 9));
    let compared = |output: &[u8]| {
        let pdu = live(Command::QueryInfo, NtStatus::SUCCESS, &output_body(output));
        compare(&captured, &pdu, Context::default()).class
    };
    assert_eq!(compared(&network_open(2, 3, 9)), Class::Match, "times and allocation");
    assert_eq!(compared(&network_open(1, 1, 8)), Class::Info, "size");
    assert_eq!(compared(&[1, 2, 3]), Class::Info, "cut short");

    let volume = query_info(2, 1, &[1; 30]);
    let pdu = live(Command::QueryInfo, NtStatus::SUCCESS, &output_body(&[2; 28]));
    assert_eq!(compare(&volume, &pdu, Context::default()).class, Class::Match, "a volume's label and serial number");
    let unknown = query_info(1, 200, &[1; 30]);
    assert_eq!(compare(&unknown, &pdu, Context::default()).class, Class::Length, "an unknown class, byte by byte");
    let security = query_info(3, 0, &[2; 28]);
    assert_eq!(compare(&security, &pdu, Context::default()).class, Class::Match);
    let security = query_info(3, 0, &[1; 28]);
    assert_eq!(compare(&security, &pdu, Context::default()).class, Class::Info);
}

#[test]
fn names_in_information_are_relative_to_the_base_folder() {
    let name = |text: &str| {
        let name = Utf16::encode(text);
        [&(name.len() as u32).to_le_bytes()[..], &name].concat()
    };
    let captured = query_info(1, 9, &name("\\dir\\f"));
    let pdu = live(Command::QueryInfo, NtStatus::SUCCESS, &output_body(&name("\\base\\dir\\f")));
    let names = NameMap { base_dir: Some("base".into()), ..NameMap::default() };
    let below = Context { names: Some(&names), ..Context::default() };
    assert_eq!(compare(&captured, &pdu, below).class, Class::Match);
    let renamed = NameMap { paths: vec!["^dir=folder".parse().unwrap()], ..names.clone() };
    let renamed = Context { names: Some(&renamed), ..Context::default() };
    assert_eq!(compare(&captured, &pdu, renamed).class, Class::Info, "it was to be called otherwise");
    let pdu_of = |text| live(Command::QueryInfo, NtStatus::SUCCESS, &output_body(&name(text)));
    assert_eq!(compare(&captured, &pdu_of("\\base\\folder\\f"), renamed).class, Class::Match);
    assert_eq!(compare(&captured, &pdu, Context::default()).class, Class::Info);
}

#[test]
fn without_a_captured_answer_nothing_is_claimed() {
    let mut captured = read("f", ID, 0, 5, 1, 2);
    captured.response = None;
    let comparison =
        compare(&captured, &live(Command::Read, NtStatus::SUCCESS, &read_body(b"x")), Context::default());
    assert_eq!(comparison.class, Class::Match);
    assert!(!comparison.compared);
}

/// A page of FileNamesInformation-like entries with sizes: class FileDirectoryInformation.
fn page(entries: &[(&str, u64)]) -> Vec<u8> {
    let mut buffer = Vec::new();
    for (at, (name, size)) in entries.iter().enumerate() {
        let name = Utf16::encode(name);
        let mut entry = vec![0u8; 64];
        entry[40..48].copy_from_slice(&size.to_le_bytes());
        entry[56] = 0x20;
        entry[60..64].copy_from_slice(&(name.len() as u32).to_le_bytes());
        entry.extend_from_slice(&name);
        if at + 1 < entries.len() {
            entry.resize(entry.len().next_multiple_of(8), 0);
            let step = entry.len() as u32;
            entry[..4].copy_from_slice(&step.to_le_bytes());
        }
        buffer.extend(entry);
    }
    output_body(&buffer)
}

const NO_MORE: &[u8] = &[9, 0, 0, 0, 0, 0, 0, 0, 0];

fn listing(pages: &[(NtStatus, Vec<u8>)]) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (at, (status, body)) in pages.iter().enumerate() {
        let pattern = Utf16::encode("*");
        let request = QueryDirectoryRequest {
            file_information_class: 1,
            flags: u8::from(at == 0),
            file_index: 0,
            file_id: ID,
            pattern: Utf16(&pattern),
            output_buffer_length: 65536,
        };
        let mut bytes = Vec::new();
        request.encode(&mut bytes);
        let query = operation(Command::QueryDirectory, &bytes, 1 + 2 * at as u64, Some(2 + 2 * at as u64));
        operations.push(answered(query, *status, body));
    }
    operations
}

fn compare_listing(captured: &[(NtStatus, Vec<u8>)], live_pages: &[(NtStatus, Vec<u8>)]) -> Vec<Class> {
    let operations = listing(captured);
    let continued = continued_listings(&operations, |_| true);
    let mut listings = Listings::default();
    let pages = operations.iter().zip(live_pages).enumerate();
    pages
        .map(|(at, (operation, (status, body)))| {
            let pdu = live(Command::QueryDirectory, *status, body);
            let names = NameMap::default();
            listings.compare(0, operation, &pdu, continued.contains(&(at as u32)), &names).class
        })
        .collect()
}

#[test]
fn listings_are_sets_however_they_are_ordered_and_paged() {
    let ok = NtStatus::SUCCESS;
    let end = (NtStatus::NO_MORE_FILES, NO_MORE.to_vec());
    let captured = [(ok, page(&[("a", 1), ("b", 2)])), (ok, page(&[("c", 3)])), end.clone()];
    let same = [(ok, page(&[("c", 3), ("b", 2)])), (ok, page(&[("a", 1)])), end.clone()];
    assert_eq!(compare_listing(&captured, &same), [Class::Match; 3], "another order");
    let sooner = [(ok, page(&[("a", 1), ("b", 2), ("c", 3)])), end.clone(), end.clone()];
    assert_eq!(compare_listing(&captured, &sooner), [Class::Match; 3], "larger pages");
    let missing = [(ok, page(&[("a", 1), ("b", 2)])), end.clone(), end.clone()];
    assert_eq!(compare_listing(&captured, &missing), [Class::Match, Class::Match, Class::Info]);
    let extra = [(ok, page(&[("a", 1), ("b", 2), ("x", 0)])), (ok, page(&[("c", 3)])), end.clone()];
    assert_eq!(compare_listing(&captured, &extra), [Class::Match, Class::Match, Class::Info]);
    let changed = [(ok, page(&[("a", 1), ("b", 5)])), (ok, page(&[("c", 3)])), end.clone()];
    assert_eq!(compare_listing(&captured, &changed), [Class::Match, Class::Match, Class::Info]);
    let denied = (NtStatus::ACCESS_DENIED, NO_MORE.to_vec());
    assert_eq!(compare_listing(&captured, &[denied])[0], Class::Status);
    let unfinished = [(ok, page(&[("a", 1)])), (ok, page(&[("b", 2)])), (ok, page(&[("c", 3)]))];
    assert_eq!(compare_listing(&captured, &unfinished)[2], Class::Status, "the target had more to say");
}
