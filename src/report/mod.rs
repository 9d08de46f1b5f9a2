//! What a run came to, how two differ, and what happened in a capture, for people and for programs: texts for the terminal, JSON,
//! JUnit XML, HTML.

mod diff_json;
mod diff_table;
mod export;
mod figures;
mod flag_names;
#[cfg(test)]
mod golden;
mod html;
mod junit;
mod message_fields;
mod operation_detail;
mod plain_text;
mod replay_json;
mod replay_table;
mod statistics_text;
mod target_differences;
mod text_table;
mod whole_values;

pub use diff_json::diff_json;
pub use diff_table::write_diff_table;
pub use export::{
    ECS_VERSION, NtlmLogin, OCSF_VERSION, Origin, ShareKind, ZeekFormat, ZeekKind, ZeekLog, ZeekRow, ZeekWriter,
    ecs_document, file_row, mapping_row, ntlm_row, ocsf_event, rpc_row,
};
pub use figures::{bytes, bytes_in_words, counted, duration, thousands};
pub use html::{CapturePage, Fact, PageFacts, RunPage};
pub use junit::junit_xml;
pub use operation_detail::{display_filter, operation_detail_json, write_operation_detail};
pub use plain_text::plain_text;
pub use replay_json::replay_json;
pub use replay_table::{verdict_line, write_replay_table};
pub use statistics_text::{group_by_name, write_groups, write_statistics};
