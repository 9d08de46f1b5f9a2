//! The task that signs, seals and writes frames.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::error::Violation;
use super::frame::PREFIX;
use super::multiplex::{Frame, Multiplexer};
use super::seal::TRANSFORM_LENGTH;
use crate::model::header::{HEADER_LENGTH, offset};

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
        if let Err(error) = write(&mut stream, &bytes, shared.options.response_timeout).await {
            shared.lose(error);
            return;
        }
    }
}

/// Writes all of it, as long as the server takes some of it now and then. One that reads nothing any more would hold up the
/// writer, and through the full queue everybody who wants to send.
async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8], patience: Duration) -> Result<(), Violation> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = tokio::time::timeout(patience, stream.write(rest)).await;
        match written.map_err(|_| Violation::TakesNothing(patience))?? {
            0 => return Err(Violation::Io(std::io::ErrorKind::WriteZero.into())),
            length => rest = &rest[length..],
        }
    }
    Ok(())
}

/// A frame as it travels, NetBIOS header included.
fn encode(frame: &Frame) -> Result<Vec<u8>, aes_gcm::aead::Error> {
    let start = PREFIX + if frame.seal.is_some() { TRANSFORM_LENGTH } else { 0 };
    let length: usize = frame.pdus.iter().map(|pdu| pdu.body.len() + HEADER_LENGTH + 8).sum();
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
            if let Some(signature) = bytes.get(at + offset::SIGNATURE..).and_then(|rest| rest.first_chunk()) {
                let _ = pdu.progress.signature.set(*signature);
            }
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

#[cfg(test)]
mod tests {
    use crate::model::{Command, Header, HeaderFlags, MessageId, NtStatus, SessionId, TreeId};

    use super::super::multiplex::QueuedPdu;
    use super::*;

    fn pdu(body: &'static [u8], next_command: u32) -> QueuedPdu {
        let header = Header {
            credit_charge: 1,
            status: NtStatus(0),
            command: Command::Create,
            credits: 1,
            flags: HeaderFlags(0),
            next_command,
            message_id: MessageId(7),
            async_id: None,
            tree_id: Some(TreeId(3)),
            session_id: SessionId(9),
            signature: [0; 16],
        };
        QueuedPdu { header, body: Bytes::from_static(body), signer: None, progress: Arc::default(), keep: true }
    }

    #[tokio::test]
    async fn a_server_that_takes_nothing_loses_the_connection_and_a_slow_one_does_not() {
        let patience = Duration::from_millis(400);
        let (mut near, mut far) = tokio::io::duplex(16);
        let error = write(&mut near, &[0; 17], patience).await.unwrap_err();
        assert!(error.to_string().contains("took no data"), "{error}");
        let slow = tokio::spawn(async move {
            let mut buffer = [0; 16];
            while tokio::io::AsyncReadExt::read(&mut far, &mut buffer).await.is_ok_and(|length| length > 0) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        write(&mut near, &[0; 160], patience).await.unwrap();
        drop(near);
        slow.await.unwrap();
    }

    #[test]
    fn bodies_go_out_verbatim_and_only_chained_ones_are_padded() {
        let frame = Frame { pdus: vec![pdu(b"12345", 72), pdu(b"12345678", 72), pdu(b"abc", 0)], seal: None };
        let bytes = encode(&frame).unwrap();
        assert_eq!(bytes[..4], 211u32.to_be_bytes());
        assert_eq!(bytes.len(), 4 + 72 + 72 + 67);
        assert_eq!(bytes[68..76], *b"12345\0\0\0");
        assert_eq!(bytes[140..148], *b"12345678");
        assert_eq!(bytes[212..], *b"abc");
        let kept: Vec<_> = frame.pdus.iter().map(|pdu| pdu.progress.request.get().unwrap().len()).collect();
        assert_eq!(kept, [72, 72, 67]);
    }
}
