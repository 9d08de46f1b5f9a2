//! What an ingest is asked to do.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::tools::{Located, Tshark};

/// Who takes the PDUs out of the capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extractor {
    /// Our own reader.
    #[default]
    Native,
    /// tshark alone, over the whole file: the independent witness.
    Tshark,
}

impl Extractor {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Tshark => "tshark",
        }
    }
}

/// The options of an ingest.
#[derive(Clone, Debug, Default)]
pub struct IngestOptions {
    /// The capture files, which are one capture; `-` is standard input.
    pub inputs: Vec<PathBuf>,
    /// The folder for `.tracer`; beside the capture when None.
    pub output: Option<PathBuf>,
    /// Write the dataset anew even if it is up to date.
    pub force: bool,
    /// Ports of SMB beside 445 and 139.
    pub ports: Vec<u16>,
    /// Threads that encode row groups; 0 is 1.
    pub jobs: usize,
    /// Who takes the PDUs out.
    pub extractor: Extractor,
    /// tshark, unless it is done without.
    pub tshark: Option<Tshark>,
    /// Whether tshark was given keys for sealed traffic.
    pub has_keys: bool,
    /// Its version, for the metadata.
    pub tshark_version: Option<String>,
    /// pcapfix, to repair what is damaged before it is read.
    pub pcapfix: Option<Located>,
}

impl IngestOptions {
    /// The options that influence the dataset, as the metadata keeps them.
    pub fn recorded(&self) -> BTreeMap<String, String> {
        let mut options = BTreeMap::new();
        options.insert("extractor".to_owned(), self.extractor.name().to_owned());
        options.insert("tshark".to_owned(), if self.tshark.is_some() { "used" } else { "not used" }.to_owned());
        if self.has_keys {
            options.insert("keys".to_owned(), "given".to_owned());
        }
        if self.pcapfix.is_some() {
            options.insert("repair".to_owned(), "by pcapfix".to_owned());
        }
        if !self.ports.is_empty() {
            let ports: Vec<_> = self.ports.iter().map(u16::to_string).collect();
            options.insert("ports".to_owned(), ports.join(","));
        }
        options
    }
}
