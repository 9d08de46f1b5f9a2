use std::convert::Infallible;

use xxhash_rust::xxh3::xxh3_128;

use super::super::testing::{operation, pdu, with};
use super::*;

fn create(frame: u64, open: u8, action: u32, length: u64) -> Operation {
    with(operation(Command::Create, frame, "a", open), |operation| {
        operation.facts.create_action = Some(action);
        operation.facts.end_of_file = Some(length);
    })
}

fn write(frame: u64, open: u8, offset: u64, data: &[u8]) -> Operation {
    let mut body = Vec::new();
    let file_id = FileId([open; 16]);
    WriteRequest { offset, file_id, channel: 0, remaining_bytes: 0, flags: 0, data }.encode(&mut body);
    with(operation(Command::Write, frame, "a", open), |operation| {
        operation.facts.offset = Some(offset);
        operation.facts.bytes = Some(data.len() as u64);
        operation.request.as_mut().unwrap().pdu = pdu(Command::Write, false, &body);
    })
}

fn read(frame: u64, open: u8, offset: u64, data: &[u8]) -> Operation {
    let mut body = vec![17, 0, 80, 0];
    body.extend_from_slice(&(data.len() as u32).to_le_bytes());
    body.extend_from_slice(&[0; 8]);
    body.extend_from_slice(data);
    with(operation(Command::Read, frame, "a", open), |operation| {
        operation.facts.offset = Some(offset);
        operation.facts.bytes = Some(data.len() as u64);
        operation.facts.data_hash = Some(xxh3_128(data).to_be_bytes());
        operation.response.as_mut().unwrap().pdu = pdu(Command::Read, true, &body);
    })
}

fn set_length(frame: u64, open: u8, length: u64) -> Operation {
    let mut body = Vec::new();
    SetInfoRequest {
        info_type: SetInfoRequest::INFO_FILE,
        file_info_class: SetInfoRequest::CLASS_END_OF_FILE,
        additional_information: 0,
        file_id: FileId([open; 16]),
        buffer: &length.to_le_bytes(),
    }
    .encode(&mut body);
    with(operation(Command::SetInfo, frame, "a", open), |operation| {
        operation.request.as_mut().unwrap().pdu = pdu(Command::SetInfo, false, &body);
    })
}

fn close(frame: u64, open: u8) -> Operation {
    operation(Command::Close, frame, "a", open)
}

/// The bytes of each version, with `.` where nothing is known, and the versions.
fn contents_of(operations: &[Operation]) -> (Vec<String>, Vec<FileVersion>) {
    let (mut contents, mut files) = (Contents::default(), Vec::<Vec<u8>>::new());
    for operation in operations {
        let step = |step: ContentStep<'_>| {
            match step {
                ContentStep::Begin { copy_of, .. } => {
                    let before = copy_of.map_or(Vec::new(), |version| files[version].clone());
                    files.push(before);
                }
                ContentStep::Put { version, offset, data } => {
                    let file = &mut files[version];
                    let end = offset as usize + data.len();
                    file.resize(end.max(file.len()), b'.');
                    file[offset as usize..end].copy_from_slice(data);
                }
                ContentStep::Resize { version, length } => files[version].resize(length as usize, b'.'),
            }
            Ok::<_, Infallible>(())
        };
        contents.add(operation, step).unwrap();
    }
    for (file, version) in files.iter_mut().zip(contents.versions()) {
        file.resize(version.length as usize, b'.');
    }
    let texts = files.into_iter().map(|file| String::from_utf8(file).unwrap()).collect();
    (texts, contents.versions().to_vec())
}

#[test]
fn what_is_written_and_read_stands_at_its_offset_and_gaps_are_told() {
    let (texts, versions) =
        contents_of(&[create(1, 1, 1, 12), write(3, 1, 6, b"world"), read(5, 1, 0, b"hell"), close(7, 1)]);
    assert_eq!(texts, ["hell..world."]);
    assert_eq!(versions[0].gaps(), [4..6, 11..12]);
    assert_eq!((versions[0].first.unwrap().frame, versions[0].last.unwrap().frame), (4, 6));
}

#[test]
fn a_change_after_a_close_is_another_version() {
    let (texts, versions) = contents_of(&[
        create(1, 1, 2, 0),
        write(3, 1, 0, b"draft"),
        write(5, 1, 0, b"D"),
        close(7, 1),
        create(9, 2, 1, 5),
        read(11, 2, 0, b"Draft"),
        close(13, 2),
        create(15, 3, 1, 5),
        write(17, 3, 5, b" two"),
        close(19, 3),
        create(21, 4, 3, 0),
        write(23, 4, 0, b"new"),
    ]);
    assert_eq!(texts, ["Draft", "Draft two", "new"]);
    assert_eq!(versions.iter().map(|version| version.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(versions.iter().all(|version| version.gaps().is_empty()));
}

#[test]
fn what_somebody_else_changed_is_another_version() {
    let (texts, _) =
        contents_of(&[read(1, 1, 0, b"one"), read(3, 1, 0, b"one"), read(5, 1, 0, b"two"), read(7, 1, 3, b"!")]);
    assert_eq!(texts, ["one", "two!"]);
}

#[test]
fn a_file_that_is_cut_loses_its_end() {
    let (texts, versions) = contents_of(&[
        create(1, 1, 2, 0),
        write(3, 1, 0, b"abcdef"),
        set_length(5, 1, 3),
        write(7, 1, u64::MAX, b"!"),
        set_length(9, 1, 6),
        close(11, 1),
    ]);
    assert_eq!(texts, ["abc!.."]);
    assert_eq!(versions[0].gaps(), vec![4..6]);
}

#[test]
fn a_renamed_file_stays_the_file_that_it_was() {
    let mut body = Vec::new();
    let mut buffer = vec![0; 16];
    buffer.extend_from_slice(&2u32.to_le_bytes());
    buffer.extend_from_slice(&[b'b', 0]);
    SetInfoRequest {
        info_type: SetInfoRequest::INFO_FILE,
        file_info_class: SetInfoRequest::CLASS_RENAME,
        additional_information: 0,
        file_id: FileId([1; 16]),
        buffer: &buffer,
    }
    .encode(&mut body);
    let rename = with(operation(Command::SetInfo, 5, "a", 1), |operation| {
        operation.new_path = Some("b".into());
        operation.request.as_mut().unwrap().pdu = pdu(Command::SetInfo, false, &body);
    });
    let more = with(write(7, 1, 1, b"y"), |operation| operation.path = Some("b".into()));
    let (texts, versions) = contents_of(&[write(3, 1, 0, b"x"), rename, more]);
    assert_eq!(texts, ["xy"]);
    assert_eq!(versions[0].path, "a");
}

#[test]
fn offsets_that_no_file_has_are_left_out() {
    let (texts, _) = contents_of(&[write(1, 1, u64::MAX - 1, b"xyz"), write(3, 1, 0, b"a")]);
    assert_eq!(texts, ["a"]);
}
