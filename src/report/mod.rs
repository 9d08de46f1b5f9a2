//! What a run came to, and how two differ, for people and for programs: a text for the terminal, JSON, JUnit XML.

mod diff_json;
mod diff_table;
mod figures;
#[cfg(test)]
mod golden;
mod junit;
mod replay_json;
mod replay_table;

pub use diff_json::diff_json;
pub use diff_table::write_diff_table;
pub use junit::junit_xml;
pub use replay_json::replay_json;
pub use replay_table::{verdict_line, write_replay_table};
