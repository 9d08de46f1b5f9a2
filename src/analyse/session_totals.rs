//! Running totals of one session: what its entry in the metadata says.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::message::SessionSetupResponse;
use crate::model::{Anomaly, Command, Connection, Dialect, NtStatus, Operation, SessionEntry, Timestamp};

/// Totals over the operations of one session.
#[derive(Clone, Debug, Default)]
pub struct SessionTotals {
    operations: u64,
    unpaired: u64,
    bytes_read: u64,
    bytes_written: u64,
    errors: BTreeMap<NtStatus, u64>,
    shares: Vec<Arc<str>>,
    connections: Vec<Arc<Connection>>,
    dialect: Option<Dialect>,
    signing: bool,
    encryption: bool,
    guest: bool,
    null_session: bool,
    first_time: Option<Timestamp>,
    last_time: Option<Timestamp>,
}

impl SessionTotals {
    /// Counts one operation.
    pub fn add(&mut self, operation: &Operation) {
        self.operations += 1;
        let anomalies = operation.anomalies;
        self.unpaired += u64::from(anomalies.contains(Anomaly::NoResponse) || anomalies.contains(Anomaly::NoRequest));
        let bytes = operation.facts.bytes.unwrap_or_default();
        match operation.command {
            Command::Read => self.bytes_read += bytes,
            Command::Write => self.bytes_written += bytes,
            Command::SessionSetup => self.logged_in(operation),
            Command::TreeConnect => {
                if let Some(share) = &operation.share
                    && !self.shares.contains(share)
                {
                    self.shares.push(share.clone());
                }
            }
            _ => {}
        }
        if let Some(status) = operation.status
            && status.is_error()
        {
            *self.errors.entry(status).or_default() += 1;
        }
        self.signing |= operation.signed;
        self.encryption |= operation.encrypted;
        let known = self.connections.last().is_some_and(|last| Arc::ptr_eq(last, &operation.connection));
        if !known && !self.connections.iter().any(|connection| connection.index == operation.connection.index) {
            self.connections.push(operation.connection.clone());
        }
        for part in operation.parts() {
            self.first_time = Some(self.first_time.map_or(part.time, |time| time.min(part.time)));
            self.last_time = Some(self.last_time.map_or(part.time, |time| time.max(part.time)));
        }
    }

    /// The dialect of a connection that the session uses; the first that is known stays.
    pub fn negotiated(&mut self, dialect: Option<Dialect>) {
        self.dialect = self.dialect.or(dialect);
    }

    /// The entry for the metadata, without what others know: id, file, login, undecrypted PDUs.
    pub fn entry(&self) -> SessionEntry {
        let first = self.connections.iter().min_by_key(|connection| connection.index);
        let mut streams: Vec<_> = self.connections.iter().map(|connection| connection.tcp_stream).collect();
        streams.sort_unstable();
        let mut entry = SessionEntry {
            client: first.map(|connection| connection.client.to_string()).unwrap_or_default(),
            server: first.map(|connection| connection.server.to_string()).unwrap_or_default(),
            dialect: self.dialect,
            signing: self.signing,
            encryption: self.encryption,
            shares: self.shares.iter().map(ToString::to_string).collect(),
            operations: self.operations,
            unpaired: self.unpaired,
            bytes_read: self.bytes_read,
            bytes_written: self.bytes_written,
            errors: self.errors.iter().map(|(status, count)| (status.to_string(), *count)).collect(),
            first_time: self.first_time.map(|time| time.to_string()),
            last_time: self.last_time.map(|time| time.to_string()),
            tcp_streams: streams,
            ..SessionEntry::default()
        };
        entry.login.guest = self.guest;
        entry.login.anonymous = self.null_session;
        entry
    }

    fn logged_in(&mut self, operation: &Operation) {
        if operation.status != Some(NtStatus::SUCCESS) {
            return;
        }
        if let Some(response) =
            operation.response.as_ref().and_then(|part| SessionSetupResponse::decode(&part.pdu).ok())
        {
            self.guest |= response.session_flags & SessionSetupResponse::FLAG_IS_GUEST != 0;
            self.null_session |= response.session_flags & SessionSetupResponse::FLAG_IS_NULL != 0;
            self.encryption |= response.session_flags & SessionSetupResponse::FLAG_ENCRYPT_DATA != 0;
        }
    }
}
