//! Names from a capture as names for local files: whatever a capture says, they stay within their folder and are harmless
//! on Linux, macOS and Windows.

use xxhash_rust::xxh3::xxh3_64;

/// The longest name that all file systems take, in bytes.
const LONGEST_NAME: usize = 200;
/// The longest path below the output folder.
const LONGEST_PATH: usize = 2000;
/// Names that Windows keeps for devices, with any extension.
const DEVICES: [&str; 7] = ["CON", "PRN", "AUX", "NUL", "CLOCK$", "CONIN$", "CONOUT$"];

/// The folders and the name of the local file for a path of a share: at least two parts, none of which is empty, `.`,
/// `..`, a device, or holds a separator or control character. What had to give way stands there as `%` and hex.
pub fn local_path(share: &str, path: &str) -> Vec<String> {
    let share = share.trim_start_matches('\\').replace('\\', "_");
    let mut parts = vec![local_name(&share)];
    parts.extend(path.split(['\\', '/']).filter(|part| !part.is_empty()).map(local_name));
    if parts.len() < 2 {
        parts.push("%".to_owned());
    }
    let length: usize = parts.iter().map(|part| part.len() + 1).sum();
    if length > LONGEST_PATH {
        let name = parts.pop().unwrap_or_default();
        parts.truncate(1);
        parts.push(format!("deep~{:016x}", xxh3_64(path.as_bytes())));
        parts.push(name);
    }
    parts
}

/// The name of a later version of a file: `report.v2.docx`.
pub fn versioned(name: &str, version: usize) -> String {
    match name.rsplit_once('.').filter(|(stem, _)| version > 1 && !stem.is_empty()) {
        Some((stem, extension)) => format!("{stem}.v{version}.{extension}"),
        None if version > 1 => format!("{name}.v{version}"),
        None => name.to_owned(),
    }
}

fn local_name(name: &str) -> String {
    let mut local = String::with_capacity(name.len());
    for character in name.chars() {
        if is_harmless(character) { local.push(character) } else { escape(character, &mut local) }
    }
    // Windows takes away dots and spaces at the end; this also settles `.` and `..`.
    if let Some(last) = local.chars().last().filter(|last| matches!(last, '.' | ' ')) {
        local.pop();
        escape(last, &mut local);
    }
    let stem = local.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    if is_device(&stem) {
        let mut escaped = String::new();
        let mut characters = local.chars();
        characters.next().into_iter().for_each(|first| escape(first, &mut escaped));
        local = escaped + characters.as_str();
    }
    if local.len() > LONGEST_NAME {
        let mut at = LONGEST_NAME - 17;
        while !local.is_char_boundary(at) {
            at -= 1;
        }
        local.truncate(at);
        local.push_str(&format!("~{:016x}", xxh3_64(name.as_bytes())));
    }
    if local.is_empty() { "%".to_owned() } else { local }
}

fn is_harmless(character: char) -> bool {
    let forbidden = matches!(character, '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*' | '%');
    // Marks that turn text around make a name look like another.
    let direction = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !character.is_control() && !forbidden && !direction
}

fn is_device(stem: &str) -> bool {
    let numbered = ["COM", "LPT"].into_iter().filter_map(|device| stem.strip_prefix(device)).any(|number| {
        let mut characters = number.chars();
        characters.next().is_some_and(|c| matches!(c, '0'..='9' | '¹' | '²' | '³')) && characters.next().is_none()
    });
    numbered || DEVICES.contains(&stem)
}

fn escape(character: char, text: &mut String) {
    let mut bytes = [0; 4];
    for byte in character.encode_utf8(&mut bytes).bytes() {
        text.push_str(&format!("%{byte:02X}"));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_could_do_harm_are_escaped() {
        let of = |path: &str| local_path(r"\\srv\data", path).join("/");
        assert_eq!(of(r"docs\report.docx"), "srv_data/docs/report.docx");
        assert_eq!(of(r"..\..\etc\passwd"), "srv_data/.%2E/.%2E/etc/passwd");
        assert_eq!(of("../x"), "srv_data/.%2E/x");
        assert_eq!(of("con.txt"), "srv_data/%63on.txt");
        assert_eq!(of("LPT1"), "srv_data/%4CPT1");
        assert_eq!(of("console.txt"), "srv_data/console.txt");
        assert_eq!(of("a\u{1b}[2J\u{202e}b:stream"), "srv_data/a%1B[2J%E2%80%AEb%3Astream");
        assert_eq!(of("ends. "), "srv_data/ends.%20");
        assert_eq!(of("100%"), "srv_data/100%25");
        assert_eq!(of(""), "srv_data/%");
        assert_eq!(of("grün.txt"), "srv_data/grün.txt");
    }

    #[test]
    fn versions_keep_their_extension() {
        assert_eq!(["a.txt", "a", ".rc"].map(|name| versioned(name, 2)), ["a.v2.txt", "a.v2", ".rc.v2"]);
        assert_eq!(versioned("a.txt", 1), "a.txt");
    }

    proptest! {
        #[test]
        fn no_path_leaves_its_folder(share: String, path: String) {
            let parts = local_path(&share, &path);
            prop_assert!(parts.len() >= 2);
            for part in &parts {
                prop_assert!(!part.is_empty() && part != "." && part != ".." && part.len() <= 220);
                prop_assert!(!part.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | ':')), "{part:?}");
                prop_assert!(!is_device(&part.split('.').next().unwrap().to_uppercase()));
            }
            let joined: std::path::PathBuf = parts.iter().collect();
            prop_assert!(joined.is_relative() && joined.components().all(|c| matches!(c, std::path::Component::Normal(_))));
        }
    }
}
