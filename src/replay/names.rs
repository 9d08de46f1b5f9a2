//! Names in requests: the tree path of TREE_CONNECT, and where paths are mapped or a base folder is given, those of CREATE,
//! rename, link and QUERY_DIRECTORY.

use std::borrow::Cow;

use super::name_map::NameMap;
use super::rewrite::{put, renames};
use crate::model::message::{CreateRequest, QueryDirectoryRequest, SetInfoRequest, TreeConnectRequest};
use crate::model::path::without_dfs_prefix;
use crate::model::{Layout, Utf16};

/// Points a TREE_CONNECT at the target's share. Flags stay; an extension (cluster redirection, remoted identity) names
/// hosts of the captured network and is dropped with its flag.
pub(super) fn tree_connect(pdu: &mut Vec<u8>, names: &NameMap) {
    let Ok(request) = TreeConnectRequest::decode(pdu) else { return };
    let path = names.target_path(&request.path.decode());
    let flags = request.flags;
    pdu.truncate(64);
    TreeConnectRequest::encode(&path, flags, pdu);
}

/// Maps the name of a CREATE, puts it below the base folder, and takes server and share off a DFS name: the lab's share is
/// none.
pub(super) fn create(pdu: &mut Vec<u8>, names: &NameMap, is_dfs: bool) {
    if names.base_dir.is_none() && names.paths.is_empty() && !is_dfs {
        return;
    }
    let Ok(request) = CreateRequest::decode(pdu) else { return };
    let name = request.name.decode();
    // Text that is no valid UTF-16 must stay as it is: only the prefix is put before it.
    let kept = if is_dfs { Utf16::encode(without_dfs_prefix(&name)) } else { request.name.0.to_vec() };
    let name = target_name(names, &kept);
    let contexts = context_bytes(pdu);
    let mut out = pdu.get(..120).unwrap_or_default().to_vec();
    out.extend_from_slice(&name);
    let contexts_at = if contexts.is_empty() {
        if name.is_empty() {
            out.push(0);
        }
        0
    } else {
        out.resize(out.len().next_multiple_of(8), 0);
        out.len() as u32
    };
    out.extend_from_slice(&contexts);
    put(&mut out, CreateRequest::NAME_OFFSET_AT, &120u16.to_le_bytes());
    put(&mut out, 110, &(name.len() as u16).to_le_bytes());
    put(&mut out, 112, &contexts_at.to_le_bytes());
    *pdu = out;
}

/// Maps the target of a rename or link, and puts it below the base folder. A stream's new name (`:name`) is not a path.
pub(super) fn set_info(pdu: &mut Vec<u8>, names: &NameMap) {
    if names.base_dir.is_none() && names.paths.is_empty() {
        return;
    }
    let Ok(request) = SetInfoRequest::decode(pdu) else { return };
    if !renames(&request) {
        return;
    }
    let layout = Layout(request.buffer);
    let Ok(length) = layout.u32("FileNameLength", 16) else { return };
    let Ok(name) = layout.bytes("FileName", 20, length as usize) else { return };
    if name.starts_with(b":\0") {
        return;
    }
    let name = target_name(names, name);
    let tail = request.buffer.get(20 + length as usize..).unwrap_or_default();
    let mut buffer = request.buffer.get(..20).unwrap_or_default().to_vec();
    put(&mut buffer, 16, &(name.len() as u32).to_le_bytes());
    buffer.extend_from_slice(&name);
    buffer.extend_from_slice(tail);
    let mut out = pdu.get(..96).unwrap_or_default().to_vec();
    put(&mut out, 68, &(buffer.len() as u32).to_le_bytes());
    put(&mut out, 72, &96u16.to_le_bytes());
    out.extend_from_slice(&buffer);
    *pdu = out;
}

/// Maps what a QUERY_DIRECTORY in a captured folder looks for, when that is a name and no pattern.
pub(super) fn query_directory(pdu: &mut Vec<u8>, names: &NameMap, folder: Option<&str>) {
    let (Some(folder), false) = (folder, names.paths.is_empty()) else { return };
    let Ok(request) = QueryDirectoryRequest::decode(pdu) else { return };
    let name = request.pattern.decode();
    if name.is_empty() || name.contains(['*', '?', '<', '>', '"']) {
        return;
    }
    let Some(mapped) = names.mapped_entry(folder, &name).filter(|mapped| *mapped != name) else { return };
    let mapped = Utf16::encode(&mapped);
    pdu.truncate(96);
    put(pdu, 88, &96u16.to_le_bytes());
    put(pdu, 90, &(mapped.len() as u16).to_le_bytes());
    pdu.extend_from_slice(&mapped);
}

/// A captured name, as UTF-16LE, on the target. What no rule changes keeps its bytes, valid text or not.
fn target_name(names: &NameMap, name: &[u8]) -> Vec<u8> {
    let relative = name.strip_prefix(b"\\\0").unwrap_or(name);
    let text = Utf16(relative).decode();
    match names.mapped(&text) {
        Cow::Owned(mapped) if Utf16::encode(&text) == relative => {
            below(names.base_dir.as_deref(), &Utf16::encode(&mapped))
        }
        _ => below(names.base_dir.as_deref(), name),
    }
}

/// A name, as UTF-16LE, below a folder.
fn below(base: Option<&str>, name: &[u8]) -> Vec<u8> {
    let Some(base) = base else { return name.to_vec() };
    let mut out = Utf16::encode(base);
    let name = name.strip_prefix(b"\\\0").unwrap_or(name);
    // A stream of the root is one of the folder.
    if !name.is_empty() && !name.starts_with(b":\0") {
        out.extend_from_slice(b"\\\0");
    }
    out.extend_from_slice(name);
    out
}

/// Puts another list of create contexts into a CREATE.
pub(super) fn put_contexts(pdu: &mut Vec<u8>, contexts: &[u8]) {
    let Ok(at) = Layout(pdu).u32("CreateContextsOffset", 112) else { return };
    pdu.truncate(at as usize);
    pdu.extend_from_slice(contexts);
    put(pdu, 116, &(contexts.len() as u32).to_le_bytes());
}

/// The list of create contexts as it stands in a request.
fn context_bytes(pdu: &[u8]) -> Vec<u8> {
    let layout = Layout(pdu);
    let at = layout.u32("CreateContextsOffset", 112).unwrap_or(0) as usize;
    let length = layout.u32("CreateContextsLength", 116).unwrap_or(0) as usize;
    layout.bytes("CreateContexts", at, length).unwrap_or_default().to_vec()
}
