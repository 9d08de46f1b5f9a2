//! Kerberos logins: tshark opens their tickets with a keytab, and the keys within open the sealed messages of the sessions.
//!
//! tshark 4.0 decrypts tickets, but does not use their keys for SMB3 by itself. So the logins go to it first, and its second
//! run is given the keys as those of sessions.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;

use rustc_hash::FxHashMap;
use zeroize::Zeroizing;

use super::error::IngestError;
use super::options::IngestOptions;
use crate::capture::{CaptureReader, Progress, ReaderOptions};
use crate::dissect::{Direction, FeedPdu, FeedWriter, Row};
use crate::model::{CaptureEvent, Command, Connection, ConnectionIndex, Header, MessageId, NtStatus, SessionId};
use crate::tools::{Input, SessionKey, ToolInput, Tshark};

/// A SESSION_SETUP message that tshark was given.
struct Setup {
    row: Row,
    connection: ConnectionIndex,
    message_id: MessageId,
    /// Of an answer that ends a login.
    granted: Option<SessionId>,
}

/// The options, with a tshark that has the keys of the sessions whose tickets its keytab opens.
pub(super) fn with_their_keys<'a>(
    options: &'a IngestOptions,
    inputs: &[PathBuf],
    progress: &Progress,
) -> Result<Cow<'a, IngestOptions>, IngestError> {
    let Some(tshark) = options.tshark.as_ref().filter(|tshark| tshark.has_keytab()) else {
        return Ok(Cow::Borrowed(options));
    };
    let session_keys = session_keys(tshark, &options.ports, inputs, progress)?;
    let tshark = Some(tshark.with_session_keys(session_keys)?);
    Ok(Cow::Owned(IngestOptions { tshark, ..options.clone() }))
}

fn session_keys(
    tshark: &Tshark,
    ports: &[u16],
    inputs: &[PathBuf],
    progress: &Progress,
) -> Result<Vec<SessionKey>, IngestError> {
    let failed = || IngestError::Worker { what: "handing logins to tshark" };
    let mut child = tshark.ticket_keys_command().spawn(Input::Piped)?;
    let (Some(input), Some(output)) = (child.take_input(), child.take_output()) else {
        return Err(failed());
    };
    let (setups, keys) = std::thread::scope(|scope| {
        let writer = scope.spawn(move || write_logins(ports, inputs, &progress.beside(), input));
        let keys = keys_by_row(output);
        writer.join().map_err(|_| failed())?.map(|setups| (setups, keys))
    })?;
    child.finish()?;
    let mut requests: FxHashMap<(ConnectionIndex, MessageId), &[u8]> = FxHashMap::default();
    let mut found = FxHashMap::default();
    for setup in &setups {
        let exchange = (setup.connection, setup.message_id);
        let key = keys.get(&setup.row).map(|key| key.as_slice());
        let Some(session_id) = setup.granted else {
            if let Some(key) = key {
                requests.insert(exchange, key);
            }
            continue;
        };
        // The acceptor's subkey comes before the initiator's, and that before the ticket's, RFC 4121 2.
        let key = key.or_else(|| requests.get(&exchange).copied());
        // A later login on the same session proves who it is anew, and leaves the session's keys as they are.
        if let (Some(key), Entry::Vacant(entry)) = (key, found.entry(session_id)) {
            entry.insert(SessionKey::of_ticket(session_id.0, key));
        }
    }
    Ok(found.into_values().flatten().collect())
}

/// Writes the SESSION_SETUP messages of a capture as tshark takes them, and says which they were.
fn write_logins(
    ports: &[u16],
    inputs: &[PathBuf],
    progress: &Progress,
    mut input: ToolInput,
) -> Result<Vec<Setup>, IngestError> {
    let reader = ReaderOptions { ports: ports.to_vec(), ..ReaderOptions::default() };
    let capture = CaptureReader::open(inputs.to_vec(), reader, progress.clone())?;
    let mut connections: Vec<Connection> = Vec::new();
    let (mut setups, mut buffer) = (Vec::new(), Vec::new());
    let mut feed = FeedWriter::new(&mut buffer);
    capture.run(|event| {
        let pdu = match event {
            CaptureEvent::Connected(connection) => return connections.push(connection),
            CaptureEvent::Pdu(pdu) => pdu,
            _ => return,
        };
        let Ok(header) = Header::decode(&pdu.bytes) else { return };
        let Some(connection) = connections.get(pdu.connection.0 as usize) else { return };
        if header.command != Command::SessionSetup {
            return;
        }
        let is_response = header.flags.is_response();
        let direction = if is_response { Direction::ToClient } else { Direction::ToServer };
        let message = FeedPdu::alone(&pdu.bytes, connection, direction, pdu.time);
        let Some(row) = feed.write(&message, &mut buffer) else { return };
        let (connection, message_id) = (pdu.connection, header.message_id);
        let granted = (is_response && header.status == NtStatus::SUCCESS).then_some(header.session_id);
        setups.push(Setup { row, connection, message_id, granted });
        if buffer.len() > 1 << 16 {
            // A tshark that has gone says why when it is waited for.
            let _ = input.write_all(&buffer);
            buffer.clear();
        }
    })?;
    let _ = input.write_all(&buffer).and_then(|()| input.flush());
    Ok(setups)
}

/// Keys by the number of the message that they are in.
fn keys_by_row(output: impl std::io::Read) -> FxHashMap<Row, Zeroizing<Vec<u8>>> {
    let mut output = BufReader::new(output);
    let (mut keys, mut line) = (FxHashMap::default(), Zeroizing::new(String::new()));
    while matches!(output.read_line(&mut line), Ok(length) if length > 0) {
        if let Some((row, key)) = line.trim_end().split_once('\t')
            && let Ok(row) = row.parse()
            && let Ok(key) = hex::decode(key)
            && !key.is_empty()
        {
            keys.insert(Row(row), Zeroizing::new(key));
        }
        line.clear();
    }
    keys
}
