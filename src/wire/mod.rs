//! An asynchronous SMB2 client at message level: negotiate, authenticate, keep account of credits, sign, seal, multiplex.
//!
//! A [`Chain`] of PDUs goes out behind fresh headers with its bodies byte for byte as they were given; each PDU's answer comes
//! back through its [`Ticket`]. Every NT status is an answer; a [`WireError`] means that there is none to be trusted.
//!
//! Life of a chain: [`Connection::submit`] waits for credits, takes message ids and queues the frame under one lock, so
//! that the order on the wire is that of the ids; the writer task signs, seals and writes it in one piece; the reader task
//! finds the ticket of each response by its message id, checks its signature and completes the ticket.

mod auth;
mod chain;
mod connection;
mod credentials;
mod credits;
mod error;
mod event;
mod file_ops;
mod frame;
mod keys;
mod login;
mod multiplex;
mod negotiate;
mod options;
mod pending;
mod reader;
mod seal;
mod session;
mod session_ops;
mod share_ops;
mod sign;
mod ticket;
mod writer;

pub use chain::{Chain, Outgoing};
pub use connection::Connection;
pub use credentials::{Credentials, Password};
pub use error::{Violation, WireError};
pub use event::{Event, EventKind};
pub use file_ops::{CreateSpec, DirectoryEntry, OpenFile, access, disposition, info_class};
pub use login::LoginOptions;
pub use negotiate::Negotiated;
pub use options::{Cipher, ConnectOptions, Encryption, Signing, SigningAlgorithm, UnknownAlgorithm};
pub use session::{Session, Tree};
pub use share_ops::OPTION_OPEN_REPARSE_POINT;
pub use ticket::{Interim, Reply, RequestHandle, Ticket};
