//! Which captures, datasets, sessions and runs a request is about.

mod captures;
mod runs;
mod sessions;
mod trace;

pub use captures::CapturesRequest;
pub(crate) use captures::{NamedDataset, captures_in};
pub use runs::ListedRun;
pub(crate) use runs::{choose_run, listed_runs, run_name};
pub(crate) use sessions::{choose_session, chosen_sessions};
pub use trace::TraceRequest;
