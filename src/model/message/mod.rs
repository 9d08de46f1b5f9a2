//! The bodies of the messages, one file per command, as [MS-SMB2] 2.2.3 – 2.2.39 lays them out. Decoding borrows from the
//! PDU and checks every bound; the messages that smbreplay itself says to a server can be encoded too.
//!
//! Field names are the specification's, in snake_case; read the section each type cites for their meaning.
#![allow(missing_docs)]

mod body;
mod bodyless;
mod change_notify;
mod close;
mod create;
mod create_context;
mod error_response;
mod flush;
mod incomplete;
mod ioctl;
mod lock;
mod negotiate;
mod oplock_break;
mod query_directory;
mod query_info;
mod read;
mod session_setup;
mod set_info;
mod tree_connect;
mod write;

pub use body::{Request, Response, file_id_offset, response_body_is_regular};
pub use bodyless::encode_bodyless;
pub use change_notify::{ChangeNotifyRequest, ChangeNotifyResponse};
pub use close::{CloseRequest, CloseResponse};
pub use create::{CreateRequest, CreateResponse};
pub use create_context::{CreateContext, CreateContexts, LeaseContext, context_tag_text, encode_contexts};
pub use error_response::ErrorResponse;
pub use flush::FlushRequest;
pub use incomplete::Incomplete;
pub use ioctl::{IoctlRequest, IoctlResponse};
pub use lock::{LockElement, LockElements, LockRequest};
pub use negotiate::{
    NegotiateContext, NegotiateContexts, NegotiateRequest, NegotiateResponse, encode_negotiate_request,
};
pub use oplock_break::OplockBreak;
pub use query_directory::{QueryDirectoryRequest, QueryDirectoryResponse};
pub use query_info::{INFO_FILE, INFO_FILE_SYSTEM, INFO_QUOTA, INFO_SECURITY, QueryInfoRequest, QueryInfoResponse};
pub use read::{ReadRequest, ReadResponse};
pub use session_setup::{SessionSetupRequest, SessionSetupResponse};
pub use set_info::SetInfoRequest;
pub use tree_connect::{TreeConnectRequest, TreeConnectResponse};
pub use write::{WriteRequest, WriteResponse};
