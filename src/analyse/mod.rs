//! From PDUs and operations to facts: pairing, opens and their paths, summaries. Pure functions over `model`.

mod connection;
mod facts;
mod pairing;
mod requests;
mod responses;
mod session_totals;
mod session_window;
mod trees_and_opens;

pub use pairing::{PairedOperation, Pairing, PairingCounts, SessionSlot};
pub use session_totals::SessionTotals;
pub use session_window::WindowLimits;
