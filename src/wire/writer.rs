//! The task that signs, seals and writes frames.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::error::Violation;
use super::frame::PREFIX;
use super::multiplex::{Frame, Multiplexer};
use super::seal::TRANSFORM_LENGTH;

/// Writes frames in the order in which they were queued, each in one piece, until there are no more or the connection fails.
pub(super) async fn run(
    mut stream: impl AsyncWrite + Unpin,
    mut frames: mpsc::Receiver<Frame>,
    shared: Arc<Multiplexer>,
) {
    while let Some(frame) = frames.recv().await {
        let Ok(bytes) = encode(&frame) else {
            shared.lose(Violation::Unsealable);
            return;
        };
        let sent = Instant::now();
        for pdu in &frame.pdus {
            let _ = pdu.progress.sent.set(sent);
        }
        if let Err(error) = stream.write_all(&bytes).await {
            shared.lose(Violation::Io(error));
            return;
        }
    }
}

/// A frame as it travels, NetBIOS header included.
fn encode(frame: &Frame) -> Result<Vec<u8>, aes_gcm::aead::Error> {
    let start = PREFIX + if frame.seal.is_some() { TRANSFORM_LENGTH } else { 0 };
    let length: usize = frame.pdus.iter().map(|pdu| pdu.body.len() + 64 + 8).sum();
    let mut bytes = Vec::with_capacity(start + length);
    bytes.resize(start, 0);
    for pdu in &frame.pdus {
        let at = bytes.len();
        pdu.header.encode(&mut bytes);
        bytes.extend_from_slice(&pdu.body);
        if pdu.header.next_command != 0 {
            bytes.resize(at + pdu.header.next_command as usize, 0);
        }
        if let Some(key) = pdu.signer.as_ref().and_then(|session| session.signing()) {
            key.sign(&mut bytes[at..]);
        }
        if pdu.keep {
            let _ = pdu.progress.request.set(Bytes::copy_from_slice(&bytes[at..]));
        }
    }
    if let Some(keys) = &frame.seal {
        keys.seal(&mut bytes[PREFIX..])?;
    }
    let length = (bytes.len() - PREFIX) as u32;
    // The type of a session message, 0, is the first byte: a frame is shorter than 2^24.
    bytes[..PREFIX].copy_from_slice(&length.to_be_bytes());
    Ok(bytes)
}
