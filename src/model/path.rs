//! Share names and paths as the dataset spells them.

use super::layout::Utf16;

/// The share-relative path of a CREATE name: `\`-separated, without a leading `\`. Empty for the share's root.
pub fn share_relative(name: Utf16<'_>, text: &mut String) {
    text.clear();
    name.decode_into(text);
    let leading = text.len() - text.trim_start_matches('\\').len();
    text.drain(..leading);
}

/// Reduces a DFS name (`server\share\path`, [MS-SMB2] 2.2.13 with SMB2_FLAGS_DFS_OPERATIONS) to the path in the share.
pub fn without_dfs_prefix(path: &str) -> &str {
    let mut parts = path.splitn(3, '\\');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(_), Some(_), rest) => rest.unwrap_or(""),
        _ => path,
    }
}

/// The last part of `\\server\share`.
pub fn share_name(share: &str) -> &str {
    share.rsplit('\\').next().unwrap_or(share)
}

/// Whether this is the pipe share of a server.
pub fn is_ipc(share: &str) -> bool {
    share_name(share).eq_ignore_ascii_case("IPC$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_share_relative() {
        for (name, expected) in [("", ""), ("a\\b", "a\\b"), ("\\a", "a"), ("a|b:stream", "a|b:stream")] {
            let bytes = Utf16::encode(name);
            let mut text = String::from("left over");
            share_relative(Utf16(&bytes), &mut text);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn dfs_names_lose_server_and_share() {
        assert_eq!(without_dfs_prefix("srv\\root\\dir\\file"), "dir\\file");
        assert_eq!(without_dfs_prefix("srv\\root"), "");
    }

    #[test]
    fn shares_are_named_by_their_last_part() {
        assert_eq!(share_name("\\\\srv\\data"), "data");
        assert!(is_ipc("\\\\srv\\ipc$"));
    }
}
