//! Operations in the names that other programs of the trade know: Zeek's logs, OCSF's SMB Activity, the Elastic Common Schema. The
//! published lists of fields that tests hold them against are in `tests/fields/`.

mod ecs;
mod ocsf;
mod origin;
mod zeek_log;
mod zeek_rows;

pub use ecs::{ECS_VERSION, ecs_document};
pub use ocsf::{OCSF_VERSION, ocsf_event};
pub use origin::{Origin, ShareKind};
pub use zeek_log::{ZeekFormat, ZeekKind, ZeekLog, ZeekRow, ZeekWriter};
pub use zeek_rows::{NtlmLogin, file_row, mapping_row, ntlm_row, rpc_row};
