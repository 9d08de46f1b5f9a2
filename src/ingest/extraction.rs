//! The thread that takes PDUs out of the capture, by our own reader or by tshark.

use std::path::PathBuf;
use std::thread::{Scope, ScopedJoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::by_tshark::{ByTshark, Seen, Told};
use super::error::IngestError;
use super::options::{Extractor as Choice, IngestOptions};
use crate::capture::{CaptureReader, CaptureStatistics, Progress, ReaderOptions};
use crate::model::CaptureEvent;

/// Events handed on at once, and the bytes of PDUs that end a batch early.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 1 << 20;
/// Batches under way.
const QUEUE: usize = 6;

/// What the reading of a capture comes to.
#[derive(Clone, Debug, Default)]
pub(super) struct Read {
    /// What our reader counted.
    pub statistics: CaptureStatistics,
    /// What tshark said about damage.
    pub messages: Vec<String>,
    /// What is to be told of how it was read.
    pub notes: Vec<String>,
}

/// An opened capture.
pub(super) struct Extraction {
    native: CaptureReader,
    options: IngestOptions,
    inputs: Vec<PathBuf>,
    progress: Progress,
}

impl Extraction {
    /// Opens the capture; fails at once when it is none.
    pub(super) fn open(
        options: &IngestOptions,
        inputs: Vec<PathBuf>,
        progress: &Progress,
    ) -> Result<Self, IngestError> {
        let reader = ReaderOptions { ports: options.ports.clone(), ..ReaderOptions::default() };
        let native = CaptureReader::open(inputs.clone(), reader, progress.clone())?;
        Ok(Self { native, options: options.clone(), inputs, progress: progress.clone() })
    }

    /// Starts reading. The channel closes at the end of the capture, or when reading failed: the thread's result tells.
    #[allow(clippy::type_complexity)]
    pub(super) fn start<'scope>(
        self,
        scope: &'scope Scope<'scope, '_>,
    ) -> (Receiver<Vec<CaptureEvent>>, ScopedJoinHandle<'scope, Result<Read, IngestError>>) {
        let (sender, receiver) = bounded(QUEUE);
        let thread = scope.spawn(move || {
            let progress = self.progress.clone();
            let mut batches = Batches { sender, events: Vec::with_capacity(BATCH), bytes: 0, progress };
            let read = match self.options.extractor {
                Choice::Native => self.natively(&mut batches)?,
                Choice::Tshark => self.by_tshark(&mut batches)?,
            };
            batches.flush();
            Ok(read)
        });
        (receiver, thread)
    }

    fn natively(self, batches: &mut Batches) -> Result<Read, IngestError> {
        let mut seen = Seen::default();
        let Self { native, options, inputs, progress } = self;
        let mut statistics = native.run(|event| {
            seen.note(&event);
            batches.push(event);
        })?;
        let mut notes = Vec::new();
        if !statistics.tunnels.is_empty() {
            notes = match &options.tshark {
                Some(tshark) => {
                    let by_tshark = ByTshark { tshark, ports: &options.ports, inputs: &inputs, progress: &progress };
                    by_tshark.tunnels(&mut statistics, &seen, |event| batches.push(event))?
                }
                None => vec![format!("{}: nobody looked into them without tshark", statistics.tunnels_line())],
            };
        }
        Ok(Read { statistics, messages: Vec::new(), notes })
    }

    fn by_tshark(self, batches: &mut Batches) -> Result<Read, IngestError> {
        let Self { native, options, inputs, progress } = self;
        let Some(tshark) = &options.tshark else {
            return Err(IngestError::Worker { what: "starting tshark, which is done without" });
        };
        let mut statistics = native.run(|_| {})?;
        let by_tshark = ByTshark { tshark, ports: &options.ports, inputs: &inputs, progress: &progress };
        let Told { messages, notes } = by_tshark.whole(&mut statistics, |event| batches.push(event))?;
        Ok(Read { statistics, messages, notes })
    }
}

struct Batches {
    sender: Sender<Vec<CaptureEvent>>,
    events: Vec<CaptureEvent>,
    bytes: usize,
    progress: Progress,
}

impl Batches {
    fn push(&mut self, event: CaptureEvent) {
        self.bytes += match &event {
            CaptureEvent::Pdu(pdu) => pdu.bytes.len(),
            CaptureEvent::Opaque(message) => message.bytes.len(),
            _ => 0,
        };
        self.events.push(event);
        if self.events.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.flush();
        }
    }

    /// A receiver that is gone has met an error of its own, which is what will be told.
    fn flush(&mut self) {
        let events = std::mem::replace(&mut self.events, Vec::with_capacity(BATCH));
        self.bytes = 0;
        if self.sender.send(events).is_err() {
            self.progress.stop();
        }
    }
}
