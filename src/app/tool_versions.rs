//! Versions of tools. tshark takes a quarter of a second to tell its own, as long as many captures take to be ingested; it
//! is asked once for each program file.

use std::collections::BTreeMap;
use std::fs;
use std::time::UNIX_EPOCH;

use super::workspace::Workspace;
use crate::tools::{Located, ToolError};

const FILE: &str = "tool_versions.json";

/// The version of a tool: as remembered for this very file, else as it says itself.
pub(super) fn version_of(tool: &Located, workspace: &Workspace) -> Result<String, ToolError> {
    let key = key(tool);
    let mut known: BTreeMap<String, String> = workspace.read_state(FILE).unwrap_or_default();
    if let Some(version) = key.as_ref().and_then(|key| known.get(key)) {
        return Ok(version.clone());
    }
    let version = tool.version()?.to_string();
    if let Some(key) = key.filter(|_| workspace.state_folder.is_some()) {
        // One entry a program: the one it replaced is of no use.
        known.retain(|other, _| other.split('|').next() != key.split('|').next());
        known.insert(key, version.clone());
        if workspace.write_state(FILE, &known).is_none() {
            tracing::debug!("{FILE} cannot be written");
        }
    }
    Ok(version)
}

/// What tells this program file from one that replaces it.
fn key(tool: &Located) -> Option<String> {
    let path = tool.path.canonicalize().ok()?;
    let metadata = fs::metadata(&path).ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{}|{}|{}", path.display(), metadata.len(), modified.as_nanos()))
}
