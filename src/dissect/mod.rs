//! What tshark dissects: the PDU feed it is given, its EK JSON read back. Push parsers without I/O of their own.
//!
//! [`FeedWriter`] turns PDUs into the capture that tshark reads on its stdin, one record a PDU. [`EkParser`] turns what
//! `tshark -T ek` prints into [`EkRecord`]s. [`LoginCollector`] and [`RpcFacts`] read facts from those; [`Extractor`] makes
//! of a whole file's records what the capture stage makes of its packets.

mod clean_stream;
mod ek;
mod ek_field;
mod ek_repair;
mod ek_visitor;
mod extract;
mod feed;
mod login;
mod packet_stream;
mod rpc;

pub use clean_stream::{CleanStreamWriter, packets_of};
pub use ek::{EkError, EkMessage, EkParser, EkRecord};
pub use ek_field::{EkField, EkFields};
pub use extract::{Extracted, Extractor, opened};
pub use feed::{Direction, FeedPdu, FeedWriter, Row};
pub use login::{LoginCollector, login_facts, merge_login};
pub use packet_stream::PacketStreamWriter;
pub use rpc::RpcFacts;
