//! An initial image as files of a local folder.
//!
//! Names come from a capture and can be anything. Each is used as one part of a path, and only when it can be that: what would
//! lead elsewhere is left out and told. The folder has to be empty, so that there is no link in it to follow.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::error::StoreError;
use crate::model::{Fill, Image, ImageData, ImageEntry};

/// Bytes that are filled at once.
const CHUNK: u64 = 1 << 20;

/// What an export came to.
#[derive(Debug, Default)]
pub struct Exported {
    /// Files and streams written.
    pub files: u64,
    /// Folders made.
    pub directories: u64,
    /// Captured paths that could not be written, with the reason.
    pub left_out: Vec<(String, String)>,
}

/// Writes an image into a folder that is empty or not there: a folder for each share, in it the files; a stream is a file
/// `name:stream` beside its own. `told` is called for each entry.
pub fn export_image(
    image: &Image,
    folder: &Path,
    fill: Fill,
    mut told: impl FnMut(&ImageEntry),
) -> Result<Exported, StoreError> {
    let fail = |source| StoreError::Io { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(fail)?;
    if fs::read_dir(folder).map_err(fail)?.next().is_some() {
        return Err(fail(io::Error::new(io::ErrorKind::AlreadyExists, "the folder is not empty; name a new one")));
    }
    let mut exported = Exported::default();
    for share in &image.shares {
        let Some(root) = below(folder, &share.name).filter(|root| fs::create_dir(root).is_ok()) else {
            exported.left_out.push((share.captured.clone(), "the share's name is no file name".to_owned()));
            continue;
        };
        let mut times = Vec::new();
        for entry in &share.entries {
            told(entry);
            match one(&root, entry, fill) {
                Ok(Some(path)) => {
                    *if entry.directory { &mut exported.directories } else { &mut exported.files } += 1;
                    exported.files += entry.streams.len() as u64;
                    times.push((path, entry.times.last_write));
                }
                Ok(None) => exported.left_out.push((entry.path.clone(), "the name cannot be one here".to_owned())),
                Err(error) => exported.left_out.push((entry.path.clone(), error.to_string())),
            }
        }
        // A folder's time changes with what is put into it: the inner ones first.
        for (path, filetime) in times.into_iter().rev() {
            if let (Some(time), Ok(file)) = (system_time(filetime), File::open(&path)) {
                // Only a nicety: what cannot be set stays as it is.
                let _ = file.set_modified(time);
            }
        }
    }
    Ok(exported)
}

/// A path below a folder; None when some part of it is not the name of a file.
fn below(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut whole = folder.to_owned();
    for part in path.split('\\') {
        if matches!(part, "" | "." | "..") || part.contains(['/', '\0']) {
            return None;
        }
        whole.push(part);
    }
    Some(whole)
}

fn one(root: &Path, entry: &ImageEntry, fill: Fill) -> io::Result<Option<PathBuf>> {
    let Some(path) = below(root, &entry.path) else { return Ok(None) };
    if entry.directory {
        fs::create_dir(&path)?;
    } else {
        write_data(&path, &entry.data, fill)?;
    }
    for stream in &entry.streams {
        let Some(path) = below(root, &format!("{}:{}", entry.path, stream.name)) else { return Ok(None) };
        write_data(&path, &stream.data, fill)?;
    }
    Ok(Some(path))
}

fn write_data(path: &Path, data: &ImageData, fill: Fill) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.set_len(data.size)?;
    if fill == Fill::Pattern {
        let mut at = 0;
        while at < data.size {
            let length = CHUNK.min(data.size - at);
            file.write_all(&fill.bytes(at, length as usize))?;
            at += length;
        }
    }
    for (offset, bytes) in &data.extents {
        file.seek(SeekFrom::Start(*offset))?;
        file.write_all(bytes)?;
    }
    Ok(())
}

/// A FILETIME as the system has times; None for none, and for what it cannot have.
fn system_time(filetime: u64) -> Option<SystemTime> {
    let ticks = filetime.checked_sub(116_444_736_000_000_000)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(ticks / 10_000_000, (ticks % 10_000_000) as u32 * 100))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    use crate::model::{Evidence, ImageShare, ImageStream, ImageTimes};

    fn entry(path: &str, directory: bool, size: u64, extents: &[(u64, &'static str)]) -> ImageEntry {
        let extents: Vec<_> = extents.iter().map(|(at, text)| (*at, Bytes::from_static(text.as_bytes()))).collect();
        ImageEntry {
            path: path.into(),
            directory,
            evidence: Evidence::Opened,
            attributes: None,
            times: ImageTimes { last_write: 125_911_584_000_000_000, ..ImageTimes::default() },
            eas: Vec::new(),
            data: ImageData { size, size_known: true, known: 0, contradictory: 0, extents },
            streams: Vec::new(),
            listed: false,
            refused: 0,
        }
    }

    fn image(entries: Vec<ImageEntry>) -> Image {
        let share = ImageShare { name: "data".into(), captured: "\\\\s\\data".into(), entries, absent: vec![] };
        Image { shares: vec![share], ..Image::default() }
    }

    #[test]
    fn files_folders_and_streams_are_written_with_their_times() {
        let folder = tempfile::tempdir().unwrap();
        let mut with_stream = entry("d\\f", false, 8, &[(2, "known")]);
        let data = ImageData { size: 2, extents: vec![(0, Bytes::from_static(b"st"))], ..ImageData::default() };
        with_stream.streams = vec![ImageStream { name: "s".into(), data }];
        let image = image(vec![entry("d", true, 0, &[]), with_stream]);
        let out = folder.path().join("out");
        let exported = export_image(&image, &out, Fill::Zero, |_| {}).unwrap();
        assert_eq!((exported.files, exported.directories, exported.left_out.len()), (2, 1, 0));
        assert_eq!(fs::read(out.join("data/d/f")).unwrap(), b"\0\0known\0");
        assert_eq!(fs::read(out.join("data/d/f:s")).unwrap(), b"st");
        for path in ["data/d", "data/d/f"] {
            let time = fs::metadata(out.join(path)).unwrap().modified().unwrap();
            assert_eq!(Some(time), system_time(125_911_584_000_000_000), "{path}");
        }
        assert!(export_image(&image, &out, Fill::Zero, |_| {}).unwrap_err().to_string().contains("not empty"));
    }

    #[test]
    fn names_from_a_capture_never_lead_out_of_the_folder() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("a/b/c");
        let names =
            ["..\\x", "..", "d\\..\\..\\..\\x", "/etc/x", "a/../../x", ".", "nul\0", "d\\", "\\\\x", "../x:y"];
        let mut entries: Vec<_> = names.iter().map(|name| entry(name, false, 1, &[])).collect();
        let mut stream = entry("f", false, 1, &[]);
        stream.streams = vec![ImageStream { name: "\\..\\..\\..\\x".into(), data: ImageData::default() }];
        entries.push(stream);
        let mut image = image(entries);
        image.shares.push(ImageShare { name: "..".into(), ..ImageShare::default() });
        let exported = export_image(&image, &folder, Fill::Pattern, |_| {}).unwrap();
        assert_eq!(exported.left_out.len(), names.len() + 2, "{:?}", exported.left_out);
        let listed =
            |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
        assert_eq!(listed(outer.path()), ["a"]);
        assert_eq!(listed(&outer.path().join("a/b")), ["c"]);
        assert_eq!(listed(&folder), ["data"]);
        assert_eq!(listed(&folder.join("data")), ["f"]);
    }
}
