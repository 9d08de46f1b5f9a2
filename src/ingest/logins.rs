//! Logins, read as they are paired. What we cannot read ourselves goes to tshark, which is started at the first such message
//! and runs beside the reading: a capture whose logins are all NTLM does not wait for it.

use std::io::{Read, Write};
use std::thread::JoinHandle;

use rustc_hash::{FxHashMap, FxHashSet};

use super::error::IngestError;
use super::options::{Extractor, IngestOptions};
use crate::analyse::{PairedOperation, SessionSlot};
use crate::dissect::{
    Direction, EkParser, FeedPdu, FeedWriter, LoginCollector, Row, SetupMessage, login_facts, merge_login,
    setup_message,
};
use crate::model::{Command, LoginFacts, Part};
use crate::tools::{Child, Input, ToolError, ToolInput, Tshark};

/// Facts by session.
#[derive(Debug, Default)]
pub(super) struct Logins {
    pub facts: FxHashMap<SessionSlot, LoginFacts>,
    /// Sessions with messages that tshark could have told more of, had it been used.
    pub unread: usize,
}

/// Gathers facts, with a tshark's help if there is one.
pub(super) struct LoginReader<'a> {
    tshark: Option<&'a Tshark>,
    /// Whether tshark has keys, with which it opens tickets.
    has_keys: bool,
    /// Whether tshark is the witness, and reads all of them.
    by_tshark: bool,
    running: Option<Running>,
    collector: LoginCollector<SessionSlot>,
    unread: FxHashSet<SessionSlot>,
}

struct Running {
    child: Child,
    input: ToolInput,
    writer: FeedWriter,
    buffer: Vec<u8>,
    reader: JoinHandle<Result<FxHashMap<Row, LoginFacts>, IngestError>>,
}

impl<'a> LoginReader<'a> {
    pub(super) fn new(options: &'a IngestOptions) -> Self {
        Self {
            tshark: options.tshark.as_ref(),
            has_keys: options.has_keys && options.tshark.is_some(),
            by_tshark: options.extractor == Extractor::Tshark,
            running: None,
            collector: LoginCollector::default(),
            unread: FxHashSet::default(),
        }
    }

    /// Reads the messages of an operation that is part of a login.
    pub(super) fn read(&mut self, paired: &PairedOperation) -> Result<(), IngestError> {
        let operation = &paired.operation;
        if operation.command != Command::SessionSetup {
            return Ok(());
        }
        let parts = [(&operation.request, Direction::ToServer), (&operation.response, Direction::ToClient)];
        for (part, direction) in parts {
            let Some(part) = part else { continue };
            match if self.by_tshark { SetupMessage::Unknown } else { setup_message(&part.pdu) } {
                SetupMessage::Ticket(_) if self.has_keys => self.ask(part, direction, paired)?,
                SetupMessage::Told(facts) | SetupMessage::Ticket(facts) => self.collector.add(paired.slot, facts),
                SetupMessage::Silent => {}
                SetupMessage::Unknown => self.ask(part, direction, paired)?,
            }
        }
        Ok(())
    }

    fn ask(&mut self, part: &Part, direction: Direction, paired: &PairedOperation) -> Result<(), IngestError> {
        let Some(tshark) = self.tshark else {
            self.unread.insert(paired.slot);
            return Ok(());
        };
        let running = match &mut self.running {
            Some(running) => running,
            None => self.running.insert(Running::start(tshark)?),
        };
        if let Some(row) = running.feed(part, direction, paired) {
            self.collector.add_row(paired.slot, row);
        }
        Ok(())
    }

    /// Waits for what tshark has to say, if it was asked.
    pub(super) fn finish(self) -> Result<Logins, IngestError> {
        let rows = self.running.map(Running::finish).transpose()?.unwrap_or_default();
        Ok(Logins { facts: self.collector.into_facts(rows), unread: self.unread.len() })
    }
}

impl Running {
    fn start(tshark: &Tshark) -> Result<Self, IngestError> {
        let mut child = tshark.pdu_feed_command(false).spawn(Input::Piped)?;
        let (Some(input), Some(mut output)) = (child.take_input(), child.take_output()) else {
            return Err(IngestError::Worker { what: "talking to tshark" });
        };
        let reader = std::thread::spawn(move || {
            let (mut parser, mut rows, mut buffer) = (EkParser::new(), FxHashMap::default(), vec![0; 1 << 16]);
            loop {
                let length = output.read(&mut buffer).unwrap_or(0);
                parser.push(&buffer[..length]);
                if length == 0 {
                    parser.end();
                }
                while let Some(record) = parser.next_record() {
                    let record = record?;
                    for facts in record.messages.iter().filter_map(login_facts) {
                        merge_login(rows.entry(Row(record.frame)).or_default(), facts);
                    }
                }
                if length == 0 {
                    return Ok(rows);
                }
            }
        });
        let mut buffer = Vec::new();
        let writer = FeedWriter::new(&mut buffer);
        Ok(Self { child, input, writer, buffer, reader })
    }

    /// Writes a message to tshark; None when it is one that tshark does not take.
    fn feed(&mut self, part: &Part, direction: Direction, paired: &PairedOperation) -> Option<Row> {
        let pdu = FeedPdu::alone(&part.pdu, &paired.operation.connection, direction, part.time);
        let row = self.writer.write(&pdu, &mut self.buffer);
        if self.buffer.len() > 1 << 15 {
            self.flush();
        }
        row
    }

    fn flush(&mut self) {
        // A tshark that has gone says why when it is waited for.
        let _ = self.input.write_all(&self.buffer).and_then(|()| self.input.flush());
        self.buffer.clear();
    }

    fn finish(mut self) -> Result<FxHashMap<Row, LoginFacts>, IngestError> {
        self.flush();
        let Self { child, input, reader, .. } = self;
        drop(input);
        let rows = match reader.join() {
            Ok(rows) => rows?,
            Err(_) => return Err(IngestError::Worker { what: "reading what tshark says of logins" }),
        };
        child.finish().map_err(|error: ToolError| IngestError::Tool(error))?;
        Ok(rows)
    }
}
