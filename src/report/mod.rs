//! What a run came to, for people and for programs: a text for the terminal, `report.json`, JUnit XML.

mod figures;
#[cfg(test)]
mod golden;
mod junit;
mod replay_json;
mod replay_table;

pub use junit::junit_xml;
pub use replay_json::replay_json;
pub use replay_table::{verdict_line, write_replay_table};
