//! What rewriting changes, and that it changes nothing else.

use proptest::prelude::*;

use super::copies::CopyNumber;
use super::name_map::NameMap;
use super::remap::IdMap;
use super::rewrite::Rewriter;
use super::testing::*;
use crate::model::message::{
    CreateRequest, INFO_SECURITY, IoctlRequest, LeaseContext, QueryInfoRequest, SetInfoRequest, TreeConnectRequest,
    encode_contexts, file_id_offset,
};
use crate::model::{
    Ace, AceBody, Acl, AclPresence, Command, CtlCode, FileId, NtStatus, Operation, SecurityDescriptor, Sid, Utf16,
};

const CAPTURED: FileId = FileId([0xC0; 16]);
const LIVE: FileId = FileId([0x11; 16]);

fn names(base_dir: Option<&str>) -> NameMap {
    NameMap {
        server: "lab".into(),
        share: Some("testshare".into()),
        base_dir: base_dir.map(Into::into),
        ..NameMap::default()
    }
}

fn ids() -> IdMap {
    let mut ids = IdMap::default();
    ids.insert_file(0, CAPTURED, LIVE);
    ids
}

/// The whole PDU after rewriting, so that offsets are those of the specification.
fn rewritten(operation: &Operation, ids: &IdMap, names: &NameMap, copy: u32) -> Vec<u8> {
    let pdu = &operation.request.as_ref().unwrap().pdu;
    let body = Rewriter { ids, names, copy: CopyNumber(copy) }.body(operation, pdu, 0);
    [&pdu[..64], &body].concat()
}

proptest! {
    /// Whatever the bytes of a body are: those of the FileId change, and no others.
    #[test]
    fn nothing_but_the_file_id_changes(code in 6u16..19, body in proptest::collection::vec(any::<u8>(), 60..200)) {
        let command = Command::from_code(code);
        prop_assume!(!matches!(command, Command::OplockBreak | Command::Cancel | Command::Echo));
        let at = file_id_offset(command).unwrap();
        let mut body = body;
        body[at - 64..at - 48].copy_from_slice(&CAPTURED.0);
        let operation = operation(command, &body, 1, Some(2));
        let was = operation.request.as_ref().unwrap().pdu.to_vec();
        let is = rewritten(&operation, &ids(), &names(None), 0);
        prop_assert_eq!(was.len(), is.len());
        prop_assert_eq!(&is[at..at + 16], &LIVE.0);
        prop_assert_eq!(&is[..at], &was[..at]);
        prop_assert_eq!(&is[at + 16..], &was[at + 16..]);
    }

    #[test]
    fn a_create_goes_out_as_captured_when_nothing_is_mapped(body in proptest::collection::vec(any::<u8>(), 60..200)) {
        let operation = operation(Command::Create, &body, 1, Some(2));
        let was = operation.request.as_ref().unwrap().pdu.to_vec();
        let mut options = u32::from_le_bytes([was[104], was[105], was[106], was[107]]);
        options &= !CreateRequest::OPTION_OPEN_BY_FILE_ID;
        prop_assume!(was[104..108] == options.to_le_bytes());
        prop_assert_eq!(rewritten(&operation, &ids(), &names(None), 0), was);
    }

    /// A name below the base folder, with or without contexts behind it, decodes to what it should be.
    #[test]
    fn names_move_below_the_base_folder(name in "[a-zäß日]{0,9}(\\\\[a-z]{1,5}){0,2}", with_contexts: bool) {
        let lease = [7u8; 32];
        let contexts = encode_contexts(&[(b"MxAc", b""), (LeaseContext::NAME, &lease)]);
        let contexts: &[u8] = if with_contexts { &contexts } else { &[] };
        let operation = operation(Command::Create, &create_body(&name, 1, 1, 0, contexts), 1, Some(2));
        let pdu = rewritten(&operation, &ids(), &names(Some("base\\sub")), 0);
        let create = CreateRequest::decode(&pdu).unwrap();
        let trimmed = name.trim_start_matches('\\');
        let expected = if trimmed.is_empty() { "base\\sub".to_owned() } else { format!("base\\sub\\{trimmed}") };
        prop_assert_eq!(create.name.decode(), expected);
        if with_contexts {
            prop_assert_eq!(create.contexts.find(LeaseContext::NAME).map(|c| c.data.to_vec()), Some(lease.to_vec()));
            prop_assert_eq!(u32::from_le_bytes([pdu[112], pdu[113], pdu[114], pdu[115]]) % 8, 0);
        } else {
            prop_assert!(create.contexts.is_empty());
        }
    }
}

#[test]
fn a_stream_of_the_root_is_one_of_the_base_folder() {
    let operation = operation(Command::Create, &create_body(":AFP_AfpInfo", 1, 1, 0, &[]), 1, Some(2));
    let pdu = rewritten(&operation, &ids(), &names(Some("base\\sub")), 0);
    assert_eq!(CreateRequest::decode(&pdu).unwrap().name.decode(), "base\\sub:AFP_AfpInfo");
    assert_eq!(names(Some("base")).target_name(":AFP_AfpInfo"), "base:AFP_AfpInfo");
}

#[test]
fn inherited_and_empty_file_ids_stay() {
    for id in [FileId::INHERITED, FileId([0; 16])] {
        let operation = close("f", id, 1, 2);
        assert_eq!(rewritten(&operation, &ids(), &names(None), 0), operation.request.as_ref().unwrap().pdu);
    }
}

#[test]
fn an_id_that_nobody_granted_goes_out_as_one() {
    let mut ids = ids();
    let bogus = FileId([0x55; 16]);
    ids.insert_file(0, FileId([1; 16]), bogus);
    let pdu = rewritten(&close("f", bogus, 1, 2), &ids, &names(None), 0);
    assert_ne!(pdu[72..88], bogus.0, "it happens to be a live id of another open");
    assert_ne!(pdu[72..88], LIVE.0);
}

#[test]
fn trees_point_at_the_target() {
    let pdu = rewritten(&tree_connect(1, 2), &ids(), &names(None), 0);
    assert_eq!(TreeConnectRequest::decode(&pdu).unwrap().path.decode(), "\\\\lab\\testshare");
}

#[test]
fn durable_reconnects_name_the_live_open() {
    let contexts = encode_contexts(&[(b"DHnC", &CAPTURED.0), (b"DH2C", &[&CAPTURED.0[..], &[3; 20]].concat())]);
    let operation = operation(Command::Create, &create_body("f", 1, 1, 0, &contexts), 1, Some(2));
    let pdu = rewritten(&operation, &ids(), &names(None), 0);
    let contexts = CreateRequest::decode(&pdu).unwrap().contexts;
    assert_eq!(contexts.find(b"DHnC").unwrap().data, LIVE.0);
    assert_eq!(contexts.find(b"DH2C").unwrap().data, [&LIVE.0[..], &[3; 20]].concat());
}

#[test]
fn copies_have_lease_keys_and_guids_of_their_own() {
    let contexts = encode_contexts(&[(LeaseContext::NAME, &[7; 52]), (b"DH2Q", &[8; 32])]);
    let operation = operation(Command::Create, &create_body("f", 1, 1, 0, &contexts), 1, Some(2));
    let key = |copy| {
        let pdu = rewritten(&operation, &ids(), &names(None), copy);
        let contexts = CreateRequest::decode(&pdu).unwrap().contexts;
        let lease = contexts.find(LeaseContext::NAME).unwrap().data.to_vec();
        let durable = contexts.find(b"DH2Q").unwrap().data.to_vec();
        assert_eq!(durable[..16], [8; 16], "flags and timeout stay");
        (lease[..16].to_vec(), lease[32..48].to_vec(), durable[16..].to_vec())
    };
    let (first, second) = (key(1), key(2));
    assert_eq!(key(0).0, [7; 16], "one copy alone keeps them");
    assert!(first.0 != second.0 && first.1 != second.1 && first.2 != second.2);
}

#[test]
fn resume_keys_are_those_of_the_target() {
    let output = |key: u8| {
        let mut body = vec![0u8; 48];
        body[0] = 49;
        body[4..8].copy_from_slice(&CtlCode::SRV_REQUEST_RESUME_KEY.0.to_le_bytes());
        body[32..36].copy_from_slice(&112u32.to_le_bytes());
        body[36..40].copy_from_slice(&32u32.to_le_bytes());
        body.extend_from_slice(&[key; 24]);
        body.extend_from_slice(&[0; 8]);
        pdu(Command::Ioctl, NtStatus::SUCCESS, true, &body)
    };
    let ioctl = |ctl_code, input: &[u8]| {
        let mut body = Vec::new();
        let request = IoctlRequest {
            ctl_code,
            file_id: CAPTURED,
            input_offset: 120,
            input,
            max_input_response: 0,
            output: &[],
            max_output_response: 32,
            flags: 1,
        };
        request.encode(&mut body);
        operation(Command::Ioctl, &body, 1, Some(2))
    };
    let mut asked = ioctl(CtlCode::SRV_REQUEST_RESUME_KEY, &[]);
    asked.response = Some(part(2, output(0xAA)));
    let mut ids = ids();
    ids.learn(0, 0, &asked, &output(0xBB));
    let copy = ioctl(CtlCode::SRV_COPYCHUNK_WRITE, &[&[0xAA; 24][..], &[1; 32]].concat());
    let pdu = rewritten(&copy, &ids, &names(None), 0);
    let request = IoctlRequest::decode(&pdu).unwrap();
    assert_eq!(request.input, [&[0xBB; 24][..], &[1; 32]].concat());
    assert_eq!(request.file_id, LIVE);
}

#[test]
fn rename_targets_move_below_the_base_folder_and_streams_stay() {
    for (target, expected) in [("dir\\new", "base\\dir\\new"), (":stream", ":stream")] {
        let name = Utf16::encode(target);
        let mut buffer = vec![0u8; 20];
        buffer[16..20].copy_from_slice(&(name.len() as u32).to_le_bytes());
        buffer.extend_from_slice(&name);
        let mut body = Vec::new();
        let request = SetInfoRequest {
            info_type: SetInfoRequest::INFO_FILE,
            file_info_class: SetInfoRequest::CLASS_RENAME,
            additional_information: 0,
            file_id: CAPTURED,
            buffer: &buffer,
        };
        request.encode(&mut body);
        let pdu = rewritten(&operation(Command::SetInfo, &body, 1, Some(2)), &ids(), &names(Some("base")), 0);
        let request = SetInfoRequest::decode(&pdu).unwrap();
        assert_eq!(request.new_name().unwrap().decode(), expected);
        assert_eq!(request.file_id, LIVE);
    }
}

/// A descriptor that belongs to an account and allows it everything.
fn descriptor(owner: &Sid) -> SecurityDescriptor {
    let body = AceBody::Known { mask: 0x001f_01ff, object: None, sid: owner.clone(), rest: Vec::new() };
    SecurityDescriptor {
        control: SecurityDescriptor::SELF_RELATIVE | SecurityDescriptor::DACL_PRESENT,
        owner: Some(owner.clone()),
        dacl: AclPresence::Present(Acl { revision: 2, entries: vec![Ace { kind: 0, flags: 0, body }] }),
        ..SecurityDescriptor::default()
    }
}

/// A captured account, the longer one that stands for it, and a map that has learnt so from an answer.
fn learnt_accounts() -> (Sid, Sid, IdMap) {
    let (captured, live) = (Sid::new(22, &[1, 1000]).unwrap(), Sid::of_domain([1, 2, 3], 1001));
    let answer = |sid: &Sid| {
        let output = descriptor(sid).encode();
        let mut body = Vec::new();
        body.extend_from_slice(&9u16.to_le_bytes());
        body.extend_from_slice(&72u16.to_le_bytes());
        body.extend_from_slice(&(output.len() as u32).to_le_bytes());
        body.extend_from_slice(&output);
        pdu(Command::QueryInfo, NtStatus::SUCCESS, true, &body)
    };
    let mut asked = Vec::new();
    let request = QueryInfoRequest {
        info_type: INFO_SECURITY,
        file_info_class: 0,
        output_buffer_length: 4096,
        additional_information: 7,
        flags: 0,
        file_id: CAPTURED,
        input: &[],
    };
    request.encode(&mut asked);
    let mut operation = operation(Command::QueryInfo, &asked, 1, Some(2));
    if let Some(response) = operation.response.as_mut() {
        response.pdu = answer(&captured);
    }
    let mut ids = ids();
    ids.learn(0, 0, &operation, &answer(&live));
    (captured, live, ids)
}

#[test]
fn a_descriptor_that_is_set_names_the_account_of_the_target() {
    let (captured, live, ids) = learnt_accounts();
    let buffer = descriptor(&captured).encode();
    let mut body = Vec::new();
    let request = SetInfoRequest {
        info_type: INFO_SECURITY,
        file_info_class: 0,
        additional_information: 5,
        file_id: CAPTURED,
        buffer: &buffer,
    };
    request.encode(&mut body);
    let operation = operation(Command::SetInfo, &body, 1, Some(2));
    let sent = rewritten(&operation, &ids, &names(None), 0);
    let expected = descriptor(&live).encode();
    let expected = SetInfoRequest { file_id: LIVE, buffer: &expected, ..request };
    assert_eq!(SetInfoRequest::decode(&sent), Ok(expected));
    assert_eq!(sent.len(), 96 + expected.buffer.len());
}

#[test]
fn the_descriptor_of_a_new_file_names_the_account_of_the_target() {
    let (captured, live, ids) = learnt_accounts();
    let was = descriptor(&captured).encode();
    let contexts = encode_contexts(&[(b"MxAc", b""), (b"SecD", &was), (b"AlSi", &[5; 8])]);
    let operation = operation(Command::Create, &create_body("docs\\a.txt", 1, 1, 0, &contexts), 1, Some(2));
    for base in [None, Some("base\\sub")] {
        let sent = rewritten(&operation, &ids, &names(base), 0);
        let create = CreateRequest::decode(&sent).unwrap();
        let is: Vec<_> = create.contexts.iter().map(Result::unwrap).map(|it| (it.name, it.data)).collect();
        let expected = descriptor(&live).encode();
        assert_eq!(is, [(&b"MxAc"[..], &b""[..]), (b"SecD", &expected), (b"AlSi", &[5; 8])]);
    }
    let unknown = rewritten(&operation, &IdMap::default(), &names(None), 0);
    assert_eq!(
        unknown,
        operation.request.as_ref().unwrap().pdu.to_vec(),
        "what was never learnt goes out as captured"
    );
}
