//! The task that reads what the server sends.

use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::error::Violation;
use super::frame::{FrameDecoder, split_chain};
use super::multiplex::Multiplexer;
use super::seal::sealed_for;
use crate::model::header::{PROTOCOL_PLAIN, PROTOCOL_SEALED};
use crate::model::{Layout, SessionId};

/// Reads until the connection ends, and ends it for all.
pub(super) async fn run(stream: impl AsyncRead + Unpin, shared: Arc<Multiplexer>) {
    let reason = match read(stream, &shared).await {
        Ok(()) => Violation::ClosedByServer,
        Err(reason) => reason,
    };
    shared.lose(reason);
}

async fn read(mut stream: impl AsyncRead + Unpin, shared: &Multiplexer) -> Result<(), Violation> {
    let decoder = FrameDecoder::new(shared.options.max_frame);
    let mut buffer = BytesMut::with_capacity(64 * 1024);
    loop {
        while let Some(message) = decoder.decode(&mut buffer)? {
            receive(message, shared, Instant::now())?;
        }
        if buffer.capacity() - buffer.len() < 4096 {
            buffer.reserve(64 * 1024);
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

/// Takes one message apart and hands its PDUs on.
fn receive(message: BytesMut, shared: &Multiplexer, received: Instant) -> Result<(), Violation> {
    let protocol: [u8; 4] = Layout(&message).array("ProtocolId", 0)?;
    let (message, sealed) = match protocol {
        PROTOCOL_PLAIN => (message, false),
        PROTOCOL_SEALED => (open(message, shared)?, true),
        other => return Err(Violation::ProtocolId(other)),
    };
    for pdu in split_chain(message.freeze()) {
        shared.deliver(pdu?, sealed, received)?;
    }
    Ok(())
}

fn open(message: BytesMut, shared: &Multiplexer) -> Result<BytesMut, Violation> {
    let id = sealed_for(&message).ok_or(Violation::Undecryptable)?;
    let unknown = |id: SessionId| Violation::UnknownSession(id);
    let keys = shared.session(id).ok_or(unknown(id))?.seal_keys().ok_or(unknown(id))?;
    keys.open(message).map_err(|_| Violation::Undecryptable)
}
