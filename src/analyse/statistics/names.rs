//! Names as small numbers, so that groups are found without copying text.

use rustc_hash::FxHashMap;

/// The numbers of a share's files.
type Paths = FxHashMap<Box<str>, u32>;

/// Files of shares, numbered in the order in which they are first named.
#[derive(Debug, Default)]
pub(super) struct FileNames {
    shares: Vec<(Box<str>, Paths)>,
    count: u32,
    /// What was asked for last: operations on a file come in runs.
    last: Option<(usize, Box<str>, u32)>,
}

impl FileNames {
    pub(super) fn number(&mut self, share: &str, path: &str) -> usize {
        if let Some((at, last_path, number)) = &self.last
            && &**last_path == path
            && self.shares.get(*at).is_some_and(|(name, _)| &**name == share)
        {
            return *number as usize;
        }
        let at = self.shares.iter().position(|(name, _)| &**name == share).unwrap_or_else(|| {
            self.shares.push((share.into(), Paths::default()));
            self.shares.len() - 1
        });
        let paths = &mut self.shares[at].1;
        let number = match paths.get(path) {
            Some(number) => *number,
            None => {
                paths.insert(path.into(), self.count);
                self.count += 1;
                self.count - 1
            }
        };
        self.last = Some((at, path.into(), number));
        number as usize
    }

    /// `\\server\share\path` by number.
    pub(super) fn into_texts(self) -> Vec<String> {
        let mut texts = vec![String::new(); self.count as usize];
        for (share, paths) in self.shares {
            for (path, number) in paths {
                texts[number as usize] =
                    if path.is_empty() { format!("{share}\\") } else { format!("{share}\\{path}") };
            }
        }
        texts
    }
}
