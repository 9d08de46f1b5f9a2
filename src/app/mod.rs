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

mod auth;
mod cancel;
mod error;
mod events;
mod export;
mod extract;
mod files;
mod find;
mod in_order;
mod ingest;
mod lifecycle;
mod list;
mod moment;
mod opens;
mod path_pattern;
mod quality;
#[cfg(feature = "query")]
mod query;
mod reading;
mod report;
mod session;
mod smb1;
mod stats;
mod tool_versions;
mod tshark_lines;
mod tshark_use;
mod workspace;

pub use auth::{AuthReport, AuthRequest, Login, auth};
pub use cancel::CancelToken;
pub use error::{DatasetError, ErrorKind, UseCaseError};
pub use events::{Answer, Events, Progress, Question, Quiet, Warning, WhyNoWire};
pub use export::{ExportError, ExportRequest, ExportShape, ExportTo, export};
pub use extract::{ExtractError, ExtractRequest, ExtractedFile, extract};
pub use files::{FileList, FilesRequest, files};
pub use find::{CapturesRequest, ListedRun, TraceRequest};
pub(crate) use find::{choose_run, choose_session};
pub(crate) use in_order::InOrder;
pub use ingest::{IngestError, IngestRequest, Ingested, ingest};
pub use lifecycle::{LifecycleError, LifecycleRequest, Story, lifecycle};
pub use list::{ListedTrace, TraceState, Traces, TracesRequest, runs, traces};
pub use moment::{Moment, parse_seconds};
pub use opens::{OpenList, OpensRequest, opens};
pub use path_pattern::{PathPattern, PatternError};
pub use quality::quality_warnings;
#[cfg(feature = "query")]
pub use query::{QueryError, QueryRequest, QueryRows, query};
pub(crate) use report::run_page;
pub use report::{Page, ReportError, ReportRequest, report};
pub use session::{
    FilterError, FrameDetail, FrameError, FrameRequest, OperationFilter, RowsError, SessionList, SessionOperations,
    SessionRequest, SessionRows, parse_commands, parse_statuses, session_frame, session_operations, session_rows,
    sessions,
};
pub use smb1::{Smb1Error, Smb1Report, Smb1Request, smb1};
pub use stats::{StatsRequest, stats};
pub use tshark_use::TsharkUse;
pub use workspace::{Workspace, user_state_folder};

pub use crate::analyse::{
    FileActivity, FileFate, Finding, FindingKind, GroupBy, GroupSummary, LatencySummary, Open, OpenEnd, Point,
    Smb1Activity, Smb1File, Smb1Login, Smb1Operation, StatisticsReport, StoryPart, StoryPoint,
};
pub use crate::dissect::LoginMessage;
pub use crate::ingest::{Extractor, IngestReport, Outcome};
pub use crate::query::{FUNCTIONS, Function, Table};
#[cfg(feature = "query")]
pub use crate::query::{QueryError as SqlError, is_number, rows_of_batch};
#[cfg(feature = "query")]
pub(crate) use crate::store::AtomicFile;
pub use crate::tools::{Keys, SessionKey};
