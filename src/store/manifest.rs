//! `session_metadata.json`: what is in a dataset and how it was made.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3Default;

use super::error::StoreError;
use super::schema::SCHEMA_VERSION;
use crate::model::SessionEntry;

/// The whole file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the Parquet schema.
    pub schema_version: u32,
    /// The capture.
    pub capture: CaptureEntry,
    /// What made the dataset.
    pub tools: ToolVersions,
    /// The options that influence the dataset, as they would be typed; no secrets among them.
    pub options: BTreeMap<String, String>,
    /// What was found in the capture.
    pub quality: Quality,
    /// Its sessions, in the order in which they begin.
    pub sessions: Vec<SessionEntry>,
    /// When connections ended, as far as the capture shows it.
    pub connection_ends: Vec<ConnectionEndEntry>,
}

/// The end of a connection: the frame with the first FIN or RST of either side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionEndEntry {
    /// Wireshark's number of the connection.
    pub tcp_stream: u32,
    /// The frame.
    pub frame: u64,
    /// Its time, nanoseconds since 1970.
    pub time_ns: i64,
}

/// The capture of a dataset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CaptureEntry {
    /// Paths as given.
    pub paths: Vec<String>,
    /// Bytes of the files as they lie on disk.
    pub size: u64,
    /// Time of the last modification, nanoseconds since 1970; that of the newest file.
    pub modified_ns: i64,
    /// xxh3-128 of the files' bytes, one after the other, in hex.
    pub hash: String,
    /// Packets.
    pub packets: u64,
    /// Link layers, by libpcap's number, with their packets.
    pub link_types: BTreeMap<i32, u64>,
    /// Time of the first packet, RFC 3339.
    pub first_time: Option<String>,
    /// Time of the last packet, RFC 3339.
    pub last_time: Option<String>,
}

/// The programs that took part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolVersions {
    /// smbreplay itself.
    pub smbreplay: String,
    /// tshark; null when it was not used.
    pub tshark: Option<String>,
}

/// How much of the capture could be read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Packets of the capture.
    #[serde(default)]
    pub packets: u64,
    /// Packets that carry no SMB, by what they are; the twenty most frequent kinds.
    #[serde(default)]
    pub other_packets: BTreeMap<String, u64>,
    /// Packets of which the capture kept only a part.
    pub cut_packets: u64,
    /// SMB2 PDUs in the dataset.
    pub smb2_pdus: u64,
    /// Those among them that end before their header does.
    #[serde(default)]
    pub headless_pdus: u64,
    /// SMB1 messages; they are counted, not rows.
    pub smb1_messages: u64,
    /// Sealed messages seen.
    pub sealed_messages: u64,
    /// Those that could not be decrypted.
    pub undecrypted_messages: u64,
    /// Compressed messages that could not be read.
    pub compressed_messages: u64,
    /// Stretches of SMB connections that the capture does not hold.
    pub gaps: u64,
    /// Bytes missing in them.
    pub gap_bytes: u64,
    /// Bytes of SMB connections that could not be read as messages.
    pub unreadable_bytes: u64,
    /// Rows by anomaly.
    pub anomalies: BTreeMap<String, u64>,
    /// Why reading ended before the end of the capture.
    pub damage: Vec<String>,
    /// What else is said about the ingest.
    pub notes: Vec<String>,
}

impl Quality {
    /// Whether something of the capture's SMB2 traffic is not in the dataset.
    pub fn is_partial(&self) -> bool {
        !self.damage.is_empty()
            || self.gaps > 0
            || self.unreadable_bytes > 0
            || self.undecrypted_messages > 0
            || self.compressed_messages > 0
    }
}

impl Manifest {
    /// The file's name.
    pub const FILE_NAME: &'static str = "session_metadata.json";

    /// Reads it; another schema version is an error.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        #[derive(Deserialize)]
        struct Version {
            schema_version: u32,
        }
        let text = fs::read(path).map_err(|source| StoreError::Io { path: path.to_owned(), source })?;
        let fail = |source| StoreError::Manifest { path: path.to_owned(), source };
        let version: Version = serde_json::from_slice(&text).map_err(fail)?;
        if version.schema_version != SCHEMA_VERSION {
            let (found, expected) = (version.schema_version, SCHEMA_VERSION);
            return Err(StoreError::SchemaVersion { path: path.to_owned(), found, expected });
        }
        serde_json::from_slice(&text).map_err(fail)
    }

    /// The ports of SMB beside 445 and 139 that the capture was read with.
    pub fn ports(&self) -> Vec<u16> {
        let ports = self.options.get("ports").map(String::as_str).unwrap_or_default();
        ports.split(',').filter_map(|port| port.parse().ok()).collect()
    }

    /// Writes it.
    pub fn write(&self, path: &Path) -> Result<(), StoreError> {
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|source| StoreError::Manifest { path: path.to_owned(), source })?;
        text.push(b'\n');
        fs::write(path, text).map_err(|source| StoreError::Io { path: path.to_owned(), source })
    }
}

/// xxh3-128 over the bytes of some files, in hex: the `hash` of a [`CaptureEntry`].
pub fn fingerprint<P: AsRef<Path>>(paths: &[P]) -> Result<String, StoreError> {
    let mut hash = Xxh3Default::new();
    let mut buffer = vec![0; 1 << 18];
    for path in paths {
        let fail = |source: io::Error| StoreError::Io { path: path.as_ref().to_owned(), source };
        let mut file = File::open(path).map_err(fail)?;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => hash.update(&buffer[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(fail(error)),
            }
        }
    }
    Ok(format!("{:032x}", hash.digest128()))
}
