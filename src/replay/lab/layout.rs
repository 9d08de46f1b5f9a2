//! Where an image goes on the target: shares and paths as the replay maps them, below the base folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Evidence, Image, ImageData, ImageEntry, ImageTimes};
use crate::replay::NameMap;

/// An image on the target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// By target share.
    pub shares: Vec<ShareLayout>,
    /// What has no place there.
    pub left_out: Vec<LeftOut>,
}

/// What goes to one share of the target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShareLayout {
    /// The target's share.
    pub share: String,
    /// Files and folders, each folder before what is in it.
    pub entries: Vec<Placed>,
    /// Paths that must not exist.
    pub absent: Vec<String>,
}

/// An entry with its path on the target.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// Path in the target's share.
    pub path: String,
    /// What it is to be.
    pub entry: Arc<ImageEntry>,
}

/// An entry that has no place on the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// `\\server\share` as captured.
    pub share: String,
    /// The captured path.
    pub path: String,
    /// Why.
    pub reason: &'static str,
}

/// The entries of a target share by folded path, parts apart so that folders come before what is in them.
type Entries = BTreeMap<Vec<String>, Placed>;

impl Layout {
    /// Lays an image out several times, for the copies of a run.
    pub fn of_copies(image: &Image, maps: &[NameMap]) -> Self {
        let mut all = Self::default();
        for map in maps {
            let mut one = Self::new(image, map);
            all.shares.append(&mut one.shares);
            all.left_out.append(&mut one.left_out);
        }
        all
    }

    /// Lays an image out.
    pub fn new(image: &Image, names: &NameMap) -> Self {
        let mut shares: BTreeMap<String, (String, Entries, Vec<String>)> = BTreeMap::new();
        let mut left_out = Vec::new();
        // What a capture from the middle of a connection does in trees that it does not explain is no part of an image, but goes
        // below the base folder too.
        if let (Some(share), Some(base)) = (&names.share, &names.base_dir) {
            let mut entries = Entries::new();
            add_folders(&mut entries, base, true);
            shares.insert(share.to_lowercase(), (share.clone(), entries, Vec::new()));
        }
        for share in &image.shares {
            let target = names.target_share(&share.captured).to_owned();
            let (_, entries, absent) =
                shares.entry(target.to_lowercase()).or_insert_with(|| (target, Entries::new(), Vec::new()));
            add_folders(entries, &names.target_name(""), true);
            for entry in &share.entries {
                let mut leave = |reason| {
                    left_out.push(LeftOut { share: share.captured.clone(), path: entry.path.clone(), reason });
                };
                let path = names.target_name(&entry.path);
                if entry.path.is_empty() {
                    continue;
                }
                if !is_below(&entry.path) || !is_below(&path) {
                    leave("its path leads elsewhere");
                    continue;
                }
                if entry.path.contains(':') {
                    leave("it is a stream, which belongs to the entry of its file");
                    continue;
                }
                add_folders(entries, &path, false);
                let key = folded_parts(&path);
                match entries.get_mut(&key) {
                    None => drop(entries.insert(key, Placed { path, entry: Arc::new(entry.clone()) })),
                    Some(there) if there.entry.evidence == Evidence::Implied && entry.directory => {
                        there.entry = Arc::new(entry.clone());
                    }
                    Some(there) if there.entry.directory && entry.directory => {}
                    Some(_) => leave("another captured share has that path, and both go to one share of the target"),
                }
            }
            absent.extend(share.absent.iter().filter(|path| is_below(path)).map(|path| names.target_name(path)));
        }
        let shares = shares.into_values().map(|(share, entries, mut absent)| {
            absent.retain(|path| !entries.contains_key(&folded_parts(path)));
            absent.sort_unstable();
            absent.dedup();
            ShareLayout { share, entries: entries.into_values().collect(), absent }
        });
        Self { shares: shares.collect(), left_out }
    }
}

/// Whether each part of a path is a name: then it leads nowhere but down.
fn is_below(path: &str) -> bool {
    path.is_empty() || path.split('\\').all(|part| !matches!(part, "" | "." | "..") && !part.contains(['/', '\0']))
}

pub(super) fn folded_parts(path: &str) -> Vec<String> {
    path.split('\\').filter(|part| !part.is_empty()).map(str::to_lowercase).collect()
}

/// Adds the folders that a path needs; with `itself` the path is one of them.
fn add_folders(entries: &mut Entries, path: &str, itself: bool) {
    let ends = path.match_indices('\\').map(|(at, _)| at).chain(itself.then_some(path.len()));
    for end in ends.filter(|end| *end > 0) {
        let path = &path[..end];
        entries
            .entry(folded_parts(path))
            .or_insert_with(|| Placed { path: path.to_owned(), entry: Arc::new(folder()) });
    }
}

/// A folder of which nothing is known but that it must be there.
fn folder() -> ImageEntry {
    ImageEntry {
        path: String::new(),
        directory: true,
        evidence: Evidence::Implied,
        attributes: None,
        times: ImageTimes::default(),
        eas: Vec::new(),
        data: ImageData { size_known: true, ..ImageData::default() },
        streams: Vec::new(),
        listed: false,
        refused: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ImageShare;

    fn file(path: &str, size: u64) -> ImageEntry {
        let data = ImageData { size, size_known: true, ..ImageData::default() };
        ImageEntry { path: path.into(), directory: false, evidence: Evidence::Opened, data, ..folder() }
    }

    fn image(shares: &[(&str, Vec<ImageEntry>, &[&str])]) -> Image {
        let shares = shares.iter().map(|(name, entries, absent)| ImageShare {
            name: (*name).into(),
            captured: format!("\\\\srv\\{name}"),
            entries: entries.clone(),
            absent: absent.iter().map(|path| (*path).into()).collect(),
        });
        Image { shares: shares.collect(), ..Image::default() }
    }

    fn paths(layout: &ShareLayout) -> Vec<&str> {
        layout.entries.iter().map(|placed| placed.path.as_str()).collect()
    }

    #[test]
    fn everything_goes_below_the_base_folder_which_is_made_even_for_nothing() {
        let names = NameMap { share: Some("lab".into()), base_dir: Some("a\\b".into()), ..NameMap::default() };
        let layout = Layout::new(&image(&[("data", vec![file("d\\f", 1)], &["none"])]), &names);
        assert_eq!(layout.shares.len(), 1);
        assert_eq!(layout.shares[0].share, "lab");
        assert_eq!(paths(&layout.shares[0]), ["a", "a\\b", "a\\b\\d", "a\\b\\d\\f"]);
        assert_eq!(layout.shares[0].absent, ["a\\b\\none"]);
        let empty = Layout::new(&image(&[("data", vec![], &[])]), &names);
        assert_eq!(paths(&empty.shares[0]), ["a", "a\\b"]);
        let unexplained = Layout::new(&Image::default(), &names);
        assert_eq!(paths(&unexplained.shares[0]), ["a", "a\\b"]);
    }

    #[test]
    fn names_that_lead_elsewhere_have_no_place() {
        let hostile = ["..\\x", "a\\..\\..\\x", "a/../../x", "", "a\\\\b", ".", "f:stream"];
        let entries = hostile.iter().map(|path| file(path, 1)).collect();
        let names = NameMap { base_dir: Some("base".into()), ..NameMap::default() };
        let layout = Layout::new(&image(&[("data", entries, &["..\\y"])]), &names);
        assert_eq!(paths(&layout.shares[0]), ["base"]);
        assert!(layout.shares[0].absent.is_empty());
        assert_eq!(layout.left_out.len(), hostile.len() - 1, "the empty path is the share itself");
    }

    #[test]
    fn two_captured_shares_on_one_of_the_target_share_their_folders() {
        let folder = |path: &str| ImageEntry { path: path.into(), evidence: Evidence::Opened, ..folder() };
        let one = ("one", vec![folder("d"), file("d\\f", 1)], &["D\\G"][..]);
        let two = ("two", vec![folder("D"), file("D\\F", 2), file("d\\g", 3)], &[][..]);
        let names = NameMap { share: Some("lab".into()), ..NameMap::default() };
        let layout = Layout::new(&image(&[one, two]), &names);
        assert_eq!(paths(&layout.shares[0]), ["d", "d\\f", "d\\g"]);
        assert!(layout.shares[0].absent.is_empty());
        assert_eq!((layout.left_out.len(), layout.left_out[0].path.as_str()), (1, "D\\F"));
    }
}
