// The first definition of a link holds: here its targets are modules, on the page read as a file they are files.
//! [`model`]: crate::model
//! [`tools`]: crate::tools
//! [`capture`]: crate::capture
//! [`dissect`]: crate::dissect
//! [`store`]: crate::store
//! [`analyse`]: crate::analyse
//! [`query`]: crate::query
//! [`wire`]: crate::wire
//! [`replay`]: crate::replay
//! [`report`]: crate::report
//! [`ingest`]: crate::ingest
//! [`app`]: crate::app
//! [`cli`]: crate::cli
#![doc = include_str!("../ARCHITECTURE.md")]

pub mod model;

pub mod tools;

pub mod capture;
pub mod dissect;
pub mod store;

pub mod analyse;
pub mod query;
pub mod wire;

pub mod replay;
pub mod report;

pub mod ingest;

pub mod app;

pub mod cli;
