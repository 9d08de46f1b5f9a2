//! One reading of a capture by tshark: its input where it is not a file, its output as records.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::error::IngestError;
use crate::capture::{Progress, Which, for_each_packet};
use crate::dissect::{EkParser, EkRecord, PacketStreamWriter};
use crate::tools::{Ending, Input, Output, SegmentOrder, ToolInput, Tshark};

/// How often a wait for tshark is broken to look whether to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// A capture, or packets of one, for tshark to read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub tshark: &'a Tshark,
    pub ports: &'a [u16],
    pub inputs: &'a [PathBuf],
    pub progress: &'a Progress,
    /// Packets that tshark is given on its standard input; None when it reads the one file itself.
    pub which: Option<Which>,
}

impl Reading<'_> {
    /// Hands on a record for each frame with SMB in it, in the order of the frames, until there are no more or the caller
    /// breaks off. Returns what tshark says about damage.
    pub(super) fn records(
        self,
        order: SegmentOrder,
        take: &mut dyn FnMut(EkRecord) -> ControlFlow<()>,
    ) -> Result<Vec<String>, IngestError> {
        let worker = || IngestError::Worker { what: "talking to tshark" };
        let (file, input) = match (self.which, self.inputs.first()) {
            (Some(_), _) => (Path::new("-"), Input::Piped),
            (None, Some(file)) => (file.as_path(), Input::Null),
            (None, None) => return Err(IngestError::NoInput),
        };
        let mut child = self.tshark.whole_file_command(file, self.ports, order).spawn(input)?;
        let input = child.take_input();
        let output = child.take_output().ok_or_else(worker)?;
        let frames = &Frames::default();
        let messages = std::thread::scope(|scope| {
            let writer =
                input.zip(self.which).map(|(input, which)| scope.spawn(move || self.write(which, input, frames)));
            let (sender, chunks) = bounded(4);
            scope.spawn(move || read_chunks(output, &sender));
            match self.parse(&chunks, frames, take) {
                Ok(ControlFlow::Continue(())) => {}
                // With it end the pipes that the threads wait at.
                Ok(ControlFlow::Break(())) => {
                    drop((child, chunks));
                    return Ok(Vec::new());
                }
                Err(error) => {
                    drop((child, chunks));
                    return Err(error);
                }
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
        take: &mut dyn FnMut(EkRecord) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, IngestError> {
        let mut parser = EkParser::new();
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
                if take(record).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            if ended {
                return Ok(ControlFlow::Continue(()));
            }
        }
    }
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
