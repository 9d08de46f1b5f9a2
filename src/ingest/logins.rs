//! Logins go to tshark as they are paired, and come back as facts. tshark is started at the first one: a capture without
//! logins does not wait for it.

use std::io::{Read, Write};
use std::process::ChildStdin;
use std::thread::JoinHandle;

use rustc_hash::FxHashMap;

use super::error::IngestError;
use crate::analyse::{PairedOperation, SessionSlot};
use crate::dissect::{Direction, EkParser, FeedPdu, FeedWriter, LoginCollector, Row};
use crate::model::{Command, LoginFacts, Part};
use crate::tools::{Child, Input, ToolError, Tshark};

/// The feed, if there is a tshark to feed.
pub(super) struct LoginFeed<'a> {
    tshark: Option<&'a Tshark>,
    running: Option<Running>,
}

struct Running {
    child: Child,
    input: ChildStdin,
    writer: FeedWriter,
    buffer: Vec<u8>,
    sessions: Vec<SessionSlot>,
    reader: JoinHandle<Result<Vec<(u64, crate::dissect::EkMessage)>, IngestError>>,
}

impl<'a> LoginFeed<'a> {
    pub(super) fn new(tshark: Option<&'a Tshark>) -> Self {
        Self { tshark, running: None }
    }

    /// Feeds the PDUs of an operation that is part of a login.
    pub(super) fn offer(&mut self, paired: &PairedOperation) -> Result<(), IngestError> {
        let operation = &paired.operation;
        let Some(tshark) = self.tshark else { return Ok(()) };
        if operation.command != Command::SessionSetup {
            return Ok(());
        }
        let running = match &mut self.running {
            Some(running) => running,
            None => self.running.insert(Running::start(tshark)?),
        };
        let parts = [(&operation.request, Direction::ToServer), (&operation.response, Direction::ToClient)];
        for (part, direction) in parts {
            if let Some(part) = part {
                running.feed(part, direction, paired)?;
            }
        }
        Ok(())
    }

    /// Closes the feed and waits for what tshark has to say.
    pub(super) fn finish(self) -> Result<FxHashMap<SessionSlot, LoginFacts>, IngestError> {
        match self.running {
            Some(running) => running.finish(),
            None => Ok(FxHashMap::default()),
        }
    }
}

impl Running {
    fn start(tshark: &Tshark) -> Result<Self, IngestError> {
        let mut child = tshark.pdu_feed_command(false).spawn(Input::Piped)?;
        let (Some(input), Some(mut output)) = (child.take_input(), child.take_output()) else {
            return Err(IngestError::Worker { what: "talking to tshark" });
        };
        let reader = std::thread::spawn(move || {
            let (mut parser, mut messages, mut buffer) = (EkParser::new(), Vec::new(), vec![0; 1 << 16]);
            loop {
                let length = output.read(&mut buffer).unwrap_or(0);
                parser.push(&buffer[..length]);
                if length == 0 {
                    parser.end();
                }
                while let Some(record) = parser.next_record() {
                    let record = record?;
                    messages.extend(record.messages.into_iter().map(|message| (record.frame, message)));
                }
                if length == 0 {
                    return Ok(messages);
                }
            }
        });
        let mut buffer = Vec::new();
        let writer = FeedWriter::new(&mut buffer);
        Ok(Self { child, input, writer, buffer, sessions: Vec::new(), reader })
    }

    fn feed(&mut self, part: &Part, direction: Direction, paired: &PairedOperation) -> Result<(), IngestError> {
        let pdu = FeedPdu {
            bytes: &part.pdu,
            connection: &paired.operation.connection,
            direction,
            time: part.time,
            session_id: None,
            tree_id: None,
            file_id: None,
            keep_payload: false,
        };
        if self.writer.write(&pdu, &mut self.buffer).is_some() {
            self.sessions.push(paired.slot);
        }
        if self.buffer.len() > 1 << 15 {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), IngestError> {
        // A tshark that has gone says why when it is waited for.
        if self.input.write_all(&self.buffer).and_then(|()| self.input.flush()).is_err() {
            self.buffer.clear();
            return Ok(());
        }
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<FxHashMap<SessionSlot, LoginFacts>, IngestError> {
        self.flush()?;
        let Self { child, input, writer, sessions, reader, .. } = self;
        drop(input);
        let messages = match reader.join() {
            Ok(messages) => messages?,
            Err(_) => return Err(IngestError::Worker { what: "reading what tshark says of logins" }),
        };
        child.finish().map_err(|error: ToolError| IngestError::Tool(error))?;
        let mut collector = LoginCollector::default();
        for (row, message) in &messages {
            let Row(number) = Row(*row);
            if number >= 1
                && number <= writer.rows()
                && let Some(slot) = sessions.get(number as usize - 1)
            {
                collector.add(*slot, message);
            }
        }
        Ok(collector.into_facts())
    }
}
