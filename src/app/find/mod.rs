//! Which captures, datasets, sessions and runs a request is about.

mod sessions;
mod trace;

pub(crate) use sessions::{choose_session, chosen_sessions};
pub use trace::TraceRequest;
