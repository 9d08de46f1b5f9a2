//! What holds of the image of any file, used in any way, and of any bytes.

use proptest::prelude::*;

use super::scene::Scene;
use super::tests::entry;
use crate::model::fscc::file_class;
use crate::model::{Command, NtStatus};

/// What a program does with one file.
#[derive(Clone, Debug)]
enum Act {
    Read(usize, usize),
    Write(usize, Vec<u8>),
    Resize(usize),
    Reopen,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0usize..40, 1usize..20).prop_map(|(offset, length)| Act::Read(offset, length)),
        2 => (0usize..40, proptest::collection::vec(any::<u8>(), 1..12)).prop_map(|(at, data)| Act::Write(at, data)),
        1 => (0usize..50).prop_map(Act::Resize),
        1 => Just(Act::Reopen),
    ]
}

proptest! {
    /// A file with any content, used in any way by a server that does what it is told: the image knows its size and no byte of
    /// it wrongly, finds no contradiction, and a second run on the image reads what the first one read.
    #[test]
    fn the_image_of_a_file_is_a_part_of_it(
        content in proptest::collection::vec(any::<u8>(), 0..40),
        acts in proptest::collection::vec(act(), 0..25),
    ) {
        let mut scene = Scene::new();
        let mut live = content.clone();
        let mut id = scene.open("f", live.len() as u64);
        for act in &acts {
            match act {
                Act::Read(offset, length) if *offset < live.len() => {
                    let end = (offset + length).min(live.len());
                    scene.read("f", id, *offset as u64, *length as u32, &live[*offset..end]);
                }
                Act::Read(..) => {}
                Act::Write(offset, data) => {
                    live.resize(live.len().max(offset + data.len()), 0);
                    live[*offset..offset + data.len()].copy_from_slice(data);
                    scene.write("f", id, *offset as u64, data);
                }
                Act::Resize(length) => {
                    live.resize(*length, 0);
                    scene.set("f", id, file_class::END_OF_FILE, &(*length as u64).to_le_bytes());
                }
                Act::Reopen => {
                    scene.close("f", id);
                    id = scene.open("f", live.len() as u64);
                }
            }
        }
        let image = scene.image();
        prop_assert!(image.contradictions.is_empty(), "{:?}", image.contradictions);
        let data = &entry(&image, "f").data;
        prop_assert_eq!((data.size, data.size_known), (content.len() as u64, true));
        let mut rebuilt = vec![0xA5; content.len()];
        for (offset, bytes) in &data.extents {
            let range = *offset as usize..*offset as usize + bytes.len();
            prop_assert_eq!(&content[range.clone()], &bytes[..]);
            rebuilt[range].copy_from_slice(bytes);
        }
        // What was read the first time is read again.
        let (mut was, mut is) = (content, rebuilt);
        for act in &acts {
            match act {
                Act::Read(offset, length) if *offset < was.len() => {
                    let range = *offset..(offset + length).min(was.len());
                    prop_assert_eq!(&was[range.clone()], &is[range]);
                }
                Act::Write(offset, data) => {
                    for file in [&mut was, &mut is] {
                        file.resize(file.len().max(offset + data.len()), 0);
                        file[*offset..offset + data.len()].copy_from_slice(data);
                    }
                }
                Act::Resize(length) => [&mut was, &mut is].into_iter().for_each(|file| file.resize(*length, 0)),
                _ => {}
            }
        }
    }

    /// Bytes of a capture are anybody's: whatever stands in them, there is an image.
    #[test]
    fn arbitrary_bodies_never_panic(
        bodies in proptest::collection::vec((0u16..19, proptest::collection::vec(any::<u8>(), 0..160)), 1..8),
    ) {
        let mut scene = Scene::new();
        let id = scene.open("f", 3);
        for (code, bytes) in bodies {
            let command = Command::from_code(code);
            let mut operation = scene.answered(command, NtStatus::SUCCESS, &bytes, &bytes);
            operation.file_id = Some(id);
            scene.add(operation, "f\\..\\g");
        }
        let _ = scene.image();
    }
}
