//! The columns of the table `sessions`: what `session_metadata.json` says of each session. They are written, and never read back.

use arrow_array::ArrayRef;
use arrow_schema::ArrowError;

use super::schema::{Column, name::*};
use super::table::{NEVER, NULLABLE, TableColumn, arrays, define, described};
use crate::model::SessionEntry;

/// A session with its number in `smbreplay session --list`.
struct Numbered {
    number: u32,
    entry: SessionEntry,
}

/// The columns, in their order.
#[rustfmt::skip]
static SESSION_TABLE: [TableColumn<Numbered>; 26] = [
    define!(NUMBER: U32, NEVER, "", "Number of the session in `smbreplay session --list`, from 1.",
        write |row| Some(row.number)),
    define!(SESSION_ID: SessionId, NEVER, "", "SessionId, as in operations.",
        write |row| u64::from_str_radix(row.entry.id.trim_start_matches("0x"), 16).ok()),
    define!(ID: Text, NEVER, "", "The same as `0x` and 16 hex digits.",
        write |row| Some(&row.entry.id)),
    define!(FILE: Text, NEVER, "", "Name of its Parquet file.",
        write |row| Some(&row.entry.file)),
    define!(CLIENT: Text, NEVER, "", "Client address and port of its first connection.",
        write |row| Some(&row.entry.client)),
    define!(SERVER: Text, NEVER, "", "Server address and port of its first connection.",
        write |row| Some(&row.entry.server)),
    define!(DIALECT: Text, NULLABLE, "", "The dialect that the server chose; null when the NEGOTIATE is not in the capture.",
        write |row| row.entry.dialect.map(|dialect| dialect.to_string())),
    define!(SIGNING: Bool, NEVER, "", "Whether any of its requests was signed.",
        write |row| Some(row.entry.signing)),
    define!(ENCRYPTION: Bool, NEVER, "", "Whether any of its PDUs travelled sealed.",
        write |row| Some(row.entry.encryption)),
    define!(USER: Text, NULLABLE, "", "Who logged in.",
        write |row| row.entry.login.user.as_deref()),
    define!(DOMAIN: Text, NULLABLE, "", "Domain or realm of the user.",
        write |row| row.entry.login.domain.as_deref()),
    define!(WORKSTATION: Text, NULLABLE, "", "The client's own name (NTLM).",
        write |row| row.entry.login.workstation.as_deref()),
    define!(MECHANISM: Text, NULLABLE, "", "`NTLM` or `Kerberos`.",
        write |row| row.entry.login.mechanism.as_deref()),
    define!(TARGET_NAME: Text, NULLABLE, "", "What the server was called, or called itself, at the login.",
        write |row| row.entry.login.target_name.as_deref()),
    define!(GUEST: Bool, NEVER, "", "Whether the server granted a guest session.",
        write |row| Some(row.entry.login.guest)),
    define!(ANONYMOUS: Bool, NEVER, "", "Whether the client logged in without a name.",
        write |row| Some(row.entry.login.anonymous)),
    define!(SHARES: Texts, NEVER, "", r"The trees it connected, `\\server\share`, in order of their first use.",
        write |row| Some(&row.entry.shares)),
    define!(OPERATIONS: U64, NEVER, "", "Rows in operations.",
        write |row| Some(row.entry.operations)),
    define!(UNPAIRED: U64, NEVER, "", "Rows without their request or response.",
        write |row| Some(row.entry.unpaired)),
    define!(BYTES_READ: U64, NEVER, "", "Payload bytes of READ responses.",
        write |row| Some(row.entry.bytes_read)),
    define!(BYTES_WRITTEN: U64, NEVER, "", "Payload bytes that WRITE responses accepted.",
        write |row| Some(row.entry.bytes_written)),
    define!(ERRORS: U64, NEVER, "", "Rows whose final status is an error.",
        write |row| Some(row.entry.errors.values().sum())),
    define!(UNDECRYPTED: U64, NEVER, "", "Sealed PDUs that could not be read.",
        write |row| Some(row.entry.undecrypted)),
    define!(FIRST_TIME: Time, NULLABLE, "", "Time of the first PDU.",
        write |row| nanoseconds(row.entry.first_time.as_deref())),
    define!(LAST_TIME: Time, NULLABLE, "", "Time of the last PDU.",
        write |row| nanoseconds(row.entry.last_time.as_deref())),
    define!(TCP_STREAMS: Numbers, NEVER, "", "Its connections, by Wireshark's `tcp.stream` number.",
        write |row| &row.entry.tcp_streams),
];

/// Their descriptions.
pub const SESSION_COLUMNS: [Column; SESSION_TABLE.len()] = described(&SESSION_TABLE);

/// The arrays of a capture's sessions, in the order of the columns.
pub fn session_arrays(sessions: &[SessionEntry]) -> Result<Vec<ArrayRef>, ArrowError> {
    let rows: Vec<_> = (1..).zip(sessions).map(|(number, entry)| Numbered { number, entry: entry.clone() }).collect();
    arrays(&SESSION_TABLE, &rows)
}

fn nanoseconds(text: Option<&str>) -> Option<i64> {
    chrono::DateTime::parse_from_rfc3339(text?).ok()?.timestamp_nanos_opt()
}
