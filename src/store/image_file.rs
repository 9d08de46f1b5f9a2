//! An initial image on disk: JSON for people and programs, and beside it the known bytes as Parquet.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::builder::{LargeBinaryBuilder, StringBuilder, UInt64Builder};
use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::schema::{image_content_schema, name};
use crate::model::{Image, ImageData};

/// Raised whenever the form of the file changes.
pub const IMAGE_VERSION: u32 = 1;

/// Bytes in one row at most, and in one row group about.
const ROW: usize = 1 << 20;
const GROUP: usize = 32 << 20;
const ROWS_READ: usize = 16;

#[derive(Serialize)]
struct Written<'a> {
    image_version: u32,
    content: &'a str,
    #[serde(flatten)]
    image: &'a Image,
}

#[derive(Deserialize)]
struct Version {
    image_version: u32,
}

#[derive(Deserialize)]
struct Read {
    content: PathBuf,
    #[serde(flatten)]
    image: Image,
}

/// Where the known bytes of an image lie: `FILE.content.parquet`, without the `.json` of FILE.
pub fn content_path(path: &Path) -> PathBuf {
    path.with_extension("content.parquet")
}

/// Writes an image: `path` and its [`content_path`].
pub fn write_image(image: &Image, path: &Path) -> Result<(), StoreError> {
    let content = content_path(path);
    write_content(image, &content)?;
    let name = content.file_name().unwrap_or_default().to_string_lossy();
    let written = Written { image_version: IMAGE_VERSION, content: &name, image };
    let mut text =
        serde_json::to_vec_pretty(&written).map_err(|source| StoreError::Image { path: path.to_owned(), source })?;
    text.push(b'\n');
    fs::write(path, text).map_err(|source| StoreError::Io { path: path.to_owned(), source })
}

/// Reads an image with its bytes.
pub fn read_image(path: &Path) -> Result<Image, StoreError> {
    let text = fs::read(path).map_err(|source| StoreError::Io { path: path.to_owned(), source })?;
    let fail = |source| StoreError::Image { path: path.to_owned(), source };
    let Version { image_version: found } = serde_json::from_slice(&text).map_err(fail)?;
    if found != IMAGE_VERSION {
        return Err(StoreError::ImageVersion { path: path.to_owned(), found, expected: IMAGE_VERSION });
    }
    let Read { content, mut image } = serde_json::from_slice(&text).map_err(fail)?;
    let content = path.parent().unwrap_or(Path::new("")).join(content);
    read_content(&mut image, &content)?;
    Ok(image)
}

/// The data of all files and streams, with share, path and stream.
fn all_data(image: &Image) -> impl Iterator<Item = (&str, &str, &str, &ImageData)> {
    image.shares.iter().flat_map(|share| {
        share.entries.iter().flat_map(move |entry| {
            let main = [("", &entry.data)].into_iter();
            let streams = entry.streams.iter().map(|stream| (stream.name.as_str(), &stream.data));
            main.chain(streams)
                .map(move |(stream, data)| (share.captured.as_str(), entry.path.as_str(), stream, data))
        })
    })
}

#[derive(Default)]
struct Columns {
    share: StringBuilder,
    path: StringBuilder,
    stream: StringBuilder,
    offset: UInt64Builder,
    content: LargeBinaryBuilder,
    bytes: usize,
}

impl Columns {
    fn batch(&mut self) -> Result<RecordBatch, arrow_schema::ArrowError> {
        self.bytes = 0;
        RecordBatch::try_new(
            image_content_schema(),
            vec![
                Arc::new(self.share.finish()),
                Arc::new(self.path.finish()),
                Arc::new(self.stream.finish()),
                Arc::new(self.offset.finish()),
                Arc::new(self.content.finish()),
            ],
        )
    }
}

fn write_content(image: &Image, path: &Path) -> Result<(), StoreError> {
    let io = |source| StoreError::Io { path: path.to_owned(), source };
    let parquet = |source| StoreError::Parquet { path: path.to_owned(), source };
    let arrow = |source| StoreError::Arrow { path: path.to_owned(), source };
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let file = File::create(path).map_err(io)?;
    let mut writer = ArrowWriter::try_new(file, image_content_schema(), Some(properties)).map_err(parquet)?;
    let mut columns = Columns::default();
    for (share, file, stream, data) in all_data(image) {
        for (offset, bytes) in &data.extents {
            for (at, row) in bytes.chunks(ROW).enumerate() {
                columns.share.append_value(share);
                columns.path.append_value(file);
                columns.stream.append_value(stream);
                columns.offset.append_value(offset + (at * ROW) as u64);
                columns.content.append_value(row);
                columns.bytes += row.len();
                if columns.bytes >= GROUP {
                    writer.write(&columns.batch().map_err(arrow)?).map_err(parquet)?;
                    writer.flush().map_err(parquet)?;
                }
            }
        }
    }
    writer.write(&columns.batch().map_err(arrow)?).map_err(parquet)?;
    writer.close().map_err(parquet)?;
    Ok(())
}

/// Puts the bytes of a file into the image. Rows that fit nothing in it are left out: whoever edits the JSON may drop entries.
fn read_content(image: &mut Image, path: &Path) -> Result<(), StoreError> {
    let parquet = |source| StoreError::Parquet { path: path.to_owned(), source };
    let file = File::open(path).map_err(|source| StoreError::Io { path: path.to_owned(), source })?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(parquet)?;
    let batches = builder.with_batch_size(ROWS_READ).build().map_err(parquet)?;
    let mut extents: HashMap<(String, String, String), Vec<(u64, Bytes)>> = HashMap::new();
    for batch in batches {
        let batch = batch.map_err(|source| StoreError::Arrow { path: path.to_owned(), source })?;
        let missing = |column| StoreError::Column { path: path.to_owned(), column };
        let column = |name| batch.column_by_name(name).ok_or_else(|| missing(name));
        let text = |name| column(name)?.as_string_opt::<i32>().ok_or_else(|| missing(name));
        let (shares, paths, streams) = (text(name::SHARE)?, text(name::PATH)?, text(name::STREAM)?);
        let offsets = column(name::OFFSET)?.as_primitive_opt::<UInt64Type>().ok_or_else(|| missing(name::OFFSET))?;
        let contents = column(name::CONTENT)?.as_binary_opt::<i64>().ok_or_else(|| missing(name::CONTENT))?;
        for row in 0..batch.num_rows() {
            let key = (shares.value(row).to_owned(), paths.value(row).to_owned(), streams.value(row).to_owned());
            let bytes = Bytes::copy_from_slice(contents.value(row));
            extents.entry(key).or_default().push((offsets.value(row), bytes));
        }
    }
    for share in &mut image.shares {
        for entry in &mut share.entries {
            let mut give = |stream: &str, data: &mut ImageData| {
                let key = (share.captured.clone(), entry.path.clone(), stream.to_owned());
                data.extents = joined(extents.remove(&key).unwrap_or_default(), data.size);
                data.known = data.extents.iter().map(|(_, bytes)| bytes.len() as u64).sum();
            };
            give("", &mut entry.data);
            for stream in &mut entry.streams {
                give(&stream.name, &mut stream.data);
            }
        }
    }
    Ok(())
}

/// Extents in order, those that touch in one, nothing behind the end and nothing twice.
fn joined(mut rows: Vec<(u64, Bytes)>, size: u64) -> Vec<(u64, Bytes)> {
    rows.sort_by_key(|(offset, _)| *offset);
    let mut extents: Vec<(u64, Vec<u8>)> = Vec::new();
    for (offset, bytes) in rows.into_iter().filter(|(offset, _)| *offset < size) {
        let bytes = &bytes[..bytes.len().min((size - offset) as usize)];
        match extents.last_mut() {
            Some((start, known)) if *start + known.len() as u64 > offset => {}
            Some((start, known)) if *start + known.len() as u64 == offset => known.extend_from_slice(bytes),
            _ => extents.push((offset, bytes.to_vec())),
        }
    }
    extents.into_iter().map(|(offset, bytes)| (offset, bytes.into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Evidence, ImageEntry, ImageShare, ImageStream, ImageTimes};

    fn data(size: u64, extents: &[(u64, &[u8])]) -> ImageData {
        let extents: Vec<_> = extents.iter().map(|(at, bytes)| (*at, Bytes::copy_from_slice(bytes))).collect();
        let known = extents.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        ImageData { size, size_known: true, known, contradictory: 0, extents }
    }

    fn image() -> Image {
        let long = vec![7u8; 3 * ROW + 17];
        let entry = ImageEntry {
            path: "dir\\ä:b.bin".into(),
            directory: false,
            evidence: Evidence::Opened,
            attributes: Some(0x20),
            times: ImageTimes { last_write: 1, ..ImageTimes::default() },
            eas: Vec::new(),
            data: data(10_000_000, &[(0, b"start"), (100, &long)]),
            streams: vec![ImageStream { name: "s".into(), data: data(3, &[(0, b"abc")]) }],
            listed: false,
            refused: 0,
        };
        let share = ImageShare {
            name: "data".into(),
            captured: "\\\\srv\\data".into(),
            entries: vec![entry],
            absent: vec!["none".into()],
        };
        Image { shares: vec![share], ..Image::default() }
    }

    #[test]
    fn an_image_survives_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.json");
        write_image(&image(), &path).unwrap();
        assert_eq!(read_image(&path).unwrap(), image());
        assert!(folder.path().join("image.content.parquet").exists());
    }

    #[test]
    fn other_versions_and_other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.json");
        fs::write(&path, "{\"image_version\": 99}").unwrap();
        assert!(read_image(&path).unwrap_err().to_string().contains("version 99"));
        fs::write(&path, "{}").unwrap();
        assert!(read_image(&path).unwrap_err().to_string().contains("not an image"));
    }

    #[test]
    fn rows_that_overlap_or_lie_behind_the_end_do_no_harm() {
        let row = |at, text: &'static str| (at, Bytes::from_static(text.as_bytes()));
        let rows = vec![row(8, "zz"), row(0, "abc"), row(3, "de"), row(4, "XX"), row(20, "far")];
        assert_eq!(joined(rows, 9), [row(0, "abcde"), row(8, "z")]);
    }
}
