//! The thread that takes PDUs out of the capture, by our own reader or by tshark.

use std::io::BufRead;
use std::thread::{Scope, ScopedJoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::IngestProgress;
use super::error::IngestError;
use super::options::{Extractor as Choice, IngestOptions};
use crate::capture::{CaptureReader, CaptureStatistics, ReaderOptions};
use crate::dissect::{EkParser, Extractor};
use crate::model::CaptureEvent;
use crate::tools::{Ending, Input};

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
}

/// An opened capture.
pub(super) struct Extraction {
    native: CaptureReader,
    options: IngestOptions,
}

impl Extraction {
    /// Opens the capture; fails at once when it is none.
    pub(super) fn open(options: &IngestOptions, progress: &IngestProgress) -> Result<Self, IngestError> {
        if options.inputs.is_empty() {
            return Err(IngestError::NoInput);
        }
        let reader = ReaderOptions { ports: options.ports.clone(), ..ReaderOptions::default() };
        let native = CaptureReader::open(options.inputs.clone(), reader, progress.input.clone())?;
        Ok(Self { native, options: options.clone() })
    }

    /// Starts reading. The channel closes at the end of the capture, or when reading failed: the thread's result tells.
    #[allow(clippy::type_complexity)]
    pub(super) fn start<'scope>(
        self,
        scope: &'scope Scope<'scope, '_>,
    ) -> (Receiver<Vec<CaptureEvent>>, ScopedJoinHandle<'scope, Result<Read, IngestError>>) {
        let (sender, receiver) = bounded(QUEUE);
        let thread = scope.spawn(move || {
            let mut batches = Batches { sender, events: Vec::with_capacity(BATCH), bytes: 0 };
            let read = match self.options.extractor {
                Choice::Native => {
                    let statistics = self.native.run(|event| batches.push(event))?;
                    Read { statistics, messages: Vec::new() }
                }
                Choice::Tshark => self.by_tshark(&mut batches)?,
            };
            batches.flush();
            Ok(read)
        });
        (receiver, thread)
    }

    /// The whole file through tshark. Our own reader only counts packets, and tells whether segments are missing: tshark
    /// puts reordered segments right when asked to, but then stops at the first that is missing.
    fn by_tshark(self, batches: &mut Batches) -> Result<Read, IngestError> {
        let mut statistics = self.native.run(|_| {})?;
        let out_of_order = statistics.gaps == 0 && statistics.unreadable_bytes == 0;
        let (Some(tshark), [file]) = (&self.options.tshark, self.options.inputs.as_slice()) else {
            return Err(IngestError::NoInput);
        };
        let mut child = tshark.whole_file_command(file, &self.options.ports, out_of_order).spawn(Input::Null)?;
        let mut extractor = Extractor::new(&self.options.ports);
        let (mut parser, mut events) = (EkParser::new(), Vec::new());
        statistics.smb2_pdus = 0;
        statistics.smb1_messages = 0;
        if let Some(mut output) = child.take_output() {
            loop {
                let fail = |source| IngestError::Input { path: tshark.located().path.clone(), source };
                let bytes = output.fill_buf().map_err(fail)?;
                let length = bytes.len();
                parser.push(bytes);
                if length == 0 {
                    parser.end();
                }
                output.consume(length);
                while let Some(record) = parser.next_record() {
                    extractor.push(&record?, &mut events);
                    for extracted in events.drain(..) {
                        statistics.smb2_pdus += u64::from(matches!(extracted.event, CaptureEvent::Pdu(_)));
                        if let CaptureEvent::Opaque(message) = &extracted.event {
                            let smb1 = matches!(message.kind, crate::model::OpaqueKind::Smb1 { .. });
                            statistics.smb1_messages += u64::from(smb1);
                        }
                        batches.push(extracted.event);
                    }
                }
                if length == 0 {
                    break;
                }
            }
        }
        let messages = match child.finish()? {
            Ending::Complete => Vec::new(),
            Ending::Partial { messages } => messages,
        };
        Ok(Read { statistics, messages })
    }
}

struct Batches {
    sender: Sender<Vec<CaptureEvent>>,
    events: Vec<CaptureEvent>,
    bytes: usize,
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
        let _ = self.sender.send(events);
    }
}
