//! A hash over the bytes of the capture files, taken as they are read: reading them once more would take as long as all the
//! rest takes for packets that are not SMB.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use xxhash_rust::xxh3::Xxh3Default;

/// xxh3-128 over what the readers that share it have read, one after the other.
#[derive(Clone, Default)]
pub(super) struct Digest(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    hash: Xxh3Default,
    bytes: u64,
}

impl Digest {
    pub(super) fn update(&self, bytes: &[u8]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.hash.update(bytes);
        state.bytes += bytes.len() as u64;
    }

    /// The hash in hex, if the files were read to their ends: what is damaged is read only as far as it goes.
    pub(super) fn of_whole(&self, files: &[PathBuf]) -> Option<String> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sizes = files.iter().map(|path| std::fs::metadata(path).map(|file| file.len()));
        let size = sizes.sum::<std::io::Result<u64>>().ok()?;
        (size == state.bytes).then(|| format!("{:032x}", state.hash.digest128()))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_hash_is_that_of_all_files_in_their_order_and_none_while_a_byte_is_missing() {
        let digest = Digest::default();
        let file = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let files = [file("Cargo.toml"), file("LICENSE-MIT")];
        let bytes: Vec<u8> = files.iter().flat_map(|path| std::fs::read(path).expect("a file")).collect();
        let (most, last) = bytes.split_at(bytes.len() - 1);
        most.chunks(1000).for_each(|chunk| digest.update(chunk));
        assert_eq!(digest.of_whole(&files), None);
        digest.update(last);
        let whole = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(&bytes));
        assert_eq!(digest.of_whole(&files), Some(whole));
    }
}
