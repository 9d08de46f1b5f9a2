//! What a replay would do, for the confirmation and `--dry-run`.

use std::fmt::Write as _;

use crate::cli::shown;
use crate::replay::Prepared;

/// What will be sent where, and what it could change there.
pub(super) fn intent(prepared: &Prepared, target: &str) -> String {
    let counts = prepared.plan().counts();
    let changes = prepared.changes();
    let number = |count: usize| shown::count(count as u64);
    let mut text =
        format!("{} of {} operations go to {target}\n", number(counts.sent), number(prepared.operations().len()),);
    let _ = writeln!(text, "{} are the engine's own (negotiate, login)", number(counts.own));
    if counts.not_selected > 0 {
        let _ = writeln!(
            text,
            "{} of all these were not selected, but are needed by those that were; {} are left out",
            number(counts.drawn_in),
            number(counts.not_selected)
        );
    }
    copies(prepared, &mut text);
    users(prepared, &mut text);
    names(prepared, &mut text);
    for (reason, count) in &counts.not_replayable {
        let _ = writeln!(text, "{} cannot be replayed: {reason}", number(*count));
    }
    if changes.is_empty() {
        text.push_str("nothing is changed on the server\n");
        return text;
    }
    let kinds = [
        (changes.creates, "create or open for change"),
        (changes.writes, "write"),
        (changes.renames, "rename or link"),
        (changes.deletes, "delete"),
        (changes.others, "change otherwise"),
    ];
    let kinds: Vec<_> = kinds
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, kind)| format!("{} {kind}", number(*count)))
        .collect();
    let _ = writeln!(text, "of these {} ({} written)", kinds.join(", "), shown::bytes(changes.bytes_written));
    for path in &changes.paths {
        let _ = writeln!(text, "  {path}");
    }
    text
}

/// How often, and where.
fn copies(prepared: &Prepared, text: &mut String) {
    let options = prepared.options();
    if let (Some(first), Some(last)) = (prepared.folder_of(1), prepared.folder_of(options.clones)) {
        let made =
            if options.read_only { "which have to be there" } else { "which are made where they are not there" };
        let _ =
            writeln!(text, "{} copies of this run at once, in the folders {first} … {last}, {made}", options.clones);
    }
    if options.iterations > 1 {
        let _ = writeln!(text, "all of this {} times, one after another", options.iterations);
    }
}

/// Who logs in for whom, where that is not plain.
fn users(prepared: &Prepared, text: &mut String) {
    let users = prepared.users();
    let sessions =
        |count: usize| format!("{} session{}", shown::count(count as u64), if count == 1 { "" } else { "s" });
    if users.iter().any(|user| user.mapped) {
        for user in &users {
            let _ = writeln!(text, "  {} ({}) logs in as {}", user.captured, sessions(user.sessions), user.target);
        }
    } else if let [first, _, ..] = users.as_slice() {
        let captured: Vec<_> =
            users.iter().map(|user| format!("{} ({})", user.captured, sessions(user.sessions))).collect();
        let _ = writeln!(
            text,
            "all of {} log in as {}; --map-user and --credentials keep them apart",
            captured.join(", "),
            first.target
        );
    }
}

/// What paths become.
fn names(prepared: &Prepared, text: &mut String) {
    let implicit = prepared.plan().implicit_trees.len();
    if implicit > 0 {
        let _ = writeln!(
            text,
            "{} tree{} no TREE_CONNECT in the capture: the named share is taken for {}",
            shown::count(implicit as u64),
            if implicit == 1 { " has" } else { "s have" },
            if implicit == 1 { "it" } else { "them" }
        );
    }
    if let (renamed, Some((captured, target))) = prepared.renamed_paths() {
        let _ = writeln!(
            text,
            "{} captured path{} another name there, such as {captured}: {target}",
            shown::count(renamed as u64),
            if renamed == 1 { " has" } else { "s have" }
        );
    }
}
