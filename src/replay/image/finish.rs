//! From the world at the end of the capture back to what it was at the beginning.

use rustc_hash::FxHashMap;

use super::opening::split_stream;
use super::world::{Child, NodeId, World, folded};
use crate::model::path::share_name;
use crate::model::{Evidence, Image, ImageData, ImageEntry, ImageShare, ImageStream};

/// The name of what is made up so that a folder is not empty.
const PLACEHOLDER: &str = "smbreplay-unknown-entry";

impl World {
    /// The image. Of every node that was there at the beginning an entry, wherever it is now.
    pub(super) fn into_image(self) -> Image {
        let mut below: FxHashMap<NodeId, Vec<NodeId>> = FxHashMap::default();
        for (id, node) in self.nodes.iter().enumerate() {
            if let Some(parent) = node.beginning.as_ref().and_then(|beginning| beginning.parent) {
                below.entry(parent).or_default().push(id);
            }
        }
        let mut image = Image::default();
        for (captured, root) in self.shares.values() {
            let name = share_name(captured).to_owned();
            let mut share = ImageShare { name, captured: captured.clone(), ..ImageShare::default() };
            self.enter(*root, "", &below, &mut share);
            share.entries.sort_by_cached_key(|entry| sort_key(&entry.path));
            share.absent.sort_unstable();
            image.shares.push(share);
        }
        image.contradictions = self.contradictions;
        image.contradictions_found = self.contradictions_found;
        image
    }

    /// Adds what was in a folder.
    fn enter(&self, folder: NodeId, path: &str, below: &FxHashMap<NodeId, Vec<NodeId>>, share: &mut ImageShare) {
        let children = below.get(&folder).map(Vec::as_slice).unwrap_or_default();
        let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}\\{name}") };
        for absence in self.absent.range((folder, String::new())..(folder + 1, String::new())) {
            let ((_, _), absence) = absence;
            let (file, stream) = split_stream(&absence.name);
            // A stream that may be missing with its file is worth no word of its own.
            let file_is_there = matches!(self.nodes[folder].children.get(&folded(file)), Some(Child::Node(_)));
            if stream.is_none() || file_is_there {
                share.absent.push(at(&absence.name));
            }
        }
        for child in children {
            let node = &self.nodes[*child];
            let Some(beginning) = &node.beginning else { continue };
            let here = at(&beginning.name);
            let directory = node.directory == Some(true) || below.contains_key(child);
            let data = match directory {
                true => ImageData { size_known: true, ..ImageData::default() },
                false => self.streams[node.data].image().unwrap_or_default(),
            };
            let streams = node.streams.values().filter_map(|(name, stream)| {
                Some(ImageStream { name: name.clone(), data: self.streams[*stream].image()? })
            });
            share.entries.push(ImageEntry {
                path: here.clone(),
                directory,
                evidence: beginning.evidence,
                attributes: beginning.attributes.get(),
                times: beginning.times.map(|(times, _)| times).unwrap_or_default(),
                eas: beginning.eas.clone(),
                data,
                streams: streams.collect(),
                listed: directory && beginning.listed,
                refused: self.refused_for_good(*child, beginning.refused),
            });
            if directory && beginning.not_empty && !below.contains_key(child) {
                share.entries.push(placeholder(format!("{here}\\{PLACEHOLDER}")));
            }
            if directory {
                self.enter(*child, &here, below, share);
            }
        }
    }

    /// Rights that were refused and never granted. What a read-only file refuses is no matter of rights.
    fn refused_for_good(&self, node: NodeId, refused: u32) -> u32 {
        const READONLY: u32 = 1;
        const WRITING: u32 = 0x0001_0156;
        let node = &self.nodes[node];
        let read_only = node.beginning.as_ref().and_then(|beginning| beginning.attributes.get());
        let mut refused = refused & !node.granted;
        if read_only.is_some_and(|attributes| attributes & READONLY != 0) {
            refused &= !WRITING;
        }
        refused
    }
}

fn placeholder(path: String) -> ImageEntry {
    ImageEntry {
        path,
        directory: false,
        evidence: Evidence::Invented,
        attributes: None,
        times: Default::default(),
        eas: Vec::new(),
        data: ImageData::default(),
        streams: Vec::new(),
        listed: false,
        refused: 0,
    }
}

/// Folders before what is in them, and names in the order of their letters.
fn sort_key(path: &str) -> Vec<String> {
    path.split('\\').map(folded).collect()
}
