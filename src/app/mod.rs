//! What smbreplay can do, as a library: one file per use case, each with a request, a typed result and the ways in which it fails.
//! Front ends (the command line, and whatever comes beside it) make requests and show results.
//!
//! ```text
//! request ─┐                        ┌ result, or a stream of them
//!          ├ use case ─ the stages ─┤
//! Events ──┘                        └ error, with its kind
//! ```
//!
//! What a use case needs from outside while it works comes through [`Events`]: progress and warnings go out, answers to
//! questions and the wish to end come in. No use case prints, reads standard input or ends the program, and none knows of a
//! command line, a terminal or HTTP.

mod cancel;
mod error;
mod events;
mod files;
mod find;
mod ingest;
mod moment;
mod opens;
mod path_pattern;
mod reading;
mod tool_versions;
mod tshark_use;
mod workspace;

pub use cancel::CancelToken;
pub use error::{DatasetError, ErrorKind, UseCaseError};
pub use events::{Answer, Events, Progress, Question, Quiet, Warning};
#[cfg(feature = "query")]
pub(crate) use files::files_of_dataset;
pub use files::{FileList, FilesRequest, files};
pub use find::TraceRequest;
pub(crate) use find::{choose_session, chosen_sessions};
pub use ingest::{IngestError, IngestRequest, Ingested, ingest};
pub use moment::{Moment, parse_seconds};
pub use opens::{OpenList, OpensRequest, opens};
pub use path_pattern::{PathPattern, PatternError};
pub use tshark_use::TsharkUse;
pub use workspace::{Workspace, user_state_folder};

pub use crate::analyse::{FileActivity, FileFate, Open, OpenEnd, Point};
pub use crate::ingest::{Extractor, IngestReport, Outcome};
pub use crate::tools::{Keys, SessionKey};
