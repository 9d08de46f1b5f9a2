//! tshark, capinfos, pcapfix and the user's pager: found here, spawned here and nowhere else. Imports nothing of the crate.
//!
//! [`Tool::locate`] finds a program, [`Command`] starts it, [`Child`] streams from it: its pipes are served by threads of their
//! own, it is killed and reaped when dropped, and ended when it does nothing any more. [`Tshark`] knows the command lines, [`Profile`] keeps preferences and
//! keys out of argv and apart from the user's own.

mod capinfos;
mod child;
mod error;
mod keys;
mod locate;
mod pager;
mod pcapfix;
mod pipes;
mod profile;
mod shell;
mod standstill;
mod stderr_tail;
mod tshark;
mod version;

pub use capinfos::{CaptureInfo, Damage, inspect};
pub use child::{Child, Command, Ending, Exit, Input};
pub use error::ToolError;
pub use keys::{InvalidKey, Keys, SessionKey};
pub use locate::{Located, PathOrigin, Tool};
pub use pager::Pager;
pub use pcapfix::{Repair, RepairedCapture, repair};
pub use pipes::{Output, ToolInput};
pub use profile::Profile;
pub use shell::run_shell;
pub use tshark::{SegmentOrder, Tshark};
pub use version::Version;
