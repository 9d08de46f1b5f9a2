//! PDUs by way of tshark: of a whole capture (`--extractor tshark`), or of the packets that our own reader does not take
//! apart, which tshark is given on its standard input.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::PathBuf;

use rustc_hash::FxHashSet;

use super::error::IngestError;
use super::reading::Reading;
use super::two_readings::TwoReadings;
use crate::capture::{CaptureStatistics, Progress, Which};
use crate::dissect::{EkRecord, Extractor};
use crate::model::{CaptureEvent, Connection, ConnectionIndex, OpaqueKind};
use crate::tools::{SegmentOrder, Tshark};

/// A capture that tshark is to dissect.
pub(super) struct ByTshark<'a> {
    pub tshark: &'a Tshark,
    pub ports: &'a [u16],
    pub inputs: &'a [PathBuf],
    pub progress: &'a Progress,
}

/// What tshark, and we about it, have to say.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Of tshark about damage.
    pub messages: Vec<String>,
    /// What is to be told of how it was read.
    pub notes: Vec<String>,
}

impl ByTshark<'_> {
    /// The whole capture. Our own reader has counted packets, and knows whether tshark has to be asked twice.
    pub(super) fn whole(
        &self,
        statistics: &mut CaptureStatistics,
        mut take: impl FnMut(CaptureEvent),
    ) -> Result<Told, IngestError> {
        let asked_once = statistics.is_in_order() && statistics.tunnels.is_empty();
        let ours = std::mem::take(&mut statistics.smb2_pdus);
        statistics.smb1_messages = 0;
        let mut plain = 0;
        // One file tshark reads itself, as an independent witness should.
        let which = (self.inputs.len() > 1).then_some(Which::All);
        let mut told = self.events(which, asked_once, |event| {
            if let CaptureEvent::Pdu(pdu) = &event {
                statistics.smb2_pdus += 1;
                plain += u64::from(!pdu.encrypted);
            }
            statistics.smb1_messages += u64::from(is_smb1(&event));
            take(event);
        })?;
        if plain < ours {
            let of_ours =
                format!("tshark found {plain} of the {ours} plain SMB2 messages that smbreplay's own reader finds");
            told.notes.push(format!("{of_ours}; leave out `--extractor tshark` to have them all"));
        }
        Ok(told)
    }

    /// The packets of tunnels and unknown link layers. Connections that our own reader has seen too, outside of a tunnel,
    /// are left out. Returns notes about it.
    pub(super) fn tunnels(
        &self,
        statistics: &mut CaptureStatistics,
        seen: &Seen,
        mut take: impl FnMut(CaptureEvent),
    ) -> Result<Vec<String>, IngestError> {
        let (mut pdus, mut connections) = (0u64, 0u32);
        // By the number that the extractor gave them; None for those that are left out.
        let mut numbers: Vec<Option<ConnectionIndex>> = Vec::new();
        let streams = statistics.tcp_streams;
        let mut told = self.events(Some(Which::Tunnels), false, |mut event| {
            let index = match &mut event {
                CaptureEvent::Connected(connection) => {
                    let number = (!seen.holds(connection)).then(|| {
                        connections += 1;
                        ConnectionIndex(seen.connections + connections - 1)
                    });
                    numbers.push(number);
                    connection.tcp_stream += streams;
                    &mut connection.index
                }
                CaptureEvent::Pdu(pdu) => &mut pdu.connection,
                CaptureEvent::Opaque(message) => &mut message.connection,
                CaptureEvent::Gap(_) | CaptureEvent::Closed(_) => return,
            };
            let Some(number) = numbers.get(index.0 as usize).copied().flatten() else { return };
            *index = number;
            pdus += u64::from(matches!(event, CaptureEvent::Pdu(_)));
            statistics.smb1_messages += u64::from(is_smb1(&event));
            take(event);
        })?;
        statistics.damage.extend(told.messages.iter().map(|message| format!("in tunnels: {message}")));
        let line = statistics.tunnels_line();
        let found = match (pdus, connections) {
            (0, _) => format!("{line}: tshark found no SMB2 in them"),
            (1, _) => format!("{line}: tshark found 1 SMB2 PDU in them"),
            (_, 1) => format!("{line}: tshark found {pdus} SMB2 PDUs of 1 connection in them"),
            _ => format!("{line}: tshark found {pdus} SMB2 PDUs of {connections} connections in them"),
        };
        told.notes.insert(0, found);
        Ok(told.notes)
    }

    /// Has tshark dissect a file, or packets of all files; once, or in both orders of segments.
    fn events(
        &self,
        which: Option<Which>,
        asked_once: bool,
        mut take: impl FnMut(CaptureEvent),
    ) -> Result<Told, IngestError> {
        let Self { tshark, ports, inputs, progress } = *self;
        let reading = Reading { tshark, ports, inputs, progress, which };
        let (mut extractor, mut events) = (Extractor::new(ports), Vec::new());
        let mut take = |record: &EkRecord| {
            extractor.push(record, &mut events);
            events.drain(..).for_each(|extracted| take(extracted.event));
        };
        if asked_once {
            let messages = reading.records(SegmentOrder::BySequence, &mut |record| {
                take(&record);
                ControlFlow::Continue(())
            })?;
            return Ok(Told { messages, notes: Vec::new() });
        }
        let mut two = TwoReadings::compared(reading)?;
        let notes = two.disagreement().into_iter().collect();
        two.records(&mut take)?;
        Ok(Told { messages: two.messages, notes })
    }
}

fn is_smb1(event: &CaptureEvent) -> bool {
    matches!(event, CaptureEvent::Opaque(message) if matches!(message.kind, OpaqueKind::Smb1 { .. }))
}

/// The connections that our own reader has seen.
#[derive(Default)]
pub(super) struct Seen {
    ends: FxHashSet<(SocketAddr, SocketAddr)>,
    connections: u32,
}

impl Seen {
    pub(super) fn note(&mut self, event: &CaptureEvent) {
        if let CaptureEvent::Connected(Connection { client, server, .. }) = event {
            self.ends.insert((*client, *server));
            self.connections += 1;
        }
    }

    fn holds(&self, connection: &Connection) -> bool {
        let Connection { client, server, .. } = *connection;
        self.ends.contains(&(client, server)) || self.ends.contains(&(server, client))
    }
}
