//! Sealed and compressed messages go to tshark as a clean stream, and what it opens takes their place.
//!
//! The capture is read twice side by side: a thread writes the stream to tshark's stdin as fast as tshark reads it, while the
//! main reading takes the opened messages from tshark's stdout in the same order. Neither waits for more than the other
//! has seen, so that memory stays bounded whatever the length of the capture.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::thread::{Scope, ScopedJoinHandle};

use crossbeam_channel::{Receiver, bounded};

use super::error::IngestError;
use super::options::{Extractor, IngestOptions};
use crate::capture::{CaptureReader, Progress, ReaderOptions};
use crate::dissect::{CleanStreamWriter, EkParser, EkRecord, opened, packets_of};
use crate::model::{CaptureEvent, Command, Connection, Header, OpaqueKind, RawPdu};
use crate::tools::{Child, Input, ToolInput};

/// Records that wait for the main reading.
const QUEUE: usize = 64;

/// Opens messages as they come by.
pub(super) struct Opening<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    options: &'env IngestOptions,
    inputs: &'env [PathBuf],
    progress: &'env Progress,
    /// Packets that the messages so far take in the clean stream.
    packets: u64,
    running: Option<Running<'scope>>,
    given_up: bool,
}

struct Running<'scope> {
    child: Child,
    records: Receiver<EkRecord>,
    next: Option<EkRecord>,
    writer: ScopedJoinHandle<'scope, Result<(), IngestError>>,
    reader: ScopedJoinHandle<'scope, Result<(), IngestError>>,
}

impl<'scope, 'env> Opening<'scope, 'env> {
    pub(super) fn new(
        scope: &'scope Scope<'scope, 'env>,
        options: &'env IngestOptions,
        inputs: &'env [PathBuf],
        progress: &'env Progress,
    ) -> Self {
        let given_up = options.tshark.is_none() || options.extractor == Extractor::Tshark;
        Self { scope, options, inputs, progress, packets: 0, running: None, given_up }
    }

    /// Hands on an event, or what it was opened to.
    pub(super) fn pass(
        &mut self,
        event: CaptureEvent,
        mut take: impl FnMut(CaptureEvent),
    ) -> Result<(), IngestError> {
        if self.given_up || !is_in_stream(&event) {
            take(event);
            return Ok(());
        }
        self.packets += packets_of(length_of(&event));
        let CaptureEvent::Opaque(message) = event else {
            take(event);
            return Ok(());
        };
        let can_open = self.options.has_keys || message.kind == OpaqueKind::Compressed;
        if self.running.is_none() && can_open {
            self.running = Some(self.start()?);
        }
        let record = self.running.as_mut().and_then(|running| running.record(self.packets));
        match record.and_then(|record| opened(&message, &record)) {
            Some(events) => events.into_iter().for_each(take),
            None => take(CaptureEvent::Opaque(message)),
        }
        Ok(())
    }

    /// Waits for tshark's end.
    pub(super) fn finish(self) -> Result<(), IngestError> {
        let Some(running) = self.running else { return Ok(()) };
        let Running { child, records, writer, reader, .. } = running;
        // What comes behind the last closed message interests nobody.
        for _ in records {}
        let worker = |_| IngestError::Worker { what: "handing sealed messages to tshark" };
        writer.join().map_err(worker)??;
        reader.join().map_err(worker)??;
        child.finish()?;
        Ok(())
    }

    fn start(&self) -> Result<Running<'scope>, IngestError> {
        let worker = || IngestError::Worker { what: "handing sealed messages to tshark" };
        let tshark = self.options.tshark.as_ref().ok_or_else(worker)?;
        let mut child = tshark.clean_stream_command().spawn(Input::Piped)?;
        let (Some(input), Some(mut output)) = (child.take_input(), child.take_output()) else {
            return Err(worker());
        };
        let (ports, inputs, progress) = (&self.options.ports, self.inputs, self.progress);
        let writer = self.scope.spawn(move || write_stream(ports, inputs, &progress.beside(), input));
        let (sender, records) = bounded(QUEUE);
        let reader = self.scope.spawn(move || {
            let (mut parser, mut buffer) = (EkParser::new(), vec![0; 1 << 16]);
            loop {
                let length = output.read(&mut buffer).unwrap_or(0);
                parser.push(&buffer[..length]);
                if length == 0 {
                    parser.end();
                }
                while let Some(record) = parser.next_record() {
                    if sender.send(record?).is_err() {
                        return Ok(());
                    }
                }
                if length == 0 {
                    return Ok(());
                }
            }
        });
        Ok(Running { child, records, next: None, writer, reader })
    }
}

impl Running<'_> {
    /// The record of a packet, if tshark printed one. Records come in the order of their packets.
    fn record(&mut self, packet: u64) -> Option<EkRecord> {
        loop {
            let record = match self.next.take() {
                Some(record) => record,
                None => self.records.recv().ok()?,
            };
            match record.frame.cmp(&packet) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return Some(record),
                std::cmp::Ordering::Greater => {
                    self.next = Some(record);
                    return None;
                }
            }
        }
    }
}

/// Logins, which have what keys are made of, and the messages to be opened.
fn is_in_stream(event: &CaptureEvent) -> bool {
    match event {
        CaptureEvent::Pdu(pdu) => is_login(pdu),
        CaptureEvent::Opaque(message) => matches!(message.kind, OpaqueKind::Sealed(_) | OpaqueKind::Compressed),
        _ => false,
    }
}

fn is_login(pdu: &RawPdu) -> bool {
    let command = Header::decode(&pdu.bytes).map(|header| header.command);
    matches!(command, Ok(Command::Negotiate | Command::SessionSetup))
}

fn length_of(event: &CaptureEvent) -> usize {
    match event {
        CaptureEvent::Pdu(pdu) => pdu.bytes.len(),
        CaptureEvent::Opaque(message) => message.bytes.len(),
        _ => 0,
    }
}

/// Reads the capture once more and writes the stream.
fn write_stream(
    ports: &[u16],
    inputs: &[PathBuf],
    progress: &Progress,
    mut input: ToolInput,
) -> Result<(), IngestError> {
    let reader = ReaderOptions { ports: ports.to_vec(), ..ReaderOptions::default() };
    let capture = CaptureReader::open(inputs.to_vec(), reader, progress.clone())?;
    let mut connections: Vec<Connection> = Vec::new();
    let mut buffer = Vec::new();
    let mut stream = CleanStreamWriter::new(&mut buffer);
    // A tshark that has gone says why when it is waited for.
    let mut gone = false;
    capture.run(|event| {
        if let CaptureEvent::Connected(connection) = event {
            connections.push(connection);
            return;
        }
        if gone || !is_in_stream(&event) {
            return;
        }
        let (index, to_server, bytes, time) = match &event {
            CaptureEvent::Pdu(pdu) => {
                let is_response = Header::decode(&pdu.bytes).is_ok_and(|header| header.flags.is_response());
                (pdu.connection, !is_response, &pdu.bytes, pdu.time)
            }
            CaptureEvent::Opaque(message) => (message.connection, message.to_server, &message.bytes, message.time),
            _ => return,
        };
        if let Some(connection) = connections.get(index.0 as usize) {
            stream.write(connection, to_server, bytes, time, &mut buffer);
        }
        if buffer.len() > 1 << 16 {
            gone = input.write_all(&buffer).is_err();
            buffer.clear();
        }
    })?;
    if !gone {
        let _ = input.write_all(&buffer).and_then(|()| input.flush());
    }
    Ok(())
}
