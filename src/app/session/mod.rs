//! The sessions of a capture, and the operations of one: as operations, as rows of columns, or one of them in full.

mod filter;
mod frame;
mod list;
mod operations;
mod rows;

pub use filter::{FilterError, OperationFilter, parse_commands, parse_statuses};
pub use frame::{FrameDetail, FrameError, FrameRequest, session_frame};
pub use list::{SessionList, sessions};
pub use operations::{SessionOperations, SessionRequest, session_operations};
pub use rows::{RowsError, SessionRows, session_rows};
