//! PDUs by way of tshark: of a whole capture (`--extractor tshark`), or of the packets that our own reader does not take
//! apart, which tshark is given on its standard input.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rustc_hash::FxHashSet;

use super::error::IngestError;
use crate::capture::{CaptureStatistics, Progress, Which, for_each_packet};
use crate::dissect::{EkParser, Extractor, PacketStreamWriter};
use crate::model::{CaptureEvent, Connection, ConnectionIndex, OpaqueKind};
use crate::tools::{Ending, Input, Output, ToolInput, Tshark};

/// How often a wait for tshark is broken to look whether to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// A capture that tshark is to dissect.
pub(super) struct ByTshark<'a> {
    pub tshark: &'a Tshark,
    pub ports: &'a [u16],
    pub inputs: &'a [PathBuf],
    pub progress: &'a Progress,
}

impl ByTshark<'_> {
    /// The whole capture. Our own reader has counted packets, and tells whether segments are missing: tshark puts
    /// reordered segments right when asked to, but then stops at the first that is missing. Returns what tshark says
    /// about damage.
    pub(super) fn whole(
        &self,
        statistics: &mut CaptureStatistics,
        mut take: impl FnMut(CaptureEvent),
    ) -> Result<Vec<String>, IngestError> {
        let out_of_order = statistics.gaps == 0 && statistics.unreadable_bytes == 0;
        statistics.smb2_pdus = 0;
        statistics.smb1_messages = 0;
        // One file tshark reads itself, as an independent witness should.
        let which = (self.inputs.len() > 1).then_some(Which::All);
        self.events(which, out_of_order, |event| {
            statistics.smb2_pdus += u64::from(matches!(event, CaptureEvent::Pdu(_)));
            statistics.smb1_messages += u64::from(is_smb1(&event));
            take(event);
        })
    }

    /// The packets of tunnels and unknown link layers. Connections that our own reader has seen too, outside of a tunnel,
    /// are left out. Returns a note about it.
    pub(super) fn tunnels(
        &self,
        statistics: &mut CaptureStatistics,
        seen: &Seen,
        mut take: impl FnMut(CaptureEvent),
    ) -> Result<String, IngestError> {
        let (mut pdus, mut connections) = (0u64, 0u32);
        // By the number that the extractor gave them; None for those that are left out.
        let mut numbers: Vec<Option<ConnectionIndex>> = Vec::new();
        let streams = statistics.tcp_streams;
        let messages = self.events(Some(Which::Tunnels), false, |mut event| {
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
        statistics.damage.extend(messages.iter().map(|message| format!("in tunnels: {message}")));
        let line = statistics.tunnels_line();
        Ok(match (pdus, connections) {
            (0, _) => format!("{line}: tshark found no SMB2 in them"),
            (1, _) => format!("{line}: tshark found 1 SMB2 PDU in them"),
            (_, 1) => format!("{line}: tshark found {pdus} SMB2 PDUs of 1 connection in them"),
            _ => format!("{line}: tshark found {pdus} SMB2 PDUs of {connections} connections in them"),
        })
    }

    /// Has tshark dissect a file, or packets of all files.
    fn events(
        &self,
        which: Option<Which>,
        out_of_order: bool,
        mut take: impl FnMut(CaptureEvent),
    ) -> Result<Vec<String>, IngestError> {
        let worker = || IngestError::Worker { what: "talking to tshark" };
        let (file, input) = match (which, self.inputs.first()) {
            (Some(_), _) => (Path::new("-"), Input::Piped),
            (None, Some(file)) => (file.as_path(), Input::Null),
            (None, None) => return Err(IngestError::NoInput),
        };
        let mut child = self.tshark.whole_file_command(file, self.ports, out_of_order).spawn(input)?;
        let input = child.take_input();
        let output = child.take_output().ok_or_else(worker)?;
        let frames = &Frames::default();
        let messages = std::thread::scope(|scope| {
            let writer = input.zip(which).map(|(input, which)| scope.spawn(move || self.write(which, input, frames)));
            let (sender, chunks) = bounded(4);
            scope.spawn(move || read_chunks(output, &sender));
            if let Err(error) = self.parse(&chunks, frames, &mut take) {
                // With it end the pipes that the threads wait at.
                drop((child, chunks));
                return Err(error);
            }
            if let Some(writer) = writer {
                writer.join().map_err(|_| worker())??;
            }
            Ok(match child.finish()? {
                Ending::Complete => Vec::new(),
                Ending::Partial { messages } => messages,
            })
        })?;
        if self.progress.is_stopped() { Err(IngestError::Interrupted) } else { Ok(messages) }
    }

    fn write(&self, which: Which, mut input: ToolInput, frames: &Frames) -> Result<(), IngestError> {
        let mut buffer = Vec::new();
        let mut stream = PacketStreamWriter::new(&mut buffer);
        let progress = self.progress.beside();
        for_each_packet(self.inputs, which, &progress, |packet| {
            let (length, link_type) = (packet.original_length, packet.link_type.0);
            let number = stream.write(link_type, packet.time, packet.data, length, &mut buffer);
            frames.sent(number, packet.frame);
            if buffer.len() > 1 << 16 {
                // A tshark that has gone says why when it is waited for.
                if input.write_all(&buffer).is_err() {
                    return ControlFlow::Break(());
                }
                buffer.clear();
            }
            ControlFlow::Continue(())
        })?;
        let _ = input.write_all(&buffer).and_then(|()| input.flush());
        Ok(())
    }

    fn parse(
        &self,
        chunks: &Receiver<Vec<u8>>,
        frames: &Frames,
        take: &mut impl FnMut(CaptureEvent),
    ) -> Result<(), IngestError> {
        let mut extractor = Extractor::new(self.ports);
        let (mut parser, mut events) = (EkParser::new(), Vec::new());
        loop {
            let ended = match chunks.recv_timeout(GLANCE) {
                Ok(chunk) => {
                    parser.push(&chunk);
                    false
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => {
                    parser.end();
                    true
                }
            };
            if self.progress.is_stopped() {
                return Err(IngestError::Interrupted);
            }
            while let Some(record) = parser.next_record() {
                let mut record = record?;
                record.frame = frames.frame_of(record.frame);
                extractor.push(&record, &mut events);
                events.drain(..).for_each(|extracted| take(extracted.event));
            }
            if ended {
                return Ok(());
            }
        }
    }
}

fn is_smb1(event: &CaptureEvent) -> bool {
    matches!(event, CaptureEvent::Opaque(message) if matches!(message.kind, OpaqueKind::Smb1 { .. }))
}

fn read_chunks(mut output: Output, sender: &Sender<Vec<u8>>) {
    loop {
        let mut chunk = vec![0; 1 << 16];
        match output.read(&mut chunk) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return,
            Ok(length) => {
                chunk.truncate(length);
                if sender.send(chunk).is_err() {
                    return;
                }
            }
        }
    }
}

/// Frame numbers of the packets that tshark was sent, as runs: it counts what it gets from 1.
#[derive(Default)]
struct Frames(Mutex<VecDeque<Run>>);

/// Packets that lie side by side in the capture.
struct Run {
    number: u64,
    frame: u64,
    length: u64,
}

impl Frames {
    fn sent(&self, number: u64, frame: u64) {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match runs.back_mut() {
            Some(run) if frame == run.frame + run.length => run.length += 1,
            _ => runs.push_back(Run { number, frame, length: 1 }),
        }
    }

    /// The frame of a packet. Packets are asked for in their order. What was not sent has its own number.
    fn frame_of(&self, number: u64) -> u64 {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while runs.front().is_some_and(|run| run.number + run.length <= number) && runs.len() > 1 {
            runs.pop_front();
        }
        runs.front().filter(|run| run.number <= number).map_or(number, |run| run.frame + (number - run.number))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_have_the_numbers_of_their_frames() {
        let frames = Frames::default();
        for (number, frame) in (1..).zip([5, 6, 7, 12, 20, 21]) {
            frames.sent(number, frame);
        }
        assert_eq!([1, 3, 4, 6].map(|number| frames.frame_of(number)), [5, 7, 12, 21]);
        assert_eq!(Frames::default().frame_of(9), 9);
    }
}
