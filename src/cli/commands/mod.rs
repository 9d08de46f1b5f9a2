//! One file per command. Each takes its arguments, does its work and says how it ended.

pub mod auth;
pub mod cleanup;
pub mod completions;
pub mod config;
pub mod diff;
pub mod doctor;
pub mod export;
pub mod extract;
pub mod files;
pub mod ingest;
mod lab;
pub mod lifecycle;
pub mod list;
pub mod man;
pub mod opens;
pub mod query;
pub mod replay;
pub mod report;
pub mod run;
pub mod session;
pub mod setup;
pub mod smb1;
pub mod stats;
pub mod validate;
