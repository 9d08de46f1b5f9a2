//! smbreplay: captures of SMB2/3 traffic as datasets, and their replay.

pub mod model;

pub mod tools;

pub mod capture;
pub mod dissect;
pub mod store;

pub mod analyse;
pub mod wire;

pub mod replay;
pub mod report;

pub mod ingest;

pub mod cli;
