//! Pure values: identifiers, header, messages, PDUs, operations, sessions. Imports nothing of the crate but itself, does no
//! I/O, and is the only place that knows the layout of SMB2 messages.

mod anomaly;
mod capability;
mod command;
mod ctl_code;
mod dialect;
mod digest;
mod fill;
pub mod fscc;
pub mod header;
mod ids;
mod image;
mod layout;
mod made_name;
pub mod message;
mod nt_status;
mod nt_status_names;
mod operation;
pub mod path;
mod pdu;
mod replayed_step;
mod rpc;
mod rpc_names;
mod run;
mod security_descriptor;
mod session;
mod sid;
mod smb1;
mod timestamp;
mod wire_event;

pub use anomaly::{Anomalies, Anomaly};
pub use capability::Capability;
pub use command::Command;
pub use ctl_code::CtlCode;
pub use dialect::{Dialect, UnknownDialect};
pub use digest::OperationDigest;
pub use fill::Fill;
pub use header::{Header, HeaderFlags};
pub use ids::{AsyncId, FileId, MessageId, SessionId, TreeId};
pub use image::{
    Contradiction, ContradictionKind, Evidence, ExtendedAttribute, Image, ImageData, ImageEntry, ImageShare,
    ImageStream, ImageTimes, ImageTotals,
};
pub use layout::{Layout, Malformed, Utf16};
pub use made_name::{Before, MadeName};
pub use nt_status::{NtStatus, Severity};
pub use operation::{Facts, Operation, Part, RpcFacts};
pub use pdu::{CaptureEvent, Connection, ConnectionIndex, Gap, OpaqueKind, OpaqueMessage, RawPdu};
pub use replayed_step::{Difference, ReplayedStep};
pub use rpc::{RpcCall, RpcInterface, RpcPdu};
pub use run::RunEntry;
pub use security_descriptor::{Ace, AceBody, Acl, AclPresence, SecurityDescriptor};
pub use session::{LoginFacts, SessionEntry};
pub use sid::Sid;
pub use smb1::{Smb1Command, Smb1Message};
pub use timestamp::Timestamp;
pub use wire_event::{TcpFlags, WireEvent, WireEventKind};
