//! One file per command. Each takes its arguments, does its work and says how it ended.

pub mod completions;
pub mod config;
pub mod diff;
pub mod doctor;
pub mod ingest;
pub mod list;
pub mod man;
pub mod replay;
pub mod session;
