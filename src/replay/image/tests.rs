use super::super::testing::{SESSION, connection};
use super::infer;
use super::scene::{CREATED, OPENED, OVERWRITTEN, Scene, rename_buffer};
use crate::model::fscc::{encode_full_eas, file_class};
use crate::model::message::CreateRequest;
use crate::model::{Command, ContradictionKind, Evidence, Image, ImageEntry, NtStatus, SessionId, Utf16};

const OTHER: SessionId = SessionId(0x9999);

fn paths(image: &Image) -> Vec<&str> {
    image.shares[0].entries.iter().map(|entry| entry.path.as_str()).collect()
}

fn absent(image: &Image) -> Vec<&str> {
    image.shares[0].absent.iter().map(String::as_str).collect()
}

pub(super) fn entry<'a>(image: &'a Image, path: &str) -> &'a ImageEntry {
    let found = image.shares[0].entries.iter().find(|entry| entry.path == path);
    found.unwrap_or_else(|| panic!("no {path} in {:?}", paths(image)))
}

fn text(entry: &ImageEntry) -> String {
    entry.data.extents.iter().map(|(at, bytes)| format!("{at}:{} ", String::from_utf8_lossy(bytes))).collect()
}

fn kinds(image: &Image) -> Vec<ContradictionKind> {
    image.contradictions.iter().map(|contradiction| contradiction.kind).collect()
}

#[test]
fn what_was_opened_existed_with_its_folders_and_what_was_made_did_not() {
    let mut scene = Scene::new();
    scene.open("docs\\old\\a.txt", 7);
    scene.create("docs\\new.txt", CREATED, 0, 0x20);
    scene.fail("docs\\none.txt", 1, 0, NtStatus::OBJECT_NAME_NOT_FOUND);
    let image = scene.image();
    assert_eq!(paths(&image), ["docs", "docs\\old", "docs\\old\\a.txt"]);
    assert_eq!(absent(&image), ["docs\\new.txt", "docs\\none.txt"]);
    let file = entry(&image, "docs\\old\\a.txt");
    assert_eq!((file.data.size, file.data.size_known, file.attributes), (7, true, Some(0x20)));
    assert_eq!((file.evidence, entry(&image, "docs").evidence), (Evidence::Opened, Evidence::Implied));
    assert!(entry(&image, "docs").directory && !file.directory && image.contradictions.is_empty());
}

#[test]
fn cases_of_a_name_are_one_and_a_listing_spells_it() {
    let mut scene = Scene::new();
    scene.open("READme.TXT", 3);
    scene.open("readme.txt", 3);
    let root = scene.create("", OPENED, 0, 0x10);
    scene.list("", root, 37, "*", Some(&[(".", 0, 0x10), ("..", 0, 0x10), ("ReadMe.txt", 3, 0x20)]));
    assert_eq!(paths(&scene.image()), ["ReadMe.txt"]);
}

#[test]
fn entries_of_every_directory_class_existed() {
    for class in [1, 2, 3, 12, 37, 38, 60, 63] {
        let mut scene = Scene::new();
        let folder = scene.create("d", OPENED, 0, 0x10);
        scene.list("d", folder, class, "*", Some(&[("sub", 0, 0x10), ("ä.txt", 42, 0x22)]));
        scene.list("d", folder, class, "*", None);
        let image = scene.image();
        assert_eq!(paths(&image), ["d", "d\\sub", "d\\ä.txt"], "class {class}");
        assert!(entry(&image, "d").listed);
        let file = entry(&image, "d\\ä.txt");
        if class == 12 {
            assert_eq!((file.data.size_known, file.attributes), (false, None), "names tell no more");
        } else {
            assert_eq!((file.data.size, file.attributes), (42, Some(0x22)), "class {class}");
            assert!(entry(&image, "d\\sub").directory, "class {class}");
        }
    }
}

#[test]
fn what_an_open_file_says_counts_more_than_its_entry_in_a_listing() {
    let mut scene = Scene::new();
    let folder = scene.create("", OPENED, 0, 0x10);
    scene.list("", folder, 37, "*", Some(&[("f", 1, 0x20)]));
    scene.open("f", 5);
    let image = scene.image();
    assert_eq!((entry(&image, "f").data.size, kinds(&image)), (5, vec![]));
}

#[test]
fn reads_before_a_write_show_the_beginning_and_reads_after_it_the_rest() {
    let mut scene = Scene::new();
    let id = scene.open("f", 12);
    scene.read("f", id, 0, 4, b"abcd");
    scene.write("f", id, 2, b"XXXX");
    scene.read("f", id, 0, 8, b"abXXXXgh");
    scene.close("f", id);
    let again = scene.open("f", 12);
    scene.set("f", again, file_class::END_OF_FILE, &9u64.to_le_bytes());
    scene.read("f", again, 8, 100, b"i");
    let image = scene.image();
    let file = entry(&image, "f");
    assert_eq!(text(file), "0:abcd 6:gh 8:i ");
    assert_eq!((file.data.size, file.data.known, file.data.filled()), (12, 7, 5));
    assert_eq!(image.totals().filled, 5);
    assert!(image.contradictions.is_empty());
}

#[test]
fn an_overwritten_file_existed_and_nothing_of_it_is_known() {
    for action in [OVERWRITTEN, 0] {
        let mut scene = Scene::new();
        let id = scene.create("f", action, 0, 0x20);
        scene.write("f", id, 0, b"new");
        scene.read("f", id, 0, 10, b"new");
        let image = scene.image();
        let file = entry(&image, "f");
        assert_eq!((file.data.size, file.data.known, file.attributes), (0, 0, None), "action {action}");
        assert!(absent(&image).is_empty());
    }
}

#[test]
fn a_renamed_file_keeps_its_first_name_and_a_folder_takes_its_content_along() {
    let mut scene = Scene::new();
    let folder = scene.create("a", OPENED, 0, 0x10);
    scene.rename("a", folder, "b");
    let inside = scene.open("b\\seen\\later.txt", 4);
    scene.read("b\\seen\\later.txt", inside, 0, 4, b"text");
    let file = scene.open("b\\x", 1);
    scene.rename("b\\x", file, "b\\y");
    scene.open("b\\y", 1);
    scene.fail("a\\x", 1, 0, NtStatus::OBJECT_PATH_NOT_FOUND);
    let image = scene.image();
    assert_eq!(paths(&image), ["a", "a\\seen", "a\\seen\\later.txt", "a\\x"]);
    assert_eq!(text(entry(&image, "a\\seen\\later.txt")), "0:text ");
    assert_eq!(absent(&image), ["a\\y", "b"]);
    assert!(image.contradictions.is_empty(), "{:?}", image.contradictions);
}

#[test]
fn what_was_deleted_existed_before_and_can_be_made_anew() {
    let mut scene = Scene::new();
    let id = scene.open("f", 3);
    scene.delete("f", id);
    scene.fail("f", 1, 0, NtStatus::DELETE_PENDING);
    scene.close("f", id);
    scene.fail("f", 1, 0, NtStatus::OBJECT_NAME_NOT_FOUND);
    let id = scene.create("f", CREATED, 0, 0x20);
    scene.write("f", id, 0, b"another");
    scene.close("f", id);
    let id = scene.open("f", 7);
    scene.read("f", id, 0, 7, b"another");
    let gone = scene.create_with("g", OPENED, 2, 0x20, CreateRequest::OPTION_DELETE_ON_CLOSE);
    scene.close("g", gone);
    scene.fail("g", 1, 0, NtStatus::OBJECT_NAME_NOT_FOUND);
    let image = scene.image();
    assert_eq!(paths(&image), ["f", "g"]);
    assert_eq!((entry(&image, "f").data.size, entry(&image, "f").data.known), (3, 0));
    assert!(absent(&image).is_empty() && image.contradictions.is_empty(), "{:?}", image.contradictions);
}

#[test]
fn a_folder_with_something_in_it_is_not_deleted() {
    let mut scene = Scene::new();
    let id = scene.create_with("d", CREATED, 0, 0x10, CreateRequest::OPTION_DELETE_ON_CLOSE);
    scene.create("d\\f", CREATED, 0, 0x20);
    scene.close("d", id);
    scene.create("d", OPENED, 0, 0x10);
    let image = scene.image();
    assert_eq!((absent(&image), kinds(&image)), (vec!["d"], vec![]));
}

#[test]
fn what_comes_back_after_its_deletion_was_still_there_or_not_at_the_beginning() {
    let mut scene = Scene::new();
    let id = scene.create_with("f", CREATED, 0, 0x20, CreateRequest::OPTION_DELETE_ON_CLOSE);
    scene.close("f", id);
    scene.create("f", OPENED, 0, 0x20);
    let image = scene.image();
    assert_eq!((absent(&image), kinds(&image)), (vec!["f"], vec![ContradictionKind::Appeared]));
}

#[test]
fn a_create_sent_once_more_is_one_open() {
    let mut scene = Scene::new();
    let id = scene.create("f", CREATED, 0, 0x20);
    let mut again = scene.operations.last().unwrap().clone();
    let (sent, answered) = scene.frames();
    again.request.as_mut().unwrap().frame = sent;
    again.response.as_mut().unwrap().frame = answered;
    scene.operations.push(again);
    scene.delete("f", id);
    scene.close("f", id);
    scene.fail("f", 1, 0, NtStatus::OBJECT_NAME_NOT_FOUND);
    assert_eq!(kinds(&scene.image()), vec![]);
}

#[test]
fn a_hard_link_goes_alone() {
    let mut scene = Scene::new();
    let id = scene.open("f", 3);
    scene.set("f", id, file_class::LINK, &rename_buffer("g"));
    scene.close("f", id);
    let link = scene.open("g", 3);
    scene.delete("g", link);
    scene.close("g", link);
    scene.open("f", 3);
    scene.fail("g", 1, 0, NtStatus::OBJECT_NAME_NOT_FOUND);
    let image = scene.image();
    assert_eq!((paths(&image), absent(&image), kinds(&image)), (vec!["f"], vec!["g"], vec![]));
}

#[test]
fn a_durable_reconnect_is_about_an_open_and_not_about_its_name() {
    let mut scene = Scene::new();
    let id = scene.open("f", 4);
    scene.session = SessionId(2);
    scene.reconnect("any name", id, NtStatus::OBJECT_NAME_NOT_FOUND);
    let again = scene.reconnect("any name", id, NtStatus::SUCCESS);
    scene.read("f", again, 0, 4, b"text");
    let image = infer(scene.operations, Vec::new(), |_| true);
    assert_eq!((paths(&image), absent(&image)), (vec!["f"], vec![]));
    assert_eq!(text(entry(&image, "f")), "0:text ");
}

#[test]
fn a_logoff_closes_what_was_to_be_deleted() {
    let mut scene = Scene::new();
    scene.create_with("g", OPENED, 2, 0x20, CreateRequest::OPTION_DELETE_ON_CLOSE);
    let mut logoff = scene.answered(Command::Logoff, NtStatus::SUCCESS, &[4, 0, 0, 0], &[4, 0, 0, 0]);
    logoff.share = None;
    scene.add(logoff, "");
    scene.create("g", CREATED, 0, 0x20);
    let image = scene.image();
    assert!(image.contradictions.is_empty(), "{:?}", image.contradictions);
}

#[test]
fn what_was_to_be_deleted_goes_with_the_connection_that_it_was_open_on() {
    let mut scene = Scene::new();
    scene.create_with("g", OPENED, 2, 0x20, CreateRequest::OPTION_DELETE_ON_CLOSE);
    scene.end();
    // The session goes on, on another connection.
    let next = scene.operations.len();
    scene.create("g", CREATED, 0, 0x20);
    scene.operations[next].connection = connection(1);
    let image = scene.image();
    assert!(image.contradictions.is_empty(), "{:?}", image.contradictions);
    assert_eq!(entry(&image, "g").data.size, 2);
}

#[test]
fn refusals_show_what_is_there() {
    let mut scene = Scene::new();
    scene.fail("f", 2, 0, NtStatus::OBJECT_NAME_COLLISION);
    scene.fail("d", 1, 0x40, NtStatus::FILE_IS_A_DIRECTORY);
    scene.fail("g", 1, 1, NtStatus::NOT_A_DIRECTORY);
    scene.fail("h", 1, 0, NtStatus::SHARING_VIOLATION);
    scene.fail("g\\x", 1, 0, NtStatus::OBJECT_PATH_NOT_FOUND);
    scene.fail("no\\such\\path", 1, 0, NtStatus::OBJECT_PATH_NOT_FOUND);
    scene.fail("bad?", 2, 0, NtStatus::OBJECT_NAME_INVALID);
    let image = scene.image();
    assert_eq!(paths(&image), ["d", "f", "g", "h"]);
    assert!(entry(&image, "d").directory && !entry(&image, "g").directory);
    assert_eq!(absent(&image), ["no"]);
}

#[test]
fn a_deduced_absence_gives_way_without_a_contradiction() {
    let mut scene = Scene::new();
    scene.fail("a\\b\\c", 1, 0, NtStatus::OBJECT_PATH_NOT_FOUND);
    scene.open("a\\x", 1);
    let image = scene.image();
    assert_eq!((paths(&image), absent(&image).len(), kinds(&image)), (vec!["a", "a\\x"], 0, vec![]));
}

#[test]
fn refused_rights_stay_unless_they_were_granted() {
    let mut scene = Scene::new();
    scene.fail("shut\\inside", 1, 0, NtStatus::ACCESS_DENIED);
    scene.fail("shut", 1, 1, NtStatus::ACCESS_DENIED);
    scene.fail("f", 1, 0, NtStatus::ACCESS_DENIED);
    scene.open("f", 2);
    scene.fail("not mine to make", 2, 0, NtStatus::ACCESS_DENIED);
    let image = scene.image();
    assert_eq!(paths(&image), ["f", "shut", "shut\\inside"]);
    assert_eq!(entry(&image, "shut\\inside").refused, 0x0012_0089);
    assert_eq!((entry(&image, "f").refused, entry(&image, "shut").refused), (0, 0x0012_0089));
}

#[test]
fn a_folder_that_cannot_be_removed_was_not_empty() {
    let refuse = |scene: &mut Scene, id| {
        scene.set_as("d", id, file_class::DISPOSITION, &[1], NtStatus::DIRECTORY_NOT_EMPTY);
    };
    let mut scene = Scene::new();
    let id = scene.create("d", OPENED, 0, 0x10);
    refuse(&mut scene, id);
    let image = scene.image();
    assert_eq!(entry(&image, "d\\smbreplay-unknown-entry").evidence, Evidence::Invented);
    let mut scene = Scene::new();
    let id = scene.create("d", OPENED, 0, 0x10);
    scene.create("d\\mine", CREATED, 0, 0x20);
    refuse(&mut scene, id);
    assert_eq!(paths(&scene.image()), ["d"], "what the replay makes is enough");
}

#[test]
fn streams_have_sizes_and_content_of_their_own() {
    let mut scene = Scene::new();
    let id = scene.open("f:Zone.Identifier:$DATA", 5);
    scene.read("f:Zone.Identifier:$DATA", id, 0, 5, b"[Zon]");
    let main = scene.open("f::$DATA", 9);
    let mut streams = Vec::new();
    for (i, (name, size)) in
        [("::$DATA", 9u64), (":Zone.Identifier:$DATA", 5), (":other:$DATA", 3)].iter().enumerate()
    {
        let name = Utf16::encode(name);
        let mut entry = vec![0u8; 24];
        entry[4..8].copy_from_slice(&(name.len() as u32).to_le_bytes());
        entry[8..16].copy_from_slice(&size.to_le_bytes());
        entry.extend_from_slice(&name);
        entry.resize(entry.len().next_multiple_of(8), 0);
        let step = if i == 2 { 0 } else { entry.len() as u32 };
        entry[..4].copy_from_slice(&step.to_le_bytes());
        streams.extend(entry);
    }
    scene.query("f", main, file_class::STREAM, &streams);
    scene.create("f:made", CREATED, 0, 0x20);
    scene.fail("f:none", 1, 0, NtStatus::OBJECT_NAME_NOT_FOUND);
    let image = scene.image();
    let file = entry(&image, "f");
    assert_eq!(file.data.size, 9);
    let streams: Vec<_> = file.streams.iter().map(|s| (s.name.as_str(), s.data.size, s.data.known)).collect();
    assert_eq!(streams, [("other", 3, 0), ("Zone.Identifier", 5, 5)]);
    assert_eq!(absent(&image), ["f:none"]);
}

#[test]
fn attributes_are_those_before_they_were_changed() {
    let mut scene = Scene::new();
    let id = scene.create("f", OPENED, 0, 0x21);
    let mut basic = vec![0u8; 40];
    basic[32] = 0x22;
    scene.set("f", id, file_class::BASIC, &basic);
    scene.create("f", OPENED, 0, 0x22);
    scene.create("g", OPENED, 0, 0x22);
    scene.create("g", OPENED, 0, 0x20);
    let image = scene.image();
    assert_eq!((entry(&image, "f").attributes, entry(&image, "g").attributes), (Some(0x21), Some(0x22)));
    assert_eq!(kinds(&image), [ContradictionKind::Attributes]);
}

#[test]
fn extended_attributes_are_those_that_were_not_set() {
    let mut scene = Scene::new();
    let id = scene.open("f", 0);
    scene.set("f", id, file_class::FULL_EA, &encode_full_eas(&[(0, b"MINE", b"1")]));
    let all = encode_full_eas(&[(0, b"Mine", b"1"), (0x80, b"COLOUR", b"green")]);
    scene.query("f", id, file_class::FULL_EA, &all);
    let image = scene.image();
    let eas: Vec<_> = entry(&image, "f").eas.iter().map(|ea| (ea.name.as_str(), &ea.value[..], ea.flags)).collect();
    assert_eq!(eas, [("COLOUR", &b"green"[..], 0x80)]);
}

#[test]
fn a_copy_made_by_the_server_shows_its_source() {
    let mut scene = Scene::new();
    let source = scene.open("source", 100);
    let target = scene.create("target", CREATED, 0, 0x20);
    let key = [7u8; 24];
    scene.control("source", source, 0x0014_0078, &[], &[&key[..], &[0; 8]].concat());
    let mut input = [&key[..], &1u32.to_le_bytes(), &[0; 4]].concat();
    for field in [10u64, 3] {
        input.extend_from_slice(&field.to_le_bytes());
    }
    input.extend_from_slice(&[4, 0, 0, 0, 0, 0, 0, 0]);
    scene.control("target", target, 0x0014_80F2, &input, &[0; 12]);
    scene.read("target", target, 0, 7, b"\0\0\0wxyz");
    let image = scene.image();
    assert_eq!((paths(&image), text(entry(&image, "source"))), (vec!["source"], "10:wxyz ".to_owned()));
}

#[test]
fn contradictions_are_counted_and_the_first_sight_stays() {
    let mut scene = Scene::new();
    let id = scene.open("f", 4);
    scene.read("f", id, 0, 4, b"abcd");
    scene.open("f", 6);
    scene.read("f", id, 0, 4, b"abXd");
    scene.fail("f", 1, 0, NtStatus::OBJECT_NAME_NOT_FOUND);
    scene.fail("g", 1, 0, NtStatus::OBJECT_NAME_NOT_FOUND);
    scene.open("g", 1);
    let image = scene.image();
    use ContradictionKind as K;
    assert_eq!(kinds(&image), [K::Size, K::Content, K::Vanished, K::Appeared]);
    assert_eq!((paths(&image), absent(&image)), (vec!["f", "g"], vec![]), "what was there at some time is there");
    assert_eq!((text(entry(&image, "f")), image.totals().contradictory), ("0:abcd ".to_owned(), 1));
    assert!(image.contradictions.iter().all(|contradiction| !contradiction.by_others));
}

#[test]
fn what_another_session_made_and_wrote_is_there_when_the_replayed_one_comes() {
    let mut scene = Scene::new();
    scene.session = OTHER;
    let theirs = scene.create("f", CREATED, 0, 0x20);
    scene.write("f", theirs, 0, b"written by another");
    scene.close("f", theirs);
    scene.create("untouched", CREATED, 0, 0x20);
    scene.session = SESSION;
    let mine = scene.open("f", 18);
    scene.read("f", mine, 0, 4, b"WRIT");
    let image = scene.image();
    assert_eq!(paths(&image), ["f"], "only what the replayed session meets");
    assert_eq!(text(entry(&image, "f")), "0:WRIT 4:ten by another ");
    assert!(image.contradictions.is_empty());
}

#[test]
fn what_another_session_did_in_between_is_named_in_the_contradiction() {
    let mut scene = Scene::new();
    scene.fail("f", 1, 0, NtStatus::OBJECT_NAME_NOT_FOUND);
    scene.session = OTHER;
    scene.create("f", CREATED, 0, 0x20);
    scene.session = SESSION;
    scene.open("f", 0);
    let image = scene.image();
    assert_eq!(paths(&image), ["f"]);
    assert!(image.contradictions[0].by_others);
    let mut both = Scene::new();
    both.fail("f", 1, 0, NtStatus::OBJECT_NAME_NOT_FOUND);
    both.session = OTHER;
    both.create("f", CREATED, 0, 0x20);
    both.session = SESSION;
    both.open("f", 0);
    let image = infer(both.operations, Vec::new(), |_| true);
    assert_eq!((paths(&image), absent(&image), image.contradictions_found), (vec![], vec!["f"], 0), "--all");
}

#[test]
fn what_another_session_read_fills_what_the_replayed_one_did_not() {
    let mut scene = Scene::new();
    scene.session = OTHER;
    let theirs = scene.open("f", 6);
    scene.read("f", theirs, 0, 6, b"abcdef");
    scene.rename("f", theirs, "moved");
    scene.session = SESSION;
    let mine = scene.open("moved", 6);
    scene.write("moved", mine, 0, b"XX");
    let image = scene.image();
    assert_eq!((paths(&image), text(entry(&image, "moved"))), (vec!["moved"], "0:abcdef ".to_owned()));
}

#[test]
fn an_answer_takes_effect_when_it_comes_not_when_it_was_asked_for() {
    let mut scene = Scene::new();
    let id = scene.open("f", 4);
    scene.write("f", id, 0, b"XXXX");
    scene.read("f", id, 0, 4, b"abcd");
    // The READ was sent behind the WRITE and answered before it.
    let [.., write, read] = &mut scene.operations[..] else { panic!() };
    write.response.as_mut().unwrap().frame = 100;
    read.response.as_mut().unwrap().frame = 50;
    assert_eq!(text(entry(&scene.image(), "f")), "0:abcd ");
}

#[test]
fn short_names_in_listings_stand_for_names_that_windows_cannot_have() {
    let mut scene = Scene::new();
    scene.create("ends in a dot.", CREATED, 0, 0x20);
    let root = scene.create("", OPENED, 0, 0x10);
    scene.list("", root, 37, "*", Some(&[("E9K3LM~U", 0, 0x20), ("REAL~1.TXT", 3, 0x20)]));
    assert_eq!(paths(&scene.image()), ["REAL~1.TXT"]);
}
