//! The one capture that a request is about.

use std::path::{Path, PathBuf};

use crate::app::error::DatasetError;
use crate::app::workspace::Workspace;
use crate::store::{Dataset, DatasetPath};

/// A capture, whose dataset is used.
#[derive(Clone, Debug, Default)]
pub struct TraceRequest {
    /// The capture; else the workspace's, else the one ingested last.
    pub trace: Option<PathBuf>,
    /// The case that it is looked up in.
    pub case: Option<String>,
    /// The folder that its dataset was written to, if that is not the capture's own.
    pub output: Option<PathBuf>,
    /// Where captures are looked for, and what was ingested last.
    pub workspace: Workspace,
}

impl TraceRequest {
    /// A capture by its path.
    pub fn of(trace: impl Into<PathBuf>) -> Self {
        Self { trace: Some(trace.into()), ..Self::default() }
    }

    /// The same capture, with its dataset under this folder.
    #[must_use]
    pub fn with_output(mut self, output: impl Into<PathBuf>) -> Self {
        self.output = Some(output.into());
        self
    }

    /// Opens its dataset.
    ///
    /// # Errors
    /// No capture was named and none was ingested before; there is no dataset, or it cannot be read.
    pub fn open(&self) -> Result<Dataset, DatasetError> {
        let place = match self.trace.as_ref().or(self.workspace.trace.as_ref()) {
            Some(name) => self.place_of(name)?,
            None => {
                let last = self.workspace.last_ingest().ok_or(DatasetError::NoCaptureNamed)?;
                DatasetPath::of(&last.capture, self.output.as_deref().or(last.output.as_deref()))?
            }
        };
        Ok(Dataset::open(place)?)
    }

    fn place_of(&self, name: &Path) -> Result<DatasetPath, DatasetError> {
        // What came from standard input is called so.
        let name = if name == Path::new("-") { Path::new("stdin") } else { name };
        let capture = self.workspace.find_capture(name, self.case.as_deref());
        let beside = DatasetPath::of(&capture, self.output.as_deref())?;
        if self.output.is_some() || beside.manifest_path().exists() {
            return Ok(beside);
        }
        let last = self.workspace.last_ingest();
        let same = |last: &Path| std::path::absolute(&capture).is_ok_and(|capture| capture == last);
        match last.filter(|last| same(&last.capture)).and_then(|last| last.output) {
            Some(output) => Ok(DatasetPath::of(&capture, Some(&output))?),
            None => Ok(beside),
        }
    }
}
