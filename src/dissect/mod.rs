//! What lies in messages and is not SMB2: logins, which are read here as far as they are NTLM or a Kerberos ticket, and what
//! takes tshark's dissectors: the PDU feed it is given, its EK JSON read back. Push parsers without I/O of their own.
//!
//! [`setup_message()`] reads a login's message; what it leaves open goes to tshark. [`FeedWriter`] turns PDUs into the capture that
//! tshark reads on its stdin, one record a PDU. [`EkParser`] turns what `tshark -T ek` prints into [`EkRecord`]s, of which
//! [`login_facts`] reads facts. [`LoginCollector`] puts together what both tell of a login; [`Extractor`] makes of a whole file's
//! records what the capture stage makes of its packets; [`Selection`] compares two readings of a file and takes of each what the
//! other has not.

mod clean_stream;
mod der;
mod ek;
mod ek_field;
mod ek_repair;
mod ek_visitor;
mod extract;
mod feed;
mod gss_token;
mod login;
mod login_message;
mod ntlmssp;
mod packet_stream;
mod readings;
mod setup_message;
mod smb1_line;
mod ticket;
mod wire_event;

pub use clean_stream::{CleanStreamWriter, packets_of};
pub use ek::{EkError, EkMessage, EkParser, EkRecord};
pub use ek_field::{EkField, EkFields};
pub use extract::{Extracted, Extractor, opened};
pub use feed::{Direction, FeedPdu, FeedWriter, Row};
pub use login::{LoginCollector, login_facts, merge_login};
pub use login_message::{LoginMessage, login_message};
pub use packet_stream::PacketStreamWriter;
pub use readings::{Disagreement, Selection, Tally};
pub use setup_message::{SetupMessage, setup_message};
pub use smb1_line::smb1_messages;
pub use wire_event::wire_event;
